//! Sources: any git requirement, and code that has to be compiled, with the real git, uv and compiler. Everything here
//! needs the network.
#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::path::Path;

use tests::command::{Outcome, binary, clean, pythons, run, skipped};
use tests::own_layer::OwnLayer;
use tests::wheels::{file, sha256, wheel};

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = clean("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.args(["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false"]);
    run(command.args(arguments)).expect_code(0).stdout.trim().to_owned()
}

const TARGET: &str = "python = [\"3.12\"]\narchitectures = [\"arm64\"]\n";

/// A repository whose package lies in a folder of it; each commit has a version. Gives the commits.
fn repository(project: &OwnLayer, versions: &[&str]) -> Vec<String> {
    let folder = project.path("repository");
    std::fs::create_dir_all(&folder).unwrap();
    git(&folder, &["init", "-q", "-b", "main"]);
    let commits = versions.iter().map(|version| {
        let text = format!(
            "[build-system]\nrequires = [\"setuptools>=61\"]\nbuild-backend = \"setuptools.build_meta\"\n\
             [project]\nname = \"tiny\"\nversion = \"{version}\"\ndependencies = [\"six\"]\n\
             [tool.setuptools]\npackages = [\"tiny\"]\n"
        );
        project.write("repository/packages/tiny/pyproject.toml", &text);
        project.write("repository/packages/tiny/tiny/__init__.py", "");
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-qm", version]);
        git(&folder, &["tag", &format!("v{version}")]);
        git(&folder, &["rev-parse", "HEAD"])
    });
    commits.collect()
}

/// A branch, a tag and a commit, of a package that lies in a folder of its repository: each is locked to a commit.
#[test]
fn pypi_any_git_requirement_is_locked_to_a_commit() {
    let project = OwnLayer::of("");
    let commits = repository(&project, &["1.0", "2.0", "3.0"]);
    for (reference, commit, version) in
        [("@main", 2, "3.0"), ("@v1.0", 0, "1.0"), (&*format!("@{}", commits[1]), 1, "2.0"), ("", 2, "3.0")]
    {
        let url = format!(
            "git+file://{}{reference}#subdirectory=packages/tiny",
            project.path("repository").display()
        );
        project.write("layers.toml", &format!("[layers.own]\nrequirements = [\"tiny @ {url}\"]\n{TARGET}"));
        let _ = std::fs::remove_file(project.path("requirements.own.txt"));
        let outcome = project.run(&["build"]).expect_code(0);
        assert!(outcome.stderr.contains(&format!(": tiny {version} and 1 more")), "{}", outcome.stderr);
        let lock = project.read("requirements.own.txt");
        assert!(lock.contains(&format!("@{}#subdirectory=packages/tiny", commits[commit])), "{lock}");
        let source = &project.manifest("own")["packages"][1]["source"];
        assert_eq!(source, &format!("git {}", &commits[commit][..12]));
    }
    // The branch moves: what is locked stays what it is until somebody wants it otherwise.
    let first = project.manifest("own")["sha256"].clone();
    project.write("repository/packages/tiny/tiny/__init__.py", "moved = True\n");
    git(&project.path("repository"), &["commit", "-qam", "moved"]);
    let _ = project.run(&["build"]).expect_code(0);
    let _ = project.run(&["build", "--locked"]).expect_code(0);
    assert_eq!(project.manifest("own")["sha256"], first);
    let _ = project.run(&["build", "--upgrade"]).expect_code(0);
    assert_ne!(project.manifest("own")["sha256"], first);
}

#[test]
fn pypi_a_variant_is_made_from_a_tag_and_from_a_commit() {
    let project = OwnLayer::of("");
    let commits = repository(&project, &["1.0", "2.0"]);
    let repository = project.path("repository");
    // `branch-of` names a repository; the package has to lie at its top.
    for name in ["pyproject.toml", "tiny/__init__.py"] {
        project
            .write(&format!("repository/{name}"), &project.read(&format!("repository/packages/tiny/{name}")));
    }
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "-qm", "top"]);
    git(&repository, &["tag", "release/2.0"]);
    let head = git(&repository, &["rev-parse", "HEAD"]);
    let table =
        format!("requirements = [\"tiny\"]\nbranch-of = {{ tiny = \"{}\" }}\n{TARGET}", repository.display());
    project.write("layers.toml", &format!("[layers.own]\n{table}"));
    let outcome = project.run(&["build", "-v", "release/2.0"]).expect_code(0);
    assert_eq!(outcome.stdout, "target/layers/own-release-2-0.zip\n");
    let outcome = project.run(&["build", "--branch", &head]).expect_code(0);
    assert_eq!(outcome.stdout, format!("target/layers/own-{head}.zip\n"));
    let outcome = project.run(&["build", "-v", "nowhere"]).expect_code(1);
    assert!(outcome.stderr.contains("uv failed to resolve"), "{}", outcome.stderr);
    let _ = commits;
}

/// Two branches, of which one is called like the beginning of the other, and a package that lies in a folder.
#[test]
fn pypi_a_branch_is_the_one_that_is_named_whatever_is_in_its_name() {
    let project = OwnLayer::of("");
    let _ = repository(&project, &["1.0"]);
    let folder = project.path("repository");
    for branch in ["fix", "fix#12"] {
        git(&folder, &["checkout", "-qb", branch, "main"]);
        project.write("repository/branch.txt", branch);
        git(&folder, &["add", "."]);
        git(&folder, &["commit", "-qm", branch]);
    }
    let address = format!("{}#subdirectory=packages/tiny", folder.display());
    let table = format!("requirements = [\"tiny\"]\nbranch-of = {{ tiny = \"{address}\" }}\n{TARGET}");
    project.write("layers.toml", &format!("[layers.own]\n{table}"));
    for (branch, artifact) in [("fix", "own-fix"), ("fix#12", "own-fix-12")] {
        let _ = project.run(&["build", "-v", branch]).expect_code(0);
        let commit = git(&folder, &["rev-parse", &format!("refs/heads/{branch}")]);
        let source = &project.manifest(artifact)["packages"][1]["source"];
        assert_eq!(source, &format!("git {}", &commit[..12]));
    }
}

/// A requirements file with a file in it, and constraints of its own.
#[test]
fn pypi_requirements_files_name_others() {
    let project = OwnLayer::of(&format!("requirements = [\"-r deep/more.txt\"]\n{TARGET}"));
    project.write(
        "deep/more.txt",
        "# ours\nidna==3.7 ; python_version >= '3.9'\n-r ../top.txt\n-c limits.txt\n",
    );
    project.write("deep/limits.txt", "six<1.17\n");
    project.write("top.txt", "six\n");
    let _ = project.run(&["build"]).expect_code(0);
    let lock = project.read("requirements.own.txt");
    assert!(lock.contains("idna==3.7 ") && lock.contains("six==1.16.0 "), "{lock}");
    assert!(!lock.contains(project.folder().to_str().unwrap()), "{lock}");
    // Each of them counts with what is in it.
    let _ = project.run(&["lock", "--check"]).expect_code(0);
    project.write("deep/limits.txt", "six<1.16\n");
    let _ = project.run(&["lock", "--check"]).expect_code(1);
    let _ = project.run(&["build"]).expect_code(0);
    assert!(project.read("requirements.own.txt").contains("six==1.15.0 "));
}

#[test]
fn pypi_a_folder_in_a_requirements_file_is_blamed_on_that_file() {
    let project = OwnLayer::of(&format!("requirements = [\"-r more.txt\"]\n{TARGET}"));
    project.write("app/pyproject.toml", "[project]\nname = \"app\"\nversion = \"1\"\n");
    for line in ["-e ./app", "./app"] {
        project.write("more.txt", line);
        let said = project.run(&["build"]).expect_code(1).stderr;
        assert!(said.contains("the requirements file `more.txt` names a folder of this machine"), "{said}");
        assert!(said.contains("name the folder in `requirements` of `layers.toml`"), "{said}");
    }
}

/// The machine of the tests, in Lambda's words, and the other one.
fn machines() -> (&'static str, &'static str) {
    if cfg!(target_arch = "x86_64") { ("x86_64", "arm64") } else { ("arm64", "x86_64") }
}

/// A project whose folder is compiled: it uses what glibc has had in its main library since 2.34 only.
fn compiled(pythons: &str, architectures: &str) -> OwnLayer {
    let project = OwnLayer::of(&format!(
        "requirements = [\"./fast\"]\npython = {pythons}\narchitectures = {architectures}\n"
    ));
    project.write(
        "fast/pyproject.toml",
        "[build-system]\nrequires = [\"setuptools>=77\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"fast\"\nversion = \"1.0\"\n\
         [tool.setuptools]\npackages = []\next-modules = [{ name = \"fast\", sources = [\"fast.c\"] }]\n",
    );
    project.write(
        "fast/fast.c",
        "#include <Python.h>\n#include <pthread.h>\nstatic void *nothing(void *it) { return it; }\n\
         static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, \"fast\" };\n\
         PyMODINIT_FUNC PyInit_fast(void) {\n  pthread_t thread;\n  \
         if (pthread_create(&thread, 0, nothing, 0) == 0) pthread_join(thread, 0);\n  \
         return PyModule_Create(&module);\n}\n",
    );
    project
}

fn can_compile(test: &str) -> bool {
    let found = cfg!(target_os = "linux") && clean("cc").arg("--version").output().is_ok();
    if !found {
        skipped(test, "found no C compiler on Linux");
    }
    found
}

#[test]
fn pypi_compiled_code_for_another_machine_is_refused_with_the_reason() {
    if !can_compile("pypi_compiled_code_for_another_machine_is_refused_with_the_reason") {
        return;
    }
    let (own, other) = machines();
    for architectures in [format!("[\"{other}\"]"), format!("[\"{own}\", \"{other}\"]")] {
        let project = compiled("[\"3.12\"]", &architectures);
        let outcome = project.run(&["build"]).expect_code(1);
        for part in [
            "`fast` builds into `fast-1.0-cp3",
            "compiled code, made on linux on ",
            &format!("and the layer serves python3.12 on {other}"),
            "build the layer on a machine like the target",
        ] {
            assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
        }
        assert!(!project.path("target/layers/own.zip").exists());
    }
}

/// For the machine that this is it is compiled, by each Python, and imports there; whether the runtime has the glibc that it
/// is linked against, the audit says.
#[test]
fn pypi_compiled_code_for_this_machine_is_built_for_each_python_and_audited() {
    const NAME: &str = "pypi_compiled_code_for_this_machine_is_built_for_each_python_and_audited";
    if !can_compile(NAME) {
        return;
    }
    let glibc = run(clean("getconf").arg("GNU_LIBC_VERSION")).stdout;
    let minor = glibc.trim().rsplit('.').next().and_then(|minor| minor.parse::<u32>().ok());
    if minor.is_none_or(|minor| minor < 34) || pythons([11, 12, 13]).len() < 3 {
        skipped(NAME, "needs glibc 2.34 and CPython 3.11, 3.12 and 3.13");
        return;
    }
    let own = format!("[\"{}\"]", machines().0);
    let project = compiled("[\"3.12\", \"3.13\"]", &own);
    let outcome = project.run(&["build", "--smoke"]).expect_code(0);
    assert!(outcome.stderr.contains("is compiled on this machine"), "{}", outcome.stderr);
    let files = project.files("own");
    for python in ["12", "13"] {
        let start = format!("python/lib/python3.{python}/site-packages/fast.cpython-3{python}-");
        assert!(files.iter().any(|file| file.starts_with(&start)), "{files:?}");
    }
    let findings = project.manifest("own")["findings"].clone();
    assert!(
        findings.as_array().unwrap().iter().any(|finding| finding["id"] == "compiled-here"),
        "{findings}"
    );

    let project = compiled("[\"3.11\"]", &own);
    let outcome = project.run(&["build"]).expect_code(1);
    assert!(
        outcome.stderr.contains("needs GLIBC_2.34, and python3.11 has glibc 2.26 (glibc-too-new)"),
        "{}",
        outcome.stderr
    );
    assert!(!project.path("target/layers/own.zip").exists());
    if pythons([15]).is_empty() {
        let project = compiled("[\"3.15\"]", &own);
        let outcome = project.run(&["build"]).expect_code(1);
        assert!(
            outcome.stderr.contains("this machine has no such Python to build it with"),
            "{}",
            outcome.stderr
        );
    }
}

/// A source distribution `own-compiled-code` 1.0 in an index that is a folder, beside `wheels` of it that are for other
/// systems. It is compiled with what is told to debuggers, and with the name of a file of its own.
fn sdist(project: &OwnLayer, wheels: &[&str]) {
    let program = "import io, sys, tarfile\n\
        with tarfile.open(sys.argv[1], 'w:gz') as archive:\n    \
            for name in sys.argv[2:]:\n        \
                archive.add(name, 'own_compiled_code-1.0/' + name.split('/')[-1])\n";
    let pyproject = project
        .read("fast/pyproject.toml")
        .replace("name = \"fast\"\nversion", "name = \"own-compiled-code\"\nversion");
    project.write("fast/pyproject.toml", &pyproject);
    project.write("fast/PKG-INFO", "Metadata-Version: 2.1\nName: own-compiled-code\nVersion: 1.0\n");
    std::fs::create_dir_all(project.path("links")).unwrap();
    let mut python = clean("python3");
    python.current_dir(project.folder()).args(["-c", program, "links/own_compiled_code-1.0.tar.gz"]);
    let _ = run(python.args(["fast/PKG-INFO", "fast/pyproject.toml", "fast/fast.c"])).expect_code(0);
    for tag in wheels {
        let bytes = wheel("own_compiled_code", "1.0", &[file("fast.py", "")]).bytes;
        std::fs::write(project.path(&format!("links/own_compiled_code-1.0-{tag}.whl")), bytes).unwrap();
    }
    let link = |file: std::fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        let hash = sha256(&std::fs::read(file.path()).unwrap());
        format!("<a href=\"../../links/{name}#sha256={hash}\">{name}</a>\n")
    };
    let links = std::fs::read_dir(project.path("links")).unwrap().flatten().map(link);
    project.write("simple/own-compiled-code/index.html", &links.collect::<String>());
}

/// The builder, where uv has that index, too, with a cache that holds nothing that was built.
fn build(project: &OwnLayer, cache: &str, arguments: &[&str]) -> Outcome {
    // With a uv on PATH, so that none has to be installed into each cache.
    let _ = project.run(&["uv", "--", "--version"]).expect_code(0);
    let versions = std::fs::read_dir(binary("layer-builder").with_file_name("tests-cache").join("uv"));
    let own = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.chain(std::env::split_paths(&path))).unwrap();
    let mut command = project.command(arguments);
    command
        .env("UV_INDEX", format!("file://{}", project.path("simple").display()))
        .env("LAYER_BUILDER_CACHE_DIR", project.path(cache));
    run(command.env("PATH", path))
}

/// Compilers write where they were at work into what they make, unless that is seen to.
#[test]
fn pypi_compiled_code_has_the_same_bytes_in_each_build() {
    const NAME: &str = "pypi_compiled_code_has_the_same_bytes_in_each_build";
    if !can_compile(NAME) || pythons([12, 13]).len() < 2 {
        skipped(NAME, "needs a C compiler, CPython 3.12 and 3.13");
        return;
    }
    let project = compiled("[\"3.12\", \"3.13\"]", &format!("[\"{}\"]", machines().0));
    let source = project.read("fast/fast.c") + "const char *where = __FILE__;\n";
    project.write("fast/fast.c", &source);
    sdist(&project, &[]);
    let toml = project.read("layers.toml");
    for requirement in ["own-compiled-code", "./fast"] {
        project.write("layers.toml", &toml.replace("./fast", requirement));
        let mut built = Vec::new();
        for cache in ["cache", "cache", "another/cache"] {
            let _ = std::fs::remove_dir_all(project.path("target"));
            let _ = std::fs::remove_dir_all(project.path(cache).join("built"));
            let outcome = build(&project, cache, &["build"]).expect_code(0);
            assert!(outcome.stderr.contains("Building own"), "{}", outcome.stderr);
            built.push(project.manifest("own")["sha256"].clone());
        }
        assert!(built[0] == built[1] && built[1] == built[2], "{requirement}: {built:?}");
        let left = std::fs::read_dir(project.path("cache/work")).unwrap().flatten();
        assert!(left.into_iter().all(|entry| entry.path().is_file()), "nothing but locks is left");
    }
}

/// Wheels for other systems do not keep the source from being compiled for this machine; for others it is refused, with
/// what could be done.
#[test]
fn pypi_a_source_is_compiled_where_all_wheels_are_for_other_systems() {
    const NAME: &str = "pypi_a_source_is_compiled_where_all_wheels_are_for_other_systems";
    if !can_compile(NAME) || pythons([12]).is_empty() {
        skipped(NAME, "needs a C compiler and CPython 3.12");
        return;
    }
    let (own, other) = machines();
    let project = compiled("[\"3.12\"]", &format!("[\"{own}\"]"));
    sdist(&project, &["cp312-cp312-win_amd64", "cp312-cp312-macosx_11_0_arm64"]);
    let toml = project.read("layers.toml").replace("./fast", "own-compiled-code");
    project.write("layers.toml", &toml);
    let outcome = build(&project, "cache", &["build"]).expect_code(0);
    assert!(outcome.stderr.contains("Building own_compiled_code-1.0.tar.gz"), "{}", outcome.stderr);
    assert!(project.read("requirements.own.txt").contains("\n# built from source: own-compiled-code\n"));

    project.write("layers.toml", &toml.replace(own, other));
    let outcome = build(&project, "cache", &["build"]).expect_code(1);
    for part in [
        &*format!("no version of `own-compiled-code` that fits has a wheel for python3.12 on {other}"),
        "`own_compiled_code-1.0-cp312-cp312-win_amd64.whl` is for win_amd64",
        "hint: `own_compiled_code-1.0.tar.gz` can be compiled on a machine like the target only (linux on ",
    ] {
        assert!(outcome.stderr.contains(part), "expected `{part}` in\n{}", outcome.stderr);
    }
}

/// What is pure is built by any Python: by the one that is here, not by the one that the project asks for.
#[test]
fn pypi_a_commit_and_a_folder_are_built_by_any_python() {
    let project = OwnLayer::of("");
    let _ = repository(&project, &["1.0"]);
    project.write("repository/packages/tiny/.python-version", "3.8\n");
    git(&project.path("repository"), &["add", "."]);
    git(&project.path("repository"), &["commit", "-qm", "another Python"]);
    let url = format!("git+file://{}@main#subdirectory=packages/tiny", project.path("repository").display());
    for requirement in [format!("tiny @ {url}"), "./repository/packages/tiny".to_owned()] {
        project.write("layers.toml", &format!("[layers.own]\nrequirements = [\"{requirement}\"]\n{TARGET}"));
        let _ = std::fs::remove_file(project.path("requirements.own.txt"));
        let _ = project.run(&["build"]).expect_code(0);
        assert!(project.files("own").contains(&"python/tiny/__init__.py".to_owned()));
    }
}

/// Every question about a Python takes as long as many a build.
#[cfg(unix)]
#[test]
fn pypi_uv_is_looked_for_once_and_told_of_the_python_that_it_finds() {
    use std::os::unix::fs::PermissionsExt;
    let project = OwnLayer::of(&format!("requirements = [\"bson==0.5.10\"]\n{TARGET}"));
    let _ = project.run(&["lock"]).expect_code(0);
    // The real one, and what it was asked.
    let path = std::env::var("PATH").unwrap();
    let uv = format!(
        "#!/bin/sh\necho \"${{UV_PYTHON-none}} $*\" >> '{}'\nPATH='{path}' LAYER_BUILDER_CACHE_DIR='{}' exec '{}' uv -- \"$@\"\n",
        project.path("asked").display(),
        binary("layer-builder").with_file_name("tests-cache").display(),
        binary("layer-builder").display(),
    );
    project.write("bin/uv", &uv);
    std::fs::set_permissions(project.path("bin/uv"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut build = project.command(&["build", "--locked"]);
    build.env("LAYER_BUILDER_CACHE_DIR", project.path("cache"));
    let _ = run(build.env("PATH", format!("{}:{path}", project.path("bin").display()))).expect_code(0);

    let asked = project.read("asked");
    let asked: Vec<&str> = asked.lines().collect();
    let [version, find, locate, build] = asked[..] else { panic!("{asked:#?}") };
    assert!(version.ends_with("none --version"), "{version}");
    assert!(find.starts_with("none python find "), "{find}");
    assert!(locate.starts_with('/') && locate.contains(" pip compile "), "{locate}");
    assert!(build.starts_with('/') && build.contains(" build "), "{build}");
}
