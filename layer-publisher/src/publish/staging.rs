//! Where a zip lies in S3: the bucket's name with what is filled in, and a key that its content decides. Pure.

use std::fmt;
use std::str::FromStr;

use template_tools::arn::{AccountId, LayerName, Region};
use thiserror::Error;

/// A bucket's name as it is configured: `{account}` and `{region}` are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPattern(String);

/// No bucket can have that name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no bucket's name: 3 to 63 lower-case letters, digits, `-` and `.`, and `{{account}}` and `{{region}}`"
)]
pub struct BucketNameError(String);

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Object {
    /// The bucket, in the layer's region.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The version, where the bucket has versions.
    pub version: Option<String>,
}

impl BucketPattern {
    /// The bucket for this account and region.
    pub fn fill(&self, account: &AccountId, region: &Region) -> String {
        self.0.replace("{account}", account.as_str()).replace("{region}", region.as_str())
    }
}

impl FromStr for BucketPattern {
    type Err = BucketNameError;

    fn from_str(text: &str) -> Result<Self, BucketNameError> {
        let filled = text.replace("{account}", "123456789012").replace("{region}", "us-east-1");
        let is_ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if (3..=63).contains(&filled.len()) && filled.bytes().all(is_ours) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BucketNameError(text.to_owned()))
        }
    }
}

impl fmt::Display for BucketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `lambda-layers/<layer>/<sha256>.zip`: another content has another key, and the same one is never sent twice.
pub fn key(layer: &LayerName, sha256: &str) -> String {
    format!("lambda-layers/{layer}/{sha256}.zip")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_region_are_filled_in_and_nothing_else() {
        let pattern: BucketPattern = "app-control-{account}-{region}".parse().unwrap();
        let account = AccountId::new("123456789012").unwrap();
        let bucket = pattern.fill(&account, &"eu-west-1".parse().unwrap());
        assert_eq!(bucket, "app-control-123456789012-eu-west-1");
        for wrong in ["", "ab", "My-Bucket", "{acount}-layers", "a_b_c", &"a".repeat(64)] {
            assert!(wrong.parse::<BucketPattern>().is_err(), "{wrong}");
        }
    }
}
