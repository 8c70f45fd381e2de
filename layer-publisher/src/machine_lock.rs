//! Runs on one machine that publish to the same account exclude each other: two that look at the same time would both
//! find nothing, and both publish.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

use etcetera::BaseStrategy;

use crate::aws::session::Caller;

/// Held while it lives; the system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct MachineLock {
    _file: File,
}

/// Waits for other runs; `waiting` is called once if there are any.
pub fn acquire(caller: &Caller, waiting: impl FnOnce()) -> io::Result<MachineLock> {
    let folder = folder();
    std::fs::create_dir_all(&folder)?;
    let name = format!("{}-{}.lock", caller.partition, caller.account);
    let file = File::options().create(true).write(true).truncate(false).open(folder.join(name))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            waiting();
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(MachineLock { _file: file })
}

fn folder() -> PathBuf {
    let cache = etcetera::choose_base_strategy().map(|strategy| strategy.cache_dir());
    cache.unwrap_or_else(|_| std::env::temp_dir()).join("layer-publisher")
}
