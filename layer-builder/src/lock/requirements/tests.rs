use expect_test::{Expect, expect};

use super::*;

const A: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const B: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn parse(text: &str) -> Result<Lock, Error> {
    Lock::parse(Path::new("requirements.sosw.txt"), text.as_bytes())
}

fn check_error(text: &str, expected: Expect) {
    let error = parse(text).expect_err("this lock is wrong");
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    expected.assert_eq(&format!("{error}: {cause}"));
}

#[test]
fn a_lock_is_read_with_its_markers_and_hashes() {
    let text = format!(
        "# head\n# inputs-sha256: {A}\n\
         sosw==0.7.51 ; python_full_version < '3.12' \\\n    --hash=sha256:{A}\n    # via layers.toml\n\
         sosw==3.0.1 ; python_full_version >= '3.12' \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n\
         six==1.17.0 --hash=sha256:{A} # trailing\n"
    );
    let lock = parse(&text).unwrap();
    assert_eq!(lock.inputs.unwrap().to_string(), A);
    let read: Vec<_> = lock
        .packages
        .iter()
        .map(|package| format!("{} {} {}", package.name, package.pin, package.hashes().count()))
        .collect();
    assert_eq!(read, ["sosw 0.7.51 1", "sosw 3.0.1 2", "six 1.17.0 1"]);
    assert!(lock.packages[2].marker.is_true());
    assert!(!lock.packages[1].marker.is_true());
    assert_eq!(lock.pin_of(&"sosw".parse().unwrap()), None);
    assert_eq!(lock.pin_of(&"six".parse().unwrap()).unwrap().to_string(), "1.17.0");
}

#[test]
fn commits_are_pins_too() {
    let commit = "153a5c78589226cf97099a1ce6f74c980d5aece4";
    let lock = parse(&format!("a @ git+https://example.com/a.git@{commit}#subdirectory=x\n")).unwrap();
    let expected = Commit {
        url: "https://example.com/a.git".into(),
        commit: commit.into(),
        subdirectory: Some("x".into()),
    };
    assert_eq!(lock.packages[0].pin, Pin::Commit(expected));
    check_error(
        "a @ git+https://example.com/a.git@main",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `a` is not pinned: expected one version, as in `name==1.2.3`"
        ],
    );
}

#[test]
fn line_ends_of_windows_change_nothing_but_the_hash() {
    let text = format!("six==1.17.0 \\\n    --hash=sha256:{A}\n");
    let lock = parse(&text.replace('\n', "\r\n")).unwrap();
    assert_eq!(lock.packages.len(), 1);
}

#[test]
fn what_a_lock_may_not_hold_is_named_with_its_line() {
    check_error(
        "\n\nsix>=1",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 3: `six` is not pinned: expected one version, as in `name==1.2.3`"
        ],
    );
    check_error(
        "six==1.*  --hash=sha256:00",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `six` is not pinned: expected one version, as in `name==1.2.3`"
        ],
    );
    check_error(
        "six==1",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `six` has no hash: expected `--hash=sha256:…`"
        ],
    );
    check_error(
        "six==1 --hash=md5:00",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `md5:00` of `six` is no hash that is known here: expected `sha256:` and 64 hexadecimal digits"
        ],
    );
    check_error(
        "--index-url https://example.com\nsix==1",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `--index-url` has no place in a lock: indexes are configured for uv and pip, not here"
        ],
    );
    check_error(
        "<<<<<<< HEAD",
        expect![
            "failed to read the lock `requirements.sosw.txt`, line 1: `<<<<<<< HEAD` is no requirement: Expected package name starting with an alphanumeric character, found `<`"
        ],
    );
}

#[test]
fn no_text_makes_the_reader_panic() {
    proptest::proptest!(|(text in "([ -~\\n\\\\#]|==|--hash=sha256:| ; ){0,60}")| {
        let _ = parse(&text);
    });
}
