use std::path::PathBuf;

use expect_test::{Expect, expect};

use super::*;
use crate::target::{Architecture, Target};

const A: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const B: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn read(text: &str) -> Result<Lock, Error> {
    parse(Path::new("/p/pylock.toml"), text.as_bytes())
}

/// A lock of one package, with these lines in its table.
fn lock_of(lines: &str) -> String {
    format!("lock-version = \"1.0\"\ncreated-by = \"somebody\"\n\n[[packages]]\nname = \"six\"\n{lines}\n")
}

fn check_error(text: &str, expected: Expect) {
    let error = read(text).expect_err("this lock is wrong");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    expected.assert_eq(&format!("{error}: {cause}"));
}

#[test]
fn a_lock_tells_versions_markers_and_where_its_files_lie() {
    let lock = read(&format!(
        r#"
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.9"
created-by = "somebody"
[[packages]]
name = "Six"
version = "1.17.0"
requires-python = ">=2.7"
sdist = {{ url = "https://example.com/six-1.17.0.tar.gz", size = 7, hashes = {{ sha256 = "{A}" }} }}
wheels = [
  {{ path = "wheels/six-1.17.0-py2.py3-none-any.whl", hashes = {{ sha256 = "{B}", md5 = "00" }} }},
  {{ url = "https://example.com/six-1.17.0%2Bx-py3-none-any.whl?y#z", hashes = {{ sha256 = "{B}" }} }},
]
[[packages]]
name = "pkg"
marker = "python_version < '3.12'"
archive = {{ url = "https://example.com/pkg-2.0-py3-none-any.whl", hashes = {{ sha256 = "{A}" }} }}
[[packages]]
name = "ours"
directory = {{ path = ".", editable = true }}
[[packages]]
name = "code"
vcs = {{ type = "git", url = "https://example.com/code.git", commit-id = "153a5c78589226cf97099a1ce6f74c980d5aece4" }}
"#
    ))
    .unwrap();
    let read: Vec<_> = lock
        .packages
        .iter()
        .map(|package| format!("{} {} {}", package.line, package.name, package.pin))
        .collect();
    assert_eq!(read, ["6 six 1.17.0", "15 pkg 2.0", "22 code 153a5c785892"]);
    let given = lock.given.unwrap();
    let files = given.files.of(&"six".parse().unwrap(), &"1.17".parse().unwrap()).unwrap();
    let wheels: Vec<_> =
        files.wheels.iter().map(|file| (file.file_name.as_str(), file.url.as_str())).collect();
    assert_eq!(
        wheels,
        [
            ("six-1.17.0-py2.py3-none-any.whl", "/p/wheels/six-1.17.0-py2.py3-none-any.whl"),
            ("six-1.17.0+x-py3-none-any.whl", "https://example.com/six-1.17.0%2Bx-py3-none-any.whl?y#z"),
        ]
    );
    assert_eq!(files.sdist.as_ref().unwrap().size, Some(7));
    assert_eq!(given.folders, [("ours".parse().unwrap(), 19)]);
    assert_eq!((given.environments.len(), given.requires.len()), (1, 1));
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_package() {
    check_error(
        "lock-version = \"1.0\"\n[[packages]\n",
        expect![
            "failed to read the lock `/p/pylock.toml`, line 2: this is not the format of PEP 751: unclosed array table, expected `]`"
        ],
    );
    check_error(
        "lock-version = \"2.0\"\n",
        expect![
            "failed to read the lock `/p/pylock.toml`, line 1: `lock-version` is 2.0, and 1.0 is what is known here"
        ],
    );
    check_error(
        &lock_of("version = \"1\"\nwheels = [{ url = \"https://x/six-1-py3-none-any.whl\" }]"),
        expect![[
            r#"failed to read the lock `/p/pylock.toml`, line 4: `six-1-py3-none-any.whl` of `six` has no hash: expected `hashes = { sha256 = "…" }`"#
        ]],
    );
    check_error(
        &lock_of(
            "version = \"1\"\nwheels = [{ url = \"https://x/six-1-py3-none-any.whl\", hashes = { md5 = \"00\", blake3 = \"00\" } }]",
        ),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `six-1-py3-none-any.whl` of `six` has no hash that is known here: expected `sha256` and 64 hexadecimal digits, found `blake3`, `md5`"
        ],
    );
    check_error(
        &lock_of("version = \"1\"\nsdist = { path = \"six-1.tar.gz\", hashes = { sha256 = \"00\" } }"),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `six-1.tar.gz` of `six` has no hash that is known here: expected `sha256` and 64 hexadecimal digits, found `00`"
        ],
    );
    check_error(
        &lock_of(&format!(
            "version = \"1\"\nwheels = [{{ url = \"https://me:secret@x/six-1-py3-none-any.whl\", hashes = {{ sha256 = \"{A}\" }} }}]"
        )),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: an address of `six` names a user or a password, and they have no place in a lock"
        ],
    );
    check_error(
        &lock_of(
            "vcs = { type = \"git\", url = \"https://token@x/six.git\", commit-id = \"153a5c78589226cf97099a1ce6f74c980d5aece4\" }",
        ),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: an address of `six` names a user or a password, and they have no place in a lock"
        ],
    );
    check_error(
        &lock_of("vcs = { type = \"hg\", url = \"https://x/six\", commit-id = \"00\" }"),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `six` comes from a repository of `hg`; git is what is known here"
        ],
    );
    check_error(
        &lock_of("vcs = { type = \"git\", url = \"https://x/six\", commit-id = \"main\" }"),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `six` comes from something that is no commit"
        ],
    );
    check_error(
        &lock_of(&format!("version = \"1\"\nsdist = {{ hashes = {{ sha256 = \"{A}\" }} }}")),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: a file of `six` has neither `url` nor `path`"
        ],
    );
    check_error(
        &lock_of("marker = \"python_version <\""),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `marker` of `six` cannot be read: Expected marker value, found end of dependency specification"
        ],
    );
    check_error(
        &lock_of("version = \"one\""),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `version` of `six` cannot be read: expected version to start with a number, but no leading ASCII digits were found"
        ],
    );
    check_error(
        &lock_of(""),
        expect!["failed to read the lock `/p/pylock.toml`, line 4: `six` has no version"],
    );
    check_error(
        &lock_of(&format!(
            "archive = {{ url = \"https://x/six-1.zip\", subdirectory = \"a\", hashes = {{ sha256 = \"{A}\" }} }}"
        )),
        expect![
            "failed to read the lock `/p/pylock.toml`, line 4: `six` comes from a folder inside of `six-1.zip`"
        ],
    );
}

#[test]
fn groups_and_extras_are_settled_before_markers_are_read() {
    let environment =
        Target { python: "3.12".parse().unwrap(), architecture: Architecture::Arm64, glibc_minor: 34 }
            .marker_environment(0);
    let holds = |text: &str| marker("six", text, &["main".to_owned()]).unwrap().evaluate(&environment, &[]);
    for (text, expected) in [
        ("'main' in dependency_groups", true),
        ("\"dev\" in dependency_groups", false),
        ("'dev' not in dependency_groups", true),
        ("'main' not in dependency_groups or python_version < '3'", false),
        ("'socks' in extras", false),
        ("'socks' not  in  extras and sys_platform == 'linux'", true),
        ("python_version >= '3.12' and ('socks' in extras or 'main' in dependency_groups)", true),
        ("'linux' in sys_platform", true),
        ("platform_machine == 'aarch64'", true),
    ] {
        assert_eq!(holds(text), expected, "{text}");
    }
    assert!(marker("six", "'unfinished", &[]).is_err());
}

#[test]
fn names_of_such_locks_are_known() {
    for name in ["pylock.toml", "locks/pylock.toml", "pylock.prod.toml"] {
        assert!(is_named_so(&PathBuf::from(name)), "{name}");
    }
    for name in ["uv.lock", "pylock", "pylock.a.b.toml", "my-pylock.toml", "pylock..toml", "poetry.lock"] {
        assert!(!is_named_so(&PathBuf::from(name)), "{name}");
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let piece = "([ -~\\n]|\\[\\[packages\\]\\]|name = |marker = |version = |'x' in extras|wheels = \\[\\{|\"\\n|lock-version = \"1.0\"\n){0,40}";
    proptest::proptest!(|(text in piece)| {
        let _ = read(&text);
        let _ = marker("six", &text, &[]);
    });
}
