//! Every command there is, in groups, with one line each. What stands here works; what does not work yet is not here.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::{combined, dev, fuzz};

/// What happens when a command is typed.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// A binary of another package does it: it gets the subcommand and then every argument as it was typed.
    Binary {
        /// The name of the binary.
        bin: &'static str,
        /// The subcommand of that binary; empty if the binary is the command.
        subcommand: &'static str,
        /// The command's name here.
        name: &'static str,
    },
    /// A part of this program: the dev loop, or several binaries one after the other.
    Dev(fn(&[OsString]) -> anyhow::Result<ExitCode>),
}

struct Entry {
    name: &'static str,
    about: &'static str,
    run: Run,
}

struct Group {
    title: &'static str,
    entries: &'static [Entry],
}

const fn binary(
    name: &'static str,
    bin: &'static str,
    subcommand: &'static str,
    about: &'static str,
) -> Entry {
    Entry { name, about, run: Run::Binary { bin, subcommand, name } }
}

const GROUPS: &[Group] = &[
    Group {
        title: "Build",
        entries: &[
            binary("build-layer", "layer-builder", "build", "build a layer's zip and manifest from its lock"),
            binary("lock", "layer-builder", "lock", "make or upgrade a layer's lock"),
            binary("inspect", "layer-builder", "inspect", "show what is inside a layer, by package and size"),
        ],
    },
    Group {
        title: "Publish",
        entries: &[
            binary(
                "publish",
                "layer-publisher",
                "publish",
                "publish what is built, in every region, never twice",
            ),
            binary("stage", "layer-publisher", "stage", "upload what is built to S3, for CloudFormation"),
            binary(
                "promote",
                "layer-publisher",
                "promote",
                "publish to one target the very bytes of another",
            ),
            binary("status", "layer-publisher", "status", "compare every region with the ledger and the zip"),
            binary("rollback", "layer-publisher", "rollback", "go back to an older version, everywhere"),
            binary("usage", "layer-publisher", "usage", "show which functions use which version of a layer"),
            binary("prune", "layer-publisher", "prune", "delete versions that nothing needs any more"),
            binary("download", "layer-publisher", "download", "fetch the zip of a version, checked"),
            Entry {
                name: "release",
                about: "build, publish, bump templates, and roll stacks out",
                run: Run::Dev(combined::release),
            },
        ],
    },
    Group {
        title: "Templates",
        entries: &[
            binary(
                "bump-templates",
                "template-tools",
                "bump",
                "bring templates to new layer versions, byte-exact",
            ),
            binary("list-references", "template-tools", "list", "list every layer reference and its version"),
            binary("lint-templates", "template-tools", "lint", "look for the traps around layers"),
            binary("new-template", "template-tools", "new", "write a template to start from"),
        ],
    },
    Group {
        title: "Stacks",
        entries: &[
            binary(
                "deploy-stack",
                "layer-publisher",
                "deploy-stack",
                "create or update a stack through a change set",
            ),
            binary(
                "roll-out",
                "layer-publisher",
                "roll-out",
                "bring stacks to new layer versions, and no more",
            ),
        ],
    },
    Group {
        title: "Try",
        entries: &[
            binary("demo", "demo", "", "show the whole loop against a local AWS; no account needed"),
            binary("local-aws", "local-aws", "", "start that local AWS alone, and print how to reach it"),
        ],
    },
    Group {
        title: "Contribute",
        entries: &[
            Entry { name: "lint", about: "check formatting, clippy and docs", run: Run::Dev(dev::lint) },
            Entry { name: "test", about: "run the tests", run: Run::Dev(dev::test) },
            binary("bench", "bench", "", "measure against the floor and the rivals"),
            Entry {
                name: "fuzz",
                about: "feed made-up files to what reads files of strangers",
                run: Run::Dev(fuzz::fuzz),
            },
            Entry { name: "docs", about: "build the documentation of the crates", run: Run::Dev(dev::docs) },
            Entry { name: "ci", about: "everything that CI runs", run: Run::Dev(dev::ci) },
        ],
    },
];

/// The command that the first argument names.
pub(crate) fn find(arguments: &[OsString]) -> Option<Run> {
    let name = arguments.first()?.to_str()?;
    GROUPS.iter().flat_map(|group| group.entries).find(|entry| entry.name == name).map(|entry| entry.run)
}

/// For everything that is no command: the list where it was asked for, an explanation where the name is wrong.
pub(crate) fn list_or_explain(arguments: &[OsString]) -> ExitCode {
    let mut command = clap::Command::new("cargo xtask").override_help(list()).disable_help_subcommand(true);
    for entry in GROUPS.iter().flat_map(|group| group.entries) {
        command = command.subcommand(clap::Command::new(entry.name));
    }
    let mut typed = vec![OsString::from("cargo xtask")];
    if arguments.first().is_none_or(|first| first == "help") {
        typed.push("--help".into());
    } else {
        typed.extend_from_slice(arguments);
    }
    let error = match command.try_get_matches_from_mut(typed) {
        Err(error) => error,
        Ok(_) => command.error(ErrorKind::MissingSubcommand, "no command was named"),
    };
    // A closed pipe behind us is no error of ours.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn list() -> String {
    let mut text = String::from("Lambda layers: build them, publish them, bring templates to them.\n\n");
    text.push_str("Usage: cargo xtask <COMMAND> [ARGUMENTS]\n");
    for group in GROUPS {
        let _ = writeln!(text, "\n{}:", group.title);
        for entry in group.entries {
            let _ = writeln!(text, "  {:<16} {}", entry.name, entry.about);
        }
    }
    text.push_str("\n`cargo xtask <COMMAND> --help` tells more of each.");
    text
}
