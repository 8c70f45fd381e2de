//! Input that nobody wants: each is named with file and place, nothing is lost, and nothing takes for ever.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::time::{Duration, Instant};

mod harness;
use harness::{Project, Ran, arn, function};

/// Runs over the bad file and a good one: the good one is changed, the bad one is as it was.
#[track_caller]
fn check(name: &str, bad: &[u8], code: i32) -> Ran {
    let project = Project::new();
    fs::write(project.path(name), bad).unwrap();
    project.write("good.yaml", &function(&[&arn("sosw", "1")]));
    let started = Instant::now();
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7")]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    ran.ends(code).prints("good.yaml\n");
    assert_eq!(fs::read(project.path(name)).unwrap(), bad);
    assert_eq!(project.read("good.yaml"), function(&[&arn("sosw", "7")]));
    ran
}

fn layers(text: &str) -> String {
    format!("Layers: layer:sosw:1\n{text}")
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    check("bad.yaml", layers("a: [b\n").as_bytes(), 3)
        .says("failed to read `bad.yaml`\n  Caused by: line 2, column 4: ");
    check("bad.json", br#"{"Layers": "layer:sosw:1", "a": [1,, 2}"#, 3)
        .says("failed to read `bad.json`\n  Caused by: line 1, ");
    check("bad.yaml", b"Layers: layer:sosw:1 # gr\xfc\n", 3).says("line 1, column 26: this is not UTF-8");
    check("bad.yaml", b"Layers: layer:sosw:1\nx: \"\0\"\n", 3).says("failed to read `bad.yaml`");
    for (mark, little) in [([0xFF, 0xFE], true), ([0xFE, 0xFF], false)] {
        let text = function(&[&arn("sosw", "1")]);
        let units =
            text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        let bytes: Vec<u8> = mark.into_iter().chain(units).collect();
        check("bad.yaml", &bytes, 3).says("line 1, column 1: this is UTF-16");
        // Its mark may be missing.
        check("bad.yaml", &bytes[2..], 3).says("line 1, column 1: this is UTF-16");
    }
}

/// YAML would take each for a text, or for part of the one behind it.
#[test]
fn a_comment_in_json_is_named_with_its_place() {
    let template = format!(
        "{{\n  \"Resources\": {{\"F\": {{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {{\"Layers\": [\n    \"{}\"\n  ]}}}}}}\n}}\n",
        arn("sosw", "1")
    );
    for (comment, before, line, column) in [
        ("// x", "{\n", 1, 1),
        ("// x", "  \"Resources\"", 2, 1),
        ("/* x */", "    \"arn", 3, 1),
        ("// 'x: \"1\"", "  ]", 4, 1),
        ("// x", "\n  ]", 3, 57),
    ] {
        let text = template.replacen(
            before,
            &format!("{comment}{}{before}", if before.starts_with('\n') { "" } else { "\n" }),
            1,
        );
        let said = format!(
            "failed to read `bad.json`\n  Caused by: line {line}, column {column}: a comment, which JSON does not have"
        );
        check("bad.json", text.as_bytes(), 3).says(&said);
        let project = Project::new();
        project.write("bad.json", &text);
        for command in ["list", "lint"] {
            project.run(&[command]).ends(3).says(&said);
        }
    }
    // Addresses are none, and other files may have them.
    let project = Project::new();
    project.write("good.json", &template.replacen('{', "{\n  \"Description\": \"http://x /* y */\",", 1));
    project.write("settings.json", "{\n  // Layers of sosw\n  \"a\": 1\n}\n");
    project.run(&["bump", "--pin", &arn("sosw", "7")]).ends(0).prints("good.json\n");
}

#[test]
fn depth_has_an_end() {
    let arrays =
        format!("{{\"Layers\": \"layer:sosw:1\", \"x\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    check("deep.json", arrays.as_bytes(), 3).says("failed to read `deep.json`");
    let flow = layers(&format!("x: {}", "{a: ".repeat(10_000)));
    check("deep.yaml", flow.as_bytes(), 3).says("failed to read `deep.yaml`");
    let lists = layers(&format!("x:\n  {}a\n", "- ".repeat(10_000)));
    check("deep.yaml", lists.as_bytes(), 3).says("failed to read `deep.yaml`\n  Caused by: line 3, ");
    let keys = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
    check("deep.yaml", layers(&keys).as_bytes(), 3).says("failed to read `deep.yaml`\n  Caused by: line ");
    // Expressions within expressions.
    let nested = format!("{}x{}", "!If [C, ".repeat(200), ", y]".repeat(200));
    let text = function(&[&nested, &arn("sosw", "7")]);
    let project = Project::new();
    project.write("a.yaml", &text);
    project.run(&["bump", "--pin", &arn("sosw", "7"), "--why"]).ends(0).says("too many ways");
}

#[test]
fn aliases_and_choices_do_not_explode() {
    let level = |level: usize| {
        let before = level - 1;
        format!("l{level}: &l{level} [*l{before}, *l{before}, *l{before}]\n")
    };
    let mut bomb = layers("l0: &l0 [x, x]\n") + &(1..60).map(level).collect::<Vec<_>>().concat();
    bomb.push_str("Globals: {Function: {Layers: [!Join ['', *l59]]}}\n");
    check("bomb.yaml", bomb.as_bytes(), 0);
    let choice = "!If [A, a, b]";
    let many = (0..40).map(|index| choice.replace('A', &format!("C{index}"))).collect::<Vec<_>>().join(", ");
    check(
        "many.yaml",
        format!("Globals: {{Function: {{Layers: [!Join ['layer:sosw', [{many}]]]}}}}\n").as_bytes(),
        0,
    );
    let circle = layers("a: &a {<<: *a, Layers: *a}\nGlobals: {Function: *a}\n");
    check("circle.yaml", circle.as_bytes(), 0);
}

/// Lists that are made of themselves by aliases, and loops in loops: looked at one by one they would take years.
#[test]
fn conditions_and_loops_do_not_explode() {
    let level = |level: usize| format!("  - &l{level} !If [C, *l{0}, *l{0}]\n", level - 1);
    let levels = (1..60).map(level).collect::<Vec<_>>().concat();
    let choices = |first: &str| {
        let made = "Resources: {F: {Type: AWS::Lambda::Function, Properties: {Layers: *l59}}}";
        format!("x:\n  - &l0 {first}\n{levels}{made}\n# layer:sosw\n")
    };
    let entries = format!(
        "x:\n  - &l0 layer:sosw:1\n{levels}Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [*l59]}}}}}}\n"
    );
    let level = |level: usize| {
        let inner = |index| format!("'Fn::ForEach::A{index}': [V{level}, [a], *b{}]", level - 1);
        let all = (0..10).map(inner).collect::<Vec<_>>().join(", ");
        format!("  - &b{level} {{{all}}}\n")
    };
    let function = "{'F': {Type: AWS::Lambda::Function, Properties: {Layers: [layer:sosw:1]}}}";
    let loops = (1..15).map(level).collect::<Vec<_>>().concat();
    let loops = format!("x:\n  - &b0 {function}\n{loops}Resources: {{'Fn::ForEach::A': [V, [a], *b14]}}\n");
    for text in [choices("[]"), choices("[layer:sosw:1]"), entries, loops] {
        let project = Project::new();
        project.write("bomb.yaml", &text);
        for command in [&["list"][..], &["bump", "--pin", &arn("sosw", "7")], &["lint"]] {
            project.run(command).ends(0);
        }
        let told = project.run(&["list", "--format", "json"]);
        assert!(told.stdout.contains("too many ways"), "{}", told.stdout);
    }
}

#[test]
fn keys_that_come_twice_are_all_changed() {
    let project = Project::new();
    let text = |version: &str| {
        format!("{0}      Layers: ['{1}']\n", function(&[&arn("sosw", version)]), arn("sosw", version))
    };
    project.write("a.yaml", &text("1"));
    let json = |version: &str| {
        let (layers, arn) = ("\"Layers\"", arn("sosw", version));
        format!(
            "{{\"Resources\": {{\"F\": {{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {{{layers}: [\"{arn}\"], \
             {layers}: [\"{arn}\"]}}}}}}}}"
        )
    };
    project.write("b.json", &json("1"));
    project.run(&["bump", "--pin", &arn("sosw", "7")]).ends(0).prints("a.yaml\nb.json\n");
    assert_eq!(project.read("a.yaml"), text("7"));
    assert_eq!(project.read("b.json"), json("7"));
}

#[test]
fn a_line_of_100_mb_is_read() {
    let mut line = String::from("{\"Layers\": \"layer:sosw:1\", \"x\": \"");
    line.push_str(&"x".repeat(100_000_000));
    line.push_str("\"}");
    check("line.json", line.as_bytes(), 0).says("line.json:1:");
    // Broken at its end, and as YAML, as most files have it and as few do.
    line.truncate(line.len() - 1);
    check("line.json", line.as_bytes(), 3).says("failed to read `line.json`\n  Caused by: line ");
    let long = "x".repeat(100_000_000);
    check("line.yaml", layers(&format!("x: {long}\n")).as_bytes(), 0).says("line.yaml:1:");
    check("line.yaml", layers(&format!("x: \"\\x41{long}\"\n")).as_bytes(), 0).says("line.yaml:1:");
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_out_of_the_tree_are_not_followed() {
    use std::os::unix::fs::symlink;
    let project = Project::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("o.yaml"), function(&[&arn("sosw", "1")])).unwrap();
    project.write("good.yaml", &function(&[&arn("sosw", "1")]));
    symlink(project.root(), project.path("loop")).unwrap();
    symlink("b.yaml", project.path("a.yaml")).unwrap();
    symlink("a.yaml", project.path("b.yaml")).unwrap();
    symlink(outside.path().join("o.yaml"), project.path("out.yaml")).unwrap();
    symlink(outside.path(), project.path("out")).unwrap();
    project.run(&["bump", "--pin", &arn("sosw", "7")]).ends(0).prints("good.yaml\n");
    // A link out of the tree is refused when it is named, too.
    let ran = project.run(&["bump", "--pin", &arn("sosw", "7"), "out.yaml"]);
    ran.ends(3).says("failed to write `out.yaml`: it is a link that leaves the folder it is in");
    project.run(&["bump", "--pin", &arn("sosw", "7"), "a.yaml"]).ends(3).says("failed to read `a.yaml`");
    assert_eq!(fs::read_to_string(outside.path().join("o.yaml")).unwrap(), function(&[&arn("sosw", "1")]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    // No file may grow beyond a limit: the same refusal, in the middle of writing, as from a full disk.
    let project = Project::new();
    let filler = "# filler\n".repeat(20_000);
    let text = format!("{filler}{}", function(&[&arn("sosw", "1")]));
    project.write("a.yaml", &text);
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} bump --pin {} a.yaml 2>err.txt",
        env!("CARGO_BIN_EXE_template-tools"),
        arn("sosw", "7")
    );
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &script])
        .current_dir(project.root())
        .env_clear()
        .status();
    assert_eq!(status.unwrap().code(), Some(3));
    assert!(project.read("err.txt").contains("failed to write `a.yaml`"), "{}", project.read("err.txt"));
    assert_eq!(project.read("a.yaml"), text);
    assert_eq!(project.names(), ["a.yaml", "err.txt"]);
}

/// The binary as somebody to whom modes apply: as nobody, if we are root. `None` where that cannot be.
#[cfg(target_os = "linux")]
fn as_nobody(project: &Project, arguments: &[&str]) -> Option<Ran> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::process::Command;
    let is_root = fs::metadata(project.root()).unwrap().uid() == 0;
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        // Nobody has to reach the binary, and to own what it may change.
        fs::copy(env!("CARGO_BIN_EXE_template-tools"), project.path("bin")).unwrap();
        fs::set_permissions(project.path("bin"), fs::Permissions::from_mode(0o755)).unwrap();
        let owned = Command::new("chown").args(["-R", "65534", "."]).current_dir(project.root()).status();
        let works = Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "true"]).status();
        if ![owned, works].iter().all(|status| status.as_ref().is_ok_and(std::process::ExitStatus::success)) {
            return None;
        }
        command.args(["--reuid=65534", "--clear-groups"]).arg(project.path("bin"));
    } else {
        command.arg(env!("CARGO_BIN_EXE_template-tools"));
    }
    let output = command.args(arguments).current_dir(project.root()).output().unwrap();
    Some(Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    })
}

#[cfg(target_os = "linux")]
#[test]
fn what_may_not_be_read_or_written_is_named_and_the_rest_is_done() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let (before, after) = (function(&[&arn("sosw", "1")]), function(&[&arn("sosw", "7")]));
    for name in ["good.yaml", "secret.yaml", "closed/a.yaml", "locked/a.yaml"] {
        project.write(name, &before);
    }
    let set = |name: &str, mode: u32| {
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("secret.yaml", 0o000);
    set("closed", 0o000);
    set("locked", 0o555);
    let ran = as_nobody(&project, &["bump", "--pin", &arn("sosw", "7")]);
    set("closed", 0o755);
    set("locked", 0o755);
    let Some(ran) = ran else {
        // Root may read everything: without another user there is nothing to see, and a test that has seen nothing has
        // not passed.
        panic!(
            "modes do not apply to root, and `setpriv` (util-linux) and `chown` do not work here: install them, or run as somebody else"
        );
    };
    ran.ends(3).prints("good.yaml\n");
    ran.says("secret.yaml`\n  Caused by: Permission denied").says("closed`\n  Caused by: ");
    ran.says("failed to write `locked/a.yaml`\n  Caused by: Permission denied");
    assert_eq!(project.read("good.yaml"), after);
    set("secret.yaml", 0o644);
    for name in ["secret.yaml", "closed/a.yaml", "locked/a.yaml"] {
        assert_eq!(project.read(name), before, "{name}");
    }
    assert_eq!(fs::read_dir(project.path("locked")).unwrap().count(), 1);
}

#[test]
fn a_file_that_changes_after_it_was_read_is_left_as_it_is() {
    use std::io::{BufRead, BufReader, Read};
    // All new texts are staged before the first takes its place, and the path of each that did is printed. Nobody reads
    // more than the first of them before the last file has changed, and a pipe holds 64 kB: its turn cannot come earlier.
    const FILES: usize = 1000;
    let project = Project::new();
    let (before, after) = (function(&[&arn("sosw", "1")]), function(&[&arn("sosw", "7")]));
    let name = |index: usize| format!("{index:04}-{}.yaml", "long".repeat(50));
    for index in 0..FILES {
        project.write(&name(index), &before);
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_template-tools"));
    command.args(["bump", "--quiet", "--pin", &arn("sosw", "7")]).current_dir(project.root());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut printed = String::new();
    stdout.read_line(&mut printed).unwrap();
    let last = name(FILES - 1);
    let theirs = format!("# somebody was here\n{before}");
    project.write(&last, &theirs);
    stdout.read_to_string(&mut printed).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(said, format!("error: failed to write `{last}`: it has changed since it was read\n"));
    assert_eq!(project.read(&last), theirs);
    assert_eq!(project.read(&name(0)), after);
    assert_eq!(printed.lines().count(), FILES - 1);
    assert_eq!(project.names().len(), FILES);
}

/// `/dev/full` takes nothing: whoever writes there has lost its results, and has to say so.
#[cfg(target_os = "linux")]
#[test]
fn results_that_are_lost_are_a_failure() {
    let project = Project::new();
    project.write("a.yaml", &function(&[&arn("sosw", "1")]));
    let pin = arn("sosw", "7");
    for arguments in [
        &["list"][..],
        &["list", "--format", "json"],
        &["bump", "--pin", &pin, "--diff"],
        &["bump", "--pin", &pin],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_template-tools"));
        command.args(arguments).current_dir(project.root()).env_clear().env("HOME", project.root());
        let output = command.stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: failed to write to standard output: "), "{stderr}");
    }
}
