//! What a layer is built for: Python versions, Lambda runtimes, architectures, and the glibc of each.
//!
//! Facts only; nothing is chosen here.

use std::fmt;
use std::str::FromStr;

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

/// A minor version of Python 3 that is a Lambda runtime: 9 for `python3.9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    minor: u8,
}

/// Oldest and newest runtime of the table at
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html>.
const RUNTIMES: std::ops::RangeInclusive<u8> = 9..=14;

impl PythonVersion {
    /// The minor version: 12 for Python 3.12.
    pub fn minor(self) -> u8 {
        self.minor
    }

    /// All runtimes that are known, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        RUNTIMES.map(|minor| Self { minor })
    }

    /// The runtime's name as Lambda has it: `python3.12`.
    pub fn runtime(self) -> String {
        format!("python{self}")
    }

    /// The minor version of the glibc 2 that the runtime's system has: Amazon Linux 2 has 2.26,
    /// Amazon Linux 2023 has 2.34. Wheels that need a newer one do not load.
    pub fn glibc_minor(self) -> u8 {
        if self.minor <= 11 { 26 } else { 34 }
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
        Self::all().find(|known| known.to_string() == version).ok_or(())
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
        for wrong in ["3.2", "3.15", "312", "python312", "3.12.1", "2.7", ""] {
            assert_eq!(wrong.parse::<PythonVersion>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn runtimes_have_the_glibc_of_their_system() {
        let glibc = |text: &str| text.parse::<PythonVersion>().unwrap().glibc_minor();
        assert_eq!([glibc("3.9"), glibc("3.11"), glibc("3.12"), glibc("3.14")], [26, 26, 34, 34]);
    }

    #[test]
    fn arm64_is_aarch64_in_markers() {
        let target = Target { python: "3.13".parse().unwrap(), architecture: Architecture::Arm64 };
        let environment = target.marker_environment(4);
        assert_eq!(environment.platform_machine(), "aarch64");
        assert_eq!(environment.python_full_version().to_string(), "3.13.4");
    }
}
