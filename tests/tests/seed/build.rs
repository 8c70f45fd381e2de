//! S1 and S2: from packages to a zip in S3.

use serde_json::Value;
use tests::command::{clean, run, workspace};
use tests::project::Project;

use crate::{aws, world_with_bucket};

/// What `deploy.sh` installs beside sosw.
const COMPANIONS: [&str; 4] = ["aws_lambda_powertools", "aws_xray_sdk", "bson", "requests"];

/// A repository of sosw with a branch, as a contributor has one.
const CLONE: &str = "set -e
git init -q -b main .
mkdir sosw
printf 'BRANCH = True\\n' > sosw/__init__.py
printf '[build-system]\\nrequires = [\"setuptools\"]\\nbuild-backend = \"setuptools.build_meta\"\\n' > pyproject.toml
printf '[project]\\nname = \"sosw\"\\nversion = \"99.0\"\\n[tool.setuptools]\\npackages = [\"sosw\"]\\n' >> pyproject.toml
git checkout -q -b feature
git add .
git -c user.name=tests -c user.email=tests@example.com commit -qm feature
";

/// The top of `python/` in an artifact's zip.
fn names(project: &Project, artifact: &str) -> Vec<String> {
    let program = "import sys, zipfile\nnames = zipfile.ZipFile(sys.argv[1]).namelist()\n\
                   print(*sorted({name.split('/')[1] for name in names if name.startswith('python/')}), sep='\\n')";
    let zip = project.path(&format!("target/layers/{artifact}.zip"));
    let listed = run(clean("python3").args(["-c", program]).arg(zip)).expect_code(0);
    listed.stdout.lines().map(str::to_owned).collect()
}

/// `./deploy.sh`, `./deploy.sh -r` and `./deploy.sh -v feature`.
#[test]
fn pypi_s1_sosw_is_installed_with_its_companions_or_without_or_from_a_branch() {
    let project = Project::new(&["us-west-2"], &[]).unwrap();
    for name in ["layers.toml", "requirements.sosw.txt", "requirements.sosw.build.txt"] {
        std::fs::copy(workspace().join(name), project.path(name)).unwrap();
    }
    std::fs::create_dir(project.path("clone")).unwrap();
    let _ = run(clean("sh").current_dir(project.path("clone")).args(["-c", CLONE])).expect_code(0);
    let layers = project.read("layers.toml").unwrap();
    let clone = project.path("clone").display().to_string();
    project.write("layers.toml", layers.replace("https://github.com/sosw/sosw.git", &clone)).unwrap();
    let build = |arguments: &[&str]| {
        // Nothing of this comes near AWS.
        let mut command = project.xtask_at("http://127.0.0.1:9");
        run(command.arg("build-layer").args(arguments)).expect_code(0).stdout
    };

    assert_eq!(build(&[]), "target/layers/sosw.zip\n");
    let all = names(&project, "sosw");
    assert!(COMPANIONS.iter().chain(&["sosw"]).all(|name| all.iter().any(|one| one == name)), "{all:?}");

    assert_eq!(build(&["-r"]), "target/layers/sosw-raw.zip\n");
    let raw = names(&project, "sosw-raw");
    assert!(raw.iter().any(|name| name == "sosw"), "{raw:?}");
    assert!(!raw.iter().any(|name| name == "aws_lambda_powertools" || name == "bson"), "{raw:?}");

    assert_eq!(build(&["-v", "feature"]), "target/layers/sosw-feature.zip\n");
    let branch = names(&project, "sosw-feature");
    assert!(branch.iter().any(|name| name == "sosw-99.0.dist-info"), "{branch:?}");
    assert!(COMPANIONS.iter().all(|name| branch.iter().any(|one| one == name)), "{branch:?}");
}

/// The old key was fixed, so that nobody saw that there was another zip behind it.
#[test]
fn pypi_s2_each_zip_has_a_key_of_its_own_in_s3() {
    let (world, bucket) = world_with_bucket();
    let stage = |content: &str| {
        world.project.build(content).unwrap();
        let run = world.xtask(&["stage"]).ends_with(0);
        run.stdout.lines().find_map(|line| line.strip_prefix("S3Key=")).unwrap().to_owned()
    };
    let keys = [stage("VERSION = 1\n"), stage("VERSION = 2\n")];
    assert_ne!(keys[0], keys[1]);
    let listed = aws(&world, &["s3api", "list-objects-v2", "--bucket", &bucket]);
    assert_eq!(listed["Contents"].as_array().unwrap().len(), 2);
    // What lies there is what was built.
    let copy = world.project.path("copy.zip").display().to_string();
    aws(&world, &["s3api", "get-object", "--bucket", &bucket, "--key", &keys[1], &copy]);
    let built = std::fs::read(world.project.path("target/layers/demo.zip")).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), built);
    let manifest: Value =
        serde_json::from_str(&world.project.read("target/layers/demo.json").unwrap()).unwrap();
    assert!(keys[1].contains(manifest["sha256"].as_str().unwrap()), "{keys:?}");
}
