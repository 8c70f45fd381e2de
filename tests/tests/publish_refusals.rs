//! What `layer-publisher` says when it cannot do its work: a sentence, a hint that can be typed, and nothing changed.
//! No local AWS is needed; what answers here is a proxy in front of nothing.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use tests::project::Project;
use tests::proxy::{Fault, Proxy, Rule};
use tests::server::Server;

/// A port on which nobody listens.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn built() -> Project {
    let project = Project::new(&["eu-west-1"], &[]).unwrap();
    project.build("VERSION = 1\n").unwrap();
    project
}

/// Runs it, and checks the exit code, and that standard error has each of these lines, in this order.
#[track_caller]
fn check(command: &mut Command, code: i32, lines: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let mut rest = said.as_str();
    for line in lines {
        let found =
            rest.find(line).unwrap_or_else(|| panic!("`{line}` is not, or not in its place, in:\n{said}"));
        rest = &rest[found + line.len()..];
    }
}

fn publish(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command("layer-publisher");
    command.arg("publish").args(arguments);
    command
}

/// With credentials, and a proxy instead of AWS.
fn publish_at(project: &Project, proxy: &Proxy, arguments: &[&str]) -> Command {
    let mut command = project.command_at("layer-publisher", &proxy.url());
    command.arg("publish").args(arguments);
    command
}

#[test]
fn nothing_to_publish() {
    let project = Project::new(&["eu-west-1"], &[]).unwrap();
    let missing = [
        "error: failed to find a build of layer `demo` in ",
        "hint: build it with `layer-builder build demo`",
    ];
    check(&mut publish(&project, &[]), 1, &missing);
    let mut command = publish(&project, &[]);
    command.env("XTASK_CALLED_AS", "cargo xtask publish");
    check(&mut command, 1, &["error: ", "hint: build it with `cargo xtask build-layer demo`"]);
    check(
        &mut publish(&project, &["dmo"]),
        1,
        &["error: there is no layer `dmo` in ", "did you mean `demo`?"],
    );

    project.write("layers.toml", "[layers.a]\n[layers.b]\n").unwrap();
    let several = ["error: ", "has several layers: `a`, `b`", "hint: ", "`layer-publisher publish a`"];
    check(&mut publish(&project, &[]), 1, &several);
    std::fs::remove_file(project.path("layers.toml")).unwrap();
    check(&mut publish(&project, &[]), 1, &["error: failed to find `layers.toml` in ", "--layers-file FILE"]);
}

#[test]
fn an_artifact_that_no_longer_matches_is_refused_unless_it_is_wanted_as_built() {
    let proxy = Proxy::start(NOBODY).unwrap();
    let project = built();
    project.write("requirements.demo.txt", "six==1.16.0\n").unwrap();
    let hint = "hint: build it again with `layer-builder build demo`, or publish what was built with \
                `layer-publisher publish demo --as-built`";
    check(
        &mut publish_at(&project, &proxy, &[]),
        1,
        &["was built from another `requirements.demo.txt`", hint],
    );

    let project = built();
    let table = project.read("layers.toml").unwrap();
    project.write("layers.toml", table.replace("3.12", "3.11")).unwrap();
    check(&mut publish_at(&project, &proxy, &[]), 1, &["`[layers.demo]` in ", "has changed since", hint]);
    assert_eq!(proxy.calls().len(), 0);
    check(&mut publish_at(&project, &proxy, &["--as-built"]), 1, &["Reading demo.zip", "failed to ask AWS"]);
    assert_ne!(proxy.calls().len(), 0);

    // Where it is published is no part of what was built.
    let project = built();
    project.write("layers.toml", table.replace("eu-west-1", "eu-west-2")).unwrap();
    check(&mut publish_at(&project, &proxy, &[]), 1, &["Reading demo.zip", "failed to ask AWS"]);
}

#[test]
fn a_zip_or_manifest_that_is_not_what_was_built_is_refused() {
    let project = built();
    let zip = project.path("target/layers/demo.zip");
    let mut bytes = std::fs::read(&zip).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&zip, &bytes).unwrap();
    check(
        &mut publish(&project, &[]),
        1,
        &["is not the zip that its manifest describes: sha256 is", "hint: build it again"],
    );
    std::fs::write(&zip, b"PK").unwrap();
    check(&mut publish(&project, &[]), 1, &["size is 2 and not "]);
    let manifest = project.read("target/layers/demo.json").unwrap();
    project.write("target/layers/demo.json", manifest.replace("\"schema\":1", "\"schema\":2")).unwrap();
    check(&mut publish(&project, &[]), 1, &["has schema 2, and this program reads schema 1"]);
    project.write("target/layers/demo.json", "{\"schema\":1}").unwrap();
    check(
        &mut publish(&project, &[]),
        1,
        &["error: failed to read the manifest `", "Caused by: missing field"],
    );
    // A broken manifest of something else is left alone.
    let project = built();
    project.write("target/layers/other.json", "{").unwrap();
    check(&mut publish(&project, &["--profile", "nobody"]), 1, &["there is no profile `nobody`"]);
}

#[test]
fn a_zip_above_the_limit_of_a_request_is_refused() {
    let project = Project::new(&["eu-west-1"], &[]).unwrap();
    // A stored zip of 52,428,801 bytes.
    let overhead = tests::project::zip("python/demo.py", b"").len();
    project.build(&"x".repeat(52_428_801 - overhead)).unwrap();
    check(&mut publish(&project, &[]), 1, &["has 52428801 bytes", "may have 52428800 (50 MB)"]);
    project.build(&"x".repeat(52_428_800 - overhead)).unwrap();
    check(&mut publish(&project, &["--profile", "nobody"]), 1, &["there is no profile `nobody`"]);
}

#[test]
fn regions_are_checked_before_any_work() {
    let project = built();
    check(
        &mut publish(&project, &["--region", "eu-wset-1"]),
        2,
        &["there is no region `eu-wset-1`; did you mean `eu-west-1`?"],
    );
    let project = Project::new(&[], &[]).unwrap();
    project.build("VERSION = 1\n").unwrap();
    let lines = [
        "error: no region is known for layer `demo`",
        "hint: name one with `layer-publisher publish demo --region eu-west-1`",
    ];
    check(&mut publish(&project, &[]), 1, &lines);
    project.write("layers.toml", "[layers.demo.publish]\nregion = []\n").unwrap();
    check(
        &mut publish(&project, &[]),
        1,
        &["unknown key `region` in `[layers.demo.publish]`; did you mean `regions`?"],
    );
}

#[test]
fn credentials_that_are_missing_or_old() {
    let project = built();
    check(
        &mut publish(&project, &[]),
        1,
        &[
            "error: failed to ask AWS whose credentials these are",
            "Caused by: there are no valid credentials: none were found in the environment",
            "hint: name a profile with `-p PROFILE`, or log in with `aws login`",
        ],
    );

    std::fs::create_dir(project.path(".aws")).unwrap();
    let config = "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = x\n\
                  [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = http://127.0.0.1:1/start\n";
    project.write(".aws/config", config).unwrap();
    let unknown =
        ["error: there is no profile `dve` in ", "did you mean `dev`?", "hint: profiles there are: `dev`"];
    check(&mut publish(&project, &["-p", "dve"]), 1, &unknown);
    let mut command = publish(&project, &[]);
    check(command.env("AWS_PROFILE", "dve"), 1, &unknown);
    check(
        &mut publish(&project, &["-p", "dev"]),
        1,
        &["error: ", "Caused by: ", "hint: log in with `aws sso login --profile dev`"],
    );

    let folder = project.path(".aws/sso/cache");
    std::fs::create_dir_all(&folder).unwrap();
    // Its name is the SHA-1 of the session's.
    let token = r#"{"accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": "x"}"#;
    std::fs::write(folder.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json"), token).unwrap();
    let expired = [
        "Caused by: there are no valid credentials: ",
        "has expired",
        "hint: log in with `aws sso login --profile dev`",
    ];
    check(&mut publish(&project, &["-p", "dev"]), 1, &expired);

    // Old ones, from the environment.
    let proxy = Proxy::start(NOBODY).unwrap();
    let expired = Fault::Error {
        status: 403,
        code: "ExpiredToken",
        message: "The security token included in the request is expired",
    };
    proxy.add(Rule::always(expired));
    let lines = [
        "Caused by: The security token included in the request is expired (ExpiredToken, GetCallerIdentity",
        "hint: ",
    ];
    check(&mut publish_at(&project, &proxy, &[]), 1, &lines);
    assert_eq!(proxy.calls().len(), 1);
}

#[test]
fn a_profile_that_is_named_outranks_keys_in_the_environment() {
    let project = built();
    std::fs::create_dir(project.path(".aws")).unwrap();
    project
        .write(".aws/credentials", "[other]\naws_access_key_id = AKIDOFPROFILE\naws_secret_access_key = x\n")
        .unwrap();
    let proxy = Proxy::start(NOBODY).unwrap();
    proxy.add(Rule::always(Fault::Error { status: 403, code: "AccessDenied", message: "no" }));
    for (arguments, expected) in [(&["-p", "other"][..], "AKIDOFPROFILE"), (&[][..], "test")] {
        let mut command = publish_at(&project, &proxy, arguments);
        command.env_remove("AWS_SHARED_CREDENTIALS_FILE").env_remove("AWS_CONFIG_FILE");
        check(&mut command, 1, &["hint: see who asks with `aws sts get-caller-identity"]);
        assert_eq!(proxy.take_calls()[0].access_key, expected);
    }
}

#[test]
fn an_endpoint_that_nobody_serves() {
    let project = built();
    let mut command = project.command_at("layer-publisher", "http://127.0.0.1:1");
    let lines = [
        "error: failed to ask AWS",
        "Caused by: ",
        "efused",
        "hint: `http://127.0.0.1:1` is what `AWS_ENDPOINT_URL` names",
    ];
    check(command.arg("publish"), 1, &lines);
}

#[test]
fn certificates_and_proxies_of_the_environment_are_used() {
    let project = built();
    let server = Server::start_with_tls();
    let certificate = project.path("ca.pem");
    std::fs::write(&certificate, server.certificate()).unwrap();
    // With its certificate the server is reached, and says nothing that AWS would say; without, it is not.
    let mut command = project.command_at("layer-publisher", &server.url(""));
    command.arg("publish").env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", &certificate);
    check(&mut command, 1, &["Caused by: an answer with status 404 that does not come from AWS"]);
    let mut command = project.command_at("layer-publisher", &server.url(""));
    check(command.arg("publish"), 1, &["Caused by: ", "ertificate"]);

    let proxy = Proxy::start(NOBODY).unwrap();
    proxy.add(Rule::always(Fault::Error { status: 403, code: "AccessDenied", message: "no" }));
    let mut command = project.command_at("layer-publisher", "http://aws.invalid");
    check(command.arg("publish").env("HTTP_PROXY", proxy.url()), 1, &["(AccessDenied, GetCallerIdentity"]);
    assert!(proxy.calls()[0].path.starts_with("http://aws.invalid/"), "{:?}", proxy.calls());
}

#[test]
fn a_ledger_that_is_broken_stays_as_it_is_and_nothing_is_published() {
    let proxy = Proxy::start(NOBODY).unwrap();
    let conflict = "{\n  \"schema\": 1,\n<<<<<<< HEAD\n  \"versions\": []\n}\n";
    for (text, said) in
        [(conflict, "line 3 "), ("{\"schema\": 9, \"versions\": []}", "schema is 9"), ("{", "line 1")]
    {
        let project = built();
        project.write("layer-versions.json", text).unwrap();
        check(
            &mut publish_at(&project, &proxy, &[]),
            1,
            &["error: failed to read the ledger `", said, "hint: "],
        );
        assert_eq!(project.read("layer-versions.json").unwrap(), text);
    }
    let project = built();
    project.write("layer-versions.json", "{\"schema\": 1, \"versions\": []}").unwrap();
    let path = project.path("layer-versions.json");
    let mut permissions = std::fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).unwrap();
    check(&mut publish_at(&project, &proxy, &[]), 1, &["layer-versions.json` is read-only", "hint: "]);
    assert_eq!(proxy.calls().len(), 0);
}

#[test]
fn help_and_usage_say_what_was_typed() {
    let project = built();
    let run = |called: Option<&str>, arguments: &[&str]| {
        let mut command = project.command("layer-publisher");
        if let Some(words) = called {
            command.env("XTASK_CALLED_AS", words);
        }
        let output = command.args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, text) = run(Some("cargo xtask publish"), &["publish", "--help"]);
    assert!(code == Some(0) && text.contains("Usage: cargo xtask publish [OPTIONS] [LAYER]..."), "{text}");
    let (code, text) = run(Some("cargo xtask publish"), &["publish", "--nonsense"]);
    assert!(code == Some(2) && text.contains("Usage: cargo xtask publish"), "{text}");
    assert!(!text.contains("layer-publisher"), "{text}");
    let (code, text) = run(None, &["publish", "--help"]);
    assert!(
        code == Some(0) && text.contains("Usage: layer-publisher publish [OPTIONS] [LAYER]..."),
        "{text}"
    );
}
