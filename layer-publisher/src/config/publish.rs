//! `[layers.X.publish]` and the targets in it: where a layer goes, and who may use it there.

use template_tools::arn::{AccountId, Region};
use toml::{Table, Value};

use super::{ConfigError, Reader};
use crate::publish::permissions::{Grant, Grants};
use crate::region;

/// Keys that may stand there.
const KEYS: &[&str] = &["optional-regions", "permissions", "regions"];
/// Keys of `permissions`.
const PERMISSION_KEYS: &[&str] = &["accounts", "organization", "public"];

/// Where a layer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// The regions that count.
    pub regions: Vec<Region>,
    /// The regions whose failure is a warning.
    pub optional_regions: Vec<Region>,
    /// Who shall be able to use it, if that is ours to say.
    pub permissions: Option<Grants>,
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
            let mut all = destination.regions.iter().chain(&destination.optional_regions).collect::<Vec<_>>();
            all.sort();
            if let Some(pair) = all.windows(2).find(|pair| pair[0] == pair[1]) {
                let (place, region) = (place.to_owned(), pair[0].clone());
                return Err(ConfigError::RegionTwice { path: self.path.to_owned(), place, region });
            }
        }
        if let Some(permissions) = table.get("permissions") {
            destination.permissions = Some(self.permissions(permissions, place)?);
        }
        Ok(destination)
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

    fn regions(&self, table: &Table, key: &'static str, place: &str) -> Result<Vec<Region>, ConfigError> {
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
}
