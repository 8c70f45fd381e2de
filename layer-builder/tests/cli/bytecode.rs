//! `build --bytecode`: what is compiled, for whom, and what it counts for.

use serde_json::Value;
use tests::command::{clean, pythons, run};
use tests::server::Answer;
use tests::wheels::{file, wheel};

use crate::proofs::{X86_12, contents, has_python, layer, manifest, text, with_pythons};
use crate::world::World;

#[test]
fn bytecode_is_for_the_runtimes_folders_and_never_stale() {
    if !has_python() {
        return;
    }
    let template = file("beta/template.py", "this is {{ no }} python\n");
    let mut wheels = layer();
    wheels.push(wheel("gamma", "1", &[template, file("gamma.py", "x = {'a', 'b'}\n")]));
    let world = World::for_targets(&wheels, X86_12);
    let outcome = with_pythons(&world, &["build", "--bytecode", "--verify"]).expect_code(0);
    let compiled =
        outcome.stderr.lines().find(|line| line.contains("Compiled 5 files with CPython 3.12.")).unwrap();
    assert!(compiled.ends_with(" kB more, unzipped"), "the size it costs is shown: {compiled}");
    assert!(manifest(&world)["bytecode"][0].as_str().unwrap().starts_with("3.12."));
    let files = contents(&world.zip());
    let compiled: Vec<&str> =
        files.iter().map(|(path, ..)| path.as_str()).filter(|path| path.ends_with(".pyc")).collect();
    assert_eq!(
        compiled,
        [
            "python/__pycache__/gamma.cpython-312.pyc",
            "python/__pycache__/same.cpython-312.pyc",
            "python/alpha/__pycache__/__init__.cpython-312.pyc",
            "python/alpha/__pycache__/more.cpython-312.pyc",
            "python/beta/__pycache__/__init__.cpython-312.pyc",
        ]
    );
    let pyc = &files.iter().find(|(path, ..)| path == compiled[2]).unwrap().2;
    // PEP 552: a hash-based file whose source is not checked.
    assert_eq!(pyc[4..8], [1, 0, 0, 0]);
    let pyc = String::from_utf8_lossy(pyc).into_owned();
    assert!(pyc.contains("/opt/python/alpha/__init__.py"), "{pyc}");
    // The interpreter takes it, even where the source says something else.
    let opt = world.path("opt");
    for (path, _, content) in &files {
        let path = opt.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::write(opt.join("python/alpha/__init__.py"), "raise SystemExit(9)\n").unwrap();
    let program = "import sys; sys.path.insert(0, sys.argv[1]); import alpha; print(alpha.line_3)";
    let mut command = clean(&pythons([12])[0]);
    let outcome = run(command.args(["-I", "-B", "-c", program]).arg(opt.join("python"))).expect_code(0);
    assert_eq!(outcome.stdout, "4\n");
    // Without the flag there is none.
    let _ = world.run(&["build"]).expect_code(0);
    assert!(contents(&world.zip()).iter().all(|(path, ..)| !path.ends_with(".pyc")));
}

/// A RECORD names no bytecode; it belongs to the package of its source nevertheless.
#[test]
fn bytecode_belongs_to_the_package_of_its_source() {
    if !has_python() {
        return;
    }
    let world = World::for_targets(&layer(), X86_12);
    let table = |world: &World| {
        let table = world.run(&["inspect", "small"]).expect_code(0).stdout;
        assert!(!table.contains("(no package)"), "{table}");
        table
    };
    let _ = with_pythons(&world, &["build", "--bytecode"]).expect_code(0);
    let _ = table(&world);
    std::fs::copy(world.zip(), world.path("old.zip")).unwrap();
    let newer = wheel(
        "alpha",
        "1.1",
        &[file("alpha/__init__.py", text(3)), file("alpha/more.py", text(7)), file("same.py", "x = 1\n")],
    );
    world.server.answer(&format!("/{}", newer.file_name), Answer::File(newer.bytes.clone()));
    world.write_project(&[newer, layer().remove(1)], |wheel| {
        world.server.url(&format!("/{}", wheel.file_name))
    });
    let _ = with_pythons(&world, &["build", "--bytecode"]).expect_code(0);
    let _ = table(&world);
    let diff = world.run(&["inspect", "small", "--diff", "old.zip"]).expect_code(0).stdout;
    // Its module and the bytecode of that, METADATA and RECORD.
    assert_eq!(diff.lines().next().unwrap(), "alpha 1.0 -> 1.1, 4 files");
    assert_eq!(diff.lines().count(), 2, "{diff}");

    // It counts for the largest packages as it does for the table.
    let json = world.run(&["inspect", "small", "--format", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    world.add_to_table(&format!("max-unzipped-size = {}\n", json["unzipped_size"]));
    let outcome = with_pythons(&world, &["build", "--bytecode"]).expect_code(0);
    let kilobytes = json["packages"][0]["unzipped_size"].as_f64().unwrap() / 1000.0;
    let said = format!("the largest are alpha 1.1 ({kilobytes:.1} kB)");
    assert!(outcome.stderr.contains(&said), "{said}: {}", outcome.stderr);
}

/// What the layer itself puts where bytecode goes is what it asks for, and no file is there twice.
#[test]
fn bytecode_that_is_included_stays() {
    if !has_python() {
        return;
    }
    let world = World::for_targets(&layer(), X86_12);
    let place = "python/alpha/__pycache__/more.cpython-312.pyc";
    std::fs::write(world.path("own.pyc"), "own").unwrap();
    world.add_to_table(&format!("include = {{ \"{place}\" = \"own.pyc\" }}\n"));
    let _ = with_pythons(&world, &["build", "--bytecode", "--verify"]).expect_code(0);
    let files = contents(&world.zip());
    let at_place: Vec<_> = files.iter().filter(|(path, ..)| path == place).collect();
    assert_eq!(at_place.len(), 1);
    assert_eq!(at_place[0].2, b"own");
    assert!(files.is_sorted_by(|one, other| one.0 < other.0));
}

#[test]
fn bytecode_without_an_interpreter_is_an_error_that_says_how_to_get_one() {
    let world = World::for_targets(&layer(), X86_12);
    let mut command = world.command(&["build", "--bytecode"]);
    let outcome = run(command.env("PATH", "").env("PYENV_ROOT", world.path("none"))).expect_code(1);
    assert!(outcome.stderr.contains("found no CPython 3.12 to compile for python3.12"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("uv -- python install 3.12"), "{}", outcome.stderr);
}
