//! Folders that are built: what becomes of wheels whose tags do not name every target. uv is a script here, which knows
//! no more of building than to put a wheel where it is told to.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use layer_builder::cache::Cache;
use layer_builder::config::LayersFile;
use layer_builder::lock::{Lock, requirements};
use layer_builder::relock;
use layer_builder::spec::Spec;
use layer_builder::zip_reader::ZipFile;
use tests::command::{Outcome, pythons, run};
use tests::wheels::{file, wheel};

use crate::targets::tagged;
use crate::world::World;

/// A project that asks for the folder `ours`, too. Its backend makes a wheel with this tag, where `N` is the minor version
/// of the Python that it runs with: 12, where none is named.
struct Project {
    world: World,
}

impl Project {
    fn of_tag(tag: &str) -> Self {
        let world = World::new(&[wheel("alpha", "1.0", &[file("alpha.py", "")])]);
        let project = Self { world };
        project.write("ours/pyproject.toml", "[project]\nname = \"ours\"\nversion = \"1.0\"\n");
        for minor in [12, 13] {
            let code = file("ours.py", format!("minor = {minor}\n"));
            let built = tagged(wheel("ours", "1.0", &[code]), &tag.replace('N', &minor.to_string()));
            project.write(&format!("built/{minor}/{}", built.file_name), &built.bytes);
        }
        let script = format!(
            "#!/bin/sh\nminor=12\ncase \"$1\" in\n--version) echo 'uv 0.13.9' ;;\nbuild)\n\
             while [ $# -gt 1 ]; do\n  [ \"$1\" = --out-dir ] && out=$2\n  [ \"$1\" = --python ] && \
             minor=$(\"$2\" -c 'import sys; print(sys.version_info[1])')\n  shift\ndone\n\
             cp \"{}/$minor\"/* \"$out\" ;;\n*) exit 1 ;;\nesac\n",
            project.world.path("built").display()
        );
        let uv = project.write("tools/uv", script);
        std::fs::set_permissions(uv, std::fs::Permissions::from_mode(0o755)).unwrap();
        project.ask_for_folder();
        project
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.world.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Puts the folder into `layers.toml`, and a lock beside it that fits, with files that are known.
    fn ask_for_folder(&self) {
        let (toml, lock) = (self.world.path("layers.toml"), self.world.path("requirements.small.txt"));
        let text = std::fs::read_to_string(&toml).unwrap();
        std::fs::write(&toml, text.replace("[\"alpha\"]", "[\"alpha\", \"./ours\"]")).unwrap();
        let layers = LayersFile::read(&toml).unwrap();
        let spec = Spec::of(self.world.folder.path(), &layers.layers["small"]);
        let cache = Cache::at(self.world.path("cache"));
        let known = || {
            let lock = Lock::read(&lock).unwrap().unwrap();
            cache.locations(relock::question(&lock, spec.layer.pythons[0]))
        };
        let before = known();
        let text = std::fs::read_to_string(&lock).unwrap();
        let packages = &text[text.find("alpha==").unwrap()..];
        let head = requirements::header("small", "0.0.0", requirements::inputs_of(&spec), &[]);
        std::fs::write(&lock, head + packages).unwrap();
        std::fs::copy(before, known()).unwrap();
        self.write("requirements.small.build.txt", "");
    }

    /// Builds where these Pythons are to be had.
    fn build(&self, pythons: &[PathBuf]) -> Outcome {
        let folders = pythons.iter().filter_map(|python| python.parent()).map(Path::to_path_buf);
        let folders = [self.world.path("tools"), "/usr/bin".into(), "/bin".into()].into_iter().chain(folders);
        let mut command = self.world.command(&["build", "--locked", "--verbose"]);
        command
            .env("PATH", std::env::join_paths(folders).unwrap())
            .env("PYENV_ROOT", self.world.path("none"));
        run(&mut command)
    }
}

fn paths(world: &World) -> Vec<String> {
    let zip = ZipFile::open(&world.zip()).unwrap();
    zip.entries().iter().map(|entry| entry.path.clone()).filter(|path| path.ends_with("ours.py")).collect()
}

#[test]
fn a_built_wheel_for_every_python_serves_all() {
    let project = Project::of_tag("py2.py3-none-any");
    let _ = project.build(&[]).expect_code(0);
    assert_eq!(paths(&project.world), ["python/ours.py"]);
}

#[test]
fn a_built_wheel_for_no_target_is_refused_though_it_is_pure() {
    let project = Project::of_tag("py2-none-any");
    let said = project.build(&[]).expect_code(1).stderr;
    let expected = "`ours` builds into `ours-1.0-py2-none-any.whl`, which does not serve python3.12 on arm64";
    assert!(said.contains(expected) && said.contains("name fewer targets"), "{said}");
    assert!(!project.world.zip().exists());
}

/// On both architectures: what is pure is built for those of other machines, too.
#[test]
fn a_built_wheel_for_one_python_is_built_for_each() {
    let found = pythons([12, 13]);
    if found.len() < 2 {
        tests::command::skipped(
            "a_built_wheel_for_one_python_is_built_for_each",
            "needs CPython 3.12 and 3.13",
        );
        return;
    }
    let project = Project::of_tag("cp3N-none-any");
    let outcome = project.build(&found).expect_code(0);
    let site = |minor: u8| format!("python/lib/python3.{minor}/site-packages/ours.py");
    assert_eq!(paths(&project.world), [site(12), site(13)]);
    assert!(!outcome.stderr.contains("compiled-here"), "{}", outcome.stderr);
}
