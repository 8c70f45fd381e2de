//! How much of what counts could be done, and the exit code that follows: the same for every command that goes to many
//! places. Pure.

/// What came of the places that count: regions that are not optional, and ways that could not be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// So many answered, and what was to be done there was.
    pub done: usize,
    /// In so many it could not be done.
    pub failed: usize,
}

impl Tally {
    /// One more place.
    pub fn add(&mut self, is_done: bool) {
        if is_done {
            self.done += 1;
        } else {
            self.failed += 1;
        }
    }

    /// 0 nothing has failed · 3 a part has · 1 everything that counts has.
    pub fn exit_code(self) -> u8 {
        match (self.done, self.failed) {
            (_, 0) => 0,
            (0, _) => 1,
            _ => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_part_is_3_and_everything_is_1() {
        let code = |done, failed| Tally { done, failed }.exit_code();
        assert_eq!([code(0, 0), code(2, 0), code(1, 1), code(0, 1), code(0, 2)], [0, 0, 3, 1, 1]);
    }
}
