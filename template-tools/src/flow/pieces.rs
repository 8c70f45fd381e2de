//! The pieces of a text that is given to `Fn::Sub`.

use crate::pattern::variable_start;

/// A piece of such a text.
pub(super) enum Piece<'t> {
    /// A text, and where it begins.
    Text(usize, &'t str),
    /// The name of a variable.
    Variable(&'t str),
}

/// The pieces of a text, at least one. `${!Name}` is the text `${Name}`.
pub(super) fn pieces_of(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut start = 0;
    let mut is_done = false;
    std::iter::from_fn(move || {
        if is_done {
            return None;
        }
        let found = variable_start(&text[start..]).map(|found| start + found);
        let variable = found.and_then(|found| Some((found, found + text[found..].find('}')?)));
        Some(match variable {
            Some((found, _)) if found > start => {
                let piece = Piece::Text(start, &text[start..found]);
                start = found;
                piece
            }
            Some((found, end)) => {
                start = end + 1;
                is_done = start == text.len();
                let name = text[found + 2..end].trim();
                if name.starts_with('!') {
                    Piece::Text(found, &text[found..=end])
                } else {
                    Piece::Variable(name)
                }
            }
            None => {
                is_done = true;
                Piece::Text(start, &text[start..])
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_variables_come_in_turns() {
        let shown = |text| {
            let pieces = pieces_of(text).map(|piece| match piece {
                Piece::Text(start, text) => format!("{start} {text}"),
                Piece::Variable(name) => format!("${name}"),
            });
            pieces.collect::<Vec<_>>().join("|")
        };
        assert_eq!(shown(""), "0 ");
        assert_eq!(shown("a"), "0 a");
        assert_eq!(shown("${A}"), "$A");
        assert_eq!(shown("a${A}${ B }ü${!C}d"), "0 a|$A|$B|11 ü|13 ${!C}|18 d");
        assert_eq!(shown("a$b${A"), "0 a$b${A");
    }
}
