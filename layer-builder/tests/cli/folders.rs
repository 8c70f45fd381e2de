//! Layers of folders of this machine, which are built each time: by a uv that is played here, and no backend.

use std::path::Path;

use tests::command::{Outcome, run};
use tests::wheels::{TestWheel, file, wheel};

use crate::world::World;

/// A layer of a folder with the project `own`, and of `alpha`, which has a wheel for each architecture.
struct OfFolder {
    world: World,
}

impl OfFolder {
    fn new() -> Self {
        let world = World::new(&[wheel("alpha", "1.0", &[])]);
        let alpha = |machine: &str| {
            let native = wheel("alpha", "1.0", &[file("alpha.py", format!("{machine} = 1\n"))]);
            let name =
                native.file_name.replace("py3-none-any", &format!("cp312-cp312-manylinux_2_17_{machine}"));
            TestWheel { file_name: name, ..native }
        };
        let mut lock = "lock-version = \"1.0\"\ncreated-by = \"somebody\"\n[[packages]]\nname = \"alpha\"\n\
                        version = \"1.0\"\nwheels = [\n"
            .to_owned();
        for alpha in ["x86_64", "aarch64"].map(alpha) {
            let (name, hash) = (&alpha.file_name, alpha.sha256());
            lock += &format!("{{ path = {name:?}, hashes = {{ sha256 = \"{hash}\" }} }},\n");
            std::fs::write(world.path(name), &alpha.bytes).unwrap();
        }
        std::fs::write(world.path("pylock.toml"), lock + "]\n").unwrap();
        let toml = "[layers.small]\nrequirements = [\"alpha\", \"./own\"]\npython = [\"3.12\"]\nlock = \"pylock.toml\"\n\
                    architectures = [\"x86_64\", \"arm64\"]\nsplit = \"architecture\"\n";
        std::fs::write(world.path("layers.toml"), toml).unwrap();
        std::fs::create_dir_all(world.path("own")).unwrap();
        std::fs::write(world.path("own/pyproject.toml"), "[project]\nname = \"own\"\n").unwrap();
        let played = Self { world };
        played.play_uv();
        played.becomes("x = 1\n");
        played
    }

    /// What the folder is built into from now on.
    fn becomes(&self, text: &str) {
        let own = wheel("own", "1.0", &[file("own.py", text)]);
        std::fs::write(self.world.path(&own.file_name), &own.bytes).unwrap();
    }

    fn play_uv(&self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.world.path("tools/uv");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let home = self.world.folder.path().display();
        // Nothing has to be resolved: the project is built without tools.
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.9.0' && exit\ncase \"$1\" in\n\
             pip) while [ \"$1\" != --output-file ]; do shift; done; : > \"$2\" ;;\n\
             build) while [ \"$1\" != --out-dir ]; do shift; done; cp {home}/own-*.whl \"$2\" ;;\n\
             *) exit 2 ;;\nesac\n"
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.world.path("tools")).chain(std::env::split_paths(&path));
        run(self.world.command(arguments).env("PATH", std::env::join_paths(folders).unwrap()))
    }

    fn zips(&self) -> [Vec<u8>; 2] {
        let zip = |name: &str| std::fs::read(self.world.path("target/layers").join(name)).unwrap();
        [zip("small-arm64.zip"), zip("small-x86_64.zip")]
    }
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_folder_is_built_once_for_all_zips_and_its_wheel_is_kept_once() {
    let layer = OfFolder::new();
    let mut zips = Vec::new();
    for _ in 0..3 {
        let outcome = layer.run(&["build"]).expect_code(0);
        assert_eq!(outcome.stderr.matches("Building own").count(), 1, "{}", outcome.stderr);
        zips.push(layer.zips());
    }
    assert!(zips.iter().all(|made| *made == zips[0]) && zips[0][0] != zips[0][1]);
    let built = layer.world.path("cache/built");
    assert_eq!(entries(&built), 1, "nothing has changed");
    layer.becomes("x = 2\n");
    let _ = layer.run(&["build"]).expect_code(0);
    assert_ne!(layer.zips(), zips[0], "each build looks again");
    assert_eq!(entries(&built), 2);

    // A wheel that was damaged meanwhile is made again.
    for folder in std::fs::read_dir(&built).unwrap().flatten() {
        std::fs::write(folder.path().join("own-1.0-py3-none-any.whl"), "damaged").unwrap();
    }
    let _ = layer.run(&["build"]).expect_code(0);
}

#[test]
fn what_is_explained_of_a_folder_is_that_it_is_built() {
    let layer = OfFolder::new();
    let explained = layer.run(&["build", "--explain", "own"]).expect_code(0).stdout;
    let expected = "python3.12 on x86_64: own\n  taken    `own`, a folder, which is built each time\n";
    assert!(explained.contains(expected), "{explained}");
    let outcome = layer.run(&["build", "--explain", "alhpa"]).expect_code(1);
    assert!(outcome.stderr.contains("hint: did you mean `alpha`?"), "{}", outcome.stderr);
    let outcome = layer.run(&["build", "--explain", "numpy"]).expect_code(1);
    assert!(outcome.stderr.contains("hint: name a package that `pylock.toml` holds"), "{}", outcome.stderr);
}
