//! Which requests are on their way. A run that is killed leaves its line behind, and the next one then waits, as after
//! a lost answer, before it publishes the same content: Lambda may still be at work.
//!
//! One small file for each request, in the user's cache, beside the locks. Runs on one machine exclude each other, so
//! a line that is found belongs to a run that is no more.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use template_tools::arn::Region;

use super::plan::Wanted;
use crate::aws::session::Caller;
use crate::clocks::Clocks;
use crate::machine_lock;

/// What is known about requests that may be on their way. Best effort: where nothing can be written, a kill leaves no
/// trace, and the run has said so before.
pub trait Journal: Sync {
    /// Whether an earlier run was ended so shortly ago that its request may still be carried out.
    fn is_left_over(&self) -> bool;
    /// A request is about to leave.
    fn begin(&self);
    /// What has become of it is known.
    fn end(&self);
}

/// The line of one artifact in one region.
#[derive(Clone, Debug)]
pub struct JournalFile {
    path: PathBuf,
    patience: Duration,
}

fn folder() -> PathBuf {
    machine_lock::folder().join("in-flight")
}

/// Finds out whether lines can be written, before anything is done.
pub fn must_be_writable() -> io::Result<()> {
    std::fs::create_dir_all(folder())?;
    tempfile::tempfile_in(folder())?.write_all(b"1800000000000\n")
}

impl JournalFile {
    /// The line of this artifact for this caller in this region.
    pub fn new(caller: &Caller, region: &Region, wanted: &Wanted, clocks: &Clocks) -> Self {
        let digits = wanted.mark.trim_start_matches("[sha256:").trim_end_matches(']');
        let name =
            format!("{}-{}-{region}-{}-{digits}", caller.partition, caller.account, wanted.layer_name());
        // The upload may have taken all the time it is given before the run was ended.
        let patience = clocks.upload(wanted.size) + clocks.look_again_for * 2;
        Self { path: folder().join(name), patience }
    }
}

impl Journal for JournalFile {
    fn is_left_over(&self) -> bool {
        let Ok(text) = std::fs::read_to_string(&self.path) else { return false };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A line that cannot be read, or that comes from the future, is taken seriously.
        let since = text.trim().parse().ok().and_then(|begun| now.checked_sub(Duration::from_millis(begun)));
        let is_left_over = since.is_none_or(|since| since < self.patience);
        if !is_left_over {
            self.end();
        }
        is_left_over
    }

    fn begin(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let _ = std::fs::write(&self.path, format!("{}\n", now.as_millis()));
    }

    fn end(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_until_its_request_can_no_longer_be_carried_out() {
        let folder = tempfile::tempdir().unwrap();
        let line = JournalFile { path: folder.path().join("line"), patience: Duration::from_mins(1) };
        assert!(!line.is_left_over());
        line.begin();
        assert!(line.is_left_over());
        line.end();
        assert!(!line.is_left_over());

        std::fs::write(&line.path, "1000\n").unwrap();
        assert!(!line.is_left_over() && !line.path.exists());
        for strange in ["", "yesterday", "99999999999999"] {
            std::fs::write(&line.path, strange).unwrap();
            assert!(line.is_left_over(), "{strange}");
        }
    }
}
