//! YAML as most templates are written, read line by line: block style, every scalar on a line of its own or behind its
//! key, flow collections that end where they began. Ten times faster than a reader of all of YAML.
//!
//! Whatever goes beyond that, and everything that is wrong, is left to the YAML reader: this one gives up early, and
//! never on the safe side of a doubt. Where it reads a text, it sees the same tree, to the byte.

use std::ops::Range;

use super::build::Build;
use super::{Content, Document, Style};

mod flow;
mod literal;

/// Deeper than templates are.
const DEEPEST: usize = 60;
/// In bytes: YAML has a limit for keys, and this is well below.
const LONGEST_KEY: usize = 1000;

/// Reads a text, if it is of this kind.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    if !is_plain_text(text.as_bytes()) {
        return None;
    }
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        build: Build::new(text.len() / 12),
        at: 0,
        column: 0,
        end: 0,
        is_over: false,
    };
    reader.next_line(0);
    if &text[reader.at..reader.end] == "---" && reader.column == 0 {
        reader.next_line(reader.end + 1);
    }
    if reader.is_over || reader.column != 0 {
        return None;
    }
    reader.collection(None, 0)?;
    reader.is_over.then(|| reader.build.finish(text))
}

/// Whether there are only letters, spaces and line feeds. Tabs and carriage returns have rules of their own, and so have
/// the line ends and the invisible letters of Unicode.
fn is_plain_text(bytes: &[u8]) -> bool {
    // Without a way out in the middle of them, many bytes are looked at at once.
    let is_ascii =
        |chunk: &[u8]| chunk.iter().fold(true, |all, byte| all & matches!(byte, b'\n' | b' '..=b'~'));
    if bytes.chunks(1024).all(is_ascii) {
        return true;
    }
    let is_letter = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~' | 0x80..=0xbf | 0xc3..=0xee | 0xf0..);
    bytes.iter().all(is_letter) && !bytes.windows(2).any(|pair| pair == [0xe2, 0x80])
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    build: Build<'t>,
    /// The next byte to look at; the end of the text if there is none.
    at: usize,
    /// How many bytes of the line come before that, where a line or an item of a list begins.
    column: usize,
    /// Where the line ends.
    end: usize,
    is_over: bool,
}

impl<'t> Reader<'t> {
    /// Goes to the first line from here on that has anything but a comment.
    fn next_line(&mut self, mut start: usize) {
        while start < self.bytes.len() {
            let line = &self.bytes[start..];
            let end = start + line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
            let indent = self.bytes[start..end].iter().take_while(|byte| **byte == b' ').count();
            if start + indent < end && self.bytes[start + indent] != b'#' {
                (self.at, self.column, self.end) = (start + indent, indent, end);
                return;
            }
            start = end + 1;
        }
        (self.at, self.column, self.end, self.is_over) = (self.bytes.len(), 0, self.bytes.len(), true);
    }

    /// The byte at an offset, or the line's end as a line feed.
    fn byte(&self, at: usize) -> u8 {
        if at < self.end { self.bytes[at] } else { b'\n' }
    }

    fn skip_spaces(&mut self) {
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
    }

    /// Whether an item of a list begins here.
    fn is_item(&self) -> bool {
        self.byte(self.at) == b'-' && matches!(self.byte(self.at + 1), b' ' | b'\n')
    }

    /// Whether there is nothing more in this line but a comment.
    fn is_at_end(&self) -> bool {
        match self.byte(self.at) {
            b'\n' => true,
            b'#' => self.byte(self.at - 1) == b' ',
            _ => false,
        }
    }

    /// A list or a mapping that begins here, at the column that all of it is at.
    fn collection(&mut self, tag: Option<&'t str>, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        if self.is_item() {
            return self.sequence(tag, depth, self.at);
        }
        let column = self.column;
        self.build.mapping(tag.map(Box::from), self.at..self.at).ok()?;
        loop {
            let key = self.key_end(self.at)?;
            self.add(self.at..key)?;
            self.at = key + 1;
            self.skip_spaces();
            self.value(column, Some(key), depth)?;
            if self.is_over || self.column < column {
                break;
            }
            if self.column > column || self.is_item() {
                return None;
            }
        }
        self.build.end(self.at);
        Some(())
    }

    /// A list whose dashes are at this column, and which is said to begin at `start`.
    fn sequence(&mut self, tag: Option<&'t str>, depth: usize, start: usize) -> Option<()> {
        let column = self.column;
        self.build.sequence(tag.map(Box::from), start..start).ok()?;
        loop {
            let dash = self.at;
            self.at += 1;
            self.skip_spaces();
            if self.is_at_end() {
                return None;
            }
            if self.is_item() || self.key_end(self.at).is_some() {
                self.column += self.at - dash;
                self.collection(None, depth + 1)?;
            } else {
                self.value(column, None, depth)?;
            }
            if self.is_over || self.column < column || self.column == column && !self.is_item() {
                break;
            }
            if self.column > column {
                return None;
            }
        }
        self.build.end(self.at);
        Some(())
    }

    /// The value of a key, or an item of a list, up to the next line. `column` is that of the key or list, `key` where the
    /// key ended.
    fn value(&mut self, column: usize, key: Option<usize>, depth: usize) -> Option<()> {
        let mut tag = None;
        if self.byte(self.at) == b'!' {
            tag = Some(self.tag()?);
            self.skip_spaces();
        }
        if self.is_at_end() {
            self.next_line(self.end + 1);
            if !self.is_over && self.column > column {
                return self.below(tag, depth);
            }
            let key = key?;
            if !self.is_over && self.column == column && self.is_item() {
                // The YAML reader has no mark for the beginning of such a list, and takes its first item.
                let spaces =
                    self.bytes[self.at + 1..self.end].iter().take_while(|byte| **byte == b' ').count();
                return self.sequence(tag, depth + 1, self.at + 1 + spaces);
            }
            if tag.is_some() {
                return None;
            }
            let content = Content::Scalar { value: "~".into(), style: Style::Plain };
            self.build.add(content, None, key..key).ok()?;
            return Some(());
        }
        match self.byte(self.at) {
            b'|' => return self.literal(tag, column),
            b'[' | b'{' => self.flow(tag, depth + 1)?,
            b'"' | b'\'' => {
                let end = self.quoted_end(self.at)?;
                self.add_tagged(self.at..end, tag)?;
                self.at = end;
            }
            _ => {
                let end = self.plain_end()?;
                self.add_tagged(self.at..end, tag)?;
                self.at = end;
            }
        }
        self.skip_spaces();
        if !self.is_at_end() {
            return None;
        }
        self.next_line(self.end + 1);
        Some(())
    }

    /// What stands below its key, further to the right.
    fn below(&mut self, tag: Option<&'t str>, depth: usize) -> Option<()> {
        let column = self.column;
        self.collection(tag, depth + 1)?;
        // Whatever follows at the same column belongs to nothing.
        (self.is_over || self.column < column).then_some(())
    }

    /// Where the key ends that begins here: at a colon. Nothing, if no key does.
    fn key_end(&self, start: usize) -> Option<usize> {
        let colon = match self.byte(start) {
            b'"' | b'\'' => self.quoted_end(start)?,
            _ => {
                self.begins_plain(start)?;
                let mut at = start;
                loop {
                    match self.byte(at) {
                        b'\n' => return None,
                        b':' if matches!(self.byte(at + 1), b' ' | b'\n') => break at,
                        b'#' if self.byte(at - 1) == b' ' => return None,
                        _ => at += 1,
                    }
                }
            }
        };
        let is_key = self.byte(colon) == b':' && matches!(self.byte(colon + 1), b' ' | b'\n');
        let is_tight = colon > start && self.byte(colon - 1) != b' ';
        (is_key && is_tight && colon - start <= LONGEST_KEY).then_some(colon)
    }

    /// Where the plain scalar ends that begins here.
    fn plain_end(&self) -> Option<usize> {
        self.begins_plain(self.at)?;
        let mut at = self.at;
        loop {
            match self.byte(at) {
                b'\n' => break,
                b':' if matches!(self.byte(at + 1), b' ' | b'\n') => return None,
                b'#' if self.byte(at - 1) == b' ' => break,
                _ => at += 1,
            }
        }
        Some(self.at + self.text[self.at..at].trim_end_matches(' ').len())
    }

    /// Whether a plain scalar begins here, as far as that is clear.
    fn begins_plain(&self, at: usize) -> Option<()> {
        let is_clear = match self.byte(at) {
            b'-' => self.byte(at + 1).is_ascii_alphanumeric(),
            b'.' => !self.text[at..].starts_with("..."),
            byte => !b"?:,[]{}#&*!|>'\"%@`\n ".contains(&byte),
        };
        is_clear.then_some(())
    }

    /// The tag that begins here, a short form of CloudFormation: `!Sub`.
    fn tag(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.at += 1;
        while self.byte(self.at).is_ascii_alphanumeric() {
            self.at += 1;
        }
        let is_tag = self.at > start + 1 && matches!(self.byte(self.at), b' ' | b'\n');
        is_tag.then(|| &self.text[start..self.at])
    }

    /// Where the quoted scalar ends that begins here: behind its quote.
    fn quoted_end(&self, start: usize) -> Option<usize> {
        let quote = self.byte(start);
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                b'\n' => return None,
                b'\\' if quote == b'"' => {
                    if !b"\"\\/nt".contains(&self.byte(at + 1)) {
                        return None;
                    }
                    at += 2;
                }
                byte if byte == quote => {
                    if quote == b'"' || self.byte(at + 1) != b'\'' {
                        return Some(at + 1);
                    }
                    at += 2;
                }
                _ => at += 1,
            }
        }
    }

    fn add(&mut self, range: Range<usize>) -> Option<()> {
        self.add_tagged(range, None)
    }

    /// A scalar that is plain or quoted.
    fn add_tagged(&mut self, range: Range<usize>, tag: Option<&'t str>) -> Option<()> {
        let raw = &self.text[range.clone()];
        let (value, style) = match raw.as_bytes()[0] {
            b'\'' => {
                let inner = &raw[1..raw.len() - 1];
                let value = if inner.contains('\'') { inner.replace("''", "'").into() } else { inner.into() };
                (value, Style::SingleQuoted)
            }
            b'"' => {
                let inner = &raw[1..raw.len() - 1];
                let value = if inner.contains('\\') { unescaped(inner).into() } else { inner.into() };
                (value, Style::DoubleQuoted)
            }
            _ => (raw.into(), Style::Plain),
        };
        self.build.add(Content::Scalar { value, style }, tag.map(Box::from), range).ok()?;
        Some(())
    }
}

/// What a text between double quotes means.
fn unescaped(inner: &str) -> String {
    let mut value = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        value.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                other => other.unwrap_or_default(),
            },
            other => other,
        });
    }
    value
}

#[cfg(test)]
mod tests;
