//! Which files take part.

use super::*;

#[test]
fn build_output_is_told_by_its_place_or_name() {
    for path in [
        "cdk.out/a.template.json",
        "x/.aws-sam/build/template.yaml",
        "packaged.yaml",
        "a/sam-packaged-x.yml",
        "x.packaged.json",
    ] {
        assert!(build_output(Path::new(path)).is_some(), "{path}");
    }
    for path in ["template.yaml", "cdk.out.yaml", "unpackaged.yaml", "packaged/template.yaml"] {
        assert!(build_output(Path::new(path)).is_none(), "{path}");
    }
}

#[test]
fn globs_are_those_of_git() {
    let include =
        Include::new(&["*.yml".to_owned(), "./deploy/**".to_owned(), "/top.json".to_owned()]).unwrap();
    for path in ["a.yml", "./b/a.yml", "deploy/x/y.yaml", "top.json"] {
        assert!(include.has(Path::new(path)), "{path}");
    }
    for path in ["a.yaml", "b/top.json"] {
        assert!(!include.has(Path::new(path)), "{path}");
    }
    assert!(Include::new(&["a{".to_owned()]).is_err());
    // Below the current folder a path may be absolute; elsewhere only globs without a place fit.
    let here = std::env::current_dir().unwrap();
    for path in [here.join("deploy/x/y.yaml"), here.join("top.json"), "/elsewhere/a.yml".into()] {
        assert!(include.has(&path), "{}", path.display());
    }
    for path in [here.join("b/top.json"), "/elsewhere/deploy/x.yaml".into(), "/top.json".into()] {
        assert!(!include.has(&path), "{}", path.display());
    }
}
