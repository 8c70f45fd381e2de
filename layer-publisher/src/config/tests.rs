//! What `layers.toml` may say, and what is said when it is wrong.

use expect_test::{Expect, expect};

use sha2::{Digest, Sha256};

use super::*;

fn parse(text: &str) -> Result<LayersFile, ConfigError> {
    LayersFile::parse(Path::new("layers.toml"), text)
}

fn check_error(text: &str, expected: &Expect) {
    let error = parse(text).unwrap_err();
    let mut said = error.to_string();
    if let Some(cause) = std::error::Error::source(&error) {
        said = format!("{said}: {cause}");
    }
    expected.assert_eq(&said);
}

#[test]
fn a_stack_is_named_once_for_each_way_and_region() {
    let two = |one: &str, other: &str| {
        parse(&format!(
            "[layers.sosw]\n[[stacks]]\nname = \"orders\"\n{one}\n[[stacks]]\nname = \"orders\"\n{other}\n"
        ))
    };
    let said = two("", "regions = [\"eu-west-1\"]").unwrap_err().to_string();
    assert_eq!(said, "`layers.toml`: numbers 1 and 2 of `[[stacks]]` are both about stack `orders`");
    assert!(two("regions = [\"eu-west-1\"]", "regions = [\"us-east-1\", \"eu-west-1\"]").is_err());
    assert!(two("regions = [\"eu-west-1\"]", "regions = [\"us-east-1\"]").is_ok());
    assert!(two("target = \"dev\"", "target = \"prod\"").is_ok());
}

#[test]
fn regions_and_names_are_read_and_the_builders_keys_are_left_alone() {
    let file = parse(
        r#"
        [layers.sosw]
        requirements = ["sosw"]
        python = ["3.13"]
        anything-of-the-builder = 1
        branch-of = { sosw = "somewhere" }
        [layers.sosw.publish]
        regions = ["us-west-2", "eu-west-1"]
        optional-regions = ["me-south-1"]
        [layers.native]
        layer-name = "other"
        split = "architecture"
        [runtimes."python3.12"]
        provides = { boto3 = "1.36.3" }
        [[stacks]]
        name = "orders"
        layers = ["sosw"]
        regions = ["eu-west-1"]
        target = "prod"
        [[stacks]]
        name = "billing"
        "#,
    )
    .unwrap();
    let sosw = &file.layers["sosw"];
    assert_eq!(sosw.lambda_names, ["sosw"]);
    assert_eq!(sosw.destination.regions, ["us-west-2".parse().unwrap(), "eu-west-1".parse().unwrap()]);
    assert_eq!(sosw.destination.optional_regions, ["me-south-1".parse().unwrap()]);
    assert_eq!(file.layers["native"].lambda_names, ["other-x86_64", "other-arm64"]);
    let stacks =
        file.stacks.iter().map(|stack| (stack.name.as_str(), stack.regions.len(), stack.target.as_deref()));
    assert_eq!(stacks.collect::<Vec<_>>(), [("orders", 1, Some("prod")), ("billing", 0, None)]);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    check_error(
        "[[stacks]]\nname = 'a'\n[[stacks]]\nname = 'b'\nregion = 'eu-west-1'",
        &expect!["`layers.toml`: unknown key `region` in `[[stacks]]`, number 2; did you mean `regions`?"],
    );
    check_error(
        "[[stacks]]\nregions = ['eu-west-1']",
        &expect![
            "`layers.toml`: `name` in `[[stacks]]`, number 1 must be a stack's name: a letter, and up to 127 letters, digits and `-` behind it"
        ],
    );
    check_error(
        "[stacks]\nname = 'a'",
        &expect!["`layers.toml`: `stacks` in the file must be a list of tables: `[[stacks]]`"],
    );
    check_error(
        "[layer.x]",
        &expect!["`layers.toml`: unknown table `layer` in the file; did you mean `layers`?"],
    );
    check_error(
        "[layers.x.publsh]",
        &expect!["`layers.toml`: unknown table `publsh` in `[layers.x]`; did you mean `publish`?"],
    );
    check_error(
        "[layers.x.publish]\nregion = []",
        &expect!["`layers.toml`: unknown key `region` in `[layers.x.publish]`; did you mean `regions`?"],
    );
    check_error(
        "[layers.x.publish]\nregions = 'eu-west-1'",
        &expect!["`layers.toml:2`: `regions` in `[layers.x.publish]` must be a list of regions"],
    );
    check_error(
        "[layers.x.publish]\nregions = ['eu-wset-1']",
        &expect![
            "`layers.toml`: `regions` in `[layers.x.publish]` names no region: there is no region `eu-wset-1`; did you mean `eu-west-1`?"
        ],
    );
    check_error(
        "[layers.x.publish]\nregions = ['eu-west-1']\noptional-regions = ['eu-west-1']",
        &expect!["`layers.toml`: `[layers.x.publish]` names the region `eu-west-1` twice"],
    );
}

#[test]
fn the_hash_covers_the_table_in_any_order_and_without_publish() {
    let hash = |text: &str| parse(text).unwrap().layers["x"].inputs_sha256.clone();
    let first =
        hash("[layers.x]\npython = ['3.13']\nlicense = 'MIT'\nbranch-of = { b = '1', a = \"é\\\"\" }");
    let json = r#"{"branch-of":{"a":"é\"","b":"1"},"license":"MIT","python":["3.13"]}"#;
    assert_eq!(first, hex(&Sha256::digest(json.as_bytes())));
    let second = "[layers.x]\nlicense = 'MIT'\npython = ['3.13']\nbranch-of = { a = \"é\\\"\", b = '1' }\n\
                  [layers.x.publish]\nregions = ['eu-west-1']";
    assert_eq!(first, hash(second));
    assert_ne!(first, hash("[layers.x]\npython = ['3.12']\nlicense = 'MIT'"));
}
