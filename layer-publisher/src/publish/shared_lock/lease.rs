//! What stands in a lock, and what to do about what is found there. Pure: no clock is read, nobody is asked.
//!
//! A lock is an object in S3 that its holder writes anew all the time. It is free if there is no such object; and if its
//! holder is gone. That is seen by the object itself: it has stayed the same for as long as a lease lasts, by the clock
//! of whoever looks. So clocks of different machines never decide; only what has run out long ago, by more than a clock
//! may be wrong for AWS to take its signatures, is taken over at first sight.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A signature is taken for so long (S3: RequestTimeTooSkewed); no clock that is further off gets this far.
const LARGEST_SKEW: Duration = Duration::from_mins(15);

/// What stands in a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The form of this document.
    pub schema: u32,
    /// Another one for each run.
    pub owner: String,
    /// The machine on which it runs.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// When it runs out unless it is renewed: seconds since 1970, by the clock of that machine.
    pub expires: u64,
}

/// The form that is understood here.
pub const SCHEMA: u32 = 1;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No object.
    Nothing,
    /// This one.
    Held {
        /// Its ETag.
        etag: String,
        /// What it says.
        lease: Lease,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make it, if there is still none.
    Create,
    /// Replace it, if it is still the same.
    TakeOver {
        /// Its ETag.
        etag: String,
        /// Who has held it.
        from: Lease,
    },
    /// It is ours already: the answer to our own write was lost.
    Ours {
        /// Its ETag.
        etag: String,
    },
    /// Somebody holds it.
    Wait(Lease),
}

/// What was seen before, and since when: by a clock that only goes forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    same: Option<(String, Duration)>,
}

impl Watch {
    /// What to do about what was found. `patience` is how long a lock stays the same before its holder is given up,
    /// `now` the time since some moment, and `wall` the time since 1970.
    pub fn next(&mut self, seen: Seen, me: &str, patience: Duration, now: Duration, wall: Duration) -> Next {
        let (etag, lease) = match seen {
            Seen::Nothing => {
                self.same = None;
                return Next::Create;
            }
            Seen::Held { etag, lease } if lease.owner == me => return Next::Ours { etag },
            Seen::Held { etag, lease } => (etag, lease),
        };
        let since = match &self.same {
            Some((known, since)) if *known == etag => *since,
            _ => {
                self.same = Some((etag.clone(), now));
                now
            }
        };
        let is_silent = now.saturating_sub(since) >= patience;
        let is_old = wall > Duration::from_secs(lease.expires).saturating_add(LARGEST_SKEW);
        if is_silent || is_old { Next::TakeOver { etag, from: lease } } else { Next::Wait(lease) }
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(80);
    const WALL: Duration = Duration::from_hours(500_000);

    fn lease(owner: &str, expires: i64) -> Lease {
        let expires = (1_800_000_000 + expires) as u64;
        Lease { schema: SCHEMA, owner: owner.to_owned(), host: "ci".to_owned(), pid: 7, expires }
    }

    fn held(etag: &str, expires: i64) -> Seen {
        Seen::Held { etag: etag.to_owned(), lease: lease("other", expires) }
    }

    fn next(watch: &mut Watch, seen: Seen, now: u64) -> Next {
        watch.next(seen, "me", PATIENCE, Duration::from_secs(now), WALL)
    }

    #[test]
    fn what_is_not_there_is_made_and_what_is_ours_is_ours() {
        let mut watch = Watch::default();
        assert_eq!(next(&mut watch, Seen::Nothing, 0), Next::Create);
        let ours = Seen::Held { etag: "1".to_owned(), lease: lease("me", -9999) };
        assert_eq!(next(&mut watch, ours, 0), Next::Ours { etag: "1".to_owned() });
    }

    #[test]
    fn a_holder_is_given_up_when_its_lock_stays_the_same_and_not_before() {
        let mut watch = Watch::default();
        for now in [0, 40, 79] {
            assert!(matches!(next(&mut watch, held("1", 60), now), Next::Wait(_)), "{now}");
        }
        // It was renewed.
        for now in [79, 100, 158] {
            assert!(matches!(next(&mut watch, held("2", 60), now), Next::Wait(_)), "{now}");
        }
        assert!(matches!(next(&mut watch, held("2", 60), 159), Next::TakeOver { etag, .. } if etag == "2"));
        // It was released, and taken by a third one.
        assert_eq!(next(&mut watch, Seen::Nothing, 160), Next::Create);
        assert!(matches!(next(&mut watch, held("2", 60), 161), Next::Wait(_)));
    }

    #[test]
    fn clocks_of_others_decide_only_where_they_cannot_be_that_wrong() {
        for (expires, is_free) in [(60, false), (-60, false), (-899, false), (-901, true), (-100_000, true)] {
            let found = next(&mut Watch::default(), held("1", expires), 0);
            assert_eq!(matches!(found, Next::TakeOver { .. }), is_free, "{expires}");
        }
        // A holder whose clock is a year ahead is given up all the same.
        let mut watch = Watch::default();
        assert!(matches!(next(&mut watch, held("1", 31_536_000), 0), Next::Wait(_)));
        assert!(matches!(next(&mut watch, held("1", 31_536_000), 80), Next::TakeOver { .. }));
    }

    #[test]
    fn what_stands_there_can_be_read_by_people() {
        let text = serde_json::to_string(&lease("me", 0)).unwrap();
        assert_eq!(text, r#"{"schema":1,"owner":"me","host":"ci","pid":7,"expires":1800000000}"#);
        assert_eq!(lease("me", 0).to_string(), "process 7 on ci");
    }
}
