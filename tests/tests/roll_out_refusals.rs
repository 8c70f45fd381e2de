//! What `roll-out` does not do: other changes, stacks that cannot be updated, versions that were taken back.

use serde_json::json;
use tests::roll_out::{RollOuts, function};
use tests::stack::{REGION, STACK};

/// A topic that says which version the layer has: where the number moves, it changes too.
fn with_topic() -> String {
    let template = function("${Version}").replacen(
        "Parameters:\n",
        "Parameters:\n  Version: {Type: String, Default: 1}\n",
        1,
    );
    template.replace(
        "Outputs:",
        "  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Version}}\nOutputs:",
    )
}

#[test]
fn pypi_changes_beyond_layers_are_refused_and_let_through_when_they_are_wanted() {
    let stacks = RollOuts::new(1);
    let name = stacks.deploy(STACK, &with_topic());
    stacks.publish(2);
    let run = stacks.run(&[]).ends_with(1);
    assert_eq!((run.count("ExecuteChangeSet"), stacks.change_sets()), (0, 0));
    run.says("error: stack `demo-stack` would change in other ways, too:\n  Change T (AWS::SNS::Topic): DisplayName")
        .says("hint: let them come along with `--allow-other-changes`");
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
    stacks.run(&["--allow-other-changes"]).ends_with(0).says("Finished 1 rolled out");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
}

#[test]
fn pypi_another_parameter_of_ssm_that_has_moved_does_not_come_along() {
    let stacks = RollOuts::new(1);
    let put = |value: &str| {
        stacks.aws(&[
            "ssm",
            "put-parameter",
            "--name",
            "memory",
            "--type",
            "String",
            "--overwrite",
            "--value",
            value,
        ]);
    };
    put("128");
    let template = function("1")
        .replacen(
            "Parameters:\n",
            "Parameters:\n  Memory: {Type: 'AWS::SSM::Parameter::Value<String>', Default: memory}\n",
            1,
        )
        .replace("Runtime: python3.13", "Runtime: python3.13\n      MemorySize: !Ref Memory");
    let name = stacks.deploy(STACK, &template);
    put("512");
    stacks.publish(2);
    stacks.run(&[]).ends_with(1).says("Change F (AWS::Lambda::Function): Layers, MemorySize");
    assert_eq!((stacks.layers(&name), stacks.change_sets()), (vec![stacks.arn(1)], 0));
}

#[test]
fn pypi_a_dry_run_shows_each_change_set_and_leaves_nothing() {
    let stacks = RollOuts::new(1);
    let name = stacks.deploy(STACK, &function("1"));
    stacks.deploy("second-stack", &with_topic());
    stacks.publish(2);
    let run = stacks.run(&["--dry-run", "--keep-going", "--format", "json"]).ends_with(3);
    let run = run.says("Layer demo-stack in eu-west-1: F: demo 1 -> 2");
    let document = run.json();
    assert_eq!((run.count("ExecuteChangeSet"), run.count("DeleteChangeSet")), (0, 2));
    let first = &document["stacks"][0];
    assert_eq!((&first["result"], &first["stack_name"]), (&json!("shown"), &json!(STACK)));
    assert_eq!(first["layers"], json!([{ "layer": "demo", "old": "1", "new": "2" }]));
    assert_eq!(first["changes"]["layers"][0]["function"], "F");
    let second = &document["stacks"][1];
    assert_eq!((&second["result"], &document["exit_code"]), (&json!("failed"), &json!(3)));
    assert!(second["error"].as_str().unwrap().contains("DisplayName"), "{second}");
    assert_eq!((stacks.layers(&name), stacks.change_sets()), (vec![stacks.arn(1)], 0));
    assert_eq!(stacks.stack(STACK)["StackStatus"], "CREATE_COMPLETE");
}

#[test]
fn pypi_a_version_that_was_withdrawn_is_left_and_never_rolled_out() {
    let stacks = RollOuts::new(2);
    let name = stacks.deploy(STACK, &function("2"));
    stacks.publisher(&["rollback", "demo", "--to", "1", "--reason", "it breaks"]).ends_with(0);
    stacks.run(&[]).ends_with(0).says("F: demo 2 -> 1");
    assert_eq!(stacks.layers(&name), [stacks.arn(1)]);
    stacks.run(&[]).ends_with(0).says("no stack runs an older version");

    // A ledger that contradicts itself, as a bad merge leaves it.
    let ledger = stacks.world().ledger();
    let number = ledger.replace("\"2\": \"it breaks\"", "\"1\": \"it breaks\"");
    assert_ne!(number, ledger, "{ledger}");
    stacks.world().project.write("layer-versions.json", number).unwrap();
    stacks.run(&[]).ends_with(1).says("and says that it was withdrawn");
}

#[test]
fn pypi_a_stack_that_is_ahead_of_the_ledger_stays() {
    let stacks = RollOuts::new(1);
    let ledger = stacks.world().ledger();
    stacks.publish(2);
    let name = stacks.deploy(STACK, &function("2"));
    stacks.world().project.write("layer-versions.json", ledger).unwrap();
    stacks.run(&[]).ends_with(0).says("no stack runs an older version");
    stacks.name_stacks(&format!("[[stacks]]\nname = \"{STACK}\"\n"));
    let run = stacks.run(&[]).ends_with(1);
    run.says("layer `demo` has version 2 there, and version 1 is older")
        .says("`layer-publisher status --repair`");
    assert_eq!(stacks.layers(&name), [stacks.arn(2)]);
}

#[test]
fn pypi_wrong_words_and_tables_are_known_before_anybody_is_asked() {
    let stacks = RollOuts::new(1);
    let silent = |table: &str, arguments: &[&str], code: i32, said: &str| {
        stacks.name_stacks(table);
        let run = stacks.run(arguments).ends_with(code).says(said);
        assert_eq!(run.count("DescribeStacks") + run.count("ListFunctions"), 0);
    };
    silent("", &["dem"], 1, "there is no layer `dem`");
    silent(
        "[[stacks]]\nnme = \"x\"\n",
        &[],
        1,
        "unknown key `nme` in `[[stacks]]`, number 1; did you mean `name`?",
    );
    silent("[[stacks]]\nname = \"x\"\nlayers = [\"dmo\"]\n", &[], 1, "there is no layer `dmo`");
    silent("[[stacks]]\nname = \"x\"\ntarget = \"prod\"\n", &[], 1, "layer `demo` has no target `prod`");
    silent("[[stacks]]\nname = \"x\"\n", &["--target", "prod"], 1, "layer `demo` has no target `prod`");
    silent(
        "[[stacks]]\nname = \"x\"\nregions = [\"eu-west-1\", \"eu-west-1\"]\n",
        &[],
        1,
        "`eu-west-1` twice",
    );
    silent("[[stacks]]\nname = \"orders\"\n", &["--stack", "order"], 1, "did you mean `orders`?");
    silent(
        "[[stacks]]\nname = \"x\"\naccount = \"123456789012\"\n",
        &[],
        1,
        "stack `x` belongs to account 123456789012",
    );
    silent("", &["--parallel=0"], 2, "0 is not in 1..=32");
    stacks.name_stacks(&format!("[[stacks]]\nname = \"nowhere\"\nregions = [\"{REGION}\"]\n"));
    stacks
        .run(&[])
        .ends_with(1)
        .says("error: there is no stack `nowhere` in eu-west-1")
        .says("hint: create it with");
    std::fs::remove_file(stacks.world().project.path("layer-versions.json")).unwrap();
    stacks
        .run(&[])
        .ends_with(1)
        .says("the ledger names no version of `demo`")
        .says("`layer-publisher publish`");
}
