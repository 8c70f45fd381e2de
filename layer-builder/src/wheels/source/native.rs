//! Sources of which one wheel does not serve all: built with an interpreter of each Python version. Compiled code is for
//! the machine that this is, and for no other; it links this machine's libraries, and whether the runtimes have those is
//! for the audit to say.

use std::collections::BTreeSet;
use std::path::Path;

use super::workplace::Workplace;
use super::{BuiltWheel, Error, Job, already_built, file_name, is_pure};
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
        for &target in targets {
            if !add(&mut found, target) {
                let built = already_built(&self.home(Some(target.python))?)?;
                found.push((BTreeSet::new(), built));
                if !add(&mut found, target) {
                    return None;
                }
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// Wheels for all targets; `first` is one that was built with any Python.
    pub(super) fn compile(
        &self,
        work: &Workplace,
        first: &Path,
        targets: &[Target],
    ) -> Result<Wheels, Error> {
        let foreign = targets.iter().find(|target| !is_pure(first) && !is_like_this_machine(**target));
        if let Some(&target) = foreign {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;
    use crate::config::LayersFile;
    use crate::hash::Sha256;
    use crate::lock::uv::Network;
    use crate::spec::Spec;
    use crate::ui::{Ui, Verbosity};
    use crate::wheels::source::{Built, HASH_FILE, Input, Workshop};

    /// Earlier versions kept whatever was pure as if it served everything.
    #[test]
    fn what_was_built_before_counts_for_whom_it_serves() {
        let folder = tempfile::tempdir().unwrap();
        let text = "[layers.x]\nrequirements = [\"a\"]\npython = [\"3.12\", \"3.13\"]\narchitectures = [\"arm64\"]\n";
        let layers = LayersFile::parse(Path::new("/p/layers.toml"), text).unwrap();
        let spec = Spec::of(folder.path(), &layers.layers["x"]);
        let (cache, ui) = (Cache::at(folder.path()), Ui::new(Verbosity::Quiet, anstream::ColorChoice::Never));
        let shop = Workshop { spec: &spec, cache: &cache, network: Network::Forbidden, ui: &ui };
        let (input, identity) = (Input::Folder("a", folder.path()), Some("a".to_owned()));
        let job = Job { shop, input, identity, tools: Sha256::of(b"") };
        let known = |python: Option<&str>, tag: &str| {
            let home = job.home(python.map(|python| python.parse().unwrap())).unwrap();
            cache.write(&home.join(format!("a-1-{tag}.whl")), b"").unwrap();
            cache.write(&home.join(HASH_FILE), Sha256::of(b"").to_string().as_bytes()).unwrap();
            let known = job.known(&spec.targets);
            std::fs::remove_dir_all(home).unwrap();
            known
        };
        assert!(matches!(known(None, "py2.py3-none-any"), Some(Built::Whole(_))));
        assert!(known(None, "py2-none-any").is_none());
        assert!(known(None, "cp312-none-any").is_none());
        assert!(known(Some("3.12"), "cp312-none-any").is_none(), "3.13 has none");
        // Of both architectures and of both Pythons.
        let Some(Built::ByPython(wheels)) = known(Some("3.12"), "py312-none-any") else {
            panic!("it serves both")
        };
        assert_eq!(wheels.iter().map(|(pythons, _)| pythons.len()).collect::<Vec<_>>(), [2]);
    }
}
