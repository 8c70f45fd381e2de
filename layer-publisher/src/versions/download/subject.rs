//! How a version is named on the command line.

use std::str::FromStr;

use template_tools::arn::{ArnError, LayerVersionArn, version_number};

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `sosw`, the current one, or `sosw:12`.
    Layer {
        /// The layer, as `layers.toml` or Lambda names it.
        name: String,
        /// The number.
        version: Option<u64>,
    },
    /// The whole name.
    Arn(LayerVersionArn),
}

impl Wanted {
    pub(super) fn is_arn(&self) -> bool {
        matches!(self, Self::Arn(_))
    }
}

impl FromStr for Wanted {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        if text.starts_with("arn:") {
            return text.parse().map(Self::Arn);
        }
        let (name, version) = match text.split_once(':') {
            Some((name, version)) => (name, Some(version_number(version)?)),
            None => (text, None),
        };
        Ok(Self::Layer { name: name.to_owned(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_layer_and_number_or_as_a_whole() {
        let layer = |name: &str, version| Ok(Wanted::Layer { name: name.to_owned(), version });
        assert_eq!("sosw".parse(), layer("sosw", None));
        assert_eq!("sosw:12".parse(), layer("sosw", Some(12)));
        let arn = "arn:aws:lambda:us-west-2:123456789012:layer:sosw:12";
        assert_eq!(arn.parse(), Ok(Wanted::Arn(arn.parse().unwrap())));
        for text in
            ["sosw:", "sosw:x", "sosw:0", "sosw:1:2", "arn:aws:lambda:us-west-2:123456789012:layer:sosw"]
        {
            assert!(text.parse::<Wanted>().is_err(), "{text}");
        }
    }
}
