//! `[layers.X.publish]` and the targets in it: where a layer goes, and who may use it there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use template_tools::arn::{AccountId, Region};
use thiserror::Error;
use toml::{Table, Value};

use super::{ConfigError, Layer, Reader, meant, nearest};
use crate::publish::permissions::{Grant, Grants};
use crate::publish::shared_lock::LockPlace;
use crate::publish::staging::BucketPattern;
use crate::region;
use crate::stack::settings::is_stack_name;

/// Keys that may stand there.
const KEYS: &[&str] = &[
    "account",
    "lock",
    "optional-regions",
    "permissions",
    "profile",
    "publisher",
    "regions",
    "role-arn",
    "s3-bucket",
    "ssm-parameter",
    "stack",
    "template",
    "targets",
];
/// Keys of `permissions`.
const PERMISSION_KEYS: &[&str] = &["accounts", "organization", "public"];

/// Who makes a layer's versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publisher {
    /// `publish`, by PublishLayerVersion.
    #[default]
    Api,
    /// A stack of the layer's own, which `publish` deploys.
    Stack,
}

/// Where a layer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// The regions that count.
    pub regions: Vec<Region>,
    /// The regions whose failure is a warning.
    pub optional_regions: Vec<Region>,
    /// Who shall be able to use it, if that is ours to say.
    pub permissions: Option<Grants>,
    /// The bucket that zips go through.
    pub bucket: Option<BucketPattern>,
    /// The parameter of Systems Manager that names the current version; `{architecture}` is filled in.
    pub pointer: Option<String>,
    /// Where runs on several machines exclude each other, if they shall.
    pub lock: Option<LockPlace>,
    /// The account that it must be.
    pub account: Option<AccountId>,
    /// The role that is taken on.
    pub role_arn: Option<String>,
    /// The profile, unless another one is named.
    pub profile: Option<String>,
    /// Who makes its versions.
    pub publisher: Publisher,
    /// The stack that makes them, if it is not called as `new-template` says.
    pub stack: Option<String>,
    /// Its template, seen from `layers.toml`, if it is not called as `new-template` calls it.
    pub template: Option<PathBuf>,
}

/// A target that is not in the table.
#[derive(Debug, Error)]
#[error("layer `{layer}` has no target `{target}`{}", meant(nearest(target, known.iter().map(String::as_str)).as_deref()))]
pub struct UnknownTarget {
    /// The layer.
    pub layer: String,
    /// What was asked for.
    pub target: String,
    /// Those that there are.
    pub known: Vec<String>,
}

impl UnknownTarget {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self.known.as_slice() {
            [] => format!("describe it as `[layers.{}.publish.targets.{}]`", self.layer, self.target),
            known => format!("targets there are: `{}`", known.join("`, `")),
        })
    }
}

impl Layer {
    /// Where it goes: to this target, or where its table says without one.
    pub fn destination(&self, layer: &str, target: Option<&str>) -> Result<&Destination, UnknownTarget> {
        let Some(target) = target else { return Ok(&self.destination) };
        self.targets.get(target).ok_or_else(|| UnknownTarget {
            layer: layer.to_owned(),
            target: target.to_owned(),
            known: self.targets.keys().cloned().collect(),
        })
    }
}

impl Reader<'_> {
    /// The table, with what is not in it taken from `base`.
    pub(super) fn destination(
        &self,
        table: &Table,
        base: Destination,
        place: &str,
    ) -> Result<Destination, ConfigError> {
        self.only_known("key", table.keys(), KEYS, place)?;
        let mut destination = base;
        if table.contains_key("regions") || table.contains_key("optional-regions") {
            destination.regions = self.regions(table, "regions", place)?;
            destination.optional_regions = self.regions(table, "optional-regions", place)?;
            self.each_once(destination.regions.iter().chain(&destination.optional_regions), place)?;
        }
        if let Some(permissions) = table.get("permissions") {
            destination.permissions = Some(self.permissions(permissions, place)?);
        }
        let text = |key| match table.get(key) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.wrong_type(key, place, "a string")),
        };
        if let Some(account) = text("account")? {
            let wrong =
                |_| self.wrong_type("account", place, "the number of an account, as text with 12 digits");
            destination.account = Some(AccountId::new(account).map_err(wrong)?);
        }
        if let Some(role) = text("role-arn")? {
            if !role.starts_with("arn:") || !role.contains(":role/") {
                return Err(self.wrong_type("role-arn", place, "the ARN of a role"));
            }
            destination.role_arn = Some(role.to_owned());
        }
        if let Some(bucket) = text("s3-bucket")? {
            let wrong = |_| {
                self.wrong_type(
                    "s3-bucket",
                    place,
                    "a bucket's name, with `{account}` and `{region}` filled in",
                )
            };
            destination.bucket = Some(bucket.parse().map_err(wrong)?);
        }
        if let Some(lock) = text("lock")? {
            let wrong = |_| self.wrong_type("lock", place, "a place in S3, as `s3://BUCKET/PREFIX`");
            destination.lock = Some(lock.parse().map_err(wrong)?);
        }
        if let Some(pointer) = text("ssm-parameter")? {
            destination.pointer = Some(pointer.to_owned());
        }
        if let Some(profile) = text("profile")? {
            destination.profile = Some(profile.to_owned());
        }
        destination.publisher = match text("publisher")? {
            None => destination.publisher,
            Some("api") => Publisher::Api,
            Some("stack") => Publisher::Stack,
            Some(_) => return Err(self.wrong_type("publisher", place, "`api` or `stack`")),
        };
        if let Some(stack) = text("stack")? {
            if !is_stack_name(stack) {
                return Err(self.wrong_type(
                    "stack",
                    place,
                    "a stack's name: a letter, and up to 127 letters, digits and `-` behind it",
                ));
            }
            destination.stack = Some(stack.to_owned());
        }
        if let Some(template) = text("template")? {
            destination.template = Some(PathBuf::from(template));
        }
        Ok(destination)
    }

    /// The targets, each with what it does not say itself from `base`.
    pub(super) fn targets(
        &self,
        publish: &Table,
        base: &Destination,
        place: &str,
    ) -> Result<BTreeMap<String, Destination>, ConfigError> {
        let Some(targets) = publish.get("targets") else { return Ok(BTreeMap::new()) };
        let targets = targets.as_table().ok_or_else(|| self.wrong_type("targets", place, "a table"))?;
        let target = |(name, value): (&String, &Value)| {
            let place = format!("{}.targets.{name}]`", place.trim_end_matches("]`"));
            let table = value.as_table().ok_or_else(|| self.wrong_type(name, &place, "a table"))?;
            if table.contains_key("targets") {
                self.only_known("key", ["targets".to_owned()].iter(), &KEYS[..KEYS.len() - 1], &place)?;
            }
            Ok((name.clone(), self.destination(table, base.clone(), &place)?))
        };
        targets.iter().map(target).collect()
    }

    fn permissions(&self, value: &Value, place: &str) -> Result<Grants, ConfigError> {
        let wrong = |expected| self.wrong_type("permissions", place, expected);
        let table = value.as_table().ok_or_else(|| wrong("a table"))?;
        let place = format!("`permissions` of {place}");
        self.only_known("key", table.keys(), PERMISSION_KEYS, &place)?;
        let mut grants = Grants::new();
        if let Some(accounts) = table.get("accounts") {
            let wrong = || {
                self.wrong_type("accounts", &place, "a list of numbers of accounts, as text with 12 digits")
            };
            for account in accounts.as_array().ok_or_else(wrong)? {
                let account =
                    account.as_str().and_then(|text| AccountId::new(text).ok()).ok_or_else(wrong)?;
                grants.insert(Grant::Account(account));
            }
        }
        if let Some(organization) = table.get("organization") {
            let organization = organization.as_str().filter(|text| text.starts_with("o-"));
            let wrong = || {
                self.wrong_type(
                    "organization",
                    &place,
                    "the id of an organization, which looks like `o-a1b2c3d4e5`",
                )
            };
            grants.insert(Grant::Organization(organization.ok_or_else(wrong)?.to_owned()));
        }
        match table.get("public").map(Value::as_bool) {
            None | Some(Some(false)) => {}
            Some(Some(true)) => drop(grants.insert(Grant::Public)),
            Some(None) => return Err(self.wrong_type("public", &place, "true or false")),
        }
        Ok(grants)
    }

    pub(super) fn regions(
        &self,
        table: &Table,
        key: &'static str,
        place: &str,
    ) -> Result<Vec<Region>, ConfigError> {
        let wrong = || self.wrong_type(key, place, "a list of regions");
        let Some(value) = table.get(key) else { return Ok(Vec::new()) };
        let region = |value: &Value| {
            region::parse(value.as_str().ok_or_else(wrong)?).map_err(|source| ConfigError::Region {
                path: self.path.to_owned(),
                key,
                place: place.to_owned(),
                source,
            })
        };
        value.as_array().ok_or_else(wrong)?.iter().map(region).collect()
    }

    /// Refuses a region that is named twice.
    pub(super) fn each_once<'r>(
        &self,
        regions: impl IntoIterator<Item = &'r Region>,
        place: &str,
    ) -> Result<(), ConfigError> {
        let mut seen = BTreeSet::new();
        match regions.into_iter().find(|region| !seen.insert(*region)) {
            Some(region) => {
                let (place, region) = (place.to_owned(), region.clone());
                Err(ConfigError::RegionTwice { path: self.path.to_owned(), place, region })
            }
            None => Ok(()),
        }
    }
}
