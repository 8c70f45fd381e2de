//! Under which name this program was called, so that usage lines and hints can be typed as they stand.

/// `cargo xtask` sets this to the words that were typed, for example `cargo xtask bump-templates`.
const VARIABLE: &str = "XTASK_CALLED_AS";

/// The commands that a hint may name: those of this crate, and those of others that come before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Brings templates to the pinned versions.
    Bump,
    /// Publishes layers, and writes the ledger.
    Publish,
    /// Builds layers.
    Build,
    /// Uploads what is built to S3.
    Stage,
    /// Writes starters.
    New,
}

/// How the program was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CalledAs {
    xtask: Option<String>,
}

impl CalledAs {
    /// As the environment says. For the edge only.
    pub(crate) fn from_environment() -> Self {
        Self { xtask: std::env::var(VARIABLE).ok().filter(|words| !words.is_empty()) }
    }

    /// The words typed, if `cargo xtask` started us.
    pub(crate) fn xtask(&self) -> Option<&str> {
        self.xtask.as_deref()
    }

    /// The words that start `command`.
    pub(crate) fn words(&self, command: Command) -> &'static str {
        match (self.xtask.is_some(), command) {
            (true, Command::Bump) => "cargo xtask bump-templates",
            (true, Command::Publish) => "cargo xtask publish",
            (true, Command::Build) => "cargo xtask build-layer",
            (true, Command::Stage) => "cargo xtask stage",
            (true, Command::New) => "cargo xtask new-template",
            (false, Command::Bump) => "template-tools bump",
            (false, Command::Publish) => "layer-publisher publish",
            (false, Command::Build) => "layer-builder build",
            (false, Command::Stage) => "layer-publisher stage",
            (false, Command::New) => "template-tools new",
        }
    }
}
