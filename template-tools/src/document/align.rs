//! Which bytes of the text a part of a scalar's value stands in, however the scalar is written.
//!
//! Quotes, escapes, folded lines and indentation are walked over, value and text side by side. What comes out is a
//! guess that the proof of the edit has to confirm; where the two cannot be brought together there is none.

use std::ops::Range;

use super::Style;

/// One step through a text as it is written.
enum Piece {
    /// A letter, or the escape that stands for one.
    Letter(char),
    /// An escape that stands for nothing, such as a line end behind a backslash.
    Nothing,
    /// White space that may be folded: it stands for any white space of the value, or none.
    Blank,
}

/// The bytes of `raw` that stand for the bytes `part` of `value`.
pub(crate) fn align(raw: &str, value: &str, style: Style, part: &Range<usize>) -> Option<Range<usize>> {
    if raw == value {
        return Some(part.clone());
    }
    let (mut at, mut meant) = (0, 0);
    let mut found: Option<Range<usize>> = None;
    while at < raw.len() {
        let (piece, length) = piece(&raw[at..], style)?;
        match piece {
            Piece::Nothing => {}
            Piece::Blank => meant += leading_blank(&value[meant..]),
            Piece::Letter(letter) => {
                // Where the text has none, the value may still have some: the end of a folded line.
                if !value[meant..].starts_with(letter) {
                    meant += leading_blank(&value[meant..]);
                }
                if !value[meant..].starts_with(letter) {
                    return None;
                }
                if part.contains(&meant) {
                    let range = found.get_or_insert(at..at);
                    range.end = at + length;
                }
                meant += letter.len_utf8();
            }
        }
        at += length;
    }
    value[meant..].trim().is_empty().then_some(found)?
}

fn leading_blank(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn piece(raw: &str, style: Style) -> Option<(Piece, usize)> {
    let letter = raw.chars().next()?;
    match (style, letter) {
        (_, ' ' | '\t' | '\r' | '\n') => {
            Some((Piece::Blank, raw.len() - raw.trim_start_matches([' ', '\t', '\r', '\n']).len()))
        }
        (Style::SingleQuoted, '\'') => raw.starts_with("''").then_some((Piece::Letter('\''), 2)),
        (Style::DoubleQuoted, '\\') => escape(raw),
        _ => Some((Piece::Letter(letter), letter.len_utf8())),
    }
}

/// An escape of YAML, JSON or TOML, which agree wherever they have the same one.
fn escape(raw: &str) -> Option<(Piece, usize)> {
    let kind = raw[1..].chars().next()?;
    let hex = |digits: usize| {
        let code = u32::from_str_radix(raw.get(2..2 + digits)?, 16).ok()?;
        Some((code, 2 + digits))
    };
    let letter = match kind {
        '\n' | '\r' => {
            let rest = raw[1..].trim_start_matches([' ', '\t', '\r', '\n']);
            return Some((Piece::Nothing, raw.len() - rest.len()));
        }
        'x' | 'u' | 'U' => {
            let (code, length) = hex(match kind {
                'x' => 2,
                'u' => 4,
                _ => 8,
            })?;
            if (0xD800..0xDC00).contains(&code) {
                let low =
                    u32::from_str_radix(raw.strip_prefix(&raw[..6])?.strip_prefix("\\u")?.get(..4)?, 16)
                        .ok()?;
                let both = 0x10000 + ((code - 0xD800) << 10) + low.checked_sub(0xDC00)?;
                return Some((Piece::Letter(char::from_u32(both)?), 12));
            }
            return Some((Piece::Letter(char::from_u32(code)?), length));
        }
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        other => other,
    };
    Some((Piece::Letter(letter), 1 + kind.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part `wanted` of the value, as it is written.
    fn found<'r>(raw: &'r str, value: &str, style: Style, wanted: &str) -> Option<&'r str> {
        let start = value.find(wanted).unwrap();
        align(raw, value, style, &(start..start + wanted.len())).map(|range| &raw[range])
    }

    #[test]
    fn escapes_are_walked_over_and_taken_whole() {
        let raw = r"o\x6ee:\u0037:\\two\/:\ud83e\udd80:9";
        let value = "one:7:\\two/:🦀:9";
        assert_eq!(found(raw, value, Style::DoubleQuoted, "7"), Some(r"\u0037"));
        assert_eq!(found(raw, value, Style::DoubleQuoted, "9"), Some("9"));
        assert_eq!(found(raw, value, Style::DoubleQuoted, "🦀"), Some(r"\ud83e\udd80"));
        assert_eq!(found("it''s:3", "it's:3", Style::SingleQuoted, "3"), Some("3"));
        assert_eq!(found("a:\\\n   b:3", "a:b:3", Style::DoubleQuoted, "3"), Some("3"));
    }

    #[test]
    fn folded_lines_are_walked_over() {
        assert_eq!(found("one:1,\r\n    two:2\r\n\r\n", "one:1, two:2\n", Style::Block, "1"), Some("1"));
        assert_eq!(found("one:1,\r\n    two:2\r\n\r\n", "one:1, two:2\n", Style::Block, "2"), Some("2"));
        assert_eq!(found("one\n\n  two 2", "one\ntwo 2", Style::Plain, "2"), Some("2"));
    }

    #[test]
    fn what_does_not_fit_together_is_not_found() {
        assert_eq!(found("one:1", "two:1", Style::Plain, "1"), None);
        assert_eq!(found("one:1 more", "one:1", Style::Plain, "1"), None);
        assert_eq!(found("\\", "1", Style::DoubleQuoted, "1"), None);
        assert_eq!(found("\\ud83e", "1", Style::DoubleQuoted, "1"), None);
        assert_eq!(found("\\x", "1", Style::DoubleQuoted, "1"), None);
    }
}
