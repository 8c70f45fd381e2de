//! How much memory a build takes: the system refuses it more.

use std::process::Command;

use tests::command::{clean, run};
use tests::wheels::{TestWheel, ZipEntry, file, wheel};

use crate::world::World;

const MB: usize = 1_000_000;

/// A wheel of 50 MB that unpacks to 110 MB.
fn large(name: &str, seed: u32) -> TestWheel {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let noise: Vec<u8> = std::iter::repeat_with(&mut next).take(MB).collect();
    let stored =
        |number: usize| ZipEntry { method: 0, ..file(&format!("{name}/{number}.bin"), noise.repeat(10)) };
    let mut entries: Vec<ZipEntry> = (0..5).map(stored).collect();
    entries.push(file(&format!("{name}/zeros.bin"), vec![0; 60 * MB]));
    wheel(name, "1.0", &entries)
}

/// One and a half times the largest wheel and 100 MB: neither all wheels at once fit in, nor what several of them unpack
/// to.
#[test]
fn memory_depends_on_the_largest_wheel_only() {
    let wheels: Vec<TestWheel> =
        ["alpha", "beta", "gamma", "delta"].iter().zip(1..).map(|(name, seed)| large(name, seed)).collect();
    let largest = wheels.iter().map(|wheel| wheel.bytes.len()).max().unwrap_or(0);
    let world = World::new(&wheels);
    world.add_to_table("[layers.small.allow]\n\"unzipped-too-large\" = \"a test\"\n");
    let limited = |arguments: &[&str]| {
        let builder: Command = world.command(arguments);
        let mut command = clean("/bin/sh");
        let kilobytes = (largest + largest / 2 + 100 * MB) / 1024;
        command.args(["-c", &format!("ulimit -d {kilobytes} && exec \"$0\" \"$@\"")]);
        command.arg(builder.get_program()).args(builder.get_args()).current_dir(world.folder.path());
        for (name, value) in builder.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        run(&mut command)
    };
    let outcome = limited(&["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Downloaded 4 files"), "{}", outcome.stderr);
    world.forget_artifacts();
    let outcome = limited(&["build"]).expect_code(0);
    assert!(!outcome.stderr.contains("Downloaded"), "{}", outcome.stderr);
}
