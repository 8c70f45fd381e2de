//! On which terms a run publishes to one place: what was withdrawn there, and what the command line says about that,
//! about older versions and about metadata. Pure.

use std::collections::BTreeMap;

/// What happens where only the metadata differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// It is told.
    #[default]
    Report,
    /// The content is published once more, with the metadata that is wanted.
    Republish,
}

/// What becomes of an older version with the content that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Older {
    /// Nothing: the content is published once more.
    #[default]
    Leave,
    /// It becomes the current one, and those after it count as replaced.
    Reuse,
}

/// What happens to content that was withdrawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is refused, with the reason.
    #[default]
    Stands,
    /// It is taken back.
    TakenBack,
}

/// What happens to a layer whose newest version somebody else has made: a stack, or PublishLayerVersion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// It is refused.
    #[default]
    Refused,
    /// The new publisher goes on (`--switch-publisher`).
    Wanted,
}

/// What the command line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// `--republish-metadata`.
    pub metadata: Metadata,
    /// `--reuse-older`.
    pub older: Older,
    /// `--reinstate`.
    pub withdrawal: Withdrawal,
    /// `--switch-publisher`.
    pub switch: Switch,
}

/// The terms in one account and region, for one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// As the command line says.
    pub choices: Choices,
    /// As the ledger says: each version that was withdrawn, and why.
    pub withdrawn: BTreeMap<u64, String>,
}

const REPLACED: &str = "replaced by version ";

/// Why a version is withdrawn that `--reuse-older` has passed over.
pub fn replaced_by(version: u64) -> String {
    format!("{REPLACED}{version}, which has the content that was published last")
}

impl Terms {
    /// Whether a version was withdrawn.
    pub fn is_withdrawn(&self, version: u64) -> bool {
        self.withdrawn.contains_key(&version)
    }

    /// Why a version that was withdrawn stays so. Nothing, if it may be current again.
    pub fn stands(&self, version: u64) -> Option<&str> {
        let why = self.withdrawn.get(&version)?;
        let is_taken_back = self.choices.withdrawal == Withdrawal::TakenBack;
        // What gave way to an older version only did so for its content, and may come back for its content.
        let was_replaced = self.choices.older == Older::Reuse && why.starts_with(REPLACED);
        (!is_taken_back && !was_replaced).then_some(why)
    }
}
