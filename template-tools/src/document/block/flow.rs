//! Flow collections that end in the line that they began in: `[!Ref A, "b"]`, `{Type: Number}`.

use super::{DEEPEST, Reader};

impl<'t> Reader<'t> {
    /// A collection that begins here, up to its bracket.
    pub(super) fn flow(&mut self, tag: Option<&'t str>, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let range = self.at..self.at + 1;
        let is_mapping = self.byte(self.at) == b'{';
        if is_mapping {
            self.build.mapping(tag.map(Box::from), range).ok()?;
        } else {
            self.build.sequence(tag.map(Box::from), range).ok()?;
        }
        let close = if is_mapping { b'}' } else { b']' };
        self.at += 1;
        self.skip_spaces();
        if self.byte(self.at) != close {
            loop {
                if is_mapping {
                    self.flow_key()?;
                }
                self.flow_value(depth)?;
                self.skip_spaces();
                let byte = self.byte(self.at);
                if byte == close {
                    break;
                }
                if byte != b',' {
                    return None;
                }
                self.at += 1;
                self.skip_spaces();
            }
        }
        self.at += 1;
        self.build.end(self.at);
        Some(())
    }

    fn flow_key(&mut self) -> Option<()> {
        let end = match self.byte(self.at) {
            b'"' | b'\'' => self.quoted_end(self.at)?,
            _ => self.flow_plain_end()?,
        };
        if self.byte(end) != b':' || self.byte(end + 1) != b' ' {
            return None;
        }
        self.add(self.at..end)?;
        self.at = end + 1;
        self.skip_spaces();
        Some(())
    }

    fn flow_value(&mut self, depth: usize) -> Option<()> {
        let mut tag = None;
        if self.byte(self.at) == b'!' {
            tag = Some(self.tag()?);
            self.skip_spaces();
        }
        let end = match self.byte(self.at) {
            b'[' | b'{' => return self.flow(tag, depth + 1),
            b'"' | b'\'' => self.quoted_end(self.at)?,
            _ => self.flow_plain_end()?,
        };
        self.add_tagged(self.at..end, tag)?;
        self.at = end;
        Some(())
    }

    /// Where the plain scalar ends that begins here: before a bracket, a comma, or a colon that makes it a key.
    fn flow_plain_end(&self) -> Option<usize> {
        self.begins_plain(self.at)?;
        let mut at = self.at;
        loop {
            match self.byte(at) {
                b',' | b'[' | b']' | b'{' | b'}' => break,
                b':' if self.byte(at + 1) == b' ' => break,
                b':' if b",[]{}\n".contains(&self.byte(at + 1)) => return None,
                b'\n' | b'#' => return None,
                _ => at += 1,
            }
        }
        Some(self.at + self.text[self.at..at].trim_end_matches(' ').len())
    }
}
