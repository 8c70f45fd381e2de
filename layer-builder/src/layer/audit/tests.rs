use super::*;
use crate::target::{Architecture, PythonVersion, Runtimes};

fn targets(pythons: &[&str], architectures: &[Architecture]) -> Vec<Target> {
    let of = |python: &&str| {
        let python: PythonVersion = python.parse().unwrap();
        let glibc_minor = Runtimes::default().get(python).unwrap().glibc_minor;
        architectures.iter().map(move |&architecture| Target { python, architecture, glibc_minor })
    };
    pythons.iter().flat_map(of).collect()
}

fn elf(machine: &str, needed: &[&str], glibc: u32) -> Native {
    Native::Elf(Elf {
        machine: machine.to_owned(),
        needed: needed.iter().map(|&name| name.to_owned()).collect(),
        soname: None,
        glibc: Some((2, glibc)),
    })
}

use crate::wheels::elf::Elf;

fn subject<'a>(files: &[(&'a str, Option<&'a Native>)], targets: Vec<Target>) -> Subject<'a> {
    let file = |&(path, native): &(&'a str, Option<&'a Native>)| AuditedFile {
        path,
        size: 1,
        package: None,
        native,
    };
    Subject { files: files.iter().map(file).collect(), targets, ..Subject::default() }
}

fn check(subject: &Subject<'_>, expected: &[&str]) {
    let found: Vec<String> = audit(subject, &AuditTable::default()).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

const X86: &[Architecture] = &[Architecture::X86_64];

#[test]
fn machines_are_held_against_the_architectures() {
    let (x86, arm) = (elf("x86_64", &[], 17), elf("arm64", &[], 17));
    let files = [("python/a.so", Some(&x86)), ("python/b.so", Some(&arm))];
    check(
        &subject(&files, targets(&["3.12", "3.13"], X86)),
        &["`python/b.so` is code for arm64, and the layer serves x86_64 (elf-machine)"],
    );
    check(
        &subject(&files[..1], targets(&["3.12"], &Architecture::ALL)),
        &["`python/a.so` is code for x86_64, and the layer serves arm64 (elf-machine)"],
    );
    check(&subject(&files, Vec::new()), &[]);
}

#[test]
fn glibc_is_held_against_the_runtimes_that_load_the_file() {
    let new = elf("x86_64", &["libc.so.6"], 28);
    let both = || targets(&["3.11", "3.12"], X86);
    let reason = "needs GLIBC_2.28, and python3.11 has glibc 2.26 (glibc-too-new)";
    check(&subject(&[("python/a.so", Some(&new))], both()), &[&format!("`python/a.so` {reason}")]);
    for fine in [
        "python/lib/python3.12/site-packages/a.so",
        "python/a.cpython-312-x86_64-linux-gnu.so",
        "python/lib/python3.9/site-packages/a.so",
    ] {
        check(&subject(&[(fine, Some(&new))], both()), &[]);
    }
    let fits = elf("x86_64", &[], 26);
    check(&subject(&[("python/a.so", Some(&fits))], both()), &[]);
}

#[test]
fn libraries_come_from_the_layer_or_the_runtime() {
    let needs = elf("x86_64", &["libc.so.6", "libpython3.12.so.1.0", "libown-1.so.2", "libGL.so.1"], 17);
    let own = elf("x86_64", &[], 17);
    let files = [("python/a.so", Some(&needs)), ("python/pkg.libs/libown-1.so.2", Some(&own))];
    check(
        &subject(&files, targets(&["3.12"], X86)),
        &["`python/a.so` needs `libGL.so.1`, which neither the layer nor python3.12 has (missing-library)"],
    );
    let needs = elf("x86_64", &["libtbb.so.12", "libatomic.so.1"], 17);
    let files = [("python/a.so", Some(&needs))];
    check(
        &subject(&files, targets(&["3.12"], X86)),
        &[
            "`python/a.so` needs `libatomic.so.1`, which neither the layer nor python3.12 has (missing-library)",
            "`python/a.so` needs `libtbb.so.12`, which the layer lacks; python3.12 may not have it (missing-library)",
        ],
    );
}

#[test]
fn damage_is_an_error_and_a_strange_file_a_note() {
    let damaged = Native::Damaged("it ends too early".to_owned());
    check(
        &subject(&[("python/a.so", Some(&damaged)), ("python/b.so", Some(&Native::Other))], Vec::new()),
        &[
            "`python/a.so` cannot be loaded: it ends too early (elf-damaged)",
            "`python/b.so` is named like a library, but holds no code for Linux (not-elf)",
        ],
    );
}

#[test]
fn sizes_are_held_against_the_limits() {
    let of = |size: u64, zipped_size: u64, table: &AuditTable| {
        let file = AuditedFile { path: "python/a.py", size, package: Some(0), native: None };
        let package = Package { name: "a 1".to_owned(), ..Package::default() };
        let subject =
            Subject { files: vec![file], packages: vec![package], zipped_size, ..Subject::default() };
        audit(&subject, table).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let table = AuditTable::default();
    assert!(of(200_000_000, sizes::DIRECT_LIMIT, &table).is_empty());
    assert_eq!(
        of(sizes::UNZIPPED_LIMIT, sizes::DIRECT_LIMIT + 1, &table),
        [
            "the layer unpacks to 262.1 MB, and Lambda allows 262.1 MB; the largest are a 1 (262.1 MB) (near-limit)",
            "the zip has 52.4 MB, and 52.4 MB can be sent to Lambda directly (through-s3)",
        ]
    );
    assert!(of(sizes::UNZIPPED_LIMIT + 1, 1, &table)[0].ends_with("(unzipped-too-large)"));
    let own = AuditTable { max_unzipped_size: Some(100_000_000), ..AuditTable::default() };
    assert!(
        of(100_000_001, 1, &own)[0].starts_with("the layer unpacks to 100.0 MB, and `max-unzipped-size` is")
    );
}

#[test]
fn growth_is_held_against_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sizes::published(folder.path(), "a"), None);
    let ledger = r#"{"schema": 1, "versions": [
        {"layer_name": "a", "version": 9, "size": 100, "region": "x"},
        {"layer_name": "a", "version": 10, "size": 1000},
        {"layer_name": "b", "version": 99, "size": 1}]}"#;
    std::fs::write(folder.path().join("layer-versions.json"), ledger).unwrap();
    let published = sizes::published(folder.path(), "a");
    let table = AuditTable::default();
    assert_eq!(sizes::growth(1200, published, &table), None);
    let finding = sizes::growth(1201, published, &table).unwrap();
    assert_eq!(finding.reason, "the zip has grown by 20 %, from 1.0 kB (version 10) to 1.2 kB");
    let own = AuditTable { growth: Some(0), ..AuditTable::default() };
    assert!(sizes::growth(1001, published, &own).is_some() && sizes::growth(1000, published, &own).is_none());
}

#[test]
fn names_that_differ_in_case_only_are_told() {
    check(
        &subject(&[("python/A.py", None), ("python/a.py", None)], Vec::new()),
        &["`python/a.py` differs from `python/A.py` in case only (case-collision)"],
    );
}

#[test]
fn a_distribution_that_is_there_twice_is_an_error() {
    let one = "python/lib/python3.12/site-packages/a_b-1.dist-info/METADATA";
    check(
        &subject(&[("python/A.b-2.dist-info/METADATA", None), (one, None)], Vec::new()),
        &[
            "`python/lib/python3.12/site-packages/a_b-1.dist-info` and `python/A.b-2.dist-info` both say that they are \
           `a-b` (duplicate-dist-info)",
        ],
    );
    let written_otherwise = "python/a__B-3.dist-info/METADATA";
    check(
        &subject(&[(written_otherwise, None), (one, None)], Vec::new()),
        &[
            "`python/lib/python3.12/site-packages/a_b-1.dist-info` and `python/a__B-3.dist-info` both say that they are \
          `a-b` (duplicate-dist-info)",
        ],
    );
    // No runtime looks into both of these.
    let other = "python/lib/python3.13/site-packages/a_b-1.dist-info/METADATA";
    check(&subject(&[(one, None), (other, None)], Vec::new()), &[]);
}

#[test]
fn a_regular_package_hides_the_rest_of_it() {
    let native = "python/lib/python3.12/site-packages/pkg/native.so";
    check(
        &subject(&[(native, None), ("python/pkg/__init__.py", None)], Vec::new()),
        &[
            "`python/lib/python3.12/site-packages/pkg` is hidden: Python takes `python/pkg/__init__.py` and looks \
           nowhere else (split-package)",
        ],
    );
    check(&subject(&[(native, None), ("python/pkg/pure.py", None)], Vec::new()), &[]);
    check(&subject(&[(native, None), ("python/pkg_native/__init__.py", None)], Vec::new()), &[]);
}

#[test]
fn backports_hide_the_standard_library() {
    check(
        &subject(
            &[
                ("python/distutils/__init__.py", None),
                ("python/json/other.py", None),
                ("python/lib/python3.12/site-packages/typing.py", None),
            ],
            targets(&["3.11", "3.12"], X86),
        ),
        &[
            "`python/distutils/__init__.py` hides `distutils` of the standard library of python3.11 (shadows-stdlib)",
            "`python/lib/python3.12/site-packages/typing.py` hides `typing` of the standard library of python3.12 \
             (shadows-stdlib)",
        ],
    );
}

#[test]
fn what_packages_share_or_lack_is_noted() {
    let collision =
        |path: &str| Collision { path: path.to_owned(), taken: "a 1".to_owned(), left: "b 1".to_owned() };
    let package = |name: &str, passed_over, scripts: &[&str]| Package {
        compiled_here: false,
        requires: Vec::new(),
        name: name.to_owned(),
        native_wheel_passed_over: passed_over,
        scripts_left_out: scripts.iter().map(|&name| name.to_owned()).collect(),
    };
    let subject = Subject {
        packages: vec![package("a 1", true, &["x"]), package("b 1", false, &["1", "2", "3", "4", "5"])],
        collisions: vec![collision("python/one")],
        shared: vec![collision("python/two")],
        ..Subject::default()
    };
    check(
        &subject,
        &[
            "`python/one` is in `a 1` and in `b 1`, with different contents (file-collision)",
            "`a 1` is taken as pure Python, though there is a wheel with compiled code (native-passed-over)",
            "`a 1` has scripts that are left out: `x` (scripts-left-out)",
            "`b 1` has scripts that are left out: `1`, `2`, `3`, 2 more (scripts-left-out)",
            "`python/two` is in `a 1` and in `b 1`, with the same content (shared-file)",
        ],
    );
    let found = audit(&subject, &AuditTable::default());
    let severities: Vec<Severity> = found.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Error, Severity::Note, Severity::Note, Severity::Note, Severity::Note]);
}

#[test]
fn every_finding_that_is_no_note_says_what_to_do() {
    let (arm, damaged) = (elf("arm64", &["libGL.so.1"], 40), Native::Damaged("it ends too early".to_owned()));
    let x86 = elf("x86_64", &["libGL.so.1"], 40);
    let files = [
        ("python/A.py", None),
        ("python/a-1.dist-info/METADATA", None),
        ("python/a.py", None),
        ("python/a_-1.dist-info/METADATA", None),
        ("python/arm.so", Some(&arm)),
        ("python/damaged.so", Some(&damaged)),
        ("python/json/__init__.py", None),
        ("python/lib/python3.12/site-packages/json/x.py", None),
        ("python/x86.so", Some(&x86)),
    ];
    let mut subject = subject(&files, targets(&["3.12"], X86));
    subject.files[0].size = sizes::UNZIPPED_LIMIT + 1;
    let found = audit(&subject, &AuditTable::default());
    let ids: Vec<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "elf-damaged",
            "elf-machine",
            "glibc-too-new",
            "missing-library",
            "split-package",
            "unzipped-too-large",
            "case-collision",
            "shadows-stdlib"
        ]
    );
    for finding in found {
        assert!(!finding.fix.is_empty() && !finding.reason.is_empty(), "{finding:?}");
        let is_of_the_whole = finding.id == "unzipped-too-large";
        assert_eq!(finding.file.is_none(), is_of_the_whole, "{finding:?}");
    }
}

#[test]
fn what_is_allowed_does_not_count() {
    let native = elf("arm64", &[], 17);
    let files = [("python/a/x.so", Some(&native)), ("python/b.so", Some(&native))];
    let subject = subject(&files, targets(&["3.12"], X86));
    let errors = |allowed: &[&str]| {
        let allow = allowed.iter().map(|key| ((*key).to_owned(), "tried".to_owned())).collect();
        let findings = audit(&subject, &AuditTable { allow, ..AuditTable::default() });
        let unused = findings.iter().filter(|finding| finding.id == "unused-allow").count();
        (findings.iter().filter(|finding| finding.is(Severity::Error)).count(), unused)
    };
    assert_eq!(errors(&[]), (2, 0));
    assert_eq!(errors(&["elf-machine"]), (0, 0));
    assert_eq!(errors(&["elf-machine:python/b.so"]), (1, 0));
    assert_eq!(errors(&["elf-machine:python/a/*"]), (1, 0));
    assert_eq!(errors(&["elf", "elf-machine:python/a", "growth"]), (2, 2));
}
