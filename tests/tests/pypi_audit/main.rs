//! The audit, the bill of materials and the proofs of a build, on real wheels, judged by others: readelf, a validator of
//! CycloneDX, real Pythons. Everything here needs the network, and says so in its name.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tests::command::{Outcome, binary, clean, pythons, run, workspace};

/// A copy of what the layer sosw is built from, or another layer, in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
    cache: PathBuf,
}

impl Project {
    fn sosw() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["layers.toml", "requirements.sosw.txt", "requirements.sosw.build.txt"] {
            std::fs::copy(workspace().join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, cache: shared_cache().to_path_buf() }
    }

    fn of(requirements: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[layers.own]\nrequirements = {requirements}\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n"
        );
        std::fs::write(folder.path().join("layers.toml"), text).unwrap();
        Self { folder, cache: shared_cache().to_path_buf() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clean(binary("layer-builder"));
        command.current_dir(self.folder.path()).env("LAYER_BUILDER_CACHE_DIR", &self.cache).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        run(&mut self.command(arguments))
    }

    fn unpack(&self, zip: &str) -> PathBuf {
        self.unpack_to(zip, "opt")
    }

    fn unpack_to(&self, zip: &str, folder: &str) -> PathBuf {
        let mut command = clean("python3");
        command.args(["-m", "zipfile", "-e", zip, folder]).current_dir(self.folder.path());
        let _ = run(&mut command).expect_code(0);
        self.path(folder)
    }
}

/// One cache for the tests of one process, so that they do not download everything again and again.
fn shared_cache() -> &'static Path {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    CACHE.get_or_init(|| binary("layer-builder").parent().unwrap().join("tests-cache"))
}

/// Every compiled library below a folder.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(libraries(&path));
        } else if name.ends_with(".so") || name.contains(".so.") {
            found.push(path);
        }
    }
    found
}

/// `DT_NEEDED` and the newest glibc, as readelf reads them.
fn by_readelf(path: &Path) -> (Vec<String>, Option<(u32, u32)>) {
    let outcome =
        run(clean("readelf").args(["--wide", "--dynamic", "--version-info"]).arg(path)).expect_code(0);
    let needed = outcome.stdout.lines().filter(|line| line.contains("(NEEDED)"));
    let needed = needed.map(|line| line.split(['[', ']']).nth(1).unwrap().to_owned()).collect();
    let mut glibc = None;
    for line in outcome.stdout.lines() {
        let version = line.split("Name: GLIBC_").nth(1).and_then(|rest| rest.split_whitespace().next());
        let mut numbers = version.unwrap_or_default().split('.').map(str::parse);
        if let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) {
            glibc = glibc.max(Some((major, minor)));
        }
    }
    (needed, glibc)
}

#[test]
fn pypi_libraries_are_read_as_readelf_reads_them() {
    if clean("readelf").arg("--version").output().is_err() {
        eprintln!("skipped: found no readelf");
        return;
    }
    let mut project = Project::of(r#"["numpy", "pyarrow", "cryptography"]"#);
    project.cache = project.path("cache");
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Audited "), "{}", outcome.stderr);
    let mut facts: BTreeMap<String, Value> = BTreeMap::new();
    // The number in its name counts the forms of what lies there.
    let mut folders = std::fs::read_dir(project.path("cache")).unwrap().flatten();
    let native = folders.find(|folder| folder.file_name().to_string_lossy().starts_with("native-")).unwrap();
    for file in std::fs::read_dir(native.path()).unwrap().flatten() {
        let one: BTreeMap<String, Value> =
            serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
        facts.extend(one);
    }
    let opt = project.unpack("target/layers/own.zip");
    let mut compared = 0;
    for (entry, fact) in facts {
        let path = opt.join("python").join(&entry);
        let Some(elf) = fact.get("Elf").filter(|_| path.is_file()) else { continue };
        let read: (Vec<String>, Option<(u32, u32)>) =
            serde_json::from_value(serde_json::json!([elf["needed"], elf["glibc"]])).unwrap();
        assert_eq!(read, by_readelf(&path), "{entry}");
        assert_eq!(elf["machine"], "x86_64", "{entry}");
        compared += 1;
    }
    assert!(compared > 30, "only {compared} libraries were compared");
}

#[test]
fn pypi_compiled_packages_import_under_a_real_python() {
    if pythons([12]).is_empty() || std::env::consts::ARCH != "x86_64" {
        eprintln!("skipped: found no CPython 3.12 for x86-64");
        return;
    }
    let project = Project::of(r#"["numpy", "cryptography", "sosw"]"#);
    let outcome = project.run(&["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains(" modules import under CPython 3.12."), "{}", outcome.stderr);
    let count =
        |word: usize| outcome.stderr.split("Tried ").nth(1).unwrap().split(' ').nth(word).unwrap().to_owned();
    assert_eq!(count(0), count(2), "all of them import");
}

/// Compiled code differs by Python version and by architecture: two zips, each with what its targets load.
#[test]
fn pypi_a_zip_for_each_architecture_is_audited_for_its_own() {
    let project = Project::of(r#"["numpy", "sosw"]"#);
    let toml = std::fs::read_to_string(project.path("layers.toml")).unwrap();
    let toml = toml.replace("[\"3.12\"]", "[\"3.12\", \"3.13\"]");
    let toml = toml.replace("[\"x86_64\"]", "[\"x86_64\", \"arm64\"]\nsplit = \"architecture\"");
    std::fs::write(project.path("layers.toml"), toml).unwrap();
    let outcome = project.run(&["build", "--smoke", "--sbom", "bill.json"]).expect_code(0);
    assert_eq!(outcome.stdout, "target/layers/own-arm64.zip\ntarget/layers/own-x86_64.zip\n");
    let machine = std::env::consts::ARCH;
    let foreign = if machine == "x86_64" { "arm64" } else { "x86_64" };
    assert!(outcome.stderr.contains(&format!("{foreign} (this machine is {machine})")), "{}", outcome.stderr);
    for python in pythons([12, 13]) {
        let minor = python.file_name().unwrap().to_string_lossy().replace("python", "");
        let line = outcome
            .stderr
            .lines()
            .find(|line| line.contains(&format!(" modules import under CPython {minor}.")));
        let line = line.unwrap_or_else(|| panic!("{}", outcome.stderr));
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], words[3], "{line}");
    }
    for (name, machine) in [("own-arm64", "AArch64"), ("own-x86_64", "X86-64")] {
        let manifest = std::fs::read(project.path(&format!("target/layers/{name}.json"))).unwrap();
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let bad =
            manifest["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "note");
        assert_eq!(bad.count(), 0, "{manifest}");
        if clean("readelf").arg("--version").output().is_err() {
            eprintln!("skipped: found no readelf");
            continue;
        }
        let libraries = libraries(&project.unpack_to(&format!("target/layers/{name}.zip"), name));
        assert!(libraries.len() > 20, "{libraries:?}");
        for library in libraries {
            let head = run(clean("readelf").arg("-h").arg(&library)).expect_code(0).stdout;
            let line = head.lines().find(|line| line.trim().starts_with("Machine:")).unwrap();
            assert!(line.ends_with(machine), "{}: {line}", library.display());
            // Amazon Linux 2023.
            assert!(by_readelf(&library).1 <= Some((2, 34)), "{}", library.display());
        }
    }
    for name in ["bill-arm64.json", "bill-x86_64.json"] {
        let bill: Value = serde_json::from_slice(&std::fs::read(project.path(name)).unwrap()).unwrap();
        assert!(bill["components"].as_array().unwrap().len() > 5, "{name}");
    }
    // numpy has a wheel for each Python.
    let _ = Validator::install(&project).run(&project.path("bill-x86_64.json")).expect_code(0);
    let modified = |name: &str| std::fs::metadata(project.path(name)).unwrap().modified().unwrap();
    let before = modified("target/layers/own-arm64.zip");
    let outcome = project.run(&["build"]).expect_code(0);
    assert_eq!(outcome.stderr.matches("Fresh").count(), 2, "{}", outcome.stderr);
    assert_eq!(before, modified("target/layers/own-arm64.zip"));
    std::fs::remove_file(project.path("target/layers/own-x86_64.zip")).unwrap();
    let outcome = project.run(&["build"]).expect_code(0);
    assert_eq!(outcome.stderr.matches("Packaged").count(), 2, "{}", outcome.stderr);
}

#[test]
fn pypi_a_layer_that_is_too_large_is_refused_with_its_largest_packages() {
    let project = Project::of(r#"["numpy", "pandas", "pyarrow"]"#);
    let outcome = project.run(&["build", "--compress", "max"]).expect_code(1);
    assert!(
        outcome.stderr.contains("and Lambda allows 262.1 MB; the largest are pyarrow"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("(unzipped-too-large)"), "{}", outcome.stderr);
    assert!(
        !outcome.stderr.contains("Compressed"),
        "what is refused is not compressed first: {}",
        outcome.stderr
    );
}

/// The validator that the makers of the format publish, installed from a hashed lock.
struct Validator {
    python: PathBuf,
}

impl Validator {
    fn install(project: &Project) -> Self {
        let lock = workspace().join("tests/tests/pypi_audit/requirements.cyclonedx.txt");
        let _ = project.run(&["uv", "--", "venv", "--quiet", "venv"]).expect_code(0);
        let install = [
            "uv",
            "--",
            "pip",
            "install",
            "--quiet",
            "--python",
            "venv",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ];
        let mut command = project.command(&install);
        let _ = run(command.arg("-r").arg(lock)).expect_code(0);
        Self { python: project.path("venv/bin/python") }
    }

    fn run(&self, bill: &Path) -> Outcome {
        let program = "import sys\n\
            from cyclonedx.validation.json import JsonStrictValidator\n\
            from cyclonedx.schema import SchemaVersion\n\
            error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())\n\
            sys.exit(str(error) if error else 0)";
        run(clean(&self.python).args(["-c", program]).arg(bill))
    }
}

#[test]
fn pypi_the_bill_of_materials_is_valid() {
    let project = Project::sosw();
    let _ = project.run(&["build", "--locked", "--sbom", "bill.json"]).expect_code(0);
    let validator = Validator::install(&project);
    let _ = validator.run(&project.path("bill.json")).expect_code(0);
    // The validator does refuse what is wrong.
    let text = std::fs::read_to_string(project.path("bill.json")).unwrap();
    std::fs::write(project.path("wrong.json"), text.replacen("\"purl\"", "\"prul\"", 1)).unwrap();
    let _ = validator.run(&project.path("wrong.json")).expect_code(1);
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["components"].as_array().unwrap().len(), 17);
    assert!(bill["components"].as_array().unwrap().iter().all(|component| component["licenses"].is_array()));
}

#[test]
fn pypi_every_way_of_packing_stands_its_proofs() {
    if pythons([12, 13]).len() < 2 {
        eprintln!("skipped: found no CPython 3.12 and 3.13");
        return;
    }
    let project = Project::sosw();
    let toml = std::fs::read_to_string(project.path("layers.toml")).unwrap();
    std::fs::write(project.path("layers.toml"), toml.replace(", \"3.14\"", "")).unwrap();
    let outcome =
        project.run(&["build", "--compress", "max", "--bytecode", "--smoke", "--verify"]).expect_code(0);
    for part in ["Compiled ", "Compressed ", "Verified ", "Tried 17 of 17 modules import under CPython 3.12."]
    {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Packaged"), "{}", outcome.stderr);
    let outcome = project.run(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Fresh"), "{}", outcome.stderr);
}
