//! S7 and S9: templates follow what was published.

use crate::{templates, world_with_bucket};

#[test]
fn pypi_s7_templates_name_the_newest_version_and_their_content_is_the_newest_zip() {
    let (world, _) = world_with_bucket();
    for kind in ["cloudformation", "function"] {
        let _ = templates(&world, &["new", kind]).expect_code(0);
    }
    let key_of = || {
        let manifest: serde_json::Value =
            serde_json::from_str(&world.project.read("target/layers/demo.json").unwrap()).unwrap();
        format!("    Default: lambda-layers/demo/{}.zip\n", manifest["sha256"].as_str().unwrap())
    };
    let (layer, function) =
        (world.project.read("demo-layer.yaml").unwrap(), world.project.read("demo-function.yaml").unwrap());
    for version in ["1", "2"] {
        world.project.build(&format!("VERSION = {version}\n")).unwrap();
        world.publish().ends_with(0);
        let bumped = world.xtask(&["bump-templates", "--update-content"]).ends_with(0);
        assert_eq!(bumped.stdout, "demo-function.yaml\ndemo-layer.yaml\ndemo-snippet.yaml\n");
        // Nothing else moves, in either of them.
        let placeholder = "DEMO_LAYER_PLACEHOLDER";
        assert_eq!(world.project.read("demo-function.yaml").unwrap(), function.replace(placeholder, version));
        let content = layer.replace(&format!("    Default: {placeholder}\n"), &key_of());
        assert_eq!(world.project.read("demo-layer.yaml").unwrap(), content);
    }
}

/// The documented form, in files that the old script did not find, or damaged.
#[test]
fn pypi_s9_latest_puts_the_version_in_every_template_and_does_it_again() {
    let (world, _) = world_with_bucket();
    let arn = "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:DEMO_LAYER_PLACEHOLDER";
    let yaml = |kind: &str| {
        format!(
            "# layer:demo:DEMO_LAYER_PLACEHOLDER stands in comments, too\r\nResources:\r\n  F:\r\n    Type: {kind}\r\n    Properties:\r\n      \
             Layers:\r\n        - !Sub \"{arn}\"\r\n        - !Sub arn:aws:lambda:${{AWS::Region}}:999999999999:layer:demo2:7"
        )
    };
    let json = format!(
        "{{\"Resources\": {{\"F\": {{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {{\"Layers\": [{{\"Fn::Sub\": \"{arn}\"}}]}}}}}}}}"
    );
    let files = [
        ("a.yaml", yaml("AWS::Serverless::Function")),
        ("nested/a.yaml", yaml("AWS::Lambda::Function")),
        ("nested/deep/b.yml", yaml("AWS::Lambda::Function")),
        ("nested/c.json", json.clone()),
        ("d.template", json),
        // No template: the same words mean nothing here.
        ("notes.yaml", format!("text: {arn}\n")),
    ];
    std::fs::create_dir_all(world.project.path("nested/deep")).unwrap();
    for (name, text) in &files {
        world.project.write(name, text).unwrap();
    }
    for version in ["1", "2"] {
        world.project.build(&format!("VERSION = {version}\n")).unwrap();
        world.publish().ends_with(0);
        // AWS is asked, not the ledger.
        std::fs::remove_file(world.project.path("layer-versions.json")).unwrap();
        let bumped = world.xtask(&["bump-templates", "--latest"]).ends_with(0);
        assert_eq!(bumped.stdout.lines().count(), 5, "{}", bumped.stdout);
        for (name, text) in &files {
            let expected = match *name {
                "notes.yaml" => text.clone(),
                _ => text.replace(
                    "${AWS::AccountId}:layer:demo:DEMO_LAYER_PLACEHOLDER",
                    &format!("${{AWS::AccountId}}:layer:demo:{version}"),
                ),
            };
            assert_eq!(world.project.read(name).unwrap(), expected, "{name}");
        }
    }
    assert_eq!(world.xtask(&["bump-templates", "--latest"]).ends_with(0).stdout, "");
}
