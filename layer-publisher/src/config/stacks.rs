//! `[[stacks]]`: the stacks that `roll-out` brings to new versions, in the order in which they stand.

use template_tools::arn::{AccountId, Region};
use toml::{Table, Value};

use super::{ConfigError, Reader};
use crate::stack::settings::is_stack_name;

/// Keys that may stand there.
const KEYS: &[&str] = &["account", "layers", "name", "profile", "regions", "role-arn", "target", "template"];

/// A stack that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackTable {
    /// Its name.
    pub name: String,
    /// Where it is; empty for wherever its layers go.
    pub regions: Vec<Region>,
    /// The layers that are brought to their new version there, by their names in `layers.toml`; empty for all.
    pub layers: Vec<String>,
    /// The target whose account and credentials are meant.
    pub target: Option<String>,
    /// The account that it must be.
    pub account: Option<AccountId>,
    /// The profile, unless another one is named.
    pub profile: Option<String>,
    /// The role that is taken on.
    pub role_arn: Option<String>,
    /// The file that it is deployed from, as written: from the folder of `layers.toml`.
    pub template: Option<String>,
}

impl StackTable {
    /// Whether both mean the same stack, for all that they say: same name, same way there, and regions in common.
    fn may_be(&self, other: &Self) -> bool {
        let way = |stack: &Self| {
            let Self { target, account, profile, role_arn, .. } = stack;
            (target.clone(), account.clone(), profile.clone(), role_arn.clone())
        };
        let in_common = |one: &Region| other.regions.contains(one);
        let overlap =
            self.regions.is_empty() || other.regions.is_empty() || self.regions.iter().any(in_common);
        self.name == other.name && way(self) == way(other) && overlap
    }
}

impl Reader<'_> {
    /// All of them.
    pub(super) fn stacks(&self, file: &Table) -> Result<Vec<StackTable>, ConfigError> {
        let Some(value) = file.get("stacks") else { return Ok(Vec::new()) };
        let wrong = || self.wrong_type("stacks", "the file", "a list of tables: `[[stacks]]`");
        let tables = value.as_array().ok_or_else(wrong)?.iter();
        let stacks = tables
            .enumerate()
            .map(|(index, table)| {
                let place = format!("`[[stacks]]`, number {}", index + 1);
                self.stack(table.as_table().ok_or_else(wrong)?, &place)
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (index, stack) in stacks.iter().enumerate() {
            if let Some(first) = stacks[..index].iter().position(|before| before.may_be(stack)) {
                return Err(self.twice(&stack.name, first + 1, index + 1));
            }
        }
        Ok(stacks)
    }

    fn stack(&self, table: &Table, place: &str) -> Result<StackTable, ConfigError> {
        self.only_known("key", table.keys(), KEYS, place)?;
        let text = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong_type(key, place, "a string")),
        };
        let name = text("name")?.filter(|name| is_stack_name(name)).ok_or_else(|| {
            self.wrong_type(
                "name",
                place,
                "a stack's name: a letter, and up to 127 letters, digits and `-` behind it",
            )
        })?;
        let account = text("account")?.map(|account| {
            AccountId::new(account).map_err(|_| {
                self.wrong_type("account", place, "the number of an account, as text with 12 digits")
            })
        });
        let role_arn = text("role-arn")?;
        if role_arn.as_ref().is_some_and(|role| !role.starts_with("arn:") || !role.contains(":role/")) {
            return Err(self.wrong_type("role-arn", place, "the ARN of a role"));
        }
        let layers = match table.get("layers") {
            None => Vec::new(),
            Some(value) => {
                let wrong = || self.wrong_type("layers", place, "a list of names of layers");
                let names = value.as_array().ok_or_else(wrong)?.iter();
                names
                    .map(|name| name.as_str().map(str::to_owned).ok_or_else(wrong))
                    .collect::<Result<_, _>>()?
            }
        };
        let regions = self.regions(table, "regions", place)?;
        self.each_once(&regions, place)?;
        Ok(StackTable {
            name,
            regions,
            layers,
            target: text("target")?,
            account: account.transpose()?,
            profile: text("profile")?,
            role_arn,
            template: text("template")?,
        })
    }
}
