//! What may go and what stays: each rule against the local AWS, and what happens where somebody does not answer.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tests::deployed::{Corner, function, publish_function, set_layers, shared_for_once, stack};
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

const REGION: &str = "eu-west-1";
const FUNCTION: &str = "Type: AWS::Lambda::Function, Properties: {Handler: index.handler, Runtime: python3.12, \
                        Role: 'arn:aws:iam::123456789012:role/function', Code: {ZipFile: 'pass'}";

/// A layer with so many versions in one region.
fn world(versions: usize) -> (World, Corner) {
    let world = World::new(&[REGION], &[]);
    let corner = Corner::new(&world.account, REGION);
    corner.publish(versions);
    (world, corner)
}

fn prune(world: &World, more: &[&str]) -> Run {
    let all = ["prune", "demo", "--keep", "1", "--min-age", "0", "--format", "json"];
    world.run(&[&all[..], more].concat())
}

/// The numbers of the versions that something happens to, in all places.
fn with_action(document: &Value, action: &str) -> Vec<u64> {
    let places = document["places"].as_array().unwrap().iter();
    let versions = places.flat_map(|place| place["versions"].as_array().unwrap());
    let mut numbers = versions
        .filter(|version| version["action"] == action)
        .map(|version| version["version"].as_u64().unwrap())
        .collect::<Vec<_>>();
    numbers.sort_unstable();
    numbers
}

/// The reasons of a version in the first place.
fn reasons(document: &Value, version: u64) -> Vec<String> {
    let versions = document["places"][0]["versions"].as_array().unwrap();
    let version = versions.iter().find(|row| row["version"] == version).unwrap();
    let reasons = version["reasons"].as_array().unwrap().iter();
    reasons.map(|reason| reason["text"].as_str().unwrap().to_owned()).collect()
}

/// Version 3 of 6 stays for this reason, version 2 because it comes before, version 6 because it is the newest.
#[track_caller]
fn stays(world: &World, reason: &str) {
    let document = prune(world, &[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 4, 5], "{document:#}");
    assert_eq!(reasons(&document, 3), [reason]);
    assert_eq!(reasons(&document, 2), ["the one before 3"]);
    assert_eq!(reasons(&document, 6), ["the newest"]);
}

#[test]
fn pypi_the_plan_comes_first_and_execute_does_it_once() {
    let (world, corner) = world(5);
    let plan = world.run(&["prune", "demo", "--keep", "2", "--min-age", "0"]).ends_with(0);
    assert_eq!(plan.count("DeleteLayerVersion"), 0);
    assert!(plan.stdout.lines().all(|line| line.chars().count() <= 80), "{}", plan.stdout);
    assert!(plan.stdout.contains("keep    among the newest 2"), "{}", plan.stdout);
    plan.says("Finished 3 versions would be deleted, ")
        .says("2 kept")
        .says("note: delete them with `layer-publisher prune demo --keep 2 --min-age 0s --execute`");
    assert_eq!(corner.versions(), [1, 2, 3, 4, 5]);

    let all = ["prune", "demo", "--keep", "2", "--min-age", "0", "--execute", "--format", "json"];
    let done = world.run(&all).ends_with(0);
    assert_eq!(with_action(&done.json(), "removed"), [1, 2, 3]);
    assert!(done.json()["bytes"].as_u64().unwrap() > 300);
    assert_eq!(done.count("DeleteLayerVersion"), 3);
    done.says("3 versions deleted, ").says("freed");
    assert_eq!(corner.versions(), [4, 5]);

    let again = world.run(&all).ends_with(0).says("Finished nothing to delete, 2 kept");
    assert_eq!(again.count("DeleteLayerVersion"), 0);
}

#[test]
fn pypi_what_a_function_uses_stays_and_so_does_what_its_old_version_uses() {
    let (world, corner) = world(6);
    corner.calls(&[
        function("orders", "python3.12", &[corner.layer(3)]),
        publish_function("orders"),
        set_layers("orders", &[corner.layer(6)]),
    ]);
    let document = prune(&world, &[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 4]);
    assert_eq!(reasons(&document, 3), ["function orders (1)"]);
    assert_eq!(reasons(&document, 5), ["the one before 6"]);
}

#[test]
fn pypi_what_the_ledger_names_stays() {
    let (world, corner) = world(6);
    world.project.write("layer-versions.json", ledger(&corner, 3, "")).unwrap();
    stays(&world, "the ledger");
    // What was taken back is no reason to keep fewer of the others.
    world
        .project
        .write("layer-versions.json", ledger(&corner, 3, ", \"withdrawn\": {\"6\": \"it breaks\"}"))
        .unwrap();
    let document = prune(&world, &[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 4, 6]);
    // A ledger that cannot be read may name any.
    world.project.write("layer-versions.json", "<<<<<<< HEAD\n").unwrap();
    let run = prune(&world, &["--execute"]).ends_with(1).says("holds a conflict marker");
    assert_eq!(run.calls.len(), 0);
}

fn ledger(corner: &Corner, version: u64, more: &str) -> String {
    let (account, arn) = (&corner.account, corner.layer(version));
    format!(
        "{{\"schema\": 1, \"versions\": [{{\"layer_name\": \"demo\", \"partition\": \"aws\", \"account\": \"{account}\", \
         \"region\": \"{REGION}\", \"version\": {version}, \"layer_version_arn\": \"{arn}\"{more}}}]}}"
    )
}

#[test]
fn pypi_what_a_pointer_names_stays() {
    let (world, corner) = world(6);
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\nssm-parameter = \"demo-{{architecture}}\"\n"
    ));
    let parameter = json!({ "Name": "demo-arm64", "Type": "String", "Value": corner.layer(3) });
    corner.calls(&[("ssm", "put_parameter", parameter)]);
    stays(&world, "parameter demo-arm64");
    world.proxy.add(Rule::always(denied()).of("GetParameter"));
    let run = prune(&world, &["--execute"]).ends_with(1).says("nothing is deleted: parameter `demo-");
    assert_eq!((run.count("DeleteLayerVersion"), corner.versions().len()), (0, 6));
}

fn denied() -> Fault {
    Fault::Error { status: 403, code: "AccessDeniedException", message: "not authorized" }
}

/// A stack that names version 3; the function itself has moved on by other hands.
#[track_caller]
fn stack_names_3(template: &str, parameters: &[(&str, &str)]) {
    let (world, corner) = world(6);
    corner.calls(&[stack("shop", template, parameters)]);
    let functions = corner.calls(&[("lambda", "list_functions", json!({}))]);
    for function in functions[0]["Functions"].as_array().unwrap() {
        let name = function["FunctionName"].as_str().unwrap();
        assert_eq!(function["Layers"][0]["Arn"], corner.layer(3).as_str(), "the stack is as it was meant");
        corner.calls(&[("lambda", "delete_function", json!({ "FunctionName": name }))]);
    }
    stays(&world, "stack shop");
}

#[test]
fn pypi_what_a_stack_names_with_sub_stays() {
    let layers = "!Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:3'";
    stack_names_3(&format!("Resources: {{F: {{{FUNCTION}, Layers: [{layers}]}}}}}}\n"), &[]);
}

#[test]
fn pypi_what_a_stack_names_with_join_stays() {
    let layers = "!Join [':', ['arn:aws:lambda', !Ref AWS::Region, !Ref AWS::AccountId, layer, demo, '3']]";
    stack_names_3(&format!("Resources: {{F: {{{FUNCTION}, Layers: [{layers}]}}}}}}\n"), &[]);
}

#[test]
fn pypi_what_a_stack_names_with_a_mapping_stays() {
    let mapping = "Mappings: {M: {eu-west-1: {V: '3'}, us-east-1: {V: '4'}}}\n";
    let layers = "!Sub ['arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:${V}', \
                  {V: !FindInMap [M, !Ref AWS::Region, V]}]";
    stack_names_3(&format!("{mapping}Resources: {{F: {{{FUNCTION}, Layers: [{layers}]}}}}}}\n"), &[]);
}

#[test]
fn pypi_what_a_stack_names_with_a_parameter_stays() {
    let parameters = "Parameters: {V: {Type: String, Default: '4'}}\n";
    let layers = "!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:${V}'";
    let template = format!("{parameters}Resources: {{F: {{{FUNCTION}, Layers: [{layers}]}}}}}}\n");
    stack_names_3(&template, &[("V", "3")]);
}

#[test]
fn pypi_a_version_that_a_stack_has_made_stays() {
    let (world, corner) = world(2);
    let (bucket, region) = (format!("b-{}", corner.account), json!({ "LocationConstraint": REGION }));
    let zip = BASE64.encode(tests::project::zip("python/demo.py", b"MADE = 3\n"));
    corner.calls(&[
        ("s3", "create_bucket", json!({ "Bucket": bucket, "CreateBucketConfiguration": region })),
        ("s3", "put_object", json!({ "Bucket": bucket, "Key": "demo.zip", "Body": zip })),
    ]);
    let template = format!(
        "Resources: {{L: {{Type: AWS::Lambda::LayerVersion, Properties: {{LayerName: !Sub '${{Name}}', Content: {{S3Bucket: {bucket}, S3Key: demo.zip}}}}}}}}\n\
         Parameters: {{Name: {{Type: String, Default: demo}}}}\n",
    );
    corner.calls(&[stack("layers", &template, &[])]);
    corner.publish(3);
    assert_eq!(corner.versions(), [1, 2, 3, 4, 5, 6]);
    stays(&world, "stack layers");
}

#[test]
fn pypi_a_stack_that_does_not_tell_which_version_keeps_all_of_them() {
    let (world, corner) = world(4);
    let template = "Parameters: {V: {Type: String, NoEcho: true}}\nResources: {P: {Type: AWS::SSM::Parameter, \
                    Properties: {Type: String, Value: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:demo:${V}'}}}\n";
    corner.calls(&[stack("secret", template, &[("V", "3")])]);
    let run = prune(&world, &["--execute"]);
    // Should the local AWS show the value all the same, then it is known.
    if run.code == 0 {
        let stacks = corner.calls(&[("cloudformation", "describe_stacks", json!({}))]);
        assert_eq!(stacks[0]["Stacks"][0]["Parameters"][0]["ParameterValue"], "3");
        assert_eq!(reasons(&run.json(), 3), ["stack secret"]);
        return;
    }
    run.ends_with(1).says("stack `secret` may name a version of `demo`, and nobody can tell which");
    assert_eq!(corner.versions().len(), 4);
}

#[test]
fn pypi_what_a_template_of_the_work_tree_names_stays() {
    let (world, _) = world(6);
    let template = |region: &str| {
        format!(
            "Resources: {{F: {{{FUNCTION}, Layers: [!Join [':', [arn, aws, lambda, {region}, !Ref AWS::AccountId, layer, demo, 3]]]}}}}}}\n"
        )
    };
    std::fs::create_dir(world.project.path("app")).unwrap();
    world.project.write("app/template.yaml", template(REGION)).unwrap();
    stays(&world, "app/template.yaml");
    // Of another region it is another version.
    world.project.write("app/template.yaml", template("us-east-1")).unwrap();
    let document = prune(&world, &[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 2, 3, 4, 5]);
    // Whatever deploys it, letters are enough.
    std::fs::remove_file(world.project.path("app/template.yaml")).unwrap();
    world
        .project
        .write("main.tf", format!("layers = [\"arn:aws:lambda:{REGION}:${{var.account}}:layer:demo:3\"]\n"))
        .unwrap();
    stays(&world, "main.tf");
}

#[test]
fn pypi_what_is_young_stays() {
    let (world, _) = world(3);
    let all = ["prune", "demo", "--keep", "1", "--format", "json"];
    let document = world.run(&all).ends_with(0).json();
    assert_eq!(with_action(&document, "keep"), [1, 2, 3]);
    assert_eq!(reasons(&document, 1), ["younger than 30d"]);
    let hours = world.run(&[&all[..], &["--min-age", "12h"]].concat()).ends_with(0).json();
    assert_eq!(reasons(&hours, 2), ["younger than 12h"]);
    world.run(&[&all[..], &["--min-age", "soon"]].concat()).ends_with(2).says("`soon` is no age");
    world.run(&["prune", "demo", "--keep", "0"]).ends_with(2);
}

#[test]
fn pypi_what_others_may_use_stays_unless_it_is_included() {
    let (world, corner) = world(4);
    let share = json!({
        "LayerName": "demo", "VersionNumber": 2, "StatementId": "x", "Action": "lambda:GetLayerVersion",
        "Principal": "123456789012",
    });
    corner.calls(&[("lambda", "add_layer_version_permission", share)]);
    let document = prune(&world, &[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 3]);
    assert_eq!(reasons(&document, 2), ["shared with account 123456789012"]);
    let document = prune(&world, &["--include-shared"]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 2, 3]);
    // A policy that may not be read may let anybody in.
    world.proxy.add(Rule::always(denied()).of("GetLayerVersionPolicy"));
    let run = prune(&world, &["--execute"]).ends_with(3);
    assert_eq!(run.count("DeleteLayerVersion"), 0);
    assert!(reasons(&run.json(), 3)[0].contains("its policy is not known: not authorized"));
}

#[test]
fn pypi_where_somebody_cannot_be_asked_nothing_goes() {
    for operation in ["ListLayerVersions", "ListFunctions", "DescribeStacks", "GetTemplate"] {
        let (world, corner) = world(3);
        corner.calls(&[stack("any", "Resources: {T: {Type: AWS::SNS::Topic}}\n", &[])]);
        world.proxy.add(Rule::always(denied()).of(operation));
        let run = prune(&world, &["--execute"]).ends_with(1);
        assert_eq!(run.count("DeleteLayerVersion"), 0, "{operation}");
        assert_eq!(with_action(&run.json(), "remove"), [0; 0], "{operation}");
        run.says("nothing is deleted: ").says(&format!(":{operation}`"));
        assert_eq!(corner.versions(), [1, 2, 3], "{operation}");
    }
}

#[test]
fn pypi_a_region_that_is_dead_keeps_all_and_the_others_are_pruned() {
    let world = World::new(&[REGION, "us-east-1"], &[]);
    let corners = [REGION, "us-east-1"].map(|region| Corner::new(&world.account, region));
    for corner in &corners {
        corner.publish(3);
    }
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let run = prune(&world, &["--execute"]).ends_with(3).says("in us-east-1");
    assert_eq!(with_action(&run.json(), "removed"), [1, 2]);
    assert_eq!((corners[0].versions(), corners[1].versions()), (vec![3], vec![1, 2, 3]));
    world.proxy.heal();
    prune(&world, &["--execute"]).ends_with(0);
    assert_eq!(corners[1].versions(), [3]);
}

#[test]
fn pypi_what_one_account_uses_stays_in_the_other() {
    let world = World::new(&[REGION], &[]);
    let (dev, prod) = ("230000000001", "230000000002");
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"{REGION}\"]\n\
         [layers.demo.publish.targets.dev]\naccount = \"{dev}\"\nprofile = \"dev\"\n\
         [layers.demo.publish.targets.prod]\naccount = \"{prod}\"\nprofile = \"prod\"\n"
    ));
    let keys = |profile: &str, account: &str| {
        format!("[{profile}]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    };
    world.project.write("credentials", keys("dev", dev) + &keys("prod", prod)).unwrap();
    let corners = [dev, prod].map(|account| Corner::new(account, REGION));
    corners[0].publish(4);
    corners[1].publish(2);
    let shop = function("shop", "python3.12", &[corners[0].layer(2)]);
    shared_for_once(&corners[0], 2, &corners[1], &[shop]);
    let run = |more: &[&str]| {
        let all = ["prune", "demo", "--keep", "1", "--min-age", "0", "--format", "json"];
        let mut command = world.command(&[&all[..], more].concat());
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
        world.proxy.take_calls();
        Run::new(command.output().unwrap(), world.proxy.take_calls())
    };
    let document = run(&[]).ends_with(0).json();
    assert_eq!(with_action(&document, "remove"), [1, 3]);
    assert_eq!(reasons(&document, 2), [format!("function {prod}:shop ($LATEST)")]);
    // Whoever cannot be reached may use any.
    world.project.write("credentials", keys("dev", dev) + &keys("prod", dev)).unwrap();
    let refused = run(&["--execute"]).ends_with(1);
    assert_eq!(refused.count("DeleteLayerVersion"), 0);
    refused.says("failed to reach layer `demo` through target `prod`");
    run(&["--execute", "--target", "dev", "--include-shared"]).ends_with(0);
}

#[test]
fn pypi_a_run_that_was_killed_is_finished_by_the_next() {
    let (world, corner) = world(6);
    world.proxy.add(Rule::always(Fault::Hang).of("DeleteLayerVersion").after(2));
    let arguments = ["prune", "demo", "--keep", "1", "--min-age", "0", "--execute"];
    let mut child = world.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    world.proxy.wait_for("DeleteLayerVersion", 3);
    child.kill().unwrap();
    child.wait().unwrap();
    world.proxy.heal();
    assert_eq!(corner.versions(), [3, 4, 5, 6]);
    let run = prune(&world, &["--execute"]).ends_with(0);
    assert_eq!(with_action(&run.json(), "removed"), [3, 4, 5]);
    assert_eq!(corner.versions(), [6]);
}

#[test]
fn pypi_what_is_deployed_between_the_plan_and_the_deed_stays() {
    let (world, corner) = world(4);
    // The first list of functions is for the plan, the second one comes right before the deed.
    world.proxy.add(Rule::times(1, Fault::Hang).of("ListFunctions").after(1));
    let arguments = ["prune", "demo", "--keep", "1", "--min-age", "0", "--execute"];
    let child = world.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    world.proxy.wait_for("ListFunctions", 2);
    corner.calls(&[function("late", "python3.12", &[corner.layer(2)])]);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(corner.versions(), [1, 2, 4]);
}

#[test]
fn pypi_a_deletion_that_is_denied_is_told_and_answers_that_get_lost_do_not_matter() {
    let (world, corner) = world(4);
    world.proxy.add(Rule::times(1, Fault::DropAnswer).of("DeleteLayerVersion"));
    world.proxy.add(Rule::always(denied()).of("DeleteLayerVersion").after(2));
    let run = prune(&world, &["--execute"]).ends_with(3).says("allow it `lambda:DeleteLayerVersion`");
    let document = run.json();
    assert_eq!((with_action(&document, "removed"), with_action(&document, "failed")), (vec![1, 2], vec![3]));
    assert_eq!(corner.versions(), [3, 4]);
}
