//! Source distributions to wheels: built by uv with pinned tools, then packed again by our own compressor, so that the
//! bytes do not depend on the machine that built them.

mod checkout;
mod native;
mod pyproject;
mod unpack;
mod workplace;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use native::is_like_this_machine;
pub use pyproject::{build_requirements, project_name};

use super::check;
use super::tags::WheelName;
use crate::cache::{self, Cache};
use crate::hash::Sha256;
use crate::indexes::Indexes;
use crate::interpreter::Interpreter;
use crate::lock::Commit;
use crate::lock::files::RemoteFile;
use crate::lock::uv::{self, Network, Uv, WheelBuild};
use crate::repack::pack;
use crate::spec::Spec;
use crate::target::{PythonVersion, Target};
use crate::ui::Ui;
use crate::zip_reader::ZipFile;
use workplace::Workplace;

/// Changes whenever the way from a source distribution to its wheel changes, so that old results are not used.
const RECIPE: &str = "2";

/// A wheel that was built here.
#[derive(Clone, Debug)]
pub struct BuiltWheel {
    /// Where it lies.
    pub path: PathBuf,
    /// What it has to be.
    pub sha256: Sha256,
}

/// Why there is no wheel.
#[derive(Debug, Error)]
pub enum Error {
    /// The source distribution cannot be read.
    #[error("failed to read the source distribution `{file}`: {why}")]
    Sdist {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
    /// uv could not build it.
    #[error(transparent)]
    Uv(#[from] uv::Error),
    /// The backend made nothing that is a wheel, or more than one.
    #[error("building `{file}` made {made} wheels instead of one")]
    NotOne {
        /// The source distribution.
        file: String,
        /// How many.
        made: usize,
    },
    /// It has compiled code, and a target is another machine than this one.
    #[error(
        "`{file}` builds into `{wheel}`: compiled code, made on {machine} for machines like it, and the layer serves \
         {target}"
    )]
    Foreign {
        /// The source distribution.
        file: String,
        /// The wheel.
        wheel: String,
        /// What this machine is: `linux on x86_64`.
        machine: String,
        /// The target that is another machine.
        target: Target,
    },
    /// Its tags leave a target out, and nothing here can build it for that.
    #[error("`{file}` builds into `{wheel}`, which does not serve {target}{}", if *has_python { "" } else { ", and this machine has no such Python to build it with" })]
    Unserved {
        /// The source distribution.
        file: String,
        /// The wheel.
        wheel: String,
        /// The target.
        target: Target,
        /// Whether there is an interpreter of the target's version.
        has_python: bool,
    },
    /// What was built cannot be read.
    #[error("what was built of `{file}` cannot be used")]
    Useless {
        /// The source distribution.
        file: String,
        /// Why.
        source: Box<check::Error>,
    },
    /// The repository or the folder cannot be had.
    #[error("failed to get the source of `{name}`: {why}")]
    Source {
        /// The package.
        name: String,
        /// Why.
        why: String,
    },
    /// `--offline`, and nobody has built the commit here before.
    #[error("the cache has no wheel of `{0}`, and its repository may not be asked")]
    Offline(String),
    /// The pinned build tools are missing.
    #[error("failed to read `{}`, which pins what `{file}` is built with", path.display())]
    Constraints {
        /// The file that pins them.
        path: PathBuf,
        /// The source distribution.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The cache is of no use.
    #[error(transparent)]
    Cache(#[from] cache::Error),
}

impl Error {
    /// What to do about it. `lock` is the command that locks.
    pub fn hint(&self, lock: &str) -> Option<String> {
        match self {
            Self::Uv(error) => error
                .hint()
                .or_else(|| Some(format!("if its build requirements have changed, `{lock}` pins them anew"))),
            Self::Foreign { .. } => Some(
                "find a version that offers wheels for Lambda's systems, build the layer on a machine like the target, \
                 or name fewer `architectures`"
                    .to_owned(),
            ),
            Self::Unserved { has_python: true, .. } => {
                Some("find a version whose wheel serves it, or name fewer targets".to_owned())
            }
            Self::Unserved { target, .. } => Some(format!(
                "install Python {}, find a version that offers wheels for Lambda's systems, or name fewer targets",
                target.python
            )),
            Self::Constraints { .. } => Some(format!("`{lock}` makes it")),
            Self::Source { why, .. } if why.ends_with("is no regular file") => {
                Some("a folder that is asked for holds files and folders only: move it elsewhere".to_owned())
            }
            Self::Offline(_) => Some("run this once without `--offline`".to_owned()),
            Self::Cache(error) => Some(error.hint()),
            _ => None,
        }
    }
}

/// What a wheel is built from.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A source distribution that lies here.
    Sdist(&'a RemoteFile, &'a Path),
    /// A commit of a repository, for the package of this name.
    Commit(&'a str, &'a Commit),
    /// A folder, for the package of this name.
    Folder(&'a str, &'a Path),
}

impl Input<'_> {
    /// For messages.
    fn name(&self) -> String {
        match self {
            Self::Sdist(file, _) => file.file_name.clone(),
            Self::Commit(name, commit) => format!("{name} at {}", &commit.commit[..12]),
            Self::Folder(name, _) => (*name).to_owned(),
        }
    }

    /// What it is, if it is the same for ever.
    fn identity(&self) -> Option<String> {
        match self {
            Self::Sdist(file, _) => Some(file.sha256.to_string()),
            // What was built before submodules came along is not what is meant.
            Self::Commit(_, commit) => {
                let inside = commit.subdirectory.as_deref().unwrap_or_default();
                Some(format!("{} {inside} with submodules", commit.commit))
            }
            Self::Folder(..) => None,
        }
    }

    /// The file or folder to be built; what has to be copied or fetched for that goes to `scratch`.
    fn source(&self, scratch: &Path) -> Result<PathBuf, Error> {
        let failed = |why: String| Error::Source { name: self.name(), why };
        match self {
            Self::Sdist(file, path) => {
                std::fs::create_dir_all(scratch).map_err(|error| failed(error.to_string()))?;
                let wrong = |why| Error::Sdist { file: file.file_name.clone(), why };
                let unpacked = unpack::unpack(path, &file.file_name, scratch).map_err(wrong)?;
                Ok(unpacked.unwrap_or_else(|| path.to_path_buf()))
            }
            Self::Commit(_, commit) => {
                std::fs::create_dir_all(scratch).map_err(|error| failed(error.to_string()))?;
                checkout::checkout(commit, scratch).map_err(failed)
            }
            Self::Folder(_, path) => {
                checkout::copy(path, scratch).map_err(failed)?;
                Ok(scratch.to_path_buf())
            }
        }
    }
}

/// What was built of one input.
#[derive(Clone, Debug)]
pub enum Built {
    /// A wheel that serves every target there can be.
    Whole(BuiltWheel),
    /// Wheels, and the Python versions that each of them serves: of compiled code, which is for this machine alone, or
    /// with tags that name versions.
    ByPython(Vec<(BTreeSet<PythonVersion>, BuiltWheel)>),
}

/// Where sources become wheels.
#[derive(Clone, Copy, Debug)]
pub struct Workshop<'a> {
    /// What they are for.
    pub spec: &'a Spec<'a>,
    /// Where they are kept.
    pub cache: &'a Cache,
    /// Whether the network may be asked.
    pub network: Network,
    /// Who says what happens.
    pub ui: &'a Ui,
}

impl Workshop<'_> {
    /// What `input` becomes for these targets: from the cache, or built now.
    pub fn build(&self, input: Input<'_>, targets: &[Target]) -> Result<Built, Error> {
        let (spec, cache) = (self.spec, self.cache);
        let pinned = std::fs::read(&spec.build_lock).map_err(|source| Error::Constraints {
            path: spec.build_lock.clone(),
            file: input.name(),
            source,
        })?;
        let place = match input {
            Input::Folder(name, path) => format!("{name} {}", path.display()),
            _ => input.identity().unwrap_or_default(),
        };
        // A folder is built each time: nobody knows whether it is what it was.
        let job = Job { shop: *self, input, identity: input.identity(), tools: Sha256::of(&pinned) };
        if let Some(built) = job.known(targets) {
            return Ok(built);
        }
        if matches!(input, Input::Commit(..)) && self.network == Network::Forbidden {
            return Err(Error::Offline(input.name()));
        }
        let waiting = || self.ui.status("Waiting", format!("for somebody else who builds {}", input.name()));
        let work = Workplace::take(cache, &place, waiting)?;
        // Whoever was waited for may have built it.
        if let Some(built) = job.known(targets) {
            return Ok(built);
        }
        self.ui.status("Building", input.name());
        let wheel = job.run(&work, None)?;
        if serves_everything(&wheel) {
            return Ok(Built::Whole(job.keep(&wheel, None)?));
        }
        Ok(Built::ByPython(job.compile(&work, &wheel, targets)?))
    }
}

/// One input that becomes wheels.
struct Job<'a> {
    shop: Workshop<'a>,
    input: Input<'a>,
    identity: Option<String>,
    tools: Sha256,
}

impl Job<'_> {
    /// What an earlier build has made.
    fn known(&self, targets: &[Target]) -> Option<Built> {
        let whole = already_built(&self.home(None)?).filter(|built| serves_everything(&built.path));
        let whole = whole.map(Built::Whole);
        whole.or_else(|| self.already_compiled(targets).map(Built::ByPython))
    }

    /// The folder of the result in the cache; that of a wheel which does not serve everything is for one Python on
    /// machines like this one. `None` for what is built each time.
    fn home(&self, python: Option<PythonVersion>) -> Option<PathBuf> {
        let machine = python.map(|python| format!(" {python} {}", native::machine())).unwrap_or_default();
        let inputs = format!("{RECIPE} {} {}{machine}", self.identity.as_ref()?, self.tools);
        Some(self.shop.cache.built(Sha256::of(inputs.as_bytes())))
    }

    /// Builds a wheel, with any Python or with this one. The source lies in the same place for all of them.
    fn run(&self, work: &Workplace, python: Option<&Interpreter>) -> Result<PathBuf, Error> {
        let Workshop { spec, cache, network, ui } = self.shop;
        let place = work.path().join("source");
        let _ = std::fs::remove_dir_all(&place);
        let source = self.input.source(&place)?;
        let by = python.map_or("any", |python| python.version.as_str());
        let out = work.path().join(format!("out-{by}"));
        cache.make_folder(&out)?;
        let uv = Uv::find(cache, network, ui)?;
        let indexes = Indexes::of(spec.folder, &spec.wanted);
        let python = match (python, self.input) {
            (Some(python), _) => Some(python.program.as_path()),
            // Of a folder uv reads which Python the project is for. What is pure is built by any.
            (None, Input::Sdist(..)) => uv.python(),
            (None, _) => None,
        };
        let build = WheelBuild {
            source: &source,
            name: &self.input.name(),
            constraints: &spec.build_lock,
            python,
            out: &out,
        };
        uv.build_wheel(spec.folder, &indexes, &build, network)?;
        only_wheel(&out, &self.input.name())
    }

    /// Keeps a wheel that was built, packed anew.
    fn keep(&self, wheel: &Path, python: Option<PythonVersion>) -> Result<BuiltWheel, Error> {
        let name = file_name(wheel);
        let useless =
            |error: check::Error| Error::Useless { file: self.input.name(), source: Box::new(error) };
        let zip = ZipFile::open(wheel).map_err(|error| useless(error.into()))?;
        check::check(&zip, &name).map_err(useless)?;
        let packed = pack(&zip).map_err(|error| useless(error.into()))?;
        let sha256 = Sha256::of(&packed);
        // What is built each time is known by what came of it: the same wheel is kept once.
        let home = self.home(python).unwrap_or_else(|| self.shop.cache.built(sha256));
        // The hash is written last: without it the wheel does not count.
        self.shop.cache.write(&home.join(&name), &packed)?;
        self.shop.cache.write(&home.join(HASH_FILE), sha256.to_string().as_bytes())?;
        Ok(BuiltWheel { path: home.join(&name), sha256 })
    }
}

const HASH_FILE: &str = "sha256";

fn already_built(home: &Path) -> Option<BuiltWheel> {
    let sha256 = std::fs::read_to_string(home.join(HASH_FILE)).ok()?.parse().ok()?;
    let files = std::fs::read_dir(home).ok()?.flatten().map(|file| file.path());
    let path = files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "whl"))?;
    Some(BuiltWheel { path, sha256 })
}

fn serves_everything(wheel: &Path) -> bool {
    WheelName::parse(&file_name(wheel)).is_ok_and(|name| name.serves_everything())
}

/// Whether a wheel has no compiled code, as its name says.
pub fn is_pure(wheel: &Path) -> bool {
    WheelName::parse(&file_name(wheel)).is_ok_and(|name| name.is_pure())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn only_wheel(out: &Path, source: &str) -> Result<PathBuf, Error> {
    let files = std::fs::read_dir(out).into_iter().flatten().flatten().map(|file| file.path());
    let mut wheels: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|e| e == "whl")).collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (one, others) => {
            Err(Error::NotOne { file: source.to_owned(), made: others + usize::from(one.is_some()) })
        }
    }
}
