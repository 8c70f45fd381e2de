//! Letters that CloudFormation does not give back: where a deployed template has one that is not ASCII, GetTemplate has a
//! `?`. Whoever sends such a text back destroys them. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// So many lines are shown; the others are counted.
const SHOWN: usize = 10;

/// A line of a deployed template with a `?` that may have been another letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Doubtful {
    /// Its number, from 1.
    line: usize,
    /// What is given back of it.
    text: String,
}

/// All such lines, as they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost(Vec<Doubtful>);

/// What may be lost of a text. `local` is the file that it was deployed from, or a later state of it: a `?` that stands in
/// the same line there was always one.
pub(super) fn lost(deployed: &str, local: Option<&str>) -> Lost {
    let mut known = BTreeMap::<String, bool>::new();
    for line in local.unwrap_or_default().lines() {
        for given in given_back(line) {
            *known.entry(given).or_insert(true) &= line.is_ascii();
        }
    }
    let lines = deployed.lines().enumerate().filter(|(_, line)| line.contains('?'));
    let doubtful = lines.filter(|(_, line)| !known.get(*line).is_some_and(|was_there| *was_there));
    Lost(doubtful.map(|(index, line)| Doubtful { line: index + 1, text: line.trim().to_owned() }).collect())
}

/// What GetTemplate may make of a line: who counts letters in units or in bytes gives more than one `?` for some.
fn given_back(line: &str) -> [String; 3] {
    let counted_by = |count: fn(char) -> usize| {
        let mut given = String::with_capacity(line.len());
        for letter in line.chars() {
            if letter.is_ascii() { given.push(letter) } else { given.push_str(&"?".repeat(count(letter))) }
        }
        given
    };
    [counted_by(|_| 1), counted_by(char::len_utf16), counted_by(char::len_utf8)]
}

impl Lost {
    /// Whether nothing can be lost.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Doubtful { line, text } in self.0.iter().take(SHOWN) {
            write!(f, "\n  line {line}: {text}")?;
        }
        let more = self.0.len().saturating_sub(SHOWN);
        if more > 0 { write!(f, "\n  and {more} more") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(deployed: &str, local: Option<&str>) -> Vec<usize> {
        lost(deployed, local).0.iter().map(|doubtful| doubtful.line).collect()
    }

    #[test]
    fn every_question_mark_is_doubtful_where_nothing_else_is_known() {
        assert_eq!(lines("a: b\nb: Gr??e\nc: why?\n", None), [2, 3]);
        assert!(lost("a: b\n", None).is_nothing());
        let text = lost(&"  a: ?\n".repeat(12), None).to_string();
        assert!(
            text.starts_with("\n  line 1: a: ?\n  line 2: ") && text.ends_with("line 10: a: ?\n  and 2 more")
        );
    }

    #[test]
    fn the_file_tells_a_question_mark_from_a_letter_that_is_lost() {
        let local = "x: 1\nc: why?\r\nb: Größe\nd: 🦀\ne: why?\ne: whyé\n";
        assert_eq!(lines("c: why?\nx: 1\n", Some(local)), [0; 0]);
        assert_eq!(lines("b: Gr??e\n", Some(local)), [1]);
        // Whatever a letter counts for, and where two lines may be meant.
        assert_eq!(lines("d: ?\nd: ??\nd: ????\n", Some(local)), [1, 2, 3]);
        assert_eq!(lines("e: why?\n", Some("e: why?\ne: whyé\n")), [1]);
        // What the file has no more may have been anything.
        assert_eq!(lines("f: why?\n", Some(local)), [1]);
    }
}
