//! `bench templates`: what `bump --check` takes in a large tree, against ripgrep that only lists the files to look at.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use super::{Contender, in_turns, table};
use crate::command::{binary, clean};
use crate::tools;

/// It may take so many times what ripgrep takes.
pub const TARGET: f64 = 3.0;

/// How many templates there are, and how many of them name the layer.
const TEMPLATES: usize = 10_000;
const REFERENCES: usize = 200;
/// A folder holds so many.
const IN_A_FOLDER: usize = 50;
/// The version that all references have.
const VERSION: u64 = 41;

/// Prints the table. A failure, if it takes too long.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are what a bench is for")]
pub fn run(runs: usize) -> ExitCode {
    match measure(runs) {
        Ok((text, ratio)) => {
            println!("{text}");
            println!("at most {TARGET} times ripgrep: the slower of the two takes {ratio:.2} times its time");
            if ratio <= TARGET { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The table, and the ratio of the slower `bump` to ripgrep.
fn measure(runs: usize) -> Result<(String, f64)> {
    let ripgrep = ripgrep()?;
    let tree = tempfile::tempdir().context("failed to make a temporary folder")?;
    let bytes = generate(tree.path(), TEMPLATES)?;

    let list = || expect(clean(&ripgrep).args(["-l", ":layer:"]).current_dir(tree.path()), 0, REFERENCES);
    let bump = |version: u64, code, lines| {
        let mut command = clean(binary("template-tools"));
        command.args(["bump", "--quiet", "--check", "--layer", "sosw", "--version", &version.to_string()]);
        expect(
            command.current_dir(tree.path()).env("XTASK_CALLED_AS", "cargo xtask bump-templates"),
            code,
            lines,
        );
    };
    let mut all = [
        Contender::new("rg -l ':layer:'", list),
        Contender::new("bump --check, nothing to do", || bump(VERSION, 0, 0)),
        Contender::new("bump --check, 200 files would change", || bump(VERSION + 1, 1, REFERENCES)),
    ];
    in_turns(&mut all, runs);
    let title = format!(
        "{TEMPLATES} templates, {:.1} MB, {REFERENCES} of them with references, {runs} runs of each in turns",
        bytes as f64 / 1e6
    );
    let slower = all[1].median().max(all[2].median());
    let ratio = slower.as_secs_f64() / all[0].median().as_secs_f64();
    Ok((table(&title, &all.iter().collect::<Vec<_>>()), ratio))
}

/// Writes the tree, always the same, and gives its size in bytes. As in real repositories, most templates are small and
/// a few are large: 8 kB on average.
fn generate(tree: &Path, count: usize) -> Result<usize> {
    let mut random = Random(20_260_101);
    let mut bytes = 0;
    for number in 0..count {
        let folder = tree.join(format!("service-{:03}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            std::fs::create_dir(&folder).with_context(|| format!("failed to make `{}`", folder.display()))?;
        }
        let functions = match random.below(20) {
            0 => 40 + random.below(60),
            _ => 3 + random.below(22),
        };
        let layer = (number % (TEMPLATES / REFERENCES) == 0).then(|| random.below(functions));
        let text = template(number, functions, layer);
        bytes += text.len();
        let path = folder.join(format!("template-{number:05}.yaml"));
        std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(bytes)
}

/// A template with so many functions, one of which may be on the layer.
fn template(number: usize, functions: usize, layer: Option<usize>) -> String {
    let mut text = format!(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\n\
         Description: Service {number}, one of many.\n\nResources:\n"
    );
    for function in 0..functions {
        text += &format!(
            "  Function{function}:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
             # Written by hand, as it were.\n      Handler: app.handler_{function}\n      Runtime: python3.13\n      \
             CodeUri: src/function_{function}/\n      MemorySize: 512\n      Timeout: 30\n      Environment:\n        \
             Variables:\n          TABLE: !Ref Table{function}\n          STAGE: !Sub \"${{AWS::StackName}}-{number}\"\n      \
             Policies:\n        - DynamoDBCrudPolicy:\n            TableName: !Ref Table{function}\n"
        );
        if layer == Some(function) {
            text += &format!(
                "      Layers:\n        - !Sub \"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:sosw:{VERSION}\"\n"
            );
        }
        text += &format!("  Table{function}:\n    Type: AWS::Serverless::SimpleTable\n\n");
    }
    text
}

/// The one on PATH, or else one of our own, compiled once.
#[expect(clippy::print_stderr, reason = "minutes of compiling are to be explained")]
fn ripgrep() -> Result<PathBuf> {
    if clean("rg").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Ok("rg".into());
    }
    let root = tools::folder().join("ripgrep");
    let program = root.join("bin").join(format!("rg{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        eprintln!("note: there is no ripgrep on PATH; it is compiled into `{}`, once", root.display());
        let mut cargo = clean(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let status = cargo.args(["install", "ripgrep", "--locked", "--root"]).arg(&root).status();
        if !status.context("failed to start cargo")?.success() {
            bail!("failed to install ripgrep");
        }
    }
    Ok(program)
}

/// Runs it, and sees that it did what is measured: its exit code, and how many paths it prints.
fn expect(command: &mut Command, code: i32, lines: usize) {
    let output = command.output().unwrap_or_else(|error| panic!("failed to start {command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).lines().count();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(code) && printed == lines, "{command:?}: {printed} paths\n{said}");
}

/// The same numbers every time (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_the_same_every_time() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let sizes = folders.each_ref().map(|folder| generate(folder.path(), 101).unwrap());
        assert_eq!(sizes[0], sizes[1]);
        let read =
            |folder: &Path| std::fs::read_to_string(folder.join("service-002/template-00100.yaml")).unwrap();
        assert_eq!(read(folders[0].path()), read(folders[1].path()));
        assert_eq!(read(folders[0].path()).matches(":layer:").count(), 1);
    }
}
