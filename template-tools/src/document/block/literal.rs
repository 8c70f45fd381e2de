//! Texts that keep their lines: `|` and `|-`.

use super::Reader;
use crate::document::{Content, Style};

impl<'t> Reader<'t> {
    /// A block that keeps its lines, `|` or `|-`, below a key or list at a column.
    pub(super) fn literal(&mut self, tag: Option<&'t str>, column: usize) -> Option<()> {
        let ends_with_line = match &self.text[self.at..self.end] {
            "|" => true,
            "|-" => false,
            _ => return None,
        };
        let mut value = String::new();
        let (mut start, mut indent, mut first, mut empty) = (self.end + 1, 0, None, 0);
        let after = loop {
            if start >= self.text.len() {
                break self.text.len();
            }
            let line = &self.text[start..];
            // The last line has to end, too.
            let line = &line[..line.find('\n')?];
            let spaces = line.len() - line.trim_start_matches(' ').len();
            if line.is_empty() {
                empty += 1;
            } else if spaces == line.len() {
                return None;
            } else if first.is_some() && spaces < indent {
                break start + spaces;
            } else {
                if first.is_none() {
                    (first, indent) = (Some(start + spaces), spaces);
                    if indent <= column {
                        return None;
                    }
                } else {
                    value.push('\n');
                }
                value.extend(std::iter::repeat_n('\n', empty));
                value.push_str(&line[indent..]);
                empty = 0;
            }
            start += line.len() + 1;
        };
        if ends_with_line {
            value.push('\n');
        }
        let content = Content::Scalar { value: value.into(), style: Style::Block };
        self.build.add(content, tag.map(Box::from), first?..after).ok()?;
        self.next_line(start);
        // What is less to the right than the block, and more than its key, belongs to nothing. A comment may do that.
        let line = after - start.min(after);
        (start >= self.text.len() || line <= column).then_some(())
    }
}
