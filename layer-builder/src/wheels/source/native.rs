//! Sources with compiled code: built for the machine that this is, with an interpreter of each Python version, and for no
//! other machine. They link this machine's libraries; whether the runtimes have those is for the audit to say.

use std::collections::BTreeSet;
use std::path::Path;

use super::workplace::Workplace;
use super::{BuiltWheel, Error, Job, already_built, file_name};
use crate::interpreter::Interpreter;
use crate::target::{PythonVersion, Target};
use crate::wheels::tags::{AcceptedTags, WheelName};

/// What this machine is: `linux on x86_64`.
pub(super) fn machine() -> String {
    format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Whether compiled code that is made here is code for `target`.
pub fn is_like_this_machine(target: Target) -> bool {
    std::env::consts::OS == "linux" && std::env::consts::ARCH == target.architecture.machine()
}

fn serves(wheel: &Path, target: Target) -> bool {
    WheelName::parse(&file_name(wheel)).is_ok_and(|name| AcceptedTags::of(target).rank(&name).is_some())
}

type Wheels = Vec<(BTreeSet<PythonVersion>, BuiltWheel)>;

impl Job<'_> {
    /// The wheels of an earlier build, if they serve all targets.
    pub(super) fn already_compiled(&self, targets: &[Target]) -> Option<Wheels> {
        let mut found = Wheels::new();
        for &target in targets.iter().filter(|target| is_like_this_machine(**target)) {
            if !add(&mut found, target) {
                let built = already_built(&self.home(Some(target.python))?)?;
                found.push((BTreeSet::new(), built));
                if !add(&mut found, target) {
                    return None;
                }
            }
        }
        (!found.is_empty() && targets.iter().copied().all(is_like_this_machine)).then_some(found)
    }

    /// Wheels for all targets; `first` is one that was built with any Python.
    pub(super) fn compile(
        &self,
        work: &Workplace,
        first: &Path,
        targets: &[Target],
    ) -> Result<Wheels, Error> {
        if let Some(&target) = targets.iter().find(|target| !is_like_this_machine(**target)) {
            let (file, wheel) = (self.input.name(), file_name(first));
            return Err(Error::Foreign { file, wheel, machine: machine(), target });
        }
        let mut found = Wheels::new();
        for &target in targets {
            if add(&mut found, target) {
                continue;
            }
            let unserved = |wheel: &Path, has_python| Error::Unserved {
                file: self.input.name(),
                wheel: file_name(wheel),
                target,
                has_python,
            };
            let wheel = if serves(first, target) {
                first.to_path_buf()
            } else {
                let python = Interpreter::find(target.python).ok_or_else(|| unserved(first, false))?;
                self.shop
                    .ui
                    .status("Building", format!("{} with Python {}", self.input.name(), python.version));
                let wheel = self.run(work, Some(&python))?;
                if !serves(&wheel, target) {
                    return Err(unserved(&wheel, true));
                }
                wheel
            };
            found.push(([target.python].into(), self.keep(&wheel, Some(target.python))?));
        }
        Ok(found)
    }
}

/// Lets the first wheel that can serve a target, if there is one.
fn add(wheels: &mut Wheels, target: Target) -> bool {
    match wheels.iter_mut().find(|(_, wheel)| serves(&wheel.path, target)) {
        Some((pythons, _)) => {
            pythons.insert(target.python);
            true
        }
        None => false,
    }
}
