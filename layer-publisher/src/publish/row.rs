//! What is known of one artifact in one region at the end of a run: one row of `--format json`.

use serde::Serialize;
use template_tools::arn::LayerVersionArn;

/// One artifact in one region. Fields that say nothing are null or empty, and always there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The layer's name in Lambda.
    pub layer_name: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Whether its failure counts.
    pub required: bool,
    /// What came of it, or would.
    pub status: Status,
    /// The version that holds the content, if there is one.
    pub version: Option<u64>,
    /// The version that would probably be made.
    pub expected_version: Option<u64>,
    /// Versions that were filled up before it with copies from another region, or would be.
    pub filled: Vec<u64>,
    /// The ARN of `version`.
    pub layer_version_arn: Option<LayerVersionArn>,
    /// Whether it was read back and is what was built.
    pub verified: bool,
    /// Where it differs from what was built, in words.
    pub differences: Vec<String>,
    /// Values that the region does not take.
    pub refused: Vec<String>,
    /// Versions that have the same content without need.
    pub same_content: Vec<u64>,
    /// Versions that give way to `version`, or would.
    pub replaced: Vec<u64>,
    /// Versions whose withdrawal is taken back, or would be.
    pub reinstated: Vec<u64>,
    /// Whether `layer-versions.json` does not say so yet; told by a dry run only.
    pub to_record: bool,
    /// What was done about its permissions, if any are wanted.
    pub permissions: Option<Permissions>,
    /// What came of its pointer, or would, if there is one.
    pub pointer: Option<PointerStatus>,
    /// Why it failed.
    pub error: Option<String>,
    /// What to do about that.
    pub hint: Option<String>,
}

/// What came of a pointer, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointerStatus {
    /// It names this version already.
    Unchanged,
    /// It was moved.
    Moved,
    /// A dry run would have moved it.
    Stale,
    /// It could not be moved.
    Failed,
}

/// What was done, or would be, about the permissions of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// What was changed.
    pub changes: Vec<String>,
    /// What stays though nobody asked for it.
    pub others: Vec<String>,
}

/// What came of it, or would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Published now.
    Published,
    /// It was there before.
    Unchanged,
    /// It was there before, and is current again.
    MadeCurrent,
    /// A dry run would have published it.
    WouldPublish,
    /// A dry run would have made it current.
    WouldMakeCurrent,
    /// Its content was withdrawn.
    Withdrawn,
    /// It could not be done.
    #[default]
    Failed,
    /// The account has not switched the region on.
    RegionNotEnabled,
}

/// The whole document.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) schema: u32,
    pub(super) dry_run: bool,
    pub(super) exit_code: u8,
    pub(super) regions: Vec<&'a Row>,
}
