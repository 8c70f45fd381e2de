use std::path::Path;

use expect_test::expect;

use super::*;
use crate::config::Split;
use crate::target::{Architecture, Runtimes};
use crate::wheels::layout::{Item, Part, Place, parts};

const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A lock and its files: `name==version ; marker` and the files of each.
fn world(packages: &[(&str, &[&str])]) -> (Lock, FileIndex) {
    let mut lock = String::new();
    let mut pylock = String::from("lock-version = \"1.0\"\n");
    for (requirement, files) in packages {
        lock.push_str(&format!("{requirement} --hash=sha256:{HASH}\n"));
        let (name, version) = requirement.split(' ').next().unwrap().split_once("==").unwrap();
        pylock.push_str(&format!("[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n"));
        let file =
            |file: &&&str| format!("{{ url = \"http://x/{file}\", hashes = {{ sha256 = \"{HASH}\" }} }}");
        let wheels: Vec<String> =
            files.iter().filter(|file| file.ends_with(".whl")).map(|f| file(&f)).collect();
        pylock.push_str(&format!("wheels = [{}]\n", wheels.join(", ")));
        if let Some(sdist) = files.iter().find(|file| file.ends_with(".gz")) {
            pylock.push_str(&format!("sdist = {}\n", file(&sdist)));
        }
    }
    let lock = Lock::parse(Path::new("requirements.x.txt"), lock.as_bytes()).unwrap();
    (lock, FileIndex::from_pylock(&pylock).unwrap())
}

fn targets(pythons: &[&str]) -> Vec<Target> {
    let both = |python: &&str| {
        let python = python.parse().unwrap();
        let glibc_minor = Runtimes::default().get(python).unwrap().glibc_minor;
        Architecture::ALL.map(|architecture| Target { python, architecture, glibc_minor })
    };
    pythons.iter().flat_map(both).collect()
}

fn chosen(
    packages: &[(&str, &[&str])],
    pythons: &[&str],
    wheels: WheelPreference,
) -> Result<Vec<String>, String> {
    split(packages, pythons, wheels, Split::Never)
}

fn split(
    packages: &[(&str, &[&str])],
    pythons: &[&str],
    wheels: WheelPreference,
    split: Split,
) -> Result<Vec<String>, String> {
    let (lock, index) = world(packages);
    let targets = targets(pythons);
    let parts =
        select(&lock, &index, &targets, wheels).and_then(|selected| parts(&selected, &targets, split));
    let described = |item: &Item| {
        let passed_over = if item.chosen.native_wheel_passed_over { " (native passed over)" } else { "" };
        let place = match &item.place {
            Place::Versions(versions) => {
                format!(" in {}", versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        format!("{}{place}{passed_over}", item.chosen.origin.file_name())
    };
    parts
        .map(|parts| {
            let named = |part: &Part| {
                let architecture = part.architecture.map(|architecture| format!("{architecture}: "));
                let items: Vec<String> = part.items.iter().map(described).collect();
                items
                    .into_iter()
                    .map(|item| format!("{}{item}", architecture.clone().unwrap_or_default()))
                    .collect::<Vec<_>>()
            };
            parts.iter().flat_map(named).collect()
        })
        .map_err(|error| error.to_string())
}

const WRAPT: (&str, &[&str]) = (
    "wrapt==2.0",
    &[
        "wrapt-2.0-cp312-cp312-manylinux2014_x86_64.whl",
        "wrapt-2.0-cp312-cp312-manylinux2014_aarch64.whl",
        "wrapt-2.0-py3-none-any.whl",
        "wrapt-2.0.tar.gz",
    ],
);

#[test]
fn pure_takes_the_pure_wheel_and_says_what_it_passed_over() {
    let pure = chosen(&[WRAPT], &["3.12", "3.13"], WheelPreference::Pure);
    assert_eq!(pure.unwrap(), ["wrapt-2.0-py3-none-any.whl (native passed over)"]);
    // For 3.13 there is no native wheel that could be passed over.
    assert_eq!(chosen(&[WRAPT], &["3.13"], WheelPreference::Pure).unwrap(), ["wrapt-2.0-py3-none-any.whl"]);
}

#[test]
fn native_wheels_that_differ_by_target_are_refused_by_name() {
    let error = chosen(&[WRAPT], &["3.12"], WheelPreference::Native).unwrap_err();
    assert_eq!(
        error,
        "`wrapt` needs `wrapt-2.0-cp312-cp312-manylinux2014_aarch64.whl` for python3.12 on arm64 and \
         `wrapt-2.0-cp312-cp312-manylinux2014_x86_64.whl` for python3.12 on x86_64"
    );
}

#[test]
fn a_source_distribution_serves_where_no_wheel_does() {
    let bson: (&str, &[&str]) = ("bson==0.5.10", &["bson-0.5.10.tar.gz", "bson-0.5.10-cp27-none-win32.whl"]);
    assert_eq!(chosen(&[bson], &["3.12"], WheelPreference::Pure).unwrap(), ["bson-0.5.10.tar.gz"]);
}

#[test]
fn without_either_the_wheels_refused_are_named() {
    let windows: (&str, &[&str]) = ("pywin==1", &["pywin-1-cp312-cp312-win_amd64.whl"]);
    let error = chosen(&[windows], &["3.12"], WheelPreference::Native).unwrap_err();
    assert_eq!(
        error,
        "`pywin` 1 has no wheel for python3.12 on arm64:\n  \
         `pywin-1-cp312-cp312-win_amd64.whl` is for win_amd64, not for Linux with glibc"
    );
}

#[test]
fn markers_decide_what_is_needed() {
    let six: &[&str] = &["six-1-py3-none-any.whl"];
    let windows_only = [("six==1 ; sys_platform == 'win32'", six)];
    assert_eq!(chosen(&windows_only, &["3.12"], WheelPreference::Native).unwrap(), [""; 0]);
    let some = [("six==1 ; python_full_version < '3.13'", six)];
    assert_eq!(chosen(&some, &["3.12"], WheelPreference::Native).unwrap(), ["six-1-py3-none-any.whl"]);
    assert_eq!(
        chosen(&some, &["3.12", "3.13"], WheelPreference::Native).unwrap(),
        ["six-1-py3-none-any.whl in 3.12"]
    );
    let arm = [("six==1 ; platform_machine == 'aarch64'", six)];
    assert!(
        chosen(&arm, &["3.12"], WheelPreference::Native)
            .unwrap_err()
            .contains("not for python3.12 on x86_64")
    );
}

#[test]
fn disjoint_markers_are_fine_and_others_are_not() {
    let old = ("a==1 ; python_version < '3.12'", &["a-1-py3-none-any.whl"] as &[&str]);
    let new = ("a==2 ; python_version >= '3.12'", &["a-2-py3-none-any.whl"] as &[&str]);
    assert_eq!(chosen(&[old, new], &["3.12"], WheelPreference::Native).unwrap(), ["a-2-py3-none-any.whl"]);
    let both = ("a==2", new.1);
    assert_eq!(
        chosen(&[old, both], &["3.11"], WheelPreference::Native).unwrap_err(),
        "the lock `requirements.x.txt` asks for `a` 1 (line 1) and `a` 2 (line 2) at once for python3.11 on arm64"
    );
    let patch = ("a==1 ; python_full_version >= '3.12.4'", &["a-1-py3-none-any.whl"] as &[&str]);
    assert_eq!(
        chosen(&[patch], &["3.12"], WheelPreference::Native).unwrap_err(),
        "the lock `requirements.x.txt`, line 1: whether `a` 1 is needed depends on the patch release of python3.12 on arm64"
    );
}

#[test]
fn two_commits_of_one_package_are_two_packages() {
    let (one, other) = ("0".repeat(40), "1".repeat(40));
    let line = |commit: &str| format!("a @ git+https://example.com/a.git@{commit}\n");
    let select = |text: &str| {
        let lock = Lock::parse(Path::new("requirements.x.txt"), text.as_bytes()).unwrap();
        select(&lock, &FileIndex::default(), &targets(&["3.12"]), WheelPreference::Native)
    };
    assert_eq!(select(&(line(&one) + &line(&one))).unwrap().len(), 1);
    let error = select(&(line(&one) + "\n" + &line(&other))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the lock `requirements.x.txt` asks for `a` 000000000000 (line 1) and `a` 111111111111 (line 3) at once for python3.12 on arm64"
    );
}

#[test]
fn the_greatest_build_number_wins() {
    let builds: (&str, &[&str]) =
        ("a==1", &["a-1-py3-none-any.whl", "a-1-9-py3-none-any.whl", "a-1-10-py3-none-any.whl"]);
    assert_eq!(chosen(&[builds], &["3.12"], WheelPreference::Native).unwrap(), ["a-1-10-py3-none-any.whl"]);
}

const NUMPY: (&str, &[&str]) = (
    "numpy==2.0",
    &[
        "numpy-2.0-cp312-cp312-manylinux_2_17_x86_64.whl",
        "numpy-2.0-cp313-cp313-manylinux_2_17_x86_64.whl",
        "numpy-2.0-cp312-cp312-manylinux_2_17_aarch64.whl",
        "numpy-2.0-cp313-cp313-manylinux_2_17_aarch64.whl",
    ],
);

#[test]
fn what_differs_by_python_gets_a_folder_of_each_and_by_architecture_a_zip_of_each() {
    let six = ("six==1", &["six-1-py3-none-any.whl"] as &[&str]);
    let split = split(&[NUMPY, six], &["3.12", "3.13"], WheelPreference::Native, Split::Architecture);
    assert_eq!(
        split.unwrap(),
        [
            "arm64: numpy-2.0-cp312-cp312-manylinux_2_17_aarch64.whl in 3.12",
            "arm64: numpy-2.0-cp313-cp313-manylinux_2_17_aarch64.whl in 3.13",
            "arm64: six-1-py3-none-any.whl",
            "x86_64: numpy-2.0-cp312-cp312-manylinux_2_17_x86_64.whl in 3.12",
            "x86_64: numpy-2.0-cp313-cp313-manylinux_2_17_x86_64.whl in 3.13",
            "x86_64: six-1-py3-none-any.whl",
        ]
    );
}

#[test]
fn what_does_not_differ_is_not_split() {
    let six = ("six==1", &["six-1-py3-none-any.whl"] as &[&str]);
    let split = split(&[six], &["3.12", "3.13"], WheelPreference::Native, Split::Architecture);
    assert_eq!(split.unwrap(), ["six-1-py3-none-any.whl"]);
}

#[test]
fn targets_without_a_compiled_wheel_are_found() {
    let old: (&str, &[&str]) =
        ("numpy==2.4", &["numpy-2.4-cp311-cp311-manylinux_2_28_x86_64.whl", "numpy-2.4.tar.gz"]);
    let (lock, index) = world(&[old]);
    let unserved = super::unserved(&lock, &index, &targets(&["3.11"])).unwrap();
    assert_eq!(unserved.values().map(BTreeSet::len).collect::<Vec<_>>(), [2]);
    // A package that never had a compiled wheel is built, and one with a pure wheel is served.
    let fine = [
        ("a==1", &["a-1.tar.gz"] as &[&str]),
        ("b==1", &["b-1-py3-none-any.whl", "b-1-cp310-cp310-win_amd64.whl"]),
    ];
    let (lock, index) = world(&fine);
    assert!(super::unserved(&lock, &index, &targets(&["3.11"])).unwrap().is_empty());
}

/// What `--explain` says of the first package.
fn explained(packages: &[(&str, &[&str])], targets: &[Target], wheels: WheelPreference) -> String {
    let (lock, index) = world(packages);
    let name = &lock.packages[0].name;
    let choices = choices_of(name, &lock, &index, targets, wheels).unwrap();
    crate::wheels::explain::explain(name, &lock, &index, &choices, targets).unwrap() + "\n"
}

fn of(architecture: Architecture, pythons: &[&str]) -> Vec<Target> {
    targets(pythons).into_iter().filter(|target| target.architecture == architecture).collect()
}

#[test]
fn numpy_is_explained_for_an_old_glibc_beside_a_new_one() {
    let files: &[&str] = &[
        "numpy-2.2.6-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "numpy-2.2.6-cp311-cp311-musllinux_1_2_x86_64.whl",
    ];
    let new: &[&str] = &[
        "numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "numpy-2.4.6-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "numpy-2.4.6-cp313-cp313-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        "numpy-2.4.6-cp313-cp313t-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "numpy-2.4.6-cp313-cp313-macosx_11_0_arm64.whl",
        "numpy-2.4.6.tar.gz",
    ];
    let old = ("numpy==2.2.6 ; python_version < '3.12'", files);
    let packages = [old, ("numpy==2.4.6 ; python_version >= '3.12'", new)];
    let x86 = of(Architecture::X86_64, &["3.11", "3.13"]);
    expect![[r#"
        python3.11 on x86_64: numpy 2.2.6
          taken    numpy-2.2.6-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
          refused  numpy-2.2.6-cp311-cp311-musllinux_1_2_x86_64.whl: is for musllinux_1_2_x86_64, not for Linux with glibc
        python3.13 on x86_64: numpy 2.4.6
          taken    numpy-2.4.6-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
          refused  numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: is for cp311-cp311
          refused  numpy-2.4.6-cp313-cp313-macosx_11_0_arm64.whl: is for macosx_11_0_arm64, not for Linux with glibc
          refused  numpy-2.4.6-cp313-cp313-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl: is for manylinux_2_27_aarch64.manylinux_2_28_aarch64, another instruction set
          refused  numpy-2.4.6-cp313-cp313t-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: is for cp313-cp313t
          refused  numpy-2.4.6.tar.gz: a wheel needs no building
    "#]]
    .assert_eq(&explained(&packages, &x86, WheelPreference::Native));
    // The newest alone would be built from source there: nothing newer than glibc 2.26 loads.
    expect![[r#"
        python3.11 on x86_64: numpy 2.4.6
          taken    numpy-2.4.6.tar.gz
          refused  numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: needs glibc 2.27, and the runtime has 2.26
          refused  numpy-2.4.6-cp313-cp313-macosx_11_0_arm64.whl: is for macosx_11_0_arm64, not for Linux with glibc
          refused  numpy-2.4.6-cp313-cp313-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl: is for manylinux_2_27_aarch64.manylinux_2_28_aarch64, another instruction set
          refused  numpy-2.4.6-cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: is for cp313-cp313
          refused  numpy-2.4.6-cp313-cp313t-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl: is for cp313-cp313t
    "#]]
    .assert_eq(&explained(&[("numpy==2.4.6", new)], &x86[..1], WheelPreference::Native));
}

#[test]
fn wrapt_is_explained_native_and_pure() {
    let x86 = of(Architecture::X86_64, &["3.12"]);
    expect![[r#"
        python3.12 on x86_64: wrapt 2.0
          taken    wrapt-2.0-cp312-cp312-manylinux2014_x86_64.whl
          refused  wrapt-2.0-cp312-cp312-manylinux2014_aarch64.whl: is for manylinux2014_aarch64, another instruction set
          refused  wrapt-2.0-py3-none-any.whl: serves too, but `wrapt-2.0-cp312-cp312-manylinux2014_x86_64.whl` is preferred
          refused  wrapt-2.0.tar.gz: a wheel needs no building
    "#]]
    .assert_eq(&explained(&[WRAPT], &x86, WheelPreference::Native));
    expect![[r#"
        python3.12 on x86_64: wrapt 2.0
          taken    wrapt-2.0-py3-none-any.whl
          refused  wrapt-2.0-cp312-cp312-manylinux2014_aarch64.whl: is for manylinux2014_aarch64, another instruction set
          refused  wrapt-2.0-cp312-cp312-manylinux2014_x86_64.whl: serves too, but `wrapt-2.0-py3-none-any.whl` is preferred
          refused  wrapt-2.0.tar.gz: a wheel needs no building
    "#]]
    .assert_eq(&explained(&[WRAPT], &x86, WheelPreference::Pure));
}

#[test]
fn packages_that_do_not_serve_a_target_are_explained_too() {
    let both = targets(&["3.12"]);
    let of = |packages: &[(&str, &[&str])]| explained(packages, &both, WheelPreference::Native);
    // Only a wheel of the stable ABI; none for arm64.
    expect![[r#"
        python3.12 on arm64: nothing of x 1 serves it
          refused  x-1-cp313-abi3-manylinux_2_17_x86_64.whl: is for manylinux_2_17_x86_64, another instruction set
          refused  x-1-cp37-abi3-manylinux_2_17_x86_64.whl: is for manylinux_2_17_x86_64, another instruction set
        python3.12 on x86_64: x 1
          taken    x-1-cp37-abi3-manylinux_2_17_x86_64.whl
          refused  x-1-cp313-abi3-manylinux_2_17_x86_64.whl: is for cp313-abi3
    "#]]
    .assert_eq(&of(&[(
        "x==1",
        &["x-1-cp37-abi3-manylinux_2_17_x86_64.whl", "x-1-cp313-abi3-manylinux_2_17_x86_64.whl"],
    )]));
    expect![[r#"
        python3.12 on arm64: nothing of x 1 serves it
          refused  x-1-cp312-cp312-macosx_11_0_universal2.whl: is for macosx_11_0_universal2, not for Linux with glibc
          refused  x-1-cp312-cp312-win_amd64.whl: is for win_amd64, not for Linux with glibc
        python3.12 on x86_64: nothing of x 1 serves it
          refused  x-1-cp312-cp312-macosx_11_0_universal2.whl: is for macosx_11_0_universal2, not for Linux with glibc
          refused  x-1-cp312-cp312-win_amd64.whl: is for win_amd64, not for Linux with glibc
    "#]]
    .assert_eq(&of(&[(
        "x==1",
        &["x-1-cp312-cp312-win_amd64.whl", "x-1-cp312-cp312-macosx_11_0_universal2.whl"],
    )]));
    let six = ("six==1 ; platform_machine == 'aarch64'", &["six-1-py3-none-any.whl"] as &[&str]);
    assert!(of(&[six]).ends_with("python3.12 on x86_64: not needed\n"));
}
