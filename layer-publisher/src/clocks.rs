//! How long things are waited for. Everything that waits takes its figures from here, so that a test can shorten them
//! without taking another way through the code.

use std::time::Duration;

/// Tests of the binary set this to a whole number: every wait is that many times shorter.
const VARIABLE: &str = "LAYER_PUBLISHER_TEST_HASTE";

/// How long things are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// For a connection.
    pub connect: Duration,
    /// For the answer to one try of a call that carries no zip.
    pub answer: Duration,
    /// For such a call with all its tries.
    pub call: Duration,
    /// Before the second try of a call; each further wait is twice as long.
    pub backoff: Duration,
    /// After an answer that says nothing: how long Lambda may still be at work.
    pub look_again_for: Duration,
    /// How long after the first of those looks the second one comes; later ones come more slowly.
    pub look_again_after: Duration,
    /// For one artifact in one region, all in all, apart from the upload: then it is given up, and the next run goes on.
    pub region: Duration,
    /// A lock that others respect, too, is held for so long unless it is renewed.
    pub lease: Duration,
    /// Between two looks at a stack or a change set that CloudFormation is at work on.
    pub look_at_stack: Duration,
    /// For a change set until it is made.
    pub change_set: Duration,
    /// For a change set that is not wanted, until it can be deleted.
    pub clean_up: Duration,
    /// For a stack that somebody else is changing, until that is done.
    pub other_deployment: Duration,
    /// The second in which so many calls may begin ([`crate::aws::pace`]).
    pub second: Duration,
}

/// The slowest connection that an upload is given time for, in bytes a second.
const SLOWEST_UPLOAD: u64 = 100_000;
/// However hasty a test is, a busy machine needs this long to answer.
const LEAST_ANSWER: Duration = Duration::from_secs(3);

impl Clocks {
    /// As they are in real use.
    pub fn real() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            call: Duration::from_secs(90),
            backoff: Duration::from_millis(500),
            look_again_for: Duration::from_secs(20),
            look_again_after: Duration::from_secs(1),
            region: Duration::from_mins(6),
            lease: Duration::from_mins(1),
            look_at_stack: Duration::from_millis(1500),
            change_set: Duration::from_mins(10),
            clean_up: Duration::from_mins(1),
            other_deployment: Duration::from_mins(30),
            second: Duration::from_secs(1),
        }
    }

    /// Everything so many times faster.
    #[must_use]
    pub fn faster(self, times: u32) -> Self {
        let times = times.max(1);
        Self {
            connect: (self.connect / times).max(LEAST_ANSWER.min(self.connect)),
            answer: (self.answer / times).max(LEAST_ANSWER.min(self.answer)),
            call: (self.call / times).max(LEAST_ANSWER.min(self.call) * 3),
            backoff: self.backoff / times,
            look_again_for: self.look_again_for / times,
            look_again_after: self.look_again_after / times,
            region: (self.region / times).max(LEAST_ANSWER.min(self.region) * 5),
            lease: (self.lease / times).max(LEAST_ANSWER.min(self.lease) * 2),
            look_at_stack: self.look_at_stack / times,
            change_set: (self.change_set / times).max(LEAST_ANSWER.min(self.change_set)),
            clean_up: (self.clean_up / times).max(LEAST_ANSWER.min(self.clean_up)),
            other_deployment: self.other_deployment / times,
            second: self.second / times,
        }
    }

    /// As the environment asks: the real ones, unless a test is in a hurry. For the edge only.
    pub fn from_environment() -> Self {
        let times = std::env::var(VARIABLE).ok().and_then(|value| value.parse().ok()).unwrap_or(1);
        Self::real().faster(times)
    }

    /// For one artifact of `size` bytes in one region, with everything that may be tried there.
    pub fn deadline(&self, size: u64) -> Duration {
        self.region + self.upload(size) * 2
    }

    /// For the answer to a call that carries a zip of `size` bytes.
    pub fn upload(&self, size: u64) -> Duration {
        self.answer + Duration::from_secs(size / SLOWEST_UPLOAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_clock_looks_again_for_at_least_20_seconds() {
        assert!(Clocks::real().look_again_for >= Duration::from_secs(20));
        assert_eq!(Clocks::real().faster(1), Clocks::real());
    }

    #[test]
    fn a_slow_line_has_time_for_a_large_zip() {
        assert!(Clocks::real().upload(50_000_000) > Duration::from_secs(500));
    }
}
