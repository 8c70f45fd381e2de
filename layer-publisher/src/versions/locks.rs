//! The locks of commands that change what is published: other runs on this machine, and on others where a lock is
//! configured, wait or are waited for.

use std::collections::BTreeMap;

use crate::clocks::Clocks;
use crate::machine_lock::{self, MachineLock};
use crate::publish::shared_lock::{self, LockError, SharedLocks};
use crate::ui::Ui;
use crate::versions::ways::Spot;

/// All that are held.
#[derive(Default)]
pub struct Locks {
    machine: Vec<MachineLock>,
    shared: Vec<SharedLocks>,
}

impl Locks {
    /// Takes those of all places, account by account. A lock of this machine that cannot be taken is only a warning; if
    /// one across machines cannot be, the others are given back.
    pub async fn acquire(spots: &[&Spot], clocks: &Clocks, ui: &Ui) -> Result<Self, LockError> {
        let mut accounts = BTreeMap::<_, Vec<&Spot>>::new();
        for spot in spots {
            let caller = &spot.way.caller;
            accounts.entry((caller.partition.clone(), caller.account.clone())).or_default().push(spot);
        }
        let mut locks = Self::default();
        for spots in accounts.values() {
            let Some(way) = spots.first().map(|spot| &spot.way) else { continue };
            let waiting = || {
                ui.status(
                    "Waiting",
                    format!("for another run that publishes to account {}", way.caller.account),
                );
            };
            match machine_lock::acquire(&way.caller, waiting) {
                Ok(lock) => locks.machine.push(lock),
                Err(error) => ui.warning(format!("other runs on this machine are not kept out: {error}")),
            }
            let wanted = spots.iter().filter_map(|spot| {
                Some((spot.destination.lock.as_ref()?, &spot.place.layer_name, &spot.place.region))
            });
            let wanted = wanted.collect::<Vec<_>>();
            match shared_lock::acquire(&way.session, &way.caller, clocks, &wanted, ui).await {
                Ok(taken) => locks.shared.push(taken),
                Err(error) => {
                    locks.release(ui).await;
                    return Err(error);
                }
            }
        }
        Ok(locks)
    }

    /// Gives them back.
    pub async fn release(self, ui: &Ui) {
        for locks in self.shared {
            locks.release(ui).await;
        }
    }
}
