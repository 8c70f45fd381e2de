//! What a file has to hold to be looked at: a search of its bytes, before anything else is done with it.

use aho_corasick::{AhoCorasick, BuildError, packed};

/// What a file has to hold to be looked at: of one of the alternatives, a text of each set.
#[derive(Clone, Debug)]
pub struct Needles {
    alternatives: Vec<Vec<Set>>,
    gate: Option<packed::Searcher>,
}

/// Any of these texts.
#[derive(Clone, Debug)]
struct Set {
    texts: Vec<Vec<u8>>,
    search: AhoCorasick,
}

impl Set {
    fn new<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Self, BuildError> {
        let texts: Vec<Vec<u8>> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        Ok(Self { search: AhoCorasick::new(&texts)?, texts })
    }

    /// Few texts are searched for in one pass at the speed of memory.
    fn is_small(&self) -> bool {
        self.texts.len() <= 16
    }

    /// How few files hold a text of it by chance: the longer its shortest text, the fewer. Hardly any has a backslash.
    fn rarity(&self) -> usize {
        const BACKSLASH: usize = 16;
        let rarity =
            |text: &Vec<u8>| text.iter().map(|byte| if *byte == b'\\' { BACKSLASH } else { 1 }).sum();
        self.texts.iter().map(rarity).min().unwrap_or_default()
    }
}

impl Needles {
    /// Any of these texts. Fails only for a set that is too large to be searched for.
    pub fn new<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<Self, BuildError> {
        Ok(Self::of(vec![vec![Set::new(texts)?]]))
    }

    /// And any of these as well.
    pub fn and<T: AsRef<[u8]>>(mut self, texts: impl IntoIterator<Item = T>) -> Result<Self, BuildError> {
        let set = Set::new(texts)?;
        for alternative in &mut self.alternatives {
            alternative.push(set.clone());
        }
        Ok(Self::of(self.alternatives))
    }

    /// Or what the other needles ask for.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.alternatives.extend(other.alternatives);
        Self::of(self.alternatives)
    }

    /// Most files hold nothing of any alternative, which one pass over their bytes should tell: a text of one set of each
    /// has to be there. With many texts, or on processors without the instructions, there is no such pass.
    fn of(alternatives: Vec<Vec<Set>>) -> Self {
        let rarest = alternatives
            .iter()
            .filter_map(|sets| sets.iter().max_by_key(|set| (set.is_small(), set.rarity())));
        let texts: Vec<&Vec<u8>> = rarest.flat_map(|set| &set.texts).collect();
        let can_tell = texts.iter().all(|text| !text.is_empty());
        let gate = can_tell.then(|| packed::Searcher::new(texts)).flatten();
        Self { alternatives, gate }
    }

    /// Whether the bytes hold what they should.
    pub fn found_in(&self, bytes: &[u8]) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.find(bytes).is_some())
            && self.alternatives.iter().any(|sets| sets.iter().all(|set| set.search.is_match(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_each_set_is_needed() {
        let needles = Needles::new(["one", "two"]).unwrap().and(["three"]).unwrap();
        assert!(needles.found_in(b"three two") && needles.found_in(b"one three"));
        assert!(!needles.found_in(b"one two") && !needles.found_in(b"three"));
        let needles = needles.or(Needles::new(["four"]).unwrap());
        assert!(needles.found_in(b"four") && needles.found_in(b"three one"));
        assert!(!needles.found_in(b"one two"));
    }

    /// Without this, a word that all files hold would let each of them into the slower passes.
    #[test]
    fn the_first_pass_goes_by_what_few_files_hold() {
        let gate =
            |needles: Needles, bytes: &[u8]| needles.gate.is_none_or(|gate| gate.find(bytes).is_some());
        let escapes = || Needles::new(["\\u", "\\x"]).unwrap().and(["Resources", "Globals"]).unwrap();
        assert!(!gate(escapes(), b"Resources: Globals") && gate(escapes(), b"\\u0041"));
        let short = || Needles::new(["db"]).unwrap().and(["Layers", "layer:"]).unwrap();
        assert!(!gate(short(), b"a db") && gate(short(), b"Layers"));
    }

    #[test]
    fn the_first_pass_turns_nothing_away_that_is_wanted() {
        let many = |end: usize| (0..end).map(|number| format!("layer-{number}-of-many")).collect::<Vec<_>>();
        // Few and many texts, and short ones; each is in the middle of a long file.
        for texts in [vec!["one".to_owned()], vec!["a".to_owned(), "longer".to_owned()], many(40), many(500)]
        {
            let needles =
                Needles::new(&texts).unwrap().and(["+++"]).unwrap().or(Needles::new(["other"]).unwrap());
            for text in &texts {
                let around = " ".repeat(1000);
                assert!(needles.found_in(format!("{around}{text}{around}+++{around}").as_bytes()), "{text}");
                assert!(!needles.found_in(format!("{around}{text}{around}").as_bytes()), "{text}");
            }
            assert!(!needles.found_in(" +++ ".repeat(1000).as_bytes()));
            assert!(needles.found_in(b"other"));
        }
        // An empty text is everywhere.
        assert!(Needles::new([""]).unwrap().found_in(b"x"));
    }
}
