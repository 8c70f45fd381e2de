//! The commands, as the command line asks for them: the edge where files are read, written and talked about.

pub(crate) mod bump;
mod bump_report;
pub(crate) mod files;
mod interrupt;
mod layer;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod new;
mod outcome;
mod say;
mod source;
mod unified;
