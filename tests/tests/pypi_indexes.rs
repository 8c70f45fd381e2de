//! Private indexes with the real uv: a simple index on loopback (PEP 503) that wants to know who asks, in every way that
//! uv and pip can be told. Getting uv itself needs the network.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::command::{Outcome, binary, clean, run};
use tests::server::{Answer, Server};
use tests::wheels::{file, sha256, wheel};

const SECRET: &str = "s3cr3t-t0ken";

/// The folder of a real uv, which is installed once for all tests.
fn uv_folder() -> PathBuf {
    let cache = binary("layer-builder").with_file_name("tests-cache");
    let mut command = clean(binary("layer-builder"));
    let command = command.env("LAYER_BUILDER_CACHE_DIR", &cache).args(["uv", "--", "--version"]);
    let _ = run(command).expect_code(0);
    let mut versions = std::fs::read_dir(cache.join("uv")).unwrap().flatten();
    versions.next().unwrap().path().join("bin")
}

/// A project that wants `ours`, with caches of its own.
struct Project {
    folder: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("tools");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [tools, uv_folder()].into_iter().chain(std::env::split_paths(&path));
        let project = Self { path: std::env::join_paths(folders).unwrap(), folder };
        project.write(
            "project/layers.toml",
            "[layers.own]\nrequirements = [\"ours\"]\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]\n",
        );
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn write_program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(&format!("tools/{name}"), &format!("#!/bin/sh\n{script}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
        let mut command = clean(program);
        command
            .current_dir(self.path("project"))
            .env("PATH", &self.path)
            .env("LAYER_BUILDER_CACHE_DIR", self.path("cache"))
            .env("UV_CACHE_DIR", self.path("uv cache"))
            .env("UV_CREDENTIALS_DIR", self.path("credentials"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .args(arguments);
        command
    }

    /// Runs it, and looks for the secret in all that is said and left behind.
    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.command(binary("layer-builder"), arguments);
        let outcome = run(command.envs(variables.iter().copied()));
        for secret in [SECRET, "wr0ng-t0ken"] {
            let said = [&outcome.stdout, &outcome.stderr];
            assert!(!said.iter().any(|text| text.contains(secret)), "{outcome:?}");
            for name in ["cache", "project/target", "project/requirements.own.txt"] {
                assert!(!holds(&self.path(name), secret), "`{secret}` in {name}");
            }
        }
        outcome
    }

    /// What was downloaded and built is gone; the lock, and where its files lie, stay.
    fn forget_files(&self) {
        for name in ["cache/files", "cache/built", "project/target"] {
            let _ = std::fs::remove_dir_all(self.path(name));
        }
    }
}

fn holds(path: &Path, secret: &str) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().flatten().any(|entry| holds(&entry.path(), secret));
    }
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

/// An index below `/repo/simple/` whose files lie beside it. Strangers get `denied`.
fn private_index(denied: u16, file_name: &str, bytes: Vec<u8>) -> Server {
    let server = Server::start();
    let private = |answer| Answer::Private(format!("me:{SECRET}"), denied, Box::new(answer));
    let link = format!("<a href=\"../../files/{file_name}#sha256={}\">{file_name}</a>", sha256(&bytes));
    server.answer("/repo/simple/ours/", private(Answer::Page(link)));
    server.answer(&format!("/repo/files/{file_name}"), private(Answer::File(bytes)));
    server
}

fn index_of_a_wheel(denied: u16) -> Server {
    let wheel = wheel("ours", "1.0", &[file("ours.py", "x = 1\n")]);
    private_index(denied, &wheel.file_name, wheel.bytes)
}

fn address(server: &Server, user: &str) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    server.url("/repo/simple/").replace("://", &format!("://{user}{at}"))
}

#[test]
fn pypi_every_way_to_name_credentials_gets_in() {
    let server = index_of_a_wheel(401);
    let (plain, with_user, full) =
        (address(&server, ""), address(&server, "me"), address(&server, &format!("me:{SECRET}")));
    let named = format!("ours={plain}");
    let keyring = format!("[ \"$*\" = 'get {plain} me' ] && echo {SECRET}\n");
    let password = ("UV_INDEX_OURS_PASSWORD", SECRET);
    let check = |what: &str, variables: &[(&str, &str)], prepare: &dyn Fn(&Project)| {
        let project = Project::new();
        prepare(&project);
        let outcome = project.run(&["build", "--verbose"], variables);
        assert_eq!(outcome.code, Some(0), "{what}: {}", outcome.stderr);
        project.forget_files();
        let outcome = project.run(&["build"], variables);
        assert_eq!(outcome.code, Some(0), "{what}, files only: {}", outcome.stderr);
    };
    let nothing = |_: &Project| {};
    for variable in ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"] {
        check(variable, &[(variable, &full)], &nothing);
    }
    check("named", &[("UV_DEFAULT_INDEX", &named), ("UV_INDEX_OURS_USERNAME", "me"), password], &nothing);
    check(
        "keyring",
        &[("UV_DEFAULT_INDEX", &with_user), ("UV_KEYRING_PROVIDER", "subprocess")],
        &|project| {
            project.write_program("keyring", &keyring);
        },
    );
    check("netrc", &[("UV_DEFAULT_INDEX", &plain), ("NETRC", "../netrc")], &|project| {
        project.write("netrc", &format!("machine 127.0.0.1 login me password {SECRET}\n"));
    });
    check("uv auth", &[("UV_DEFAULT_INDEX", &plain)], &|project| {
        let mut login = project
            .command("sh", &["-c", "echo \"$PASSWORD\" | uv auth login \"$0\" --username me --password -"]);
        let _ = run(login.arg(&plain).env("PASSWORD", SECRET)).expect_code(0);
    });
    for (name, text) in [
        ("project/uv.toml", format!("[[index]]\nurl = {full:?}\ndefault = true\n")),
        ("config/uv/uv.toml", format!("index-url = {full:?}\n")),
        ("config/pip/pip.conf", format!("[global]\nindex-url = {full}\n")),
    ] {
        check(name, &[], &|project| _ = project.write(name, &text));
    }
    check("pyproject", &[("UV_INDEX_OURS_USERNAME", "me"), password], &|project| {
        let table = format!("[[tool.uv.index]]\nname = \"ours\"\nurl = {plain:?}\ndefault = true\n");
        project.write("project/pyproject.toml", &table);
    });
    check("requirements file", &[("TOKEN", SECRET)], &|project| {
        let address = address(&server, "me:${TOKEN}");
        project.write("project/more.txt", &format!("--index-url {address}\nours\n"));
        let toml = std::fs::read_to_string(project.path("project/layers.toml")).unwrap();
        project.write("project/layers.toml", &toml.replace("\"ours\"", "\"-r more.txt\""));
    });
}

#[test]
fn pypi_a_token_that_expires_between_lock_and_build_says_so() {
    for denied in [401, 403] {
        let server = index_of_a_wheel(denied);
        let project = Project::new();
        let build = |password: &str, arguments: &[&str]| {
            let index = address(&server, &format!("me:{password}"));
            project.run(arguments, &[("UV_DEFAULT_INDEX", &index)])
        };
        let _ = build(SECRET, &["lock"]).expect_code(0);
        let outcome = build("wr0ng-t0ken", &["build"]).expect_code(1);
        let said = format!("refuses the credentials from `UV_DEFAULT_INDEX` (status {denied})");
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: they may have expired"), "{}", outcome.stderr);
        let _ = build(SECRET, &["build"]).expect_code(0);
        // The same where uv is the one who asks.
        std::fs::remove_dir_all(project.path("uv cache")).unwrap();
        let outcome = build("wr0ng-t0ken", &["lock", "--upgrade"]).expect_code(1);
        assert!(outcome.stderr.contains("Caused by: uv failed to resolve"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("may have expired"), "{}", outcome.stderr);
    }
}

#[test]
fn pypi_folders_pages_and_indexes_of_this_machine_serve_too() {
    let wheel = wheel("ours", "1.0", &[file("ours.py", "x = 1\n")]);
    let project = Project::new();
    let put = |name: &str, bytes: &[u8]| {
        let path = project.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    put(&format!("project/some links/{}", wheel.file_name), &wheel.bytes);
    let link = format!("<a href=\"{0}\">{0}</a>", wheel.file_name);
    put("project/some links/page.html", link.as_bytes());
    let far = link.replacen("href=\"", "href=\"../../some%20links/", 1);
    put("project/simple/ours/index.html", far.as_bytes());
    let folder = project.path("project").display().to_string();
    for (variables, toml) in [
        (vec![("UV_FIND_LINKS", format!("{folder}/some links"))], "no-index = true\n"),
        (vec![("UV_DEFAULT_INDEX", format!("file://{folder}/simple"))], ""),
        (
            vec![
                ("PIP_FIND_LINKS", format!("file://{folder}/some%20links")),
                ("PIP_NO_INDEX", "1".to_owned()),
            ],
            "",
        ),
        (
            vec![
                ("PIP_FIND_LINKS", format!("file://{folder}/some%20links/page.html")),
                ("PIP_NO_INDEX", "1".to_owned()),
            ],
            "",
        ),
        (vec![], "no-index = true\nfind-links = [\"some links\"]\n"),
        (vec![], "[[index]]\nname = \"flat\"\nurl = \"./some links\"\nformat = \"flat\"\n"),
        (vec![], "[[index]]\nname = \"flat\"\nurl = \"PAGE\"\nformat = \"flat\"\n"),
    ] {
        let page = format!("file://{folder}/some%20links/page.html");
        project.write("project/uv.toml", &toml.replace("PAGE", &page));
        let _ = std::fs::remove_file(project.path("project/requirements.own.txt"));
        let _ = std::fs::remove_dir_all(project.path("cache"));
        project.forget_files();
        let borrowed: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let outcome = project.run(&["build"], &borrowed);
        assert_eq!(outcome.code, Some(0), "{variables:?} {toml}: {}", outcome.stderr);
    }
}

/// A source distribution that writes down the environment that its backend runs in, and what it was asked for.
fn nosy(trace: &Path) -> Vec<u8> {
    let backend = r#"
import os, zipfile
def note(what):
    with open(TRACE, "a") as trace:
        trace.write(what + "\n" + "".join(f"{name}={value}\n" for name, value in os.environ.items()))
def fill(folder, write):
    info = "ours-1.0.dist-info"
    write(info + "/METADATA", "Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    write(info + "/WHEEL", "Wheel-Version: 1.0\nGenerator: nosy\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    return info
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    note("metadata")
    def write(name, text):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write(text)
    return fill(folder, write)
def build_wheel(folder, config_settings=None, metadata_directory=None):
    note("wheel")
    name = "ours-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        info = fill(folder, wheel.writestr)
        wheel.writestr("ours.py", "x = 1\n")
        names = wheel.namelist() + [info + "/RECORD"]
        wheel.writestr(info + "/RECORD", "".join(name + ",,\n" for name in names))
    return name
"#;
    let backend = backend.replace("TRACE", &format!("{:?}", trace.display().to_string()));
    let pyproject = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    let program = "import io, sys, tarfile\n\
         with tarfile.open(fileobj=sys.stdout.buffer, mode='w:gz') as archive:\n    \
         for name, text in zip(sys.argv[1::2], sys.argv[2::2]):\n        \
         entry = tarfile.TarInfo('ours-1.0/' + name)\n        entry.size = len(text.encode())\n        \
         archive.addfile(entry, io.BytesIO(text.encode()))\n";
    let mut python = clean("python3");
    python.args(["-c", program, "pyproject.toml", pyproject, "backend.py", &backend]);
    python.args(["PKG-INFO", "Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n"]);
    let output = python.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The index wants credentials, the keyring that has them wants AWS's, and the backend gets none of either's.
#[test]
fn pypi_a_backend_sees_no_credentials_of_aws_or_github() {
    let project = Project::new();
    let trace = project.path("trace");
    let server = private_index(401, "ours-1.0.tar.gz", nosy(&trace));
    project.write_program("keyring", &format!("[ \"$AWS_PROFILE\" = team ] && echo {SECRET}\n"));
    let index = address(&server, "me");
    let secrets = [
        ("AWS_PROFILE", "team"),
        ("AWS_ACCESS_KEY_ID", "hidden"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ("AWS_SESSION_TOKEN", "hidden"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "hidden"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "hidden"),
        ("GITHUB_TOKEN", "hidden"),
        ("GH_TOKEN", "hidden"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hidden"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "hidden"),
        ("ACTIONS_RUNTIME_TOKEN", "hidden"),
        ("UV_PUBLISH_TOKEN", "hidden"),
    ];
    let mut variables = vec![("UV_DEFAULT_INDEX", index.as_str()), ("UV_KEYRING_PROVIDER", "subprocess")];
    variables.extend(secrets);
    let _ = project.run(&["build"], &variables).expect_code(0);
    let seen = std::fs::read_to_string(&trace).unwrap();
    assert!(seen.contains("metadata\n") && seen.contains("wheel\n"), "both were tried: {seen}");
    assert!(seen.contains("PATH=") && !seen.contains("hidden"), "{seen}");
    for (name, _) in secrets {
        assert!(!seen.lines().any(|line| line.starts_with(&format!("{name}="))), "{name}");
    }
    let of_wheel = seen.rsplit("wheel\n").next().unwrap();
    assert!(of_wheel.contains("SOURCE_DATE_EPOCH=315532800") && of_wheel.contains("TZ=UTC"), "{of_wheel}");
}

/// Nor where the keyring has no answer and netrc has one, or its answer is for an index without a name in `uv.toml`.
#[test]
fn pypi_a_backend_sees_no_credentials_of_aws_whatever_the_keyring_says() {
    let answer = format!("[ \"$AWS_PROFILE\" = team ] && echo {SECRET}\n");
    for (keyring, is_in_file) in [("exit 1\n", false), (answer.as_str(), true)] {
        let project = Project::new();
        let trace = project.path("trace");
        let server = private_index(401, "ours-1.0.tar.gz", nosy(&trace));
        project.write_program("keyring", keyring);
        let index = address(&server, "me");
        let mut variables =
            vec![("AWS_PROFILE", "team"), ("UV_KEYRING_PROVIDER", "subprocess"), ("NETRC", "../netrc")];
        if is_in_file {
            project.write("project/uv.toml", &format!("index-url = {index:?}\n"));
        } else {
            project.write("netrc", &format!("machine 127.0.0.1 login me password {SECRET}\n"));
            variables.push(("UV_DEFAULT_INDEX", index.as_str()));
        }
        let _ = project.run(&["lock"], &variables).expect_code(0);
        let seen = std::fs::read_to_string(&trace).unwrap();
        assert!(seen.contains("metadata\n") && seen.contains("PATH="), "{seen}");
        assert!(!seen.contains("AWS_PROFILE"), "{seen}");
    }
}
