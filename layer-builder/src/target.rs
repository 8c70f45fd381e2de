//! What a layer is built for: Python versions, Lambda runtimes, architectures, and the glibc of each.
//!
//! Facts only; nothing is chosen here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

/// What a function and all its layers may unpack to, in bytes:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
pub const UNZIPPED_LIMIT: u64 = 262_144_000;

/// A minor version of Python 3: 12 for Python 3.12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    minor: u8,
}

impl PythonVersion {
    /// The minor version: 12 for Python 3.12.
    pub fn minor(self) -> u8 {
        self.minor
    }

    /// The runtime's name as Lambda has it: `python3.12`.
    pub fn runtime(self) -> String {
        format!("python{self}")
    }

    /// Whether any patch release of it is allowed: its first, or a very late one.
    pub fn is_allowed_by(self, requires: &VersionSpecifiers) -> bool {
        [0, 99].iter().any(|patch| {
            let version = Version::from_str(&format!("{self}.{patch}"));
            version.is_ok_and(|version| requires.contains(&version))
        })
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = ();

    /// Reads `3.12` and `python3.12`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let version = text.strip_prefix("python").unwrap_or(text);
        let minor = version.strip_prefix("3.").and_then(|minor| minor.parse().ok()).ok_or(())?;
        let python = Self { minor };
        if python.to_string() == version { Ok(python) } else { Err(()) }
    }
}

/// What a Lambda runtime is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// The minor version of the glibc 2 that its system has. Wheels that need a newer one do not load.
    pub glibc_minor: u8,
    /// The day from which Lambda no longer supports it, if one has been named.
    pub end: Option<Date>,
}

/// A day, as `2027-06-30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    const fn new(year: u16, month: u8, day: u8) -> Self {
        Self { year, month, day }
    }

    /// The day that a number of days after 1970-01-01 is (Gregorian, UTC).
    pub fn after_epoch(days: u64) -> Self {
        let mut year = 1970;
        let mut rest = days;
        let length = |year: u16| if is_leap(year) { 366 } else { 365 };
        while rest >= length(year) {
            rest -= length(year);
            year += 1;
        }
        let february = if is_leap(year) { 29 } else { 28 };
        let mut month = 1;
        for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if rest < days {
                break;
            }
            rest -= days;
            month += 1;
        }
        Self { year, month, day: rest as u8 + 1 }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(()) };
        let date = Self {
            year: year.parse().map_err(|_| ())?,
            month: month.parse().map_err(|_| ())?,
            day: day.parse().map_err(|_| ())?,
        };
        let exists = (1..=12).contains(&date.month) && (1..=31).contains(&date.day);
        if exists && date.to_string() == text { Ok(date) } else { Err(()) }
    }
}

/// The runtimes that layers can be built for.
#[derive(Clone, Debug)]
pub struct Runtimes {
    known: BTreeMap<PythonVersion, Runtime>,
}

impl Default for Runtimes {
    /// The table at <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>: Amazon Linux 2 has glibc 2.26,
    /// Amazon Linux 2023 has 2.34. `python3.15` stands in the API, but was a preview when this was written.
    fn default() -> Self {
        let table = [
            (9, 26, Some(Date::new(2025, 12, 15))),
            (10, 26, Some(Date::new(2026, 10, 31))),
            (11, 26, Some(Date::new(2027, 6, 30))),
            (12, 34, Some(Date::new(2028, 10, 31))),
            (13, 34, Some(Date::new(2029, 6, 30))),
            (14, 34, Some(Date::new(2029, 6, 30))),
            (15, 34, None),
        ];
        let known =
            table.map(|(minor, glibc_minor, end)| (PythonVersion { minor }, Runtime { glibc_minor, end }));
        Self { known: known.into() }
    }
}

impl Runtimes {
    /// The runtime of a Python version, if it is known.
    pub fn get(&self, python: PythonVersion) -> Option<Runtime> {
        self.known.get(&python).copied()
    }

    /// Adds a runtime, or puts another in its place.
    pub fn set(&mut self, python: PythonVersion, runtime: Runtime) {
        self.known.insert(python, runtime);
    }

    /// All that are known, oldest first.
    pub fn pythons(&self) -> impl Iterator<Item = PythonVersion> {
        self.known.keys().copied()
    }
}

/// An instruction set of Lambda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// `arm64`: Graviton.
    Arm64,
    /// `x86_64`.
    X86_64,
}

impl Architecture {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// The name that Lambda uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The name that the machine itself uses, as in `platform_machine` and in wheel tags.
    pub fn machine(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or(())
    }
}

/// One runtime on one architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The runtime's Python.
    pub python: PythonVersion,
    /// The instruction set.
    pub architecture: Architecture,
    /// The minor version of the glibc 2 that its system has.
    pub glibc_minor: u8,
}

impl Target {
    /// The environment in which the target evaluates markers (PEP 508), for one patch release of its Python.
    pub fn marker_environment(self, patch: u32) -> MarkerEnvironment {
        let version = self.python.to_string();
        let full_version = format!("{version}.{patch}");
        MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full_version,
            os_name: "posix",
            platform_machine: self.architecture.machine(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: &full_version,
            python_version: &version,
            sys_platform: "linux",
        })
        .expect("three numbers with dots between are a version")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.python.runtime(), self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_python_version_mean_the_same() {
        let version: PythonVersion = "3.12".parse().unwrap();
        assert_eq!("python3.12".parse(), Ok(version));
        assert_eq!(version.runtime(), "python3.12");
        for wrong in ["312", "python312", "3.12.1", "2.7", "", "3.", "3.012", "3.999"] {
            assert_eq!(wrong.parse::<PythonVersion>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn runtimes_have_the_glibc_of_their_system() {
        let runtimes = Runtimes::default();
        let glibc = |text: &str| runtimes.get(text.parse().unwrap()).unwrap().glibc_minor;
        assert_eq!([glibc("3.9"), glibc("3.11"), glibc("3.12"), glibc("3.15")], [26, 26, 34, 34]);
        assert_eq!(runtimes.get("3.8".parse().unwrap()), None);
    }

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        assert_eq!(Date::after_epoch(0).to_string(), "1970-01-01");
        assert_eq!(Date::after_epoch(20_781).to_string(), "2026-11-24");
        assert_eq!(Date::after_epoch(11_016).to_string(), "2000-02-29");
        assert_eq!(Date::after_epoch(20_088).to_string(), "2024-12-31");
        let date: Date = "2026-10-31".parse().unwrap();
        assert!(date < Date::after_epoch(20_781) && date == Date::new(2026, 10, 31));
        for wrong in ["2026-13-01", "2026-1-01", "26-01-01", "2026-01-32", "soon"] {
            assert_eq!(wrong.parse::<Date>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn arm64_is_aarch64_in_markers() {
        let target =
            Target { python: "3.13".parse().unwrap(), architecture: Architecture::Arm64, glibc_minor: 34 };
        let environment = target.marker_environment(4);
        assert_eq!(environment.platform_machine(), "aarch64");
        assert_eq!(environment.python_full_version().to_string(), "3.13.4");
    }
}
