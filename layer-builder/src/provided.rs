//! What Lambda's Python runtimes bring along, and in which versions, as far as anybody says so.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep508_rs::pep440_rs::{Operator, Version, VersionSpecifiers};

use crate::target::PythonVersion;

/// The packages: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html>.
pub const NAMES: [&str; 7] =
    ["boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"];

/// A version that a runtime brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// This one: `layers.toml` says so.
    Exactly(Version),
    /// This one, or a newer one by now.
    AtLeast(Version),
}

/// Whether a version of a runtime is one that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Fits,
    /// It is not.
    DoesNotFit,
    /// Nobody knows.
    Unknown,
}

/// Versions by runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provided {
    stated: BTreeMap<PythonVersion, BTreeMap<String, Version>>,
}

impl std::fmt::Display for Carried {
    /// `1.36.3`, or `1.26.90 or newer`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(version) => version.fmt(f),
            Self::AtLeast(version) => write!(f, "{version} or newer"),
        }
    }
}

impl Provided {
    /// Takes the word of `layers.toml` for what a runtime brings along.
    pub fn state(&mut self, python: PythonVersion, versions: BTreeMap<String, Version>) {
        self.stated.insert(python, versions);
    }

    /// What is stated, for whoever has to notice that it has changed; empty if nothing is.
    pub fn stated(&self) -> String {
        let of = |(python, versions): (&PythonVersion, &BTreeMap<String, Version>)| {
            let versions = versions.iter().map(|(name, version)| format!(" {name}=={version}"));
            format!("{python}:{}\n", versions.collect::<String>())
        };
        self.stated.iter().map(of).collect()
    }

    /// What the runtime of `python` brings along of `name`, if anybody says so.
    pub fn of(&self, python: PythonVersion, name: &str) -> Option<Carried> {
        let stated = self.stated.get(&python).and_then(|versions| versions.get(name));
        stated.cloned().map(Carried::Exactly).or_else(|| published(python, name).map(Carried::AtLeast))
    }
}

/// What AWS has published. Its pages say today that the version depends on the runtime's own version and on the Region,
/// and name none; until 2023 <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html> named these, as the
/// maintainers of boto3 and the users of the base images quote it: <https://github.com/boto/botocore/issues/3082>
/// (2023-11-29), <https://github.com/aws/aws-lambda-base-images/issues/118> (2023-10-17). Runtimes only move on from there.
/// Nobody has published anything for 3.12 and later ones.
fn published(python: PythonVersion, name: &str) -> Option<Version> {
    let version = match (python.minor(), name) {
        (9 | 10, "boto3") => "1.26.90",
        (9 | 10, "botocore") => "1.29.90",
        (11, "boto3") => "1.27.1",
        (11, "botocore") => "1.30.1",
        _ => return None,
    };
    Version::from_str(version).ok()
}

/// Whether what a runtime brings along is what `wanted` asks for.
pub fn verdict(carried: Option<&Carried>, wanted: &VersionSpecifiers) -> Verdict {
    let (exact, version) = match carried {
        None if wanted.is_empty() => return Verdict::Fits,
        None => return Verdict::Unknown,
        Some(Carried::Exactly(version)) => (true, version),
        Some(Carried::AtLeast(version)) => (false, version),
    };
    if exact {
        return if wanted.contains(version) { Verdict::Fits } else { Verdict::DoesNotFit };
    }
    let mut verdict = Verdict::Fits;
    for one in wanted.iter() {
        let is_below = one.version() < version;
        let always = match one.operator() {
            Operator::GreaterThanEqual => one.version() <= version,
            Operator::GreaterThan | Operator::NotEqual => is_below,
            _ => false,
        };
        let never = match one.operator() {
            Operator::LessThan => one.version() <= version,
            Operator::LessThanEqual => is_below,
            Operator::Equal | Operator::EqualStar | Operator::TildeEqual | Operator::ExactEqual => {
                is_below && !one.contains(version)
            }
            _ => false,
        };
        if never {
            return Verdict::DoesNotFit;
        }
        if !always {
            verdict = Verdict::Unknown;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_may_be_newer_by_now_settles_only_some_questions() {
        let check = |carried: Option<Carried>, wanted: &str| {
            verdict(carried.as_ref(), &VersionSpecifiers::from_str(wanted).unwrap())
        };
        let version = |text: &str| Version::from_str(text).unwrap();
        let (exactly, at_least) = (
            |text: &str| Some(Carried::Exactly(version(text))),
            |text: &str| Some(Carried::AtLeast(version(text))),
        );
        for (wanted, when_exact, when_at_least) in [
            (">=1.20", Verdict::Fits, Verdict::Fits),
            (">=1.26.90", Verdict::Fits, Verdict::Fits),
            (">1.26.90", Verdict::DoesNotFit, Verdict::Unknown),
            (">=1.35", Verdict::DoesNotFit, Verdict::Unknown),
            ("<2", Verdict::Fits, Verdict::Unknown),
            ("<1.26", Verdict::DoesNotFit, Verdict::DoesNotFit),
            ("==1.26.90", Verdict::Fits, Verdict::Unknown),
            ("==1.26.*", Verdict::Fits, Verdict::Unknown),
            ("==1.25.*", Verdict::DoesNotFit, Verdict::DoesNotFit),
            ("~=1.20.3", Verdict::DoesNotFit, Verdict::DoesNotFit),
            ("~=1.20", Verdict::Fits, Verdict::Unknown),
            (">=1.20,!=1.21", Verdict::Fits, Verdict::Fits),
            (">=1.20,<1.40", Verdict::Fits, Verdict::Unknown),
            (">=1.20,<=1.25", Verdict::DoesNotFit, Verdict::DoesNotFit),
        ] {
            assert_eq!(check(exactly("1.26.90"), wanted), when_exact, "{wanted}");
            assert_eq!(check(at_least("1.26.90"), wanted), when_at_least, "{wanted}");
            assert_eq!(check(None, wanted), Verdict::Unknown, "{wanted}");
        }
        assert_eq!(check(None, ""), Verdict::Fits);
    }

    #[test]
    fn what_is_stated_goes_over_what_was_published() {
        let mut provided = Provided::default();
        let old: PythonVersion = "3.11".parse().unwrap();
        assert_eq!(provided.of(old, "boto3"), Some(Carried::AtLeast(Version::from_str("1.27.1").unwrap())));
        assert_eq!(provided.of(old, "urllib3"), None);
        assert_eq!(provided.of("3.13".parse().unwrap(), "boto3"), None);
        assert_eq!(provided.stated(), "");
        let newer = Version::from_str("1.40.4").unwrap();
        provided.state(old, [("boto3".to_owned(), newer.clone())].into());
        assert_eq!(provided.of(old, "boto3"), Some(Carried::Exactly(newer)));
        assert_eq!(provided.stated(), "3.11: boto3==1.40.4\n");
    }
}
