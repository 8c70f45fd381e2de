//! `roll-out`: stacks that get the new version of a layer, and nothing else.

use serde_json::json;
use tests::proxy::{Fault, Rule};
use tests::roll_out::{RollOuts, function};
use tests::stack::{REGION, STACK};

#[test]
fn pypi_s8_a_roll_out_ships_the_layer_only_whatever_else_the_local_template_says() {
    let stacks = RollOuts::new(1);
    let name = stacks.deploy(STACK, &function("1"));
    let deployed = stacks.deployed_template(STACK);
    // What is on this machine is ahead: more memory, a queue, and none of it committed.
    let local = function("1").replace("Runtime: python3.13", "Runtime: python3.12\n      MemorySize: 512");
    let local = local.replace("Outputs:", "  Q: {Type: AWS::SQS::Queue}\nOutputs:");
    stacks.world().project.write("demo-stack.yaml", &local).unwrap();
    stacks.publish(2);

    let run = stacks.run(&[]).ends_with(0);
    let run = run
        .says("Change demo-stack in eu-west-1: F (AWS::Lambda::Function): Layers")
        .says("Layer demo-stack in eu-west-1: F: demo 1 -> 2")
        .says("Finished 1 rolled out");
    assert_eq!(
        run.stdout,
        "STACK       REGION     RESULT      LAYERS\ndemo-stack  eu-west-1  rolled out  demo 1 -> 2\n"
    );
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    let found = stacks.aws(&["lambda", "get-function-configuration", "--function-name", &name]);
    assert_eq!((found["Runtime"].as_str(), found["MemorySize"].as_u64()), (Some("python3.13"), Some(128)));
    // Byte for byte what was deployed, but for the number; what is on this machine stays as well.
    assert_eq!(stacks.deployed_template(STACK), deployed.replace("layer:demo:1", "layer:demo:2"));
    assert_eq!(stacks.world().project.read("demo-stack.yaml").unwrap(), local);

    // Once more: success, and nothing is left behind, or even made.
    let run = stacks.run(&[]).ends_with(0).says("Finished no stack runs an older version");
    assert_eq!((run.count("CreateChangeSet"), run.stdout.as_str()), (0, ""));
    stacks.name_stacks(&format!("[[stacks]]\nname = \"{STACK}\"\n"));
    let run = stacks.run(&[]).ends_with(0).says("Unchanged demo-stack in eu-west-1");
    assert_eq!((run.count("CreateChangeSet"), stacks.change_sets()), (0, 0));
}

#[test]
fn pypi_a_version_in_a_parameter_moves_in_the_stack_which_keeps_its_template() {
    let stacks = RollOuts::new(1);
    let template = |version: u8| {
        function("${Version}").replacen(
            "Parameters:\n",
            &format!("Parameters:\n  Version: {{Type: String, Default: {version}}} # of the layer\n  Stage: {{Type: String, Default: dev}}\n"),
            1,
        )
    };
    let name = stacks.deploy_with(STACK, &template(1), &["--parameters", "Stage=prod", "--tags", "team=x"]);
    stacks.publish(2);
    let run = stacks.run(&["demo"]).ends_with(0);
    run.says("Parameter demo-stack in eu-west-1: Version: 1 -> 2").says("F: demo 1 -> 2");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    // Nothing is sent that need not be: what is given back of a template may not be all of it.
    assert_eq!(stacks.deployed_template(STACK), template(1));
    let parameters = [stacks.parameter("Version"), stacks.parameter("Stage")];
    assert_eq!(parameters, ["2", "prod"]);
    assert_eq!(stacks.stack(STACK)["Tags"], json!([{ "Key": "team", "Value": "x" }]));
}

#[test]
fn pypi_a_json_template_keeps_its_bytes() {
    let stacks = RollOuts::new(1);
    let template = |version: u8| {
        format!(
            "{{\n\t\"Resources\" : {{ \"F\": {{\"Type\":\"AWS::Lambda::Function\", \"Properties\": {{ \"Handler\": \"index.handler\",\r\n\
             \"Runtime\": \"python3.13\", \"Role\": \"arn:aws:iam::123456789012:role/f\", \"Code\": {{\"ZipFile\": \"x = 1\"}},\n\
             \"Layers\": [ {{\"Fn::Sub\": \"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}\"}} ] }} }} }},\n\
             \"Outputs\": {{\"Function\": {{\"Value\": {{\"Ref\": \"F\"}}}}}} }}"
        )
    };
    let name = stacks.deploy(STACK, &template(1));
    stacks.publish(2);
    stacks.run(&[]).ends_with(0);
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    assert_eq!(stacks.deployed_template(STACK), template(2));
}

#[test]
fn pypi_a_stack_that_reads_its_layer_from_ssm_is_rolled_out_too() {
    let stacks = RollOuts::new(1);
    stacks.world().configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\nssm-parameter = \"demo-latest\"\n"
    ));
    stacks.publish(1);
    let template = function("x").replacen(
        "Parameters:\n",
        "Parameters:\n  Layer: {Type: 'AWS::SSM::Parameter::Value<String>', Default: demo-latest}\n",
        1,
    );
    let start = template.find("!Sub").unwrap();
    let end = start + template[start..].find('\n').unwrap();
    let template = format!("{}!Ref Layer{}", &template[..start], &template[end..]);
    let name = stacks.deploy(STACK, &template);
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
    stacks.publish(2);
    let run = stacks.run(&[]).ends_with(0).says("Layer demo-stack in eu-west-1: F: demo 1 -> 2");
    assert!(run.stdout.ends_with("demo 1 -> 2\n"), "{}", run.stdout);
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    assert_eq!(stacks.deployed_template(STACK), template);
    stacks.name_stacks(&format!("[[stacks]]\nname = \"{STACK}\"\n"));
    stacks.run(&[]).ends_with(0).says("Unchanged demo-stack in eu-west-1");

    // The parameter lags behind: nothing that a change set could do about it.
    stacks.publish(3);
    stacks.aws(&["ssm", "put-parameter", "--name", "demo-latest", "--overwrite", "--value", &stacks.arn(2)]);
    let run = stacks.run(&[]).ends_with(1);
    run.says("error: stack `demo-stack` is not at the new version: function `F` has version 2 of layer `demo`, not 3")
        .says("hint: a parameter in SSM is moved by");
    assert_eq!(stacks.change_sets(), 0);
}

/// CloudFormation does not notice that the parameter has moved, unless the reference names its version.
#[test]
fn pypi_a_stack_with_a_dynamic_reference_is_rolled_out_too() {
    let stacks = RollOuts::new(1);
    stacks.world().configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\nssm-parameter = \"demo-latest\"\n"
    ));
    stacks.publish(1);
    let template = |reference: &str| {
        let template = function("x");
        let start = template.find("!Sub").unwrap();
        let end = start + template[start..].find('\n').unwrap();
        format!("{}'{reference}'{}", &template[..start], &template[end..])
    };
    let name = stacks.deploy(STACK, &template("{{resolve:ssm:demo-latest}}"));
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
    stacks.publish(2);
    let run = stacks.run(&[]).ends_with(0);
    run.says("Parameter demo-stack in eu-west-1: {{resolve:ssm:demo-latest}}: version 2 of it");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    assert_eq!(stacks.deployed_template(STACK), template("{{resolve:ssm:demo-latest:2}}"));
    stacks.publish(3);
    stacks.run(&[]).ends_with(0).says("version 2 -> version 3 of it").says("Finished 1 rolled out");
    assert_eq!(stacks.layers(&name), [stacks.arn(3)]);
}

#[test]
fn pypi_a_sam_stack_moves_with_its_published_version_and_alias() {
    let stacks = RollOuts::new(1);
    let template = |version: u8| {
        format!(
            "Transform: AWS::Serverless-2016-10-31\nGlobals:\n  Function:\n    Layers:\n      \
             - !Sub arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}\nResources:\n  F:\n    \
             Type: AWS::Serverless::Function\n    Properties:\n      Handler: index.handler\n      Runtime: python3.13\n      \
             InlineCode: 'def handler(event, context): return 1'\n      AutoPublishAlias: live\n      \
             AutoPublishAliasAllProperties: true\nOutputs:\n  Function: {{Value: !Ref F}}\n"
        )
    };
    let name = stacks.deploy_with(
        STACK,
        &template(1),
        &["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    );
    stacks.publish(2);
    let run = stacks.run(&[]).ends_with(0);
    run.says("Change demo-stack in eu-west-1: F (AWS::Lambda::Function): Layers")
        .says("Add demo-stack in eu-west-1: FVersion")
        .says("(AWS::Lambda::Version): it stays in the account")
        .says("Updated demo-stack in eu-west-1: FAliaslive (AWS::Lambda::Alias)");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
    assert_eq!(stacks.layers(&format!("{name}:live")), [stacks.arn(2)]);
    assert_eq!(stacks.deployed_template(STACK), template(2));
    let capabilities = stacks.stack(STACK)["Capabilities"].clone();
    assert_eq!(capabilities, json!(["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]));
}

#[test]
fn pypi_a_large_template_goes_through_the_bucket_of_the_layer() {
    let stacks = RollOuts::new(1);
    let template = |version: &str| format!("# {}\n{}", "x".repeat(60_000), function(version));
    stacks.bucket("large-templates", REGION);
    let name = stacks.deploy_with(STACK, &template("1"), &["--s3-bucket", "large-templates"]);
    stacks.publish(2);
    stacks.run(&[]).ends_with(1).says("no bucket is known for a template of more than 51,200 bytes");
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
    stacks
        .run(&["--s3-bucket", "large-templates"])
        .ends_with(0)
        .says("the template to s3://large-templates/");
    assert_eq!(stacks.deployed_template(STACK), template("2"));
}

/// CloudFormation gives `?` for every letter that is not ASCII, and the local AWS gives the letter.
#[test]
fn pypi_a_roll_out_destroys_no_letter_that_cloudformation_does_not_give_back() {
    let stacks = RollOuts::new(1);
    let described = |text: &str, template: &str| format!("Description: {text}\n{template}");
    let in_parameter = function("${Version}").replacen(
        "Parameters:\n",
        "Parameters:\n  Version: {Type: String, Default: 1}\n",
        1,
    );
    let in_parameter = described("Größe — why?", &in_parameter);
    let in_text = |version: &str| described("Größe", &function(version));
    let plain = |version: &str| described("why?", &function(version));
    let first = stacks.deploy("first", &in_parameter);
    let second = stacks.deploy("second", &in_text("1"));
    let third = stacks.deploy("third", &plain("1"));
    stacks.publish(2);
    stacks.world().proxy.add(Rule::always(Fault::Mangle).of("GetTemplate"));

    // Only a value moves: the template is not sent at all.
    stacks.run(&["--stack", "first"]).ends_with(0);
    assert_eq!(stacks.layers(&first), [stacks.arn(2)]);
    assert_eq!(stacks.deployed_template("first"), in_parameter);

    // The text has to be sent, and nobody knows what its `?` were.
    let run = stacks.run(&["--stack", "second"]).ends_with(1);
    assert_eq!(run.count("CreateChangeSet"), 0);
    run.says("error: the template of stack `second` cannot be sent back: CloudFormation gives `?`")
        .says("there is one in\n  line 1: Description: Gr??e\n")
        .says("hint: if each was always a `?`, say so with `--allow-question-marks`");
    assert_eq!(stacks.deployed_template("second"), in_text("1"));

    // The file tells the one from the other. It was not bumped, and may lie elsewhere.
    let names = |template: &str| {
        let stack = |name: &str| format!("[[stacks]]\nname = \"{name}\"\n{template}");
        stacks.name_stacks(&[stack("third"), stack("second")].concat());
    };
    names("template = \"nowhere.yaml\"\n");
    stacks.run(&["--stack", "third"]).ends_with(1).says("nowhere.yaml`, the template of stack `third`");
    names("template = \"both.yaml\"\n");
    stacks.template("both.yaml", format!("{}\n{}", plain("1"), in_text("1")));
    stacks.run(&["--stack", "third"]).ends_with(0);
    assert_eq!(stacks.deployed_template("third"), plain("2"));
    stacks.run(&["--stack", "second"]).ends_with(1).says("line 1: Description: Gr??e");
    assert_eq!((stacks.layers(&third), stacks.layers(&second)), (vec![stacks.arn(2)], vec![stacks.arn(1)]));
    stacks.run(&["--stack", "second", "--allow-question-marks"]).ends_with(0);
    assert_eq!(stacks.layers(&second), [stacks.arn(2)]);
}
