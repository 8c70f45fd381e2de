//! From a byte to line and column, for people: known where somebody asks, and found from a mark nearby.

use super::Position;

/// How many bytes lie between two marks.
const STRIDE: usize = 256;

/// Marks in a text, each with its line and column.
#[derive(Clone, Debug)]
pub(super) struct Places(Vec<(usize, Position)>);

impl Places {
    pub(super) fn new(text: &str) -> Self {
        let mut marks = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut position = Position { line: 1, column: 1 };
        loop {
            marks.push((at, position));
            let mut next = at + STRIDE;
            if next >= text.len() {
                return Self(marks);
            }
            while !text.is_char_boundary(next) {
                next += 1;
            }
            position = advance(position, &text[at..next]);
            at = next;
        }
    }

    pub(super) fn at(&self, text: &str, offset: usize) -> Position {
        let index = self.0.partition_point(|(at, _)| *at <= offset).saturating_sub(1);
        let (at, position) = self.0[index];
        advance(position, text.get(at..offset).unwrap_or_default())
    }
}

/// How many bytes are such, many at once: sums that are checked, or wider than a byte, keep the compiler from that.
fn count(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
    let chunks = bytes.chunks(usize::from(u8::MAX));
    let count =
        |chunk: &[u8]| chunk.iter().fold(0_u8, |sum, byte| sum.wrapping_add(u8::from(is_such(*byte))));
    chunks.map(|chunk| usize::from(count(chunk))).sum()
}

fn advance(position: Position, text: &str) -> Position {
    let letters = |text: &str| count(text.as_bytes(), |byte| byte & 0xC0 != 0x80);
    match text.rfind('\n') {
        None => Position { column: position.column + letters(text), ..position },
        Some(end) => Position {
            line: position.line + count(text.as_bytes(), |byte| byte == b'\n'),
            column: letters(&text[end + 1..]) + 1,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_its_place() {
        let text = format!("\u{feff}ü{}\r\n{}x\n", "你".repeat(5000), "ab\n".repeat(3000));
        let places = Places::new(&text);
        let (mut line, mut column) = (1, 1);
        for (offset, letter) in text.char_indices().skip(1) {
            assert_eq!(places.at(&text, offset), Position { line, column }, "{offset}");
            column += 1;
            if letter == '\n' {
                (line, column) = (line + 1, 1);
            }
        }
    }
}
