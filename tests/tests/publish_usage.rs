//! Who uses which version: functions, their published versions and aliases, in two accounts and two regions, as the real
//! botocore has made them.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use serde_json::{Value, json};
use tests::deployed::{Corner, alias, function, publish, publish_function, set_layers, shared_for_once};
use tests::proxy::{Fault, Rule};
use tests::world::{Run, World};

/// A layer that goes to two accounts, each under a profile of its own.
fn world(name: &str) -> (World, [Corner; 3]) {
    let world = World::new(&["eu-west-1"], &[]);
    // Each test has accounts of its own.
    let (dev, prod) = (format!("22{name}000001"), format!("22{name}000002"));
    world.configure(&format!(
        "[layers.demo.publish]\nregions = [\"eu-west-1\"]\n\
         [layers.demo.publish.targets.dev]\naccount = \"{dev}\"\nprofile = \"dev\"\n\
         regions = [\"eu-west-1\", \"us-east-1\"]\n\
         [layers.demo.publish.targets.prod]\naccount = \"{prod}\"\nprofile = \"prod\"\n"
    ));
    let keys = |profile: &str, account: &str| {
        format!("[{profile}]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    };
    world.project.write("credentials", keys("dev", &dev) + &keys("prod", &prod)).unwrap();
    let corners =
        [Corner::new(&dev, "eu-west-1"), Corner::new(&dev, "us-east-1"), Corner::new(&prod, "eu-west-1")];
    (world, corners)
}

fn run(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command(arguments);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_SHARED_CREDENTIALS_FILE", world.project.path("credentials"));
    world.proxy.take_calls();
    Run::new(command.output().unwrap(), world.proxy.take_calls())
}

/// Every place has two versions. In dev, `orders` has moved on, and its alias has not.
fn deploy(corners: &[Corner; 3]) {
    for corner in corners {
        corner.publish(2);
    }
    let [dev, east, prod] = corners;
    dev.calls(&[
        function("orders", "python3.12", &[dev.layer(1)]),
        publish_function("orders"),
        alias("orders", "live", "1"),
        set_layers("orders", &[dev.layer(2)]),
        function("billing", "python3.13", &[dev.layer(2)]),
        function("other", "python3.12", &[]),
    ]);
    east.calls(&[function("mail", "python3.12", &[east.layer(2)])]);
    // By a version that the other account once shared.
    shared_for_once(dev, 1, prod, &[function("shop", "python3.12", &[dev.layer(1)])]);
}

/// `demo:1 dev eu-west-1: orders 1 live`
fn shown(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for version in document["versions"].as_array().unwrap() {
        for function in version["functions"].as_array().unwrap() {
            let aliases =
                function["aliases"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join("+");
            let (name, number) = (text(&function["function"]), text(&function["version"]));
            let place = format!("{} {}", text(&version["target"]), text(&version["region"]));
            let line = format!(
                "{}:{} {place}: {name} {number} {aliases}",
                text(&version["layer_name"]),
                version["version"]
            );
            lines.push(line.trim().to_owned());
        }
    }
    lines
}

#[test]
fn pypi_functions_versions_and_aliases_in_two_accounts_and_two_regions() {
    let (world, corners) = world("1111");
    deploy(&corners);
    let found = run(&world, &["usage", "demo", "--format", "json"]).ends_with(0);
    let document = found.json();
    let expected = [
        "demo:2 dev eu-west-1: billing $LATEST",
        "demo:2 dev eu-west-1: orders $LATEST",
        "demo:1 dev eu-west-1: orders 1 live",
        "demo:1 dev eu-west-1: shop $LATEST",
        "demo:2 dev us-east-1: mail $LATEST",
    ];
    assert_eq!(shown(&document), expected);
    let shop = &document["versions"][1]["functions"][1];
    assert_eq!(shop["account"], corners[2].account.as_str());
    let unused = [corners[1].layer(1), corners[2].layer(1), corners[2].layer(2)];
    assert_eq!(document["unused"], json!(unused));
    // One list of functions for each account and region, aliases of those that matter only.
    assert_eq!((found.count("ListFunctions"), found.count("ListAliases")), (3, 4));
    assert_eq!(
        found.calls.iter().filter(|call| call.operation.writes() && call.service == "lambda").count(),
        0
    );

    let table = run(&world, &["usage", "demo"]).ends_with(0);
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
    for line in [
        &format!("demo:1 in eu-west-1, account {} (dev)", corners[0].account),
        "FUNCTION  VERSION  RUNTIME     ALIASES",
        "orders    1        python3.12  live",
        &format!("demo in us-east-1, account {}: nothing uses 1", corners[0].account),
    ] {
        assert!(table.stdout.contains(line), "`{line}` is not in\n{}", table.stdout);
    }
    table.says("Finished 4 functions use 3 versions of `demo`");

    // By runtime, and by target.
    let some = run(&world, &["usage", "demo", "--runtime", "python3.13", "--format", "json"]).ends_with(0);
    assert_eq!(shown(&some.json()), ["demo:2 dev eu-west-1: billing $LATEST"]);
    let some = run(&world, &["usage", "demo", "--target", "prod", "--format", "json"]).ends_with(0);
    assert_eq!(shown(&some.json()), [""; 0]);
    let both = run(&world, &["usage", "demo", "--target", "dev,prod", "--format", "json"]).ends_with(0);
    assert_eq!(shown(&both.json()), expected);
}

#[test]
fn pypi_a_package_is_found_by_manifest_and_else_by_the_end_of_the_zip() {
    let world = World::new(&["eu-west-1"], &[]);
    let corner = Corner::new(&world.account, "eu-west-1");
    // Version 1 is what was built here, with six 1.17.0 by its manifest.
    world.publish().ends_with(0);
    corner.calls(&[
        publish("python/requests-2.31.0.dist-info/METADATA", "Name: requests\n"),
        publish("python/lib/python3.12/site-packages/requests-2.32.3.dist-info/METADATA", "Name: requests\n"),
        function("one", "python3.12", &[corner.layer(1)]),
        function("two", "python3.12", &[corner.layer(2)]),
        function("three", "python3.12", &[corner.layer(3)]),
    ]);
    let names = |package: &str| {
        let found = world.run(&["usage", "demo", "--package", package, "--format", "json"]).ends_with(0);
        let functions = shown(&found.json())
            .iter()
            .map(|line| line.split(' ').nth(3).unwrap().to_owned())
            .collect::<Vec<_>>();
        (functions, found)
    };
    let (functions, found) = names("six>=1,<2");
    assert_eq!(functions, ["one"]);
    assert_eq!(found.json()["versions"][0]["package_versions"], json!(["1.17.0"]));
    let (functions, found) = names("Requests<2.32");
    assert_eq!(functions, ["two"]);
    assert_eq!(found.json()["versions"][0]["package_versions"], json!(["2.31.0"]));
    assert_eq!(names("requests").0, ["three", "two"]);
    assert_eq!(names("boto3").0, [""; 0]);
    world
        .run(&["usage", "demo", "--package", "requests<2.32"])
        .ends_with(0)
        .says("1 function uses 1 version");

    // A link that leads nowhere: not known is not the same as not there.
    let denied = Fault::Error { status: 403, code: "AccessDeniedException", message: "not authorized" };
    world.proxy.add(Rule::always(denied).of("GetLayerVersion"));
    let run = world.run(&["usage", "demo", "--package", "requests"]).ends_with(3);
    let run = run.says("its packages are not known: not authorized");
    assert!(run.stdout.contains("packages not known"), "{}", run.stdout);
}

#[test]
fn pypi_two_functions_of_one_name_in_two_regions_are_two() {
    let world = World::new(&["eu-west-1", "us-east-1"], &[]);
    for region in ["eu-west-1", "us-east-1"] {
        let corner = Corner::new(&world.account, region);
        corner.publish(1);
        corner.calls(&[function("orders", "python3.12", &[corner.layer(1)])]);
    }
    world.run(&["usage", "demo"]).ends_with(0).says("Finished 2 functions use 2 versions of `demo`");
}

#[test]
fn pypi_a_version_that_was_deleted_is_still_in_use() {
    let world = World::new(&["eu-west-1"], &[]);
    let corner = Corner::new(&world.account, "eu-west-1");
    corner.publish(2);
    corner.calls(&[
        function("orders", "python3.12", &[corner.layer(1)]),
        ("lambda", "delete_layer_version", json!({ "LayerName": "demo", "VersionNumber": 1 })),
    ]);
    let document = world.run(&["usage", "demo", "--format", "json"]).ends_with(0).json();
    assert_eq!(
        (&document["versions"][0]["version"], &document["versions"][0]["deleted"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(document["unused"], json!([corner.layer(2)]));
    assert!(world.run(&["usage", "demo"]).ends_with(0).stdout.contains("deleted"));
}

#[test]
fn pypi_what_could_not_be_asked_is_told_and_nothing_there_is_called_unused() {
    let (world, corners) = world("2222");
    deploy(&corners);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("us-east-1"));
    let run = run(&world, &["usage", "demo", "--format", "json"]).ends_with(3);
    let document = run.json();
    assert_eq!(document["exit_code"], 3);
    assert!(document["failures"][0].as_str().unwrap().starts_with("us-east-1, account"), "{document:#}");
    assert_eq!(document["unused"], json!([corners[2].layer(1), corners[2].layer(2)]));
    run.says("of those asked use").says("Failed us-east-1");
    world.proxy.heal();

    let denied = Fault::Error { status: 403, code: "AccessDeniedException", message: "not authorized" };
    world.proxy.add(Rule::always(denied.clone()).of("ListAliases"));
    let run = self::run(&world, &["usage", "demo", "--target", "dev"]).ends_with(3);
    run.says("the aliases are not known: not authorized").says("allow it `lambda:ListAliases`");
    world.proxy.heal();
    world.proxy.add(Rule::always(denied).of("ListFunctions"));
    self::run(&world, &["usage", "demo"]).ends_with(1).says("allow it `lambda:ListFunctions`").prints(&[]);
}

/// Nobody can be asked at all: each command says what could not be reached and why, and that nothing is known, and ends
/// as `publish` does where every region has failed.
#[test]
fn pypi_where_nobody_can_be_asked_every_command_says_why_and_ends_with_1() {
    let world = World::new(&["eu-west-1", "us-east-1"], &["me-south-1"]);
    world.publish().ends_with(0);
    let prune = ["prune", "demo", "--keep", "1"];
    let commands = [&["usage", "demo"][..], &prune, &["status"], &["roll-out"], &["publish"]];

    // No credentials: no way to the layer at all.
    for arguments in commands {
        let mut command = world.command(arguments);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        let run = Run::new(command.output().unwrap(), Vec::new()).ends_with(1);
        let run = run.says("failed to ask AWS whose credentials these are");
        let run = run.says("none were found in the environment").says("name a profile with `-p PROFILE`");
        if arguments != ["publish"] {
            run.says("failed to reach layer `demo`");
        }
    }
    let mut command = world.command(&["usage", "demo", "--format", "json"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let document = Run::new(command.output().unwrap(), Vec::new()).json();
    assert!(document["failures"][0].as_str().unwrap().contains("none were found"), "{document:#}");

    // Credentials, and no answer. An optional region makes up for nothing, and does not count.
    let all = |code: i32| commands.map(|arguments| world.run(arguments).ends_with(code));
    for region in ["eu-west-1", "us-east-1"] {
        world.proxy.add(Rule::always(Fault::Refuse).of("ListLayerVersions").in_region(region));
        world.proxy.add(Rule::always(Fault::Refuse).of("ListFunctions").in_region(region));
    }
    for run in all(1) {
        run.says("eu-west-1").says("us-east-1").says("`AWS_ENDPOINT_URL` names");
    }
    // One of them is back.
    world.proxy.heal();
    for operation in ["ListLayerVersions", "ListFunctions"] {
        world.proxy.add(Rule::always(Fault::Refuse).of(operation).in_region("us-east-1"));
    }
    all(3);
    // All of those that count.
    world.proxy.heal();
    for operation in ["ListLayerVersions", "ListFunctions"] {
        world.proxy.add(Rule::always(Fault::Refuse).of(operation).in_region("me-south-1"));
    }
    all(0);
}

#[test]
fn pypi_where_nobody_answers_no_command_says_that_nothing_is_there() {
    let world = World::new(&["eu-west-1"], &[]);
    world.publish().ends_with(0);
    world.proxy.add(Rule::always(Fault::Refuse).in_region("eu-west-1"));
    world.run(&["usage", "demo"]).ends_with(1).says("nobody could be asked who uses `demo`");
    let prune = world.run(&["prune", "demo", "--keep", "1", "--execute"]).ends_with(1);
    prune.says("nothing deleted: it is not known what may go");
    world.run(&["roll-out"]).ends_with(1).says("it is not known which stacks run an older version");
}

#[test]
fn pypi_more_functions_than_one_page_has() {
    let world = World::new(&["eu-west-1"], &[]);
    let corner = Corner::new(&world.account, "eu-west-1");
    corner.publish(1);
    let functions = (0..120).map(|number| function(&format!("f{number}"), "python3.12", &[corner.layer(1)]));
    corner.calls(&functions.collect::<Vec<_>>());
    let run = world.run(&["usage", "demo", "--format", "json"]).ends_with(0);
    assert_eq!(shown(&run.json()).len(), 120);
    assert_eq!(run.count("ListFunctions"), 3);
}

#[test]
fn pypi_wrong_words_are_known_before_anybody_is_asked() {
    let world = World::new(&["eu-west-1"], &[]);
    let wrong = world.run(&["usage", "demo", "--package", "requests[socks]"]).ends_with(2);
    assert_eq!(wrong.calls.len(), 0);
    wrong.says("`requests[socks]` names no package: only a name and versions can be asked for");
    for (wrong, said) in
        [("pyton3.13", "did you mean `python3.13`?"), ("python", "they look like `python3.13`")]
    {
        let wrong = world.run(&["usage", "demo", "--runtime", wrong]).ends_with(2);
        assert_eq!(wrong.calls.len(), 0);
        wrong.says(said);
    }
    for known in ["nodejs22.x", "java8.al2", "dotnetcore3.1", "provided.al2023", "provided", "go1.x"] {
        world.run(&["usage", "demo", "--runtime", known]).ends_with(0);
    }
    // A ledger that is no file.
    std::fs::create_dir(world.project.path("layer-versions.json")).unwrap();
    world.run(&["usage", "demo"]).ends_with(1).says("hint: the ledger is a file: move the folder");
    std::fs::remove_dir(world.project.path("layer-versions.json")).unwrap();
    // No git.
    let mut command = world.command(&["publish", "--changed-since", "HEAD"]);
    let run = Run::new(command.env("PATH", "").output().unwrap(), Vec::new()).ends_with(1);
    run.says("error: failed to start `git`").says("hint: install git");
    let unknown = world.run(&["usage", "dem"]).ends_with(1);
    assert_eq!(unknown.calls.len(), 0);
    unknown.says("there is no layer `dem`").says("did you mean `demo`?");
    world.run(&["usage", "demo", "--target", "prod"]).ends_with(1).says("layer `demo` has no target `prod`");
}
