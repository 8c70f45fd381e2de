//! Under which name this program was called, so that usage lines and hints can be typed as they stand.

/// `cargo xtask` sets this to the words that were typed, for example `cargo xtask publish`.
const VARIABLE: &str = "XTASK_CALLED_AS";

/// The commands that a hint may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Builds a layer: the other crate's command, which comes before ours.
    Build,
    /// Publishes what is built.
    Publish,
    /// Sends what is built to S3.
    Stage,
    /// Sends what one target has to another.
    Promote,
    /// Shows who uses what.
    Usage,
    /// Fetches a zip.
    Download,
    /// Deletes what nothing needs.
    Prune,
    /// Asks for the newest versions.
    Latest,
    /// Compares what there is with what should be.
    Status,
    /// Goes back to an older version.
    Rollback,
    /// Brings templates to the ledger's versions: the other crate's command, which comes after ours.
    Bump,
    /// Creates or updates a stack.
    DeployStack,
    /// Brings stacks to new versions.
    RollOut,
}

/// How the program was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalledAs {
    xtask: Option<String>,
    subcommand: Option<String>,
}

impl CalledAs {
    /// As the environment says. For the edge only.
    pub fn from_environment() -> Self {
        Self {
            xtask: std::env::var(VARIABLE).ok().filter(|words| !words.is_empty()),
            subcommand: std::env::args().nth(1),
        }
    }

    /// The words typed, if `cargo xtask` started us.
    pub fn xtask(&self) -> Option<&str> {
        self.xtask.as_deref()
    }

    /// The words that started this very run.
    pub fn typed(&self) -> String {
        match (&self.xtask, &self.subcommand) {
            (Some(words), _) => words.clone(),
            (None, Some(subcommand)) => format!("layer-publisher {subcommand}"),
            (None, None) => "layer-publisher".to_owned(),
        }
    }

    /// The words that start `command`.
    pub fn words(&self, command: Command) -> &'static str {
        match (self.xtask.is_some(), command) {
            (true, Command::Build) => "cargo xtask build-layer",
            (true, Command::Publish) => "cargo xtask publish",
            (true, Command::Stage) => "cargo xtask stage",
            (true, Command::Promote) => "cargo xtask promote",
            (true, Command::Usage) => "cargo xtask usage",
            (true, Command::Download) => "cargo xtask download",
            (true, Command::Prune) => "cargo xtask prune",
            (true, Command::Latest) => "cargo xtask bump-templates --latest",
            (true, Command::Status) => "cargo xtask status",
            (true, Command::Rollback) => "cargo xtask rollback",
            (true, Command::Bump) => "cargo xtask bump-templates",
            (true, Command::DeployStack) => "cargo xtask deploy-stack",
            (true, Command::RollOut) => "cargo xtask roll-out",
            (false, Command::Build) => "layer-builder build",
            (false, Command::Publish) => "layer-publisher publish",
            (false, Command::Stage) => "layer-publisher stage",
            (false, Command::Promote) => "layer-publisher promote",
            (false, Command::Usage) => "layer-publisher usage",
            (false, Command::Download) => "layer-publisher download",
            (false, Command::Prune) => "layer-publisher prune",
            (false, Command::Latest) => "layer-publisher latest",
            (false, Command::Status) => "layer-publisher status",
            (false, Command::Rollback) => "layer-publisher rollback",
            (false, Command::Bump) => "template-tools bump",
            (false, Command::DeployStack) => "layer-publisher deploy-stack",
            (false, Command::RollOut) => "layer-publisher roll-out",
        }
    }
}
