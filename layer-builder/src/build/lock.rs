//! The lock of a build: found, checked, and made anew where it does not fit and may be.

use std::collections::BTreeSet;

use super::{Error, Options, known};
use crate::cache::Cache;
use crate::lock::uv::{Network, Upgrade, Uv};
use crate::lock::{Lock, roots};
use crate::relock::{self, relock};
use crate::requirement::Wanted;
use crate::spec::{LockMaker, Spec};
use crate::ui::{Ui, counted, shown};

/// The lock, made anew if it does not fit and may be.
pub fn fresh_lock(spec: &Spec<'_>, options: Options, cache: &Cache, ui: &Ui) -> Result<Lock, Error> {
    let lock = fresh_or_refused(spec, options, cache, ui);
    lock.map_err(|error| match error {
        Error::Stale(_) | Error::Unmet { .. } | Error::NoLock(_) if spec.follows_branch => Error::OfBranch {
            keeping: if options.locked { "--locked" } else { "--offline" },
            why: Box::new(error),
        },
        error => error,
    })
}

fn fresh_or_refused(spec: &Spec<'_>, options: Options, cache: &Cache, ui: &Ui) -> Result<Lock, Error> {
    relock::check_files(spec)?;
    let path = &spec.lock;
    let fixed = options.locked || options.network == Network::Forbidden;
    if spec.lock_maker == LockMaker::SomebodyElse {
        let lock = given(spec, options.upgrade)?;
        match lock.missing_build_lock(spec) {
            Some(missing) if fixed => return Err(Error::NoLock(missing)),
            Some(_) => relock::tools_of_given(spec, &lock, || find_uv(cache, ui), cache, ui)?,
            None => {}
        }
        return Ok(lock);
    }
    if options.upgrade {
        return lock(spec, &Upgrade::Everything, cache, ui);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match Lock::read(path)? {
        Some(found) if found.fits(spec) && roots::unmet(spec, &found).is_none() => {
            match found.missing_build_lock(spec) {
                // A branch may have moved since.
                None if spec.follows_branch && !fixed => {
                    let packages = found.packages.iter().filter(|package| package.version().is_none());
                    let moved = Upgrade::Packages(packages.map(|package| package.name.clone()).collect());
                    return lock(spec, &moved, cache, ui);
                }
                None => return Ok(found),
                Some(missing) if fixed => return Err(Error::NoLock(missing)),
                Some(missing) => ui.note(format!("there is no `{}`; locking again", shown(&missing))),
            }
        }
        Some(found) if fixed => return Err(stale(spec, &found)),
        None if fixed => return Err(Error::NoLock(path.clone())),
        Some(found) => match stale(spec, &found) {
            Error::Unmet { why, .. } => ui.note(format!("`{name}` was changed: {why}; locking again")),
            _ => ui.note(format!("`{name}` was made for something else; locking again")),
        },
        None => ui.note(format!("there is no `{name}` yet; locking")),
    }
    lock(spec, &Upgrade::Nothing, cache, ui)
}

/// Makes the lock anew, and tells what has changed.
pub fn lock(spec: &Spec<'_>, upgrade: &Upgrade, cache: &Cache, ui: &Ui) -> Result<Lock, Error> {
    relock::check_files(spec)?;
    let (lock, changes) = if spec.lock_maker == LockMaker::SomebodyElse {
        let lock = given(spec, *upgrade != Upgrade::Nothing)?;
        relock::tools_of_given(spec, &lock, || find_uv(cache, ui), cache, ui)?;
        (lock, Vec::new())
    } else {
        relock(spec, &find_uv(cache, ui)?, upgrade, cache, ui)?
    };
    for change in &changes {
        ui.status("Changed", change);
    }
    let names: BTreeSet<_> = spec.layer.requirements.iter().filter_map(Wanted::name).collect();
    let versions = names.iter().filter_map(|name| Some(format!(", {name} {}", lock.pin_of(name)?)));
    let packages = counted(lock.packages.len(), "package");
    ui.status("Locked", format!("{}: {packages}{}", spec.artifact(), versions.collect::<String>()));
    Ok(lock)
}

fn find_uv(cache: &Cache, ui: &Ui) -> Result<Uv, relock::Error> {
    Ok(Uv::find(cache, Network::Allowed, ui)?)
}

/// What is wrong with a lock that does not fit.
fn stale(spec: &Spec<'_>, lock: &Lock) -> Error {
    match roots::unmet(spec, lock).filter(|_| lock.fits(spec)) {
        Some(why) => Error::Unmet { lock: spec.lock.clone(), why },
        None => Error::Stale(spec.lock.clone()),
    }
}

/// The lock that somebody else has made, if it fits.
fn given(spec: &Spec<'_>, upgrade: bool) -> Result<Lock, Error> {
    if upgrade {
        return Err(Error::NotOurs(spec.lock.clone()));
    }
    relock::read_given(spec)?.ok_or_else(|| Error::NoGiven(spec.lock.clone()))
}

/// Whether the lock fits as it is; the error is why it does not. What its packages ask for counts as far as `cache` has
/// their wheels.
pub fn check(spec: &Spec<'_>, cache: Option<&Cache>, ui: &Ui) -> Result<(), Error> {
    relock::check_files(spec)?;
    let lock = match spec.lock_maker {
        LockMaker::SomebodyElse => given(spec, false)?,
        LockMaker::Ourselves => {
            let lock = Lock::read(&spec.lock)?.ok_or_else(|| Error::NoLock(spec.lock.clone()))?;
            if !lock.fits(spec) || roots::unmet(spec, &lock).is_some() {
                return Err(stale(spec, &lock));
            }
            lock
        }
    };
    if let Some(missing) = lock.missing_build_lock(spec) {
        return Err(Error::NoLock(missing));
    }
    cache.map_or(Ok(()), |cache| known::check(spec, &lock, cache, ui))
}
