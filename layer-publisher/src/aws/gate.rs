//! Whether anything may still be written: a run that holds a lock which others respect, too, must stop when it has lost
//! it. Every call that makes or changes something comes through here first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::failure::{CallFailure, Kind};

/// Open, as long as every lock is held that was taken.
#[derive(Debug, Default)]
pub struct Gate {
    locks: Mutex<BTreeMap<String, State>>,
    is_closed: AtomicBool,
}

#[derive(Debug)]
enum State {
    HeldUntil(Instant),
    Lost(String),
}

impl Gate {
    /// This lock is held, for so long if nothing more is said.
    pub fn held(&self, lock: &str, until: Instant) {
        self.set(lock, State::HeldUntil(until));
    }

    /// This lock was lost.
    pub fn lost(&self, lock: &str, how: String) {
        self.set(lock, State::Lost(how));
    }

    /// This lock is needed no more.
    pub fn released(&self, lock: &str) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).remove(lock);
    }

    /// Somebody has pressed Ctrl-C: what is on its way comes to its end, and nothing more goes out.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Lets a call pass, or says why not.
    pub fn pass(&self, operation: &'static str) -> Result<(), CallFailure> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(CallFailure {
                operation,
                kind: Kind::Interrupted,
                message: "interrupted, and not asked for any more".to_owned(),
                code: None,
                request_id: None,
            });
        }
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        for (lock, state) in &*locks {
            let how = match state {
                State::HeldUntil(until) if *until > Instant::now() => continue,
                State::HeldUntil(_) => "it could not be renewed in time",
                State::Lost(how) => how,
            };
            return Err(CallFailure {
                operation,
                kind: Kind::LockLost,
                message: format!("the lock `{lock}` is lost, and nothing more is written: {how}"),
                code: None,
                request_id: None,
            });
        }
        Ok(())
    }

    fn set(&self, lock: &str, state: State) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).insert(lock.to_owned(), state);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_passes_after_a_lock_was_lost_or_has_run_out() {
        let gate = Gate::default();
        gate.pass("PutParameter").unwrap();
        gate.held("a", Instant::now() + Duration::from_mins(1));
        gate.held("b", Instant::now() + Duration::from_mins(1));
        gate.pass("PutParameter").unwrap();
        gate.lost("b", "`ci` has taken it over".to_owned());
        let said = gate.pass("PutParameter").unwrap_err().to_string();
        assert!(said.contains("`b` is lost") && said.contains("`ci` has taken it over"), "{said}");
        gate.released("b");
        gate.pass("PutParameter").unwrap();
        let closed = Gate::default();
        closed.close();
        assert_eq!(closed.pass("PutParameter").unwrap_err().kind, Kind::Interrupted);
        gate.held("a", Instant::now());
        assert!(gate.pass("PutParameter").unwrap_err().message.contains("renewed in time"));
    }
}
