//! What is to be built: a layer's table, and the options that vary it. Nothing is read or resolved here.

mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep508_rs::{VerbatimUrl, VersionOrUrl};
use thiserror::Error;

use names::{RAW, slug};

pub(crate) use names::made_by;

use crate::config::LayerTable;
use crate::indexes::address::percent_encoded;
use crate::requirement::Wanted;
use crate::target::{Architecture, PythonVersion, Target};

/// What the command line says beside the layer's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variation {
    /// Leave out the companions.
    pub raw: bool,
    /// Take the requirements that `branch-of` names from this branch, tag or commit.
    pub branch: Option<String>,
    /// Only these Python versions; all if empty.
    pub pythons: Vec<PythonVersion>,
    /// Only these architectures; all if empty.
    pub architectures: Vec<Architecture>,
}

/// One thing to be built.
#[derive(Clone, Debug)]
pub struct Spec<'a> {
    /// The layer.
    pub layer: &'a LayerTable,
    /// The folder of `layers.toml`, absolute.
    pub folder: &'a Path,
    /// Which variant of the layer; `None` for the layer itself.
    pub variant: Option<String>,
    /// What it asks for.
    pub wanted: Vec<Wanted>,
    /// What it has to serve.
    pub targets: Vec<Target>,
    /// Its lock.
    pub lock: PathBuf,
    /// Who makes the lock.
    pub lock_maker: LockMaker,
    /// The lock of the tools that build its source distributions.
    pub build_lock: PathBuf,
    /// Where zip and manifest go.
    pub artifacts: PathBuf,
    /// Whether it follows a branch, which may have moved since it was locked.
    pub follows_branch: bool,
}

/// Who makes a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMaker {
    /// We do.
    Ourselves,
    /// Somebody else: it is a file of PEP 751, and is never written.
    SomebodyElse,
}

/// Why there is no such variant.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// Nobody knows where the branch is.
    #[error("nothing in the layer `{0}` comes from a repository")]
    NoRepository(String),
    /// The address of the repository cannot be used.
    #[error("`{address}`, where `{name}` comes from, is no address of a git repository: {why}")]
    Repository {
        /// The package.
        name: String,
        /// The address.
        address: String,
        /// Why not.
        why: String,
    },
    /// Its files would be those of something else.
    #[error("the branch `{branch}` would be built as `{artifact}`, which is the name of {whose}")]
    Taken {
        /// The branch.
        branch: String,
        /// The name of its files.
        artifact: String,
        /// What has this name.
        whose: String,
    },
    /// The layer does not have it.
    #[error("the layer `{layer}` is not built for {what}")]
    NotAmongTargets {
        /// The layer.
        layer: String,
        /// What was asked for.
        what: String,
        /// What it is built for instead.
        known: Vec<String>,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoRepository(layer) => {
                format!("add `branch-of = {{ package = \"https://…\" }}` to `[layers.{layer}]`")
            }
            Self::Repository { .. } => {
                "an address like `https://example.com/repository.git` is expected".to_owned()
            }
            Self::Taken { branch, .. } => {
                format!("name it in full, as in `-v refs/heads/{branch}`, or name its commit")
            }
            Self::NotAmongTargets { known, .. } => format!(
                "it is built for {}; name one of these, or add the other to `python` or `architectures` in `layers.toml`",
                known.join(", ")
            ),
        }
    }
}

/// The folder of the artifacts, beside `layers.toml`.
pub fn artifacts_of(folder: &Path) -> PathBuf {
    folder.join("target").join("layers")
}

impl<'a> Spec<'a> {
    /// The layer itself, as its table says.
    pub fn of(folder: &'a Path, layer: &'a LayerTable) -> Self {
        Self {
            layer,
            folder,
            variant: None,
            wanted: layer.requirements.iter().chain(&layer.companions).cloned().collect(),
            targets: layer.targets(),
            lock: match &layer.lock {
                Some(given) => folder.join(given),
                None => folder.join(format!("requirements.{}.txt", layer.name)),
            },
            lock_maker: if layer.lock.is_some() { LockMaker::SomebodyElse } else { LockMaker::Ourselves },
            build_lock: folder.join(format!("requirements.{}.build.txt", layer.name)),
            artifacts: artifacts_of(folder),
            follows_branch: false,
        }
    }

    /// The layer as it was asked for; `layers` are all that there are.
    pub fn varied(
        folder: &'a Path,
        layers: &BTreeMap<String, LayerTable>,
        layer: &'a LayerTable,
        variation: &Variation,
    ) -> Result<Self, Error> {
        let mut spec = Self::of(folder, layer);
        let mut names = Vec::new();
        if variation.raw {
            names.push(RAW.to_owned());
            spec.wanted.clone_from(&layer.requirements);
        }
        if let Some(branch) = &variation.branch {
            names.push(slug(branch));
            spec.follow(branch)?;
            let artifact = format!("{}-{}", layer.name, names.join("-"));
            if let Some(whose) = names::owner(&artifact, layer, layers, variation.raw) {
                return Err(Error::Taken { branch: branch.clone(), artifact, whose });
            }
        }
        if !names.is_empty() {
            let artifact = format!("{}-{}", layer.name, names.join("-"));
            // A raw layer is a thing to keep; a branch is a thing to try.
            let home = if spec.follows_branch { spec.artifacts.clone() } else { folder.to_path_buf() };
            spec.lock = home.join(format!("requirements.{artifact}.txt"));
            // Whoever has made a lock for the layer has not made one for this.
            spec.lock_maker = LockMaker::Ourselves;
            spec.build_lock = home.join(format!("requirements.{artifact}.build.txt"));
            spec.variant = Some(names.join("-"));
        }
        spec.narrow(variation)?;
        Ok(spec)
    }

    /// The name of its files: `sosw`, `sosw-raw`.
    pub fn artifact(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{}-{variant}", self.layer.name),
            None => self.layer.name.clone(),
        }
    }

    /// The name to publish it under; with the architecture, where there is a zip for each.
    pub fn layer_name(&self, architecture: Option<Architecture>) -> String {
        let base = self.layer.layer_name.clone().unwrap_or_else(|| self.layer.name.clone());
        let (template, says_where) = (base.clone(), base.contains("{architecture}"));
        let mut name = match architecture {
            Some(architecture) if says_where => template.replace("{architecture}", architecture.name()),
            Some(architecture) => format!("{template}-{architecture}"),
            None => template.replace("-{architecture}", "").replace("{architecture}", ""),
        };
        if let Some(variant) = &self.variant {
            name = format!("{name}-{variant}");
        }
        name
    }

    /// The Python versions that it serves, oldest first.
    pub fn pythons(&self) -> Vec<PythonVersion> {
        let mut pythons: Vec<_> = self.targets.iter().map(|target| target.python).collect();
        pythons.dedup();
        pythons
    }

    /// The folders that are asked for.
    pub fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Folder(path) => Some(self.folder.join(path)),
            Wanted::Package(_) | Wanted::File(_) => None,
        })
    }

    /// Whether it is made of folders of this machine, whose files may change at any time.
    pub fn depends_on_folders(&self) -> bool {
        !self.layer.include.is_empty() || self.folders().next().is_some()
    }

    fn follow(&mut self, branch: &str) -> Result<(), Error> {
        if self.layer.branch_of.is_empty() {
            return Err(Error::NoRepository(self.layer.name.clone()));
        }
        for wanted in &mut self.wanted {
            let Wanted::Package(requirement) = wanted else { continue };
            let Some(address) = self.layer.branch_of.get(&requirement.name) else { continue };
            let address = address.strip_prefix("git+").unwrap_or(address);
            let address =
                if address.starts_with('/') { format!("file://{address}") } else { address.to_owned() };
            let (repository, inside) = address.split_at(address.find('#').unwrap_or(address.len()));
            let url = format!("git+{repository}@{}{inside}", in_address(branch));
            let url = VerbatimUrl::from_str(&url).map_err(|error| Error::Repository {
                name: requirement.name.to_string(),
                address,
                why: error.to_string(),
            })?;
            requirement.version_or_url = Some(VersionOrUrl::Url(url));
            self.follows_branch = true;
        }
        if self.follows_branch { Ok(()) } else { Err(Error::NoRepository(self.layer.name.clone())) }
    }

    fn narrow(&mut self, variation: &Variation) -> Result<(), Error> {
        let layer = self.layer;
        let missing = |what: String, known| Error::NotAmongTargets { layer: layer.name.clone(), what, known };
        if let Some(python) = variation.pythons.iter().find(|python| !layer.pythons.contains(python)) {
            let known = layer.pythons.iter().map(ToString::to_string).collect();
            return Err(missing(python.runtime(), known));
        }
        if let Some(other) = variation.architectures.iter().find(|other| !layer.architectures.contains(other))
        {
            return Err(missing(
                other.to_string(),
                layer.architectures.iter().map(ToString::to_string).collect(),
            ));
        }
        let wanted = |target: &Target| {
            (variation.pythons.is_empty() || variation.pythons.contains(&target.python))
                && (variation.architectures.is_empty()
                    || variation.architectures.contains(&target.architecture))
        };
        let all = self.targets.len();
        self.targets.retain(wanted);
        if self.targets.len() < all {
            self.artifacts = self.artifacts.join("partial");
        }
        Ok(())
    }
}

/// The name of a branch as a part of an address, in which `#` and `@` mean something.
fn in_address(branch: &str) -> String {
    branch.split('/').map(percent_encoded).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayersFile;

    fn layer(more: &str) -> LayerTable {
        let text = format!(
            "[layers.sosw]\nrequirements = [\"sosw[x]>=3\"]\ncompanions = [\"six\"]\npython = [\"3.12\", \"3.13\"]\n\
             architectures = [\"x86_64\", \"arm64\"]\n{more}"
        );
        LayersFile::parse(Path::new("/p/layers.toml"), &text).unwrap().layers["sosw"].clone()
    }

    const BRANCH_OF: &str = "branch-of = { sosw = \"https://example.com/sosw.git\" }\n";

    fn varied(layer: &LayerTable, variation: Variation) -> Result<Spec<'_>, Error> {
        Spec::varied(Path::new("/p"), &BTreeMap::new(), layer, &variation)
    }

    #[test]
    fn raw_leaves_the_companions_out_and_has_files_of_its_own() {
        let layer = layer("");
        let spec = varied(&layer, Variation { raw: true, ..Variation::default() }).unwrap();
        assert_eq!(spec.wanted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["sosw[x]>=3"]);
        assert_eq!((spec.artifact(), spec.layer_name(None)), ("sosw-raw".into(), "sosw-raw".into()));
        assert_eq!(spec.lock, Path::new("/p/requirements.sosw-raw.txt"));
        assert!(!spec.follows_branch);
    }

    #[test]
    fn a_branch_takes_the_place_of_what_comes_from_the_repository() {
        let layer = layer(BRANCH_OF);
        let branch = Variation { branch: Some("feature/x.1".into()), ..Variation::default() };
        let spec = varied(&layer, branch).unwrap();
        let wanted: Vec<String> = spec.wanted.iter().map(ToString::to_string).collect();
        assert_eq!(wanted, ["sosw[x] @ git+https://example.com/sosw.git@feature/x.1", "six"]);
        assert_eq!(spec.artifact(), "sosw-feature-x-1");
        assert_eq!(spec.lock, Path::new("/p/target/layers/requirements.sosw-feature-x-1.txt"));
        assert!(spec.follows_branch);
        let both = Variation { raw: true, branch: Some("main".into()), ..Variation::default() };
        assert_eq!(varied(&layer, both).unwrap().artifact(), "sosw-raw-main");
    }

    #[test]
    fn the_very_branch_is_asked_for_whatever_its_name_and_in_the_folder_that_is_named() {
        let wanted = |address: &str, branch: &str| {
            let layer = layer(&format!("branch-of = {{ sosw = \"{address}\" }}\n"));
            let variation = Variation { branch: Some(branch.into()), ..Variation::default() };
            varied(&layer, variation).unwrap().wanted[0].to_string()
        };
        for (branch, encoded) in
            [("fix#12", "fix%2312"), ("fix%2312", "fix%252312"), ("a/b@c", "a/b%40c"), ("what?", "what%3F")]
        {
            let expected = format!("sosw[x] @ git+https://example.com/sosw.git@{encoded}");
            assert_eq!(wanted("https://example.com/sosw.git", branch), expected);
        }
        assert_eq!(
            wanted("/code/all#subdirectory=lib", "fix#12"),
            "sosw[x] @ git+file:///code/all@fix%2312#subdirectory=lib"
        );
    }

    #[test]
    fn a_branch_does_not_take_the_files_of_something_else() {
        let split = layer(&format!("split = \"architecture\"\n{BRANCH_OF}"));
        let branch = |name: &str| Variation { branch: Some(name.into()), ..Variation::default() };
        for (name, whose) in [
            ("raw", "the variant `--raw`"),
            ("/raw/", "the variant `--raw`"),
            ("raw/main", "the variant `--raw`"),
            ("arm64", "the zip for arm64"),
        ] {
            let error = varied(&split, branch(name)).unwrap_err();
            assert!(error.to_string().ends_with(&format!("which is the name of {whose}")), "{error}");
            assert!(error.hint().contains(&format!("`-v refs/heads/{name}`")), "{}", error.hint());
        }
        for name in ["refs/heads/raw", "rawer", "refs/heads/arm64"] {
            assert!(varied(&split, branch(name)).is_ok(), "{name}");
        }
        assert!(varied(&layer(BRANCH_OF), branch("arm64")).is_ok(), "it has one zip");
        let raw = Variation { raw: true, ..branch("raw") };
        assert_eq!(varied(&split, raw).unwrap().artifact(), "sosw-raw-raw");
        let others = BTreeMap::from([("sosw-v2".to_owned(), split.clone())]);
        let error = Spec::varied(Path::new("/p"), &others, &split, &branch("v2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the branch `v2` would be built as `sosw-v2`, which is the name of another layer"
        );
    }

    #[test]
    fn without_a_repository_there_is_no_branch() {
        let layer = layer("");
        let branch = Variation { branch: Some("main".into()), ..Variation::default() };
        assert_eq!(varied(&layer, branch).unwrap_err(), Error::NoRepository("sosw".into()));
    }

    #[test]
    fn narrowed_builds_lie_apart() {
        let layer = layer("");
        let narrow = |pythons: &[&str], architectures: &[Architecture]| Variation {
            pythons: pythons.iter().map(|python| python.parse().unwrap()).collect(),
            architectures: architectures.to_vec(),
            ..Variation::default()
        };
        let spec = varied(&layer, narrow(&["3.13"], &[Architecture::Arm64])).unwrap();
        assert_eq!(spec.targets.len(), 1);
        assert_eq!(spec.artifacts, Path::new("/p/target/layers/partial"));
        assert_eq!(spec.lock, Path::new("/p/requirements.sosw.txt"), "the lock is that of the whole layer");
        let all = varied(&layer, narrow(&["3.12", "3.13"], &[])).unwrap();
        assert_eq!(all.artifacts, Path::new("/p/target/layers"));
        let error = varied(&layer, narrow(&["3.9"], &[])).unwrap_err();
        assert_eq!(error.to_string(), "the layer `sosw` is not built for python3.9");
        assert!(
            error.hint().starts_with("it is built for 3.12, 3.13; name one of these"),
            "{}",
            error.hint()
        );
    }

    #[test]
    fn names_say_the_architecture_where_there_is_a_zip_for_each() {
        let name =
            |more: &str, architecture| Spec::of(Path::new("/p"), &layer(more)).layer_name(architecture);
        let arm = Some(Architecture::Arm64);
        assert_eq!((name("", None), name("", arm)), ("sosw".into(), "sosw-arm64".into()));
        let template = "layer-name = \"tools-{architecture}-v1\"\n";
        assert_eq!((name(template, None), name(template, arm)), ("tools-v1".into(), "tools-arm64-v1".into()));
    }
}
