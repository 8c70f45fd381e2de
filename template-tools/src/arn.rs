//! Names of AWS: partition, region, account, layer, and the ARN of a LayerVersion that they make up.
//!
//! [`LayerVersionArn`] is a complete ARN. [`ArnPattern`](crate::pattern::ArnPattern) is what a template may write in
//! its place. Nothing here reads or writes anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is wrong with a name or an ARN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not of the form that AWS gives to such names.
    #[error("`{text}` is no {what}: {rule}")]
    Name {
        /// What was given.
        text: String,
        /// What it should have been.
        what: &'static str,
        /// What such a thing looks like.
        rule: &'static str,
    },
    /// An ARN of something else, or of nothing.
    #[error(
        "`{0}` is no ARN of a LayerVersion: it looks like arn:aws:lambda:us-east-1:123456789012:layer:sosw:7"
    )]
    NotALayerVersion(String),
    /// One part of the ARN is wrong.
    #[error("failed to read `{arn}`")]
    Part {
        /// The whole ARN.
        arn: String,
        /// What is wrong with one part.
        source: Box<ArnError>,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name, if it is one.
            pub fn new(text: impl Into<String>) -> Result<Self, ArnError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(ArnError::Name { text, what: $what, rule: $rule })
                }
            }

            /// As AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = ArnError;
            fn from_str(text: &str) -> Result<Self, ArnError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = ArnError;
            fn try_from(text: String) -> Result<Self, ArnError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A name of a layer, without account or version. At most 140 characters (API reference, PublishLayerVersion).
    LayerName,
    "name of a layer",
    "1 to 140 letters, digits, `-` and `_`",
    |text| (1..=140).contains(&text.len()) && text.bytes().all(is_layer_name_byte)
);

name!(
    /// A partition: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, `aws-iso` and its kin.
    Partition,
    "partition",
    "`aws`, `aws-cn`, `aws-us-gov` and the like",
    |text| text == "aws" || (text.starts_with("aws-") && text.len() > 4 && text.bytes().all(is_code_byte))
);

name!(
    /// The code of a region, for example `eu-central-1`.
    Region,
    "region",
    "it looks like `us-east-1`",
    |text| text.contains('-')
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.ends_with(|last: char| last.is_ascii_digit())
        && text.bytes().all(is_code_byte)
);

name!(
    /// The number of an account, as text: leading zeros count.
    AccountId,
    "number of an account",
    "it has 12 digits",
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
);

/// Whether a byte may stand in the name of a layer.
pub(crate) fn is_layer_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn is_code_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

impl LayerName {
    /// What stands for the version of this layer where none is known yet: `SOSW_LAYER_PLACEHOLDER` for `sosw`.
    pub fn placeholder(&self) -> String {
        let mut text: String = self
            .0
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
            .collect();
        text.push_str(PLACEHOLDER_END);
        text
    }
}

/// What the placeholder of every layer ends with.
pub const PLACEHOLDER_END: &str = "_LAYER_PLACEHOLDER";

/// The ARN of one version of a layer. Sorted by layer, partition, account, region, version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LayerVersionArn {
    /// The layer.
    pub layer: LayerName,
    /// The partition.
    pub partition: Partition,
    /// The account that owns the layer.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The version, from 1 upwards; numbers are never used again.
    pub version: u64,
}

impl LayerVersionArn {
    /// The ARN of the layer itself, without the version.
    pub fn layer_arn(&self) -> String {
        let Self { layer, partition, account, region, .. } = self;
        format!("arn:{partition}:lambda:{region}:{account}:layer:{layer}")
    }
}

impl fmt::Display for LayerVersionArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.layer_arn(), self.version)
    }
}

impl FromStr for LayerVersionArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "lambda", region, account, "layer", layer, version] = parts[..] else {
            return Err(ArnError::NotALayerVersion(text.to_owned()));
        };
        let in_arn = |source| ArnError::Part { arn: text.to_owned(), source: Box::new(source) };
        Ok(Self {
            layer: LayerName::new(layer).map_err(in_arn)?,
            partition: Partition::new(partition).map_err(in_arn)?,
            account: AccountId::new(account).map_err(in_arn)?,
            region: Region::new(region).map_err(in_arn)?,
            version: version_number(version).map_err(in_arn)?,
        })
    }
}

impl TryFrom<String> for LayerVersionArn {
    type Error = ArnError;
    fn try_from(text: String) -> Result<Self, ArnError> {
        text.parse()
    }
}

impl From<LayerVersionArn> for String {
    fn from(arn: LayerVersionArn) -> Self {
        arn.to_string()
    }
}

/// Reads the number of a version: digits, from 1 upwards.
pub fn version_number(text: &str) -> Result<u64, ArnError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|version| digits && *version > 0).ok_or_else(|| ArnError::Name {
        text: text.to_owned(),
        what: "number of a version",
        rule: "it is a whole number from 1 upwards",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-us-gov:lambda:us-gov-west-1:012345678901:layer:My_Layer-2:41";

    #[test]
    fn an_arn_is_read_and_written() {
        let arn: LayerVersionArn = ARN.parse().unwrap();
        assert_eq!(arn.layer.as_str(), "My_Layer-2");
        assert_eq!(arn.partition.as_str(), "aws-us-gov");
        assert_eq!(arn.region.as_str(), "us-gov-west-1");
        assert_eq!(arn.account.as_str(), "012345678901");
        assert_eq!(arn.version, 41);
        assert_eq!(arn.to_string(), ARN);
        assert_eq!(arn.layer_arn(), ARN.strip_suffix(":41").unwrap());
        assert_eq!(serde_json::to_string(&arn).unwrap(), format!("\"{ARN}\""));
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in [
            "",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw",
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7:8",
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:0",
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:+7",
            "arn:aws:lambda:us-east-1:123456789012:layer:sosw:SOSW_LAYER_PLACEHOLDER",
            "arn:aws:lambda:us-east-1:12345678901:layer:sosw:7",
            "arn:aws:lambda:useast:123456789012:layer:sosw:7",
            "arn:gcp:lambda:us-east-1:123456789012:layer:sosw:7",
            "arn:aws:lambda:us-east-1:123456789012:layer:so sw:7",
            "arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7",
        ] {
            assert!(text.parse::<LayerVersionArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_placeholder_is_the_name_in_capitals() {
        assert_eq!(LayerName::new("sosw").unwrap().placeholder(), "SOSW_LAYER_PLACEHOLDER");
        assert_eq!(LayerName::new("my-Layer_2").unwrap().placeholder(), "MY_LAYER_2_LAYER_PLACEHOLDER");
    }

    #[test]
    fn a_layer_name_has_at_most_140_characters() {
        assert!(LayerName::new("a".repeat(140)).is_ok());
        assert!(LayerName::new("a".repeat(141)).is_err());
        assert!(LayerName::new("").is_err());
    }
}
