//! The demo: every step of the loop with the real binaries, each with a line that says what it is about.
//!
//! It is no test, and still believes nothing: what a step promises is looked at before the next one begins.

mod say;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::cargo;
use crate::example::{LAYER, REGIONS, TEMPLATES};
use crate::interrupt::{self, Interrupted, Interrupts};
use world::World;

/// What the layer is changed by: small, and useful to whoever calls other services.
const NEW_COMPANION: &str = "tenacity";

/// What happens to the folder at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It is removed.
    Remove,
    /// It stays, and is named.
    Keep,
}

/// Runs it. However it ends, no server is left, and no folder unless that is wanted.
pub fn run(afterwards: Afterwards) -> ExitCode {
    match tour(afterwards) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            say::plain("");
            let gone = match afterwards {
                Afterwards::Remove => "the local AWS and the temporary folder are gone",
                Afterwards::Keep => "the local AWS is gone",
            };
            say::status("Stopped", gone);
            ExitCode::from(interrupt::EXIT_CODE)
        }
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn tour(afterwards: Afterwards) -> Result<()> {
    let interrupts = Interrupts::listen()?;
    cargo::build(&["layer-builder", "layer-publisher", "template-tools"], Some(&interrupts))?;
    let start = Instant::now();
    say::plain("The whole loop, on a copy of `tests/example` in a temporary folder, against a");
    say::plain("local AWS: no account is needed, and nothing of yours is touched.");
    say::plain("");
    let world = World::new(&interrupts)?;
    let done = steps(&world);
    if afterwards == Afterwards::Keep {
        let folder = world.keep();
        say::plain("");
        say::status("Kept", folder.display());
    }
    done?;
    say::plain("");
    say::status(
        "Finished",
        format!("two versions in two regions, in {:.1} s", start.elapsed().as_secs_f64()),
    );
    say::plain("note: with your own account it is the same: `cargo xtask publish -p PROFILE`");
    Ok(())
}

fn steps(world: &World<'_>) -> Result<()> {
    let build = || world.xtask("layer-builder", "build", "build-layer");
    let publish = || world.xtask("layer-publisher", "publish", "publish");

    say::step(1, "Build the layer from its lock: the same bytes on every machine");
    build()?;

    say::step(2, "Publish it in two regions at once; each is read back and compared");
    publish()?;

    say::step(3, "Ask somebody else: the AWS CLI names the hash that was built");
    let read_back = world.aws(&format!(
        "lambda get-layer-version --layer-name {LAYER} --version-number 1 --region {} \
         --query Content.CodeSha256 --output text",
        REGIONS[1]
    ))?;
    ensure!(read_back == world.code_sha256()?, "the local AWS has something else than what was built");

    say::step(4, "See what the templates would become: a placeholder gets its version");
    world.xtask("template-tools", "bump", "bump-templates --diff")?;

    say::step(5, "Write it: only the version changes, every other byte stays");
    world.xtask("template-tools", "bump", "bump-templates")?;
    all_templates_name(world, 1)?;

    say::step(6, "Publish again: every region has this content, so nothing is done");
    publish()?;

    say::step(7, &format!("Add `{NEW_COMPANION}` to the companions in layers.toml: another layer"));
    world.add_companion(NEW_COMPANION)?;
    build()?;

    say::step(8, "Publish the other layer: it becomes version 2");
    publish()?;

    say::step(9, "Bring the templates to version 2: numbers move as placeholders did");
    world.xtask("template-tools", "bump", "bump-templates")?;
    all_templates_name(world, 2)
}

fn all_templates_name(world: &World<'_>, version: u64) -> Result<()> {
    for template in TEMPLATES {
        let names_it = world.read(template)?.contains(&format!(":layer:{LAYER}:{version}"));
        ensure!(names_it, "`{template}` does not name version {version}");
    }
    Ok(())
}
