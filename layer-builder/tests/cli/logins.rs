//! Private servers: every place that credentials may be kept in, who gets to see them, and what is said when they are
//! refused.

use std::path::{Path, PathBuf};

use crate::world::World;
use tests::command::{Outcome, run};
use tests::server::{Answer, Server};
use tests::wheels::{TestWheel, file, wheel};

pub(crate) const SECRET: &str = "s3cr3t/t0ken";

fn good() -> TestWheel {
    wheel("alpha", "1.0", &[file("alpha.py", "x = 1\n")])
}

/// A project whose one wheel lies below `/repo/files` of a server that wants credentials for everything there.
pub(crate) struct Private {
    pub(crate) world: World,
}

impl Private {
    /// Strangers get this status.
    pub(crate) fn denying(status: u16) -> Self {
        let world = World::unserved(&[good()], Server::start());
        let path = format!("/repo/files/{}", good().file_name);
        let answer = Answer::File(good().bytes);
        world.server.answer(&path, Answer::Private(format!("me:{SECRET}"), status, Box::new(answer)));
        world.write_project(&[good()], |_| world.server.url(&path));
        Self { world }
    }

    /// The address of its index: with `user` before the host, if there is one.
    pub(crate) fn index(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        self.world.server.url("/repo/simple/").replace("://", &format!("://{user}{at}"))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.world.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A program on the PATH of [`Private::build`].
    pub(crate) fn write_program(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(&format!("tools/{name}"), &format!("#!/bin/sh\n{script}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Builds from an empty cache of files, and looks for the secret in all that is said and left behind.
    pub(crate) fn build(&self, variables: &[(&str, &str)]) -> Outcome {
        let _ = std::fs::remove_dir_all(self.world.path("cache/files"));
        let _ = std::fs::remove_dir_all(self.world.path("target"));
        let mut command = self.world.command(&["build", "--verbose"]);
        command.env("PATH", self.world.path("tools")).envs(variables.iter().copied());
        let outcome = run(&mut command);
        for secret in [SECRET, "wrong", "s3cr3t%2Ft0ken"] {
            assert!(!outcome.stderr.contains(secret) && !outcome.stdout.contains(secret), "{outcome:?}");
            for folder in ["cache", "target"] {
                assert!(!holds(&self.world.path(folder), secret), "`{secret}` in {folder}");
            }
        }
        outcome
    }

    /// How many requests were made, and how many of them showed credentials.
    pub(crate) fn asked(&self) -> (usize, usize) {
        (self.world.server.requests().len(), self.world.server.authorized())
    }
}

pub(crate) fn holds(path: &Path, secret: &str) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().flatten().any(|entry| holds(&entry.path(), secret));
    }
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

const USER: &str = "me:s3cr3t%2Ft0ken";

#[test]
fn variables_of_uv_and_pip_let_downloads_in() {
    for name in [
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
        "UV_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
    ] {
        let private = Private::denying(401);
        let _ = private.build(&[(name, &private.index(USER))]).expect_code(0);
        assert_eq!(private.asked(), (1, 1), "{name}: what belongs to an index is shown at once");
    }
    let private = Private::denying(401);
    let named = format!("our-own={}", private.index(""));
    let variables = [
        ("UV_INDEX", named.as_str()),
        ("UV_INDEX_OUR_OWN_USERNAME", "me"),
        ("UV_INDEX_OUR_OWN_PASSWORD", SECRET),
    ];
    let _ = private.build(&variables).expect_code(0);
    let outcome = private.build(&variables[..1]).expect_code(1);
    assert!(outcome.stderr.contains("status 401"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("`UV_INDEX_<NAME>_PASSWORD`"), "{}", outcome.stderr);
}

/// Some servers take a token for the user, and no password.
#[test]
fn a_token_needs_no_password() {
    const TOKEN: &str = "t0ken-of-a-server";
    let private = Private::denying(401);
    let path = format!("/repo/files/{}", good().file_name);
    let answer = Box::new(Answer::File(good().bytes));
    private.world.server.answer(&path, Answer::Private(format!("{TOKEN}:"), 401, answer));
    let with_token = private.index(TOKEN);
    let named = format!("ours={}", private.index(""));
    for variables in [
        &[("UV_INDEX_URL", with_token.as_str())][..],
        &[("PIP_INDEX_URL", with_token.as_str())],
        &[("UV_INDEX", named.as_str()), ("UV_INDEX_OURS_USERNAME", TOKEN)],
    ] {
        let before = private.asked();
        let outcome = private.build(variables).expect_code(0);
        assert!(!outcome.stderr.contains(TOKEN), "{}", outcome.stderr);
        let asked = private.asked();
        assert_eq!((asked.0 - before.0, asked.1 - before.1), (1, 1), "{variables:?}");
    }
    let outcome = private.build(&[("UV_INDEX_URL", &private.index("somebody-else"))]).expect_code(1);
    let said = "refuses the credentials from `UV_INDEX_URL`, a user without a password (status 401)";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}

#[test]
fn files_of_uv_and_pip_let_downloads_in() {
    for (name, text) in [
        ("uv.toml", "[[index]]\nurl = \"INDEX\"\n"),
        ("uv.toml", "[pip]\nextra-index-url = [\"INDEX\"]\n"),
        ("pyproject.toml", "[[tool.uv.index]]\nname = \"x\"\nurl = \"INDEX\"\nexplicit = true\n"),
        (".config/uv/uv.toml", "index-url = \"INDEX\"\n"),
        (".config/uv/uv.toml", "find-links = [\"INDEX\"]\n"),
        (".config/pip/pip.conf", "[global]\nextra-index-url =\n  https://other.test/simple\n  INDEX\n"),
        (".pip/pip.conf", "[install]\nindex_url: INDEX\n"),
    ] {
        let private = Private::denying(403);
        let _ = private.build(&[]).expect_code(1);
        private.write(name, &text.replace("INDEX", &private.index(USER)));
        let outcome = private.build(&[]);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
    }
    let private = Private::denying(401);
    let named = format!("[[tool.uv.index]]\nname = \"ours\"\nurl = {:?}\n", private.index(""));
    private.write("pyproject.toml", &named);
    let variables = [("UV_INDEX_OURS_USERNAME", "me"), ("UV_INDEX_OURS_PASSWORD", SECRET)];
    let _ = private.build(&variables).expect_code(0);
}

/// Some servers say 404 to strangers, and some 403.
#[test]
fn credentials_are_looked_for_however_a_stranger_is_turned_away() {
    for status in [401, 403, 404] {
        let private = Private::denying(status);
        // Not below the index: shown when it is asked for.
        let elsewhere = private.world.server.url("/other/simple").replace("://", &format!("://{USER}@"));
        let _ = private.build(&[("UV_INDEX", &elsewhere)]).expect_code(0);
        assert_eq!(private.asked(), (2, 1), "{status}");
    }
    let private = Private::denying(401);
    private.write(".netrc", &format!("default login me password {SECRET}\n"));
    let _ = private.build(&[]).expect_code(0);
    assert_eq!(private.asked(), (2, 1), "what is for any host is shown to those that ask");
}

#[test]
fn an_index_that_is_never_shown_credentials_is_not_shown_any() {
    let private = Private::denying(401);
    private.write(".netrc", &format!("machine 127.0.0.1 login me password {SECRET}\n"));
    let never = format!("[[index]]\nurl = {:?}\nauthenticate = \"never\"\n", private.index(""));
    private.write("uv.toml", &never);
    let _ = private.build(&[]).expect_code(1);
    assert_eq!(private.asked(), (1, 0));
}

/// The commands of uv as its versions have them.
#[test]
fn what_uv_has_stored_is_asked_of_uv() {
    let new = "#VERSION\ncase \"$1 $2\" in\n  'auth helper') read question; echo \"$question\" > TRACE\n                   echo '{\"headers\":{\"Authorization\":[\"Basic bWU6czNjcjN0L3Qwa2Vu\"]}}' ;;\n  *) exit 2 ;;\nesac\n";
    let old = "#VERSION\n[ \"$*\" = \"auth token URL --username me\" ] || exit 2\necho 's3cr3t/t0ken'\n";
    for (script, user) in [(new, ""), (old, "me")] {
        let private = Private::denying(401);
        let script = script
            .replace("#VERSION", "[ \"$1\" = --version ] && echo 'uv 0.9.0' && exit")
            .replace("TRACE", &private.world.path("trace").display().to_string())
            .replace("URL", &private.index(""));
        private.write_program("uv", &script);
        let outcome = private.build(&[("UV_INDEX", &private.index(user))]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        if user.is_empty() {
            let question = std::fs::read_to_string(private.world.path("trace")).unwrap();
            assert_eq!(question.trim(), format!("{{\"uri\":\"{}\"}}", private.index("")));
        }
    }
}

#[test]
fn credentials_that_are_refused_may_have_expired() {
    let private = Private::denying(401);
    let outcome = private.build(&[("UV_INDEX", &private.index("me:wrong"))]).expect_code(1);
    let host = format!("127.0.0.1:{}", private.world.server.port());
    let said = format!("{host} refuses the credentials from `UV_INDEX` (status 401)");
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: they may have expired"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("netrc"), "they were named: {}", outcome.stderr);
    assert_eq!(private.asked(), (1, 1), "nobody is let in for asking again");
}

/// A token that worked when the layer was locked, and does not when it is built.
#[test]
fn a_token_of_code_artifact_says_how_it_is_renewed() {
    let host = "my-team-123456789012.d.codeartifact.eu-west-1.example.test";
    let private = Private::denying(401);
    let path = format!("/pypi/repo/simple/alpha/1.0/{}", good().file_name);
    let answer = Box::new(Answer::File(good().bytes));
    private.world.server.answer(&path, Answer::Private(format!("aws:{SECRET}"), 401, answer));
    private.world.write_project(&[good()], |_| format!("http://{host}{path}"));
    let proxy = private.world.server.url("");
    let build = |token: &str| {
        let index = format!("http://aws:{token}@{host}/pypi/repo/simple/");
        let none =
            [("NO_PROXY", ""), ("no_proxy", ""), ("http_proxy", ""), ("ALL_PROXY", ""), ("all_proxy", "")];
        let mut variables = vec![("UV_EXTRA_INDEX_URL", index.as_str()), ("HTTP_PROXY", proxy.as_str())];
        variables.extend(none);
        private.build(&variables)
    };
    let _ = build("s3cr3t%2Ft0ken").expect_code(0);
    let outcome = build("wrong").expect_code(1);
    let said = format!("{host} refuses the credentials from `UV_EXTRA_INDEX_URL` (status 401)");
    assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    let hint = "`aws codeartifact get-authorization-token --domain my-team --domain-owner 123456789012 --region eu-west-1";
    assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
}

#[test]
fn credentials_do_not_follow_a_redirect() {
    let elsewhere = Server::start();
    elsewhere.answer("/there", Answer::File(good().bytes));
    let world = World::unserved(&[good()], Server::start());
    world.server.answer(&format!("/{}", good().file_name), Answer::Redirect(elsewhere.url("/there")));
    std::fs::write(world.path(".netrc"), "machine 127.0.0.1\n  login me\n  password s3cret\n").unwrap();
    let _ = world.run(&["build"]).expect_code(0);
    assert_eq!((world.server.authorized(), elsewhere.authorized()), (1, 0));
}

/// A server may send files to its own other address, and to that of another server that has credentials of its own.
#[test]
fn a_redirect_on_one_server_keeps_credentials_and_another_server_has_its_own() {
    let private = Private::denying(401);
    let path = format!("/repo/files/{}", good().file_name);
    let moved =
        Answer::Private(format!("me:{SECRET}"), 401, Box::new(Answer::Redirect("../stored".to_owned())));
    private.world.server.answer(&path, moved);
    let stored = Answer::Private(format!("me:{SECRET}"), 401, Box::new(Answer::File(good().bytes)));
    private.world.server.answer("/repo/files/../stored", stored);
    let _ = private.build(&[("UV_INDEX", &private.index(USER))]).expect_code(0);
    assert_eq!(private.asked(), (2, 2));

    let other = Server::start();
    let there = Answer::Private("you:own".to_owned(), 401, Box::new(Answer::File(good().bytes)));
    other.answer("/there", there);
    let away = Answer::Private(format!("me:{SECRET}"), 401, Box::new(Answer::Redirect(other.url("/there"))));
    private.world.server.answer(&path, away);
    private.write(".netrc", "default login nobody password nothing\n");
    let _ = private.build(&[("UV_INDEX", &private.index(USER))]).expect_code(1);
    assert_eq!(other.authorized(), 0, "nothing is named for it");
    let both = format!("{} {}", private.index(USER), other.url("/simple").replace("://", "://you:own@"));
    let _ = private.build(&[("UV_INDEX", &both)]).expect_code(0);
    assert_eq!((other.requests().len(), other.authorized()), (3, 1));

    private.world.server.answer(&path, Answer::Redirect(private.world.server.url(&path)));
    let outcome = private.build(&[]).expect_code(1);
    assert!(outcome.stderr.contains("leads to other addresses again and again"), "{}", outcome.stderr);
}

#[test]
fn files_of_this_machine_may_have_any_name() {
    let world = World::unserved(&[good()], Server::start());
    let folder = world.path("some links");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(good().file_name), good().bytes).unwrap();
    let address = format!("file://{}/", folder.display().to_string().replace(' ', "%20"));
    world.write_project(&[good()], |wheel| format!("{address}{}", wheel.file_name));
    let _ = world.run(&["build"]).expect_code(0);
}

/// What is committed names nobody, and what names somebody is not printed.
#[test]
fn addresses_of_repositories_carry_no_credentials() {
    let world = World::new(&[good()]);
    let toml = std::fs::read_to_string(world.path("layers.toml")).unwrap();
    let branch = "branch-of = { alpha = \"https://me:s3cr3t@example.test/alpha.git\" }\n";
    let commit = "0123456789012345678901234567890123456789";
    let wanted = toml.replace("[\"alpha\"]", "[\"alpha @ git+https://s3cr3t@example.test/alpha.git\"]");
    for (text, expected) in [
        (toml.clone() + branch, "`alpha` has an address with credentials"),
        (wanted, "the address names a user or a password"),
    ] {
        std::fs::write(world.path("layers.toml"), text).unwrap();
        let outcome = world.run(&["build", "--verbose"]).expect_code(1);
        assert!(outcome.stderr.contains(expected), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("https://****@example.test/alpha.git"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("s3cr3t"), "{}", outcome.stderr);
    }
    std::fs::write(world.path("layers.toml"), toml).unwrap();
    let lock = world.path("requirements.small.txt");
    let text = std::fs::read_to_string(&lock).unwrap();
    for line in [
        format!("beta @ git+https://me:s3cr3t@example.test/beta.git@{commit}"),
        "beta @@ https://me:s3cr3t@x.test/".to_owned(),
    ] {
        std::fs::write(&lock, format!("{text}{line}\n")).unwrap();
        let outcome = world.run(&["build", "--verbose"]).expect_code(1);
        assert!(outcome.stderr.contains("requirements.small.txt`, line 6"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("beta") && !outcome.stderr.contains("s3cr3t"), "{}", outcome.stderr);
    }
}
