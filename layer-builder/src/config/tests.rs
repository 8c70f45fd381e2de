use expect_test::{Expect, expect};

use super::*;

const GOOD: &str = r#"
[layers.sosw]
description = "sosw and its companions"
requirements = ["sosw"]
companions = ["requests>=2.32"]
branch-of = { sosw = "https://example.com/sosw.git" }
python = ["python3.13", "3.12"]
architectures = ["x86_64", "arm64"]
wheels = "pure"

[layers.sosw.publish]
regions = ["us-west-2"]
"#;

fn parse(text: &str) -> Result<LayersFile, Error> {
    LayersFile::parse(Path::new("layers.toml"), text)
}

/// Puts `with` in the place of `what` in a good file, and checks what is said about it.
fn check(what: &str, with: &str, expected: Expect) {
    assert!(GOOD.contains(what));
    check_text(&GOOD.replacen(what, with, 1), expected);
}

fn check_text(text: &str, expected: Expect) {
    let error = parse(text).expect_err("this file is wrong");
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    expected.assert_eq(&format!("{error}{hint}\n"));
}

#[test]
fn a_good_file_is_read() {
    let file = parse(GOOD).unwrap();
    let layer = &file.layers["sosw"];
    let targets: Vec<String> = layer.targets().iter().map(ToString::to_string).collect();
    assert_eq!(
        targets,
        ["python3.12 on arm64", "python3.12 on x86_64", "python3.13 on arm64", "python3.13 on x86_64"]
    );
    assert_eq!(layer.wheels, WheelPreference::Pure);
    assert_eq!(
        layer.requirements.iter().chain(&layer.companions).map(ToString::to_string).collect::<Vec<_>>(),
        ["sosw", "requests>=2.32"]
    );
}

#[test]
fn the_inputs_hash_sees_the_table_and_not_where_it_is_published() {
    let hash = |text: &str| parse(text).unwrap().layers["sosw"].inputs_sha256.clone();
    assert_eq!(hash(GOOD), hash(&GOOD.replace("us-west-2", "eu-west-1")));
    assert_eq!(hash(GOOD), hash(&format!("# a comment\n{GOOD}")));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("companions\"", "friends\"")));
    // The publisher computes the same from the same words: this figure is part of the contract.
    let json = r#"{"architectures":["x86_64"],"python":["3.12"],"requirements":["six"]}"#;
    let text = "[layers.a]\nrequirements = [\"six\"]\npython = [\"3.12\"]\narchitectures = [\"x86_64\"]";
    assert_eq!(parse(text).unwrap().layers["a"].inputs_sha256, crate::hash::hex(&Sha256::digest(json)));
}

/// Two layers with one lock, or one zip, would be built over each other in turn.
#[test]
fn no_layer_has_the_name_of_a_variant_of_another() {
    const OTHER: &str = "requirements = [\"six\"]\npython = [\"3.12\"]\narchitectures = [\"arm64\"]";
    let other =
        |name: &str| GOOD.replace("[layers.sosw]", &format!("[layers.{name}]\n{OTHER}\n[layers.sosw]"));
    check_text(
        &other("sosw-raw"),
        expect![[r#"
            `sosw-raw` is the name of the variant `--raw` of the layer `sosw`
              --> layers.toml:2:9
               |
             2 | [layers.sosw-raw]
               |         ^^^^^^^^ expected another name: both would have the same files
        "#]],
    );
    let split = |name: &str| other(name).replace("wheels = ", "split = \"architecture\"\nwheels = ");
    check_text(
        &split("sosw-arm64"),
        expect![[r#"
            `sosw-arm64` is the name of the zip for arm64 of the layer `sosw`
              --> layers.toml:2:9
               |
             2 | [layers.sosw-arm64]
               |         ^^^^^^^^^^ expected another name: both would have the same files
        "#]],
    );
    check_text(
        &split("sosw-raw-x86_64"),
        expect![[r#"
            `sosw-raw-x86_64` is the name of the variant `--raw` for x86_64 of the layer `sosw`
              --> layers.toml:2:9
               |
             2 | [layers.sosw-raw-x86_64]
               |         ^^^^^^^^^^^^^^^ expected another name: both would have the same files
        "#]],
    );
    for name in ["sosw-arm64", "sosw-rawer", "sosw-raw-arm64", "sosw-raw-x"] {
        assert!(parse(&other(name)).is_ok(), "{name}: there is one zip for all");
    }
}

#[test]
fn a_misspelt_key_is_shown_with_the_nearest_known_one() {
    check(
        "requirements =",
        "requirments =",
        expect![[r#"
            unknown key `requirments` in `[layers.sosw]`
              --> layers.toml:4:1
               |
             4 | requirments = ["sosw"]
               | ^^^^^^^^^^^ no such key
            hint: did you mean `requirements`?
        "#]],
    );
}

#[test]
fn a_key_like_no_other_gets_the_list() {
    check(
        "wheels =",
        "zzzz =",
        expect![[r#"
            unknown key `zzzz` in `[layers.sosw]`
              --> layers.toml:9:1
               |
             9 | zzzz = "pure"
               | ^^^^ no such key
            hint: expected one of `allow`, `architectures`, `branch-of`, `companions`, `description`, `exclude-runtime-provided`, `growth`, `include`, `layer-name`, `license`, `lock`, `max-unzipped-size`, `python`, `requirements`, `split`, `wheels`
        "#]],
    );
}

#[test]
fn misspelt_tables_are_found_at_every_level() {
    check(
        "[layers.sosw.publish]",
        "[layers.sosw.pubish]",
        expect![[r#"
            unknown table `pubish` in `[layers.sosw]`
               --> layers.toml:11:14
                |
             11 | [layers.sosw.pubish]
                |              ^^^^^^ no such table
            hint: did you mean `publish`?
        "#]],
    );
    check_text(
        "[layer.sosw]\n",
        expect![[r#"
            unknown table `layer` at the top of the file
              --> layers.toml:1:2
               |
             1 | [layer.sosw]
               |  ^^^^^ no such table
            hint: did you mean `layers`?
        "#]],
    );
}

#[test]
fn wrong_values_say_what_was_expected() {
    check(
        r#""3.12""#,
        r#""3.7""#,
        expect![[r#"
            `3.7` is not known here
              --> layers.toml:7:25
               |
             7 | python = ["python3.13", "3.7"]
               |                         ^^^^^ expected one of `3.9`, `3.10`, `3.11`, `3.12`, `3.13`, `3.14`, `3.15`
        "#]],
    );
    check(
        r#""3.12""#,
        "3.12",
        expect![[r#"
            this is a number
              --> layers.toml:7:25
               |
             7 | python = ["python3.13", 3.12]
               |                         ^^^^ expected one of `3.9`, `3.10`, `3.11`, `3.12`, `3.13`, `3.14`, `3.15`, in quotes
        "#]],
    );
    check(
        r#"["sosw"]"#,
        "[]",
        expect![[r#"
            this list is empty
              --> layers.toml:4:16
               |
             4 | requirements = []
               |                ^^ expected a requirement at least
        "#]],
    );
    check(
        "requests>=2.32",
        "requests >> 2",
        expect![[r#"
            `requests >> 2` is no requirement: no such comparison operator ">>", must be one of ~= == != <= >= < > ===
              --> layers.toml:5:15
               |
             5 | companions = ["requests >> 2"]
               |               ^^^^^^^^^^^^^^^ expected a requirement like `requests>=2.32` (PEP 508)
        "#]],
    );
    check(
        "{ sosw =",
        "{ sows =",
        expect![[r#"
            `sows` is not among the layer's requirements
              --> layers.toml:6:15
               |
             6 | branch-of = { sows = "https://example.com/sosw.git" }
               |               ^^^^ expected one of `requirements` or `companions`
        "#]],
    );
}

#[test]
fn what_is_missing_or_broken_has_a_place_too() {
    check(
        "python = [\"python3.13\", \"3.12\"]\n",
        "",
        expect![[r#"
            the key `python` is missing in `[layers.sosw]`
              --> layers.toml:2:9
               |
             2 | [layers.sosw]
               |         ^^^^ expected `python = […]`
        "#]],
    );
    check(
        "wheels = ",
        "wheels ",
        expect![[r#"
            this is not TOML: key with no value, expected `=`
              --> layers.toml:9:8
               |
             9 | wheels "pure"
               |        ^
        "#]],
    );
    check_text(
        "",
        expect![[r#"
            there are no layers in this file
              --> layers.toml:1:1
               |
             1 | 
               | ^ expected a table `[layers.<name>]`
        "#]],
    );
    check_text(
        "[layers.\"so sw\"]\n",
        expect![[r#"
            `so sw` cannot be the name of a layer
              --> layers.toml:1:9
               |
             1 | [layers."so sw"]
               |         ^^^^^^^ expected 1 to 140 of a–z, A–Z, 0–9, `-` and `_`
        "#]],
    );
}

#[test]
fn an_unknown_layer_is_told_the_known_ones() {
    let file = parse(GOOD).unwrap();
    let error = file.chosen(&["soso".to_owned()]).expect_err("there is none");
    expect!["there is no layer `soso` in `layers.toml`"].assert_eq(&error.to_string());
    expect!["did you mean `sosw`? the known layers are: `sosw`"].assert_eq(&error.hint().unwrap());
}

#[test]
fn no_text_makes_the_reader_panic() {
    proptest::proptest!(|(cut in 0..GOOD.len(), inserted in "\\PC{0,6}")| {
        let mut text = GOOD.to_owned();
        text.insert_str(cut, &inserted);
        let _ = parse(&text).map_err(|error| error.to_string());
    });
}

#[test]
fn the_table_of_runtimes_can_be_overridden() {
    let good = GOOD.replace("\"3.12\"]", "\"3.12\", \"3.16\"]");
    let text = format!(
        "[runtimes.\"python3.16\"]\nglibc = \"2.38\"\nend = \"2032-06-30\"\n\
         [runtimes.\"3.12\"]\nend = \"2030-01-01\"\n{good}"
    );
    let layer = parse(&text).unwrap().layers["sosw"].clone();
    let targets = layer.targets();
    let of =
        |python: &str| targets.iter().find(|target| target.python.to_string() == python).unwrap().glibc_minor;
    assert_eq!((of("3.12"), of("3.16")), (34, 38));
    let end = |python: &str| layer.runtimes.get(python.parse().unwrap()).unwrap().end.unwrap().to_string();
    assert_eq!((end("3.12"), end("3.16")), ("2030-01-01".to_owned(), "2032-06-30".to_owned()));
    check_text(
        "[runtimes.\"python3.16\"]\nend = \"2032-06-30\"\n",
        expect![[r#"
        the key `glibc` is missing for `python3.16`
          --> layers.toml:1:11
           |
         1 | [runtimes."python3.16"]
           |           ^^^^^^^^^^^^ expected `glibc = "2.34"`, or what its system has
    "#]],
    );
    check_text(
        "[runtimes.\"python3.16\"]\nglib = \"2.38\"\n",
        expect![[r#"
        unknown key `glib` in `[runtimes]`
          --> layers.toml:2:1
           |
         2 | glib = "2.38"
           | ^^^^ no such key
        hint: did you mean `glibc`?
    "#]],
    );
}

#[test]
fn other_files_have_places_below_opt() {
    let with = |line: &str| GOOD.replace("wheels = \"pure\"", &format!("wheels = \"pure\"\n{line}"));
    let file =
        parse(&with("include = { \"etc/ca.pem\" = \"certs/ca.pem\", \"python/\" = \"src\" }")).unwrap();
    let include = file.layers["sosw"].include.iter();
    let include: Vec<_> = include.map(|(place, path)| format!("{place} {}", path.display())).collect();
    assert_eq!(include, ["etc/ca.pem certs/ca.pem", "python/ src"]);
    check_text(
        &with("include = { \"../ca.pem\" = \"ca.pem\" }"),
        expect![[r#"
        `../ca.pem` cannot be a place in a layer
           --> layers.toml:10:13
            |
         10 | include = { "../ca.pem" = "ca.pem" }
            |             ^^^^^^^^^^^ expected a path below `/opt`, like `etc/ca.pem`
    "#]],
    );
}

/// Lambda would refuse it when everything else is done.
#[test]
fn a_licence_that_is_too_long_is_refused() {
    let with = |length: usize| {
        let licence = "ü".repeat(length);
        parse(&GOOD.replace("wheels =", &format!("license = \"{licence}\"\nwheels =")))
    };
    assert!(with(512).is_ok());
    let said = with(513).expect_err("this is too long").to_string();
    assert!(said.starts_with("`license` has 513 characters, and Lambda takes 512\n"), "{said}");
    assert!(said.contains("--> layers.toml:9:11"), "{said}");
}

#[test]
fn what_runtimes_bring_along_can_be_said() {
    let stated = |text: &str| format!("[runtimes.\"python3.12\"]\nprovides = {text}\n{GOOD}");
    let file = parse(&stated("{ boto3 = \"1.36.3\", urllib3 = \"1.26.19\" }")).unwrap();
    assert_eq!(file.layers["sosw"].provided.stated(), "3.12: boto3==1.36.3 urllib3==1.26.19\n");
    check_text(
        &stated("{ boto = \"1.36.3\" }"),
        expect![[r#"
        unknown package `boto` in `provides`
          --> layers.toml:2:14
           |
         2 | provides = { boto = "1.36.3" }
           |              ^^^^ no such package
        hint: did you mean `boto3`?
    "#]],
    );
    check_text(
        &stated("{ boto3 = \">=1.36\" }"),
        expect![[r#"
        `>=1.36` is not known here
          --> layers.toml:2:22
           |
         2 | provides = { boto3 = ">=1.36" }
           |                      ^^^^^^^^ expected a version like `1.36.3`
    "#]],
    );
}
