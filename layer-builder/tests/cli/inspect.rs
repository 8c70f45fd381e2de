//! `layer-builder inspect` and `build --sbom`: what is in a layer, what has changed, and its licences.

use serde_json::Value;
use tests::elf::TestElf;
use tests::wheels::{TestWheel, file, wheel, wheel_with};

use crate::targets::tagged;
use crate::world::World;

fn layer() -> Vec<TestWheel> {
    let library = file("beta/core.so", TestElf { machine: 62, ..TestElf::default() }.bytes());
    vec![
        wheel_with(
            "alpha",
            "1.0",
            "Summary: the first letter\nLicense: MIT License\nRequires-Dist: beta>=2\nRequires-Dist: gamma ; extra == 'all'\n",
            &[file("alpha/__init__.py", "x = 1\n".repeat(500)), file("alpha/same.py", "same")],
        ),
        wheel_with("beta", "2.1+local", "License-Expression: Apache-2.0 OR BSD-3-Clause\n", &[library]),
        wheel("gamma", "3", &[file("gamma.py", "")]),
    ]
}

const X86_12: &str = "python = [\"3.12\"]\narchitectures = [\"x86_64\"]\n";

#[test]
fn packages_are_shown_with_licence_kind_and_share() {
    let world = World::for_targets(&layer(), X86_12);
    let _ = world.run(&["build"]).expect_code(0);
    let table = world.run(&["inspect", "small"]).expect_code(0).stdout;
    let row = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("alpha")[..5], ["alpha", "1.0", "MIT", "pure", "5"]);
    assert_eq!(row("beta")[1..6], ["2.1+local", "Apache-2.0", "OR", "BSD…", "native"]);
    assert_eq!(row("gamma")[..4], ["gamma", "3", "?", "pure"]);
    let json = world.run(&["inspect", "small", "--format", "json"]).expect_code(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let shares =
        json["packages"].as_array().unwrap().iter().map(|package| package["percent"].as_f64().unwrap());
    assert!((shares.sum::<f64>() - 100.0).abs() < 0.3);
    assert_eq!(json["packages"][0]["license"], "MIT");
}

#[test]
fn the_licence_of_the_layer_is_that_of_its_packages_unless_the_table_names_one() {
    let license = |world: &World| {
        let _ = world.run(&["build"]).expect_code(0);
        let manifest = std::fs::read(world.path("target/layers/small.json")).unwrap();
        serde_json::from_slice::<Value>(&manifest).unwrap()["license"].clone()
    };
    let world = World::for_targets(&layer(), X86_12);
    assert_eq!(license(&world), "(Apache-2.0 OR BSD-3-Clause) AND LicenseRef-unknown AND MIT");
    world.add_to_table("license = \"ours\"\n");
    assert_eq!(license(&world), "ours");
}

#[test]
fn changes_are_told_in_words() {
    let world = World::for_targets(&layer(), X86_12);
    let _ = world.run(&["build"]).expect_code(0);
    std::fs::copy(world.zip(), world.path("old.zip")).unwrap();
    let diff = |arguments: &[&str]| {
        world.run(&[&["inspect", "small", "--diff"], arguments].concat()).expect_code(0).stdout
    };
    assert_eq!(diff(&["old.zip"]), "no difference: both zips are equal to the byte\n");

    let newer = vec![
        wheel(
            "alpha",
            "1.1",
            &[file("alpha/__init__.py", "x = 2\n"), file("alpha/same.py", "same"), file("alpha/new.py", "")],
        ),
        layer().remove(1),
        wheel("delta", "4", &[file("delta.py", "")]),
    ];
    for wheel in &newer {
        world
            .server
            .answer(&format!("/{}", wheel.file_name), tests::server::Answer::File(wheel.bytes.clone()));
    }
    world.write_project(&newer, |wheel| world.server.url(&format!("/{}", wheel.file_name)));
    let _ = world.run(&["build"]).expect_code(0);
    let text = diff(&["old.zip"]);
    let lines: Vec<&str> = text.lines().collect();
    // Of alpha: its code, its new file, METADATA and RECORD.
    assert_eq!(
        lines[..3],
        ["alpha 1.0 -> 1.1, 4 files", "delta 4 added, 4 files", "gamma 3 removed, 4 files"]
    );
    assert!(lines[3].ends_with(" unzipped") && lines.len() == 4, "{text}");
    let json: Value = serde_json::from_str(&diff(&["old.zip", "--format", "json"])).unwrap();
    assert_eq!(
        json["changes"][0],
        serde_json::json!({ "name": "alpha", "before": "1.0", "after": "1.1", "files": 4 })
    );

    // The other way round, and files that belong to nobody.
    let plain = |name: &str, content: &str| tests::wheels::zip(&[file(name, content), file("lib/same", "")]);
    std::fs::write(world.path("a.zip"), plain("lib/one", "1")).unwrap();
    std::fs::write(world.path("b.zip"), plain("lib/one", "2")).unwrap();
    std::fs::write(world.path("c.zip"), plain("lib/two", "2")).unwrap();
    let diff = |one: &str, other: &str| world.run(&["inspect", one, "--diff", other]).expect_code(0).stdout;
    assert!(diff("b.zip", "a.zip").starts_with("lib/one changed\n"));
    assert!(diff("c.zip", "a.zip").starts_with("lib/two added\nlib/one removed\n"));
}

/// CycloneDX wants references and dependencies to be unique.
#[test]
fn the_bill_of_materials_names_a_package_of_several_wheels_once() {
    let core = |minor: u8| {
        let code = file("core/__init__.py", format!("minor = {minor}\n"));
        tagged(wheel("core", "2.0", &[code]), &format!("cp3{minor}-cp3{minor}-manylinux_2_17_x86_64"))
    };
    let (old, new) = (core(12), core(13));
    let user = wheel_with("user", "1.0", "Requires-Dist: core\n", &[file("user.py", "")]);
    let world = World::for_targets(
        &[old.clone(), new.clone(), user],
        "python = [\"3.12\", \"3.13\"]\narchitectures = [\"x86_64\"]\n",
    );
    let _ = world.run(&["build", "--sbom", "bill.json"]).expect_code(0);
    let bill: Value = serde_json::from_slice(&std::fs::read(world.path("bill.json")).unwrap()).unwrap();
    let references: Vec<&str> =
        bill["components"].as_array().unwrap().iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(references, ["pkg:pypi/core@2.0", "pkg:pypi/user@1.0"]);
    let listed = |list: &Value, key: &str| {
        let all = list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned());
        all.collect::<std::collections::BTreeSet<String>>()
    };
    let core = &bill["components"][0];
    assert_eq!(listed(&core["hashes"], "content"), [old.sha256(), new.sha256()].into());
    assert_eq!(listed(&core["properties"], "value"), [old.file_name, new.file_name].into());
    let dependencies = bill["dependencies"].as_array().unwrap();
    assert_eq!(dependencies.len(), 3, "the layer and both: {dependencies:?}");
    assert_eq!(dependencies[0]["dependsOn"], serde_json::json!(["pkg:pypi/user@1.0"]));
    let of_core = dependencies.iter().filter(|one| one["ref"] == "pkg:pypi/core@2.0");
    assert_eq!(of_core.count(), 1);
}

#[test]
fn the_bill_of_materials_names_every_package() {
    let world = World::for_targets(&layer(), X86_12);
    let outcome = world.run(&["build", "--sbom", "bill.json"]).expect_code(0);
    assert!(outcome.stderr.contains("Wrote bill.json"), "{}", outcome.stderr);
    let text = std::fs::read_to_string(world.path("bill.json")).unwrap();
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let alpha = &bill["components"][0];
    assert_eq!(alpha["purl"], "pkg:pypi/alpha@1.0");
    assert_eq!(alpha["licenses"][0]["expression"], "MIT");
    assert_eq!(alpha["description"], "the first letter");
    assert_eq!(alpha["hashes"][0]["content"], layer()[0].sha256());
    assert_eq!(bill["components"][1]["purl"], "pkg:pypi/beta@2.1%2Blocal");
    assert_eq!(bill["components"].as_array().unwrap().len(), 3);
    // What nobody requires hangs on the layer; what only an extra requires is not required.
    let dependencies = &bill["dependencies"];
    assert_eq!(dependencies[0]["dependsOn"], serde_json::json!(["pkg:pypi/alpha@1.0", "pkg:pypi/gamma@3"]));
    assert_eq!(dependencies[1]["dependsOn"], serde_json::json!(["pkg:pypi/beta@2.1%2Blocal"]));
    world.forget_artifacts();
    let _ = world.run(&["build", "--sbom", "again.json"]).expect_code(0);
    assert_eq!(text, std::fs::read_to_string(world.path("again.json")).unwrap());

    let other = "[layers.other]\nrequirements = [\"x\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]\n";
    world.add_to_table(other);
    let outcome = world.run(&["build", "--sbom", "bill.json"]).expect_code(1);
    assert!(
        outcome.stderr.contains("writes the bill of one layer, and 2 are to be built"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_page_holds_everything_and_asks_nobody() {
    let bad = "<script>alert(1)</script>";
    let mut wheels = layer();
    wheels.push(wheel_with(
        "delta",
        "1",
        &format!("License-Expression: {bad}\n"),
        &[file("typing.py", ""), file("{{rows}}.py", "x")],
    ));
    let world = World::for_targets(&wheels, X86_12);
    world.add_to_table(&format!("allow = {{ shadows-stdlib = \"{bad} {{{{data}}}}\" }}\n"));
    let _ = world.run(&["build"]).expect_code(0);
    let outcome = world.run(&["inspect", "small", "--html", "page.html"]).expect_code(0);
    assert_eq!(outcome.stdout, "page.html\n");
    let page = std::fs::read_to_string(world.path("page.html")).unwrap();
    for part in [
        "alpha <span>1.0",
        "shadows-stdlib",
        "Runtimes</dt><dd>python3.12",
        "Apache-2.0 OR BSD-3-Clause",
        "&lt;script&gt;alert(1)",
    ] {
        assert!(page.contains(part), "expected `{part}`");
    }
    assert!(!page.contains(bad), "markup is escaped");
    for foreign in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "the page must not ask for `{foreign}`");
    }
    assert!(
        page.contains("{{data}}") && page.contains("{{rows}}.py"),
        "what is put in is not looked at again"
    );
    // A zip of somebody else's is audited now.
    std::fs::copy(world.zip(), world.path("other.zip")).unwrap();
    let _ = world.run(&["inspect", "other.zip", "--html", "page.html"]).expect_code(0);
    let page = std::fs::read_to_string(world.path("page.html")).unwrap();
    assert!(page.contains("<h1>other</h1>") && page.contains("no findings"), "{page}");
}

#[test]
fn a_bill_that_cannot_be_written_is_named() {
    let world = World::new(&[wheel("alpha", "1.0", &[])]);
    let outcome = world.run(&["build", "--sbom", "nowhere/bill.json"]).expect_code(1);
    let expected = "failed to write `nowhere/bill.json`: there is no folder `nowhere`";
    assert!(
        outcome.stderr.contains(expected) && outcome.stderr.contains("hint: make it"),
        "{}",
        outcome.stderr
    );
    assert!(!world.zip().exists(), "nothing is built in vain");

    std::fs::create_dir(world.path("bill")).unwrap();
    let outcome = world.run(&["build", "--sbom", "bill"]).expect_code(1);
    let expected = "failed to write the bill of materials `bill`; the zip is in its place";
    assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: name a file with `--sbom`"), "{}", outcome.stderr);
    assert!(world.zip().is_file());
}
