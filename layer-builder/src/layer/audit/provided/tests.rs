use pep508_rs::pep440_rs::Version;

use super::super::view::views;
use super::super::{AuditedFile, Package, Severity, Subject};
use super::*;
use crate::provided::Provided;
use crate::requirement;
use crate::target::{Architecture, Runtimes, Target};

fn targets(pythons: &[&str]) -> Vec<Target> {
    let of = |python: &&str| {
        let python: PythonVersion = python.parse().unwrap();
        let glibc_minor = Runtimes::default().get(python).unwrap().glibc_minor;
        Target { python, architecture: Architecture::Arm64, glibc_minor }
    };
    pythons.iter().map(of).collect()
}

/// A layer of packages: `name version` or `name version 3.12`, where it is for that Python only, and what each asks for.
fn check(
    packages: &[(&str, &[&str])],
    pythons: &[&str],
    asked: &[&str],
    provided: &Provided,
    expected: &[&str],
) {
    let paths = packages.iter().map(|(package, _)| match package.split(' ').collect::<Vec<_>>().as_slice() {
        [name, version, python] => {
            format!("python/lib/python{python}/site-packages/{name}-{version}.dist-info/METADATA")
        }
        _ => format!("python/{}.dist-info/METADATA", package.replace(' ', "-")),
    });
    let paths: Vec<String> = paths.collect();
    let file = |(index, path)| AuditedFile { path, size: 1, package: Some(index), native: None };
    let package = |(package, requires): &(&str, &[&str])| Package {
        name: package.split(' ').take(2).collect::<Vec<_>>().join(" "),
        requires: requires.iter().map(|&text| text.to_owned()).collect(),
        ..Package::default()
    };
    let subject = Subject {
        files: paths.iter().map(String::as_str).enumerate().map(file).collect(),
        packages: packages.iter().map(package).collect(),
        targets: targets(pythons),
        asked: asked.iter().map(|text| requirement::parse(text).unwrap()).collect(),
        provided: provided.clone(),
        ..Subject::default()
    };
    let found: Vec<String> = findings(&views(&subject)).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

const WHOLE: [(&str, &[&str]); 4] = [
    ("boto3 1.40.0", &["botocore>=1.40,<1.41"]),
    ("botocore 1.40.0", &["urllib3<3"]),
    ("s3transfer 0.13", &[]),
    ("urllib3 2.5", &[]),
];

#[test]
fn a_whole_sdk_and_none_at_all_are_both_well() {
    let none = Provided::default();
    check(&WHOLE, &["3.12"], &[], &none, &[]);
    check(&WHOLE, &[], &[], &none, &[]);
    check(
        &[("idna 3.7", &["boto3"]), ("six 1.17", &[]), ("python-dateutil 2.9", &[])],
        &["3.12"],
        &["boto3"],
        &none,
        &[],
    );
}

#[test]
fn a_part_of_the_sdk_is_a_warning_with_what_is_missing() {
    let none = Provided::default();
    check(
        &WHOLE[1..2],
        &["3.12", "3.13"],
        &[],
        &none,
        &[
            "`botocore 1.40.0` comes without `boto3` and `s3transfer`: the runtime's own are used with it (python3.12, python3.13) (partial-sdk)",
            "`botocore 1.40.0` asks for `urllib3<3`, and which version the runtime brings along is not known (python3.12, python3.13) (runtime-version-unknown)",
        ],
    );
    check(
        &[("urllib3 2.5", &[]), ("python-dateutil 3.0", &[]), ("JMESPath 1.0", &[])],
        &[],
        &[],
        &none,
        &[
            "`python-dateutil 3.0` comes without `botocore`: the runtime's own asks for `python-dateutil>=2.1,<3` (shared-with-sdk)",
            "`urllib3 2.5` comes without `botocore`: the runtime's own is used with it (shared-with-sdk)",
        ],
    );
    // For one of the two Pythons it is whole.
    let mut split = WHOLE.to_vec();
    split[2].0 = "s3transfer 0.13 3.13";
    check(
        &split,
        &["3.12", "3.13"],
        &[],
        &none,
        &[
            "`boto3 1.40.0` comes without `s3transfer`: the runtime's own are used with it (python3.12) (partial-sdk)",
            "`botocore 1.40.0` comes without `s3transfer`: the runtime's own are used with it (python3.12) (partial-sdk)",
        ],
    );
}

#[test]
fn constraints_are_held_against_what_the_runtime_brings_along() {
    let mut stated = Provided::default();
    let version = |text: &str| Version::from_str(text).unwrap();
    stated.state(
        "3.12".parse().unwrap(),
        [("boto3".into(), version("1.34.1")), ("urllib3".into(), version("2.2.1"))].into(),
    );
    check(
        &[(
            "sosw 3.0.1",
            &[
                "boto3 (>=1.35.0)",
                "urllib3<2 ; python_version >= '3.12'",
                "urllib3<1 ; extra == 'old'",
                "broken =",
            ],
        )],
        &["3.11", "3.12", "3.13"],
        &["boto3>1"],
        &stated,
        &[
            "`sosw 3.0.1` asks for `boto3>=1.35.0`, and python3.12 brings 1.34.1 along (runtime-conflict)",
            "`sosw 3.0.1` asks for `urllib3<2`, and python3.12 brings 2.2.1 along (runtime-conflict)",
            "`layers.toml` asks for `boto3>1`, and which version the runtime brings along is not known (python3.13) (runtime-version-unknown)",
            "`sosw 3.0.1` asks for `boto3>=1.35.0`, and which version the runtime brings along is not known (python3.11, python3.13) (runtime-version-unknown)",
            "`sosw 3.0.1` asks for `urllib3<2`, and which version the runtime brings along is not known (python3.13) (runtime-version-unknown)",
        ],
    );
    check(
        &[("old 1.0", &["boto3<1.20"])],
        &["3.11"],
        &[],
        &Provided::default(),
        &["`old 1.0` asks for `boto3<1.20`, and python3.11 brings 1.27.1 or newer along (runtime-conflict)"],
    );
}

#[test]
fn extras_count_where_somebody_asks_for_them() {
    let packages: [(&str, &[&str]); 2] = [
        ("middle 1", &["inner[sdk]"]),
        ("inner 1", &["boto3>=99 ; extra == 'sdk'", "boto3>=98 ; extra == 'other'"]),
    ];
    let expected = "`inner 1` asks for `boto3>=99`, and which version the runtime brings along is not known (python3.12) (runtime-version-unknown)";
    check(&packages, &["3.12"], &["middle"], &Provided::default(), &[expected]);
    let direct: [(&str, &[&str]); 1] = [packages[1]];
    check(&direct, &["3.12"], &["inner[sdk]"], &Provided::default(), &[expected]);
    check(&direct, &["3.12"], &["inner"], &Provided::default(), &[]);
}

#[test]
fn only_what_is_certain_stops_a_build() {
    for (kind, severity) in [
        (Kind::Partial, Severity::Warning),
        (Kind::Shared, Severity::Warning),
        (Kind::Conflict, Severity::Error),
        (Kind::Unknown, Severity::Note),
    ] {
        let mut found = Found::default();
        found.add(kind, "a", "b".to_owned(), None);
        let findings = found.findings();
        assert_eq!(findings[0].severity, severity);
        assert!(!findings[0].fix.is_empty());
    }
}
