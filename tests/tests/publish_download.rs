//! Zips of published versions, back to this machine: whole, checked, or not at all.

use std::path::Path;

use tests::deployed::{Corner, publish};
use tests::project::{hex, zip};
use tests::proxy::{Fault, Rule};
use tests::world::World;

fn bytes(number: usize) -> Vec<u8> {
    zip("python/demo.py", format!("NUMBER = {number}\n").as_bytes())
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>();
    names.sort();
    names
}

#[test]
fn pypi_a_version_comes_to_where_inspect_looks_for_it() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    for region in ["eu-west-1", "us-east-1"] {
        Corner::new(&world.account, region).publish(2);
    }
    let place = world.project.path(&format!("target/layers/published/{}.zip", hex(&bytes(0))));
    let printed = |run: tests::world::Run| std::fs::canonicalize(run.stdout.trim()).unwrap();
    let run = world.run(&["download", "demo:1"]).ends_with(0).says("Fetched ");
    assert_eq!(printed(run), std::fs::canonicalize(&place).unwrap());
    assert_eq!(std::fs::read(&place).unwrap(), bytes(0));
    assert_eq!(files(place.parent().unwrap()).len(), 1, "nothing else is left there");
    // Once is enough.
    let again = world.run(&["download", "demo:1"]).ends_with(0).says("Unchanged ");
    assert_eq!(again.count("GetLayerVersionByArn"), 0);
    // A damaged one is fetched anew.
    std::fs::write(&place, "damaged").unwrap();
    world.run(&["download", "demo:1"]).ends_with(0).says("Fetched ");
    assert_eq!(std::fs::read(&place).unwrap(), bytes(0));

    // Without a number: the newest, as long as the ledger names none.
    world.run(&["download", "demo", "-o", "newest.zip"]).ends_with(0).prints(&["newest.zip".to_owned()]);
    assert_eq!(std::fs::read(world.project.path("newest.zip")).unwrap(), bytes(1));
    world.publish().ends_with(0);
    world.run(&["download", "demo", "-o", "current.zip"]).ends_with(0);
    let current = std::fs::read(world.project.path("current.zip")).unwrap();
    assert_eq!(current, std::fs::read(world.project.path("target/layers/demo.zip")).unwrap());
}

#[test]
fn pypi_a_number_that_means_two_contents_is_refused_and_an_arn_never() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    let corners = ["eu-west-1", "us-east-1"].map(|region| Corner::new(&world.account, region));
    corners[0].calls(&[publish("python/demo.py", "NUMBER = 0\n")]);
    corners[1].calls(&[publish("python/demo.py", "NUMBER = 1\n")]);
    let run = world.run(&["download", "demo:1"]).ends_with(1).prints(&[]);
    run.says("`demo` means different contents").says(&corners[1].layer(1)).says("hint: name one of them");
    world.run(&["download", "demo:1", "--region", "us-east-1", "-o", "a.zip"]).ends_with(0);
    world.run(&["download", &corners[1].layer(1), "-o", "b.zip"]).ends_with(0);
    for name in ["a.zip", "b.zip"] {
        assert_eq!(std::fs::read(world.project.path(name)).unwrap(), bytes(1));
    }
    // One region is dead, and the other has it.
    world.proxy.add(Rule::always(Fault::Refuse).in_region("eu-west-1"));
    world.run(&["download", "demo:1", "-o", "c.zip"]).ends_with(0);
    world.run(&["download", "demo:7"]).ends_with(1).prints(&[]);
    world.proxy.heal();
    let nowhere = world.run(&["download", "demo:7"]).ends_with(1).says("no region has version 7 of `demo`");
    nowhere
        .says("; the newest is 1 in eu-west-1, us-east-1")
        .says("hint: fetch the newest with `layer-publisher download demo:1`, or see what there is with")
        .says("`layer-publisher status demo`");
    world.run(&["download", "demo:x"]).ends_with(2).says("`x` is no number of a version");
}

#[test]
fn pypi_bytes_that_are_not_what_lambda_says_get_no_name() {
    let world = World::new(&["eu-west-1"], &[]);
    Corner::new(&world.account, "eu-west-1").publish(1);
    world.project.write("old.zip", "as it was").unwrap();
    let before = files(world.project.folder());
    for fault in [Fault::Truncate, Fault::DropAnswer, Fault::Html(403)] {
        // The link is the only call without a signature, and without a name.
        world.proxy.add(Rule::always(fault.clone()).unsigned());
        let run = world.run(&["download", "demo:1", "-o", "old.zip"]).ends_with(1).prints(&[]);
        run.says("demo:1`").says("hint: run it again");
        assert_eq!(world.project.read("old.zip").unwrap(), "as it was", "{fault}");
        assert_eq!(files(world.project.folder()), before, "{fault}");
        world.proxy.heal();
    }
    // Once is forgiven.
    world.proxy.add(Rule::times(1, Fault::Truncate).unsigned());
    world.run(&["download", "demo:1", "-o", "old.zip"]).ends_with(0);
    assert_eq!(std::fs::read(world.project.path("old.zip")).unwrap(), bytes(0));

    world
        .run(&["download", "demo:1", "-o", "no/such/folder.zip"])
        .ends_with(1)
        .says("hint: make it with `mkdir -p no/such`");
    world.run(&["download", "demo:1", "-o", "target"]).ends_with(1).says("`target` is a folder");
    // Somebody else's version needs no file of ours.
    std::fs::remove_file(world.project.path("layers.toml")).unwrap();
    let arn = world.arn("eu-west-1", 1);
    world.run(&["download", &arn, "-o", "arn.zip"]).ends_with(0);
    world.run(&["download", &arn]).ends_with(1).says("hint: name an ARN and a place with `-o FILE`");
}
