//! Names of parameters of SSM, as far as a template may name them.

use std::fmt;
use std::str::FromStr;

/// How long a name may be: SSM keeps the rest of its 2048 characters for itself (API reference, PutParameter).
const LONGEST: usize = 1011;
/// How many levels a hierarchy may have (API reference, PutParameter).
const DEEPEST: usize = 15;

/// The name of a parameter of SSM, without a version: CloudFormation always reads the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsmParameterName(String);

/// Why a text is no name of a parameter of SSM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SsmNameError {
    /// Nothing.
    #[error("the name is empty: it looks like `/layers/sosw`")]
    Empty,
    /// A letter that SSM does not know.
    #[error("`{0}` cannot stand in it: it is made of letters, digits, `.`, `-`, `_`, and `/` between levels")]
    Letter(char),
    /// Longer than SSM takes.
    #[error("it has {0} characters, and may have {LONGEST}")]
    TooLong(usize),
    /// Deeper than SSM takes.
    #[error("it has {0} levels, and may have {DEEPEST}")]
    TooDeep(usize),
    /// A hierarchy that begins or ends in the middle.
    #[error("a name with levels begins with `/`, and no level is empty: `/layers/sosw`")]
    Levels,
}

impl SsmParameterName {
    /// The name, if it is one.
    pub fn new(text: &str) -> Result<Self, SsmNameError> {
        let is_known = |letter: &char| letter.is_ascii_alphanumeric() || ".-_/".contains(*letter);
        if text.is_empty() {
            return Err(SsmNameError::Empty);
        }
        if let Some(letter) = text.chars().find(|letter| !is_known(letter)) {
            return Err(SsmNameError::Letter(letter));
        }
        if text.len() > LONGEST {
            return Err(SsmNameError::TooLong(text.len()));
        }
        let levels = text.strip_prefix('/').unwrap_or(text).split('/');
        let (count, is_whole) = (levels.clone().count(), levels.clone().all(|level| !level.is_empty()));
        if !is_whole || count > 1 && !text.starts_with('/') {
            return Err(SsmNameError::Levels);
        }
        if count > DEEPEST {
            return Err(SsmNameError::TooDeep(count));
        }
        Ok(Self(text.to_owned()))
    }

    /// As SSM writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SsmParameterName {
    type Err = SsmNameError;
    fn from_str(text: &str) -> Result<Self, SsmNameError> {
        Self::new(text)
    }
}

impl fmt::Display for SsmParameterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_the_rules_of_ssm() {
        let levels = |count: usize| "/a".repeat(count);
        for name in ["x", "lambda-layer-sosw_latest.2", "/layers/sosw", "7", "/aws/service/x", &levels(15)] {
            assert_eq!(SsmParameterName::new(name).unwrap().as_str(), name);
        }
        for name in [
            "",
            " ",
            "a: b",
            "#x",
            "*x",
            "{{x}}",
            "a b",
            "/",
            "a/b",
            "/a/",
            "//a",
            "/a//b",
            "x:3",
            "größe",
            "x\n",
            &levels(16),
            &"a".repeat(1012),
        ] {
            assert!(SsmParameterName::new(name).is_err(), "{name}");
        }
        assert!(SsmParameterName::new(&"a".repeat(1011)).is_ok());
    }
}
