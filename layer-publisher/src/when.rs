//! Points in time as Lambda writes them, and spans of time as people type them. Asks no clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A point in time, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When {
    /// Seconds since 1970 began, in UTC.
    pub seconds: u64,
}

impl When {
    /// Reads what Lambda gives as CreatedDate: `2018-11-27T15:10:45.123+0000`. Nothing, if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok())?
        };
        let is = |at: usize, letters: &str| {
            text.as_bytes().get(at).is_some_and(|byte| letters.as_bytes().contains(byte))
        };
        if !(is(4, "-") && is(7, "-") && is(10, "Tt ") && is(13, ":") && is(16, ":")) {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let zone =
            text.get(19..)?.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
        let local = days_until(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second;
        let seconds = match zone.split_at_checked(1)? {
            ("Z" | "z", "") => local,
            ("+", east) => local.checked_sub(offset(east)?)?,
            ("-", west) => local + offset(west)?,
            _ => return None,
        };
        Some(Self { seconds })
    }

    /// Whether less than this has passed until `now`. What lies in the future is young.
    pub fn is_younger_than(self, age: Age, now: Self) -> bool {
        now.seconds.saturating_sub(self.seconds) < age.0.as_secs() || self > now
    }
}

/// `0100` or `01:00`, in seconds.
fn offset(text: &str) -> Option<u64> {
    let digits = text.replace(':', "");
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| digits.len() == 4)?;
    Some(hours.parse::<u64>().ok()? * HOUR + minutes.parse::<u64>().ok()? * MINUTE)
}

/// Days from 1970-01-01 to this one.
fn days_until(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March, so that the day that comes and goes is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    days - DAYS_BEFORE_1970
}

/// Days from the first of March of the year 0 to 1970-01-01.
const DAYS_BEFORE_1970: u64 = 719_468;

impl fmt::Display for When {
    /// The day: `2018-11-27`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The inverse of `days_until`, in cycles of 400 years.
        let days = self.seconds / DAY + DAYS_BEFORE_1970;
        let (cycle, of_cycle) = (days / 146_097, days % 146_097);
        let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        f.pad(&format!("{:04}-{month:02}-{day:02}", cycle * 400 + year + next))
    }
}

/// A span of time: `30d`, `12h`, `90m`, `45s`, `2w`; `0` for none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub Duration);

impl Age {
    /// As long as templates, stacks and people take, mostly.
    pub const USUAL: Self = Self(Duration::from_secs(30 * DAY));
}

/// A text that is no span of time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no age, which looks like `30d`, `12h` or `45m`")]
pub struct AgeError(String);

impl FromStr for Age {
    type Err = AgeError;

    fn from_str(text: &str) -> Result<Self, AgeError> {
        let wrong = || AgeError(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number = number.parse::<u64>().map_err(|_| wrong())?;
        let unit = match unit {
            "s" => 1,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => 7 * DAY,
            "" if number == 0 => 1,
            _ => return Err(wrong()),
        };
        number.checked_mul(unit).map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(wrong)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (unit, name) = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m")]
            .into_iter()
            .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
            .unwrap_or((1, "s"));
        write!(f, "{}{name}", seconds / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: u64) {
        assert_eq!(When::parse(text), Some(When { seconds }));
    }

    #[test]
    fn times_of_lambda_are_read() {
        check("1970-01-01T00:00:00.000+0000", 0);
        check("2000-02-29T23:59:59.999+0000", 951_868_799);
        check("2018-11-27T15:10:45.123+0000", 1_543_331_445);
        check("2018-11-27T16:10:45+01:00", 1_543_331_445);
        check("2018-11-27T10:10:45.1-0500", 1_543_331_445);
        check("2018-11-27T15:10:45Z", 1_543_331_445);
        for text in [
            "",
            "2018-11-27",
            "yesterday",
            "2018-13-27T15:10:45Z",
            "2018-11-27T25:10:45Z",
            "2018-11-27T15:10:45",
            "2018-11-27T15:10:45+1",
            "2018-11-27T15:10:45+0é00",
            "20é8-11-27T15:10:45Z",
        ] {
            assert_eq!(When::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_is_shown_as_it_was_read() {
        for day in 0..200_000 {
            let when = When { seconds: day * DAY + 77 };
            let read = When::parse(&format!("{when}T00:01:17Z"));
            assert_eq!(read, Some(when), "{when}");
        }
    }

    #[test]
    fn ages_are_what_people_type() {
        let seconds = |text: &str| text.parse::<Age>().map(|age| age.0.as_secs()).ok();
        assert_eq!(seconds("30d"), Some(30 * 86_400));
        assert_eq!(seconds("12h"), Some(43_200));
        assert_eq!(seconds("2w"), Some(14 * 86_400));
        assert_eq!(seconds("0"), Some(0));
        for text in
            ["", "d", "30", "-1d", "1.5h", "30 days", "99999999999999999999d", "18446744073709551615w"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
        for text in ["30d", "12h", "45m", "61s", "0s"] {
            assert_eq!(text.parse::<Age>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn young_is_what_has_not_reached_the_age() {
        let (now, age) = (When { seconds: 1000 }, Age(Duration::from_secs(100)));
        assert!(When { seconds: 901 }.is_younger_than(age, now));
        assert!(!When { seconds: 900 }.is_younger_than(age, now));
        // A clock that is slow is no reason to delete anything.
        assert!(When { seconds: 1001 }.is_younger_than(Age(Duration::ZERO), now));
        assert!(!now.is_younger_than(Age(Duration::ZERO), now));
    }
}
