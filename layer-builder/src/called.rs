//! Under which name this program was called, so that usage lines and hints can be typed as they stand.

/// `cargo xtask` sets this to the words that were typed, for example `cargo xtask build-layer`.
const VARIABLE: &str = "XTASK_CALLED_AS";

/// The commands of this crate that a hint may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Builds a layer.
    Build,
    /// Makes or upgrades a lock.
    Lock,
    /// Shows what is inside.
    Inspect,
}

/// How the program was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalledAs {
    xtask: Option<String>,
}

impl CalledAs {
    /// As the environment says. For the edge only.
    pub fn from_environment() -> Self {
        Self { xtask: std::env::var(VARIABLE).ok().filter(|words| !words.is_empty()) }
    }

    /// The words typed, if `cargo xtask` started us.
    pub fn xtask(&self) -> Option<&str> {
        self.xtask.as_deref()
    }

    /// The words that start `command`.
    pub fn words(&self, command: Command) -> &'static str {
        match (self.xtask.is_some(), command) {
            (true, Command::Build) => "cargo xtask build-layer",
            (true, Command::Lock) => "cargo xtask lock",
            (true, Command::Inspect) => "cargo xtask inspect",
            (false, Command::Build) => "layer-builder build",
            (false, Command::Lock) => "layer-builder lock",
            (false, Command::Inspect) => "layer-builder inspect",
        }
    }
}
