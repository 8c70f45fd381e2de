//! Making a lock anew: resolve, find out which packages have to be built here, and pin what they are built with.

mod error;
mod given;
mod serve;
mod tools;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use pep508_rs::PackageName;

pub use error::Error;
pub use given::{how_to_make, read_given, tools_of_given};

use serve::Constraints;
use tools::Sources;

use crate::atomic;
use crate::cache::Cache;
use crate::config::nearest;
use crate::hash::Sha256;
use crate::indexes::Indexes;
use crate::indexes::address::has_credentials;
use crate::lock::files::FileIndex;
use crate::lock::uv::{Network, Resolve, Resolved, Upgrade, Uv};
use crate::lock::{Lock, LockedPackage, requirements};
use crate::provided;
use crate::requirement::Wanted;
use crate::spec::Spec;
use crate::target::PythonVersion;
use crate::ui::Ui;
use crate::wheels::{select, source};

/// What has changed between two locks: `boto3 1.44.4 -> 1.44.5`.
pub type Changes = Vec<String>;

/// How often constraints are added before it is given up: each time at least one package is served better.
const ROUNDS: usize = 8;

/// Makes the lock of `spec` anew and writes it, with the lock of its build tools, if anything is different.
pub fn relock(
    spec: &Spec<'_>,
    uv: &Uv,
    upgrade: &Upgrade,
    cache: &Cache,
    ui: &Ui,
) -> Result<(Lock, Changes), Error> {
    let path = &spec.lock;
    ui.status("Locking", format!("{} with uv {}", spec.artifact(), uv.version()));
    let old = read_if_there(path)?;
    let folders = folders_of(spec)?;
    let indexes = Indexes::of(spec.folder, &spec.wanted);
    let (body, index) = resolve(spec, &folders, &indexes, old.as_deref(), upgrade, uv, ui)?;
    let header = |built: &[String]| {
        requirements::header(&spec.artifact(), uv.version(), requirements::inputs_of(spec), built) + &body
    };
    let unbuilt = checked(path, &header(&[]))?;
    let sources = Sources::of(spec, &unbuilt, &index, &folders)?;
    let text = header(&sources.names());
    let lock = checked(path, &text)?;
    if let Some(&oldest) = spec.layer.pythons.first() {
        keep(&index, &lock, &cache.locations(question(&lock, oldest)), cache)?;
    }

    let old_build = read_if_there(&spec.build_lock)?;
    let build_text = if lock.built.is_empty() {
        None
    } else {
        Some(sources.pin_tools(&indexes, old_build.as_deref(), None, (uv, upgrade), cache, ui)?)
    };

    // First what the lock needs, then the lock, then what it no longer needs: whoever is killed in between runs this
    // once more.
    if let Some(text) = &build_text {
        write_if_new(&spec.build_lock, text, old_build.as_deref())?;
    }
    write_if_new(path, &text, old.as_deref())?;
    if build_text.is_none() && old_build.is_some() {
        let failed = |source| Error::Write { path: spec.build_lock.clone(), source };
        std::fs::remove_file(&spec.build_lock).map_err(failed)?;
    }
    let before = old.and_then(|old| Lock::parse(path, old.as_bytes()).ok());
    let changes = changes(before.as_ref(), &lock);
    Ok((lock, changes))
}

/// Whether the requirements files are there that are asked for: uv would complain of a file of ours.
pub fn check_files(spec: &Spec<'_>) -> Result<(), Error> {
    for wanted in &spec.wanted {
        if let Wanted::File(path) = wanted
            && !spec.folder.join(path).is_file()
        {
            return Err(Error::NotThere(path.clone()));
        }
    }
    Ok(())
}

/// The folders that are asked for, each with the name of its project.
pub fn folders_of(spec: &Spec<'_>) -> Result<Vec<(PackageName, PathBuf)>, Error> {
    spec.folders().map(|folder| Ok((source::project_name(&folder)?, folder))).collect()
}

/// Resolves until every target is served; gives the lock's text without its header, and where its files lie.
fn resolve(
    spec: &Spec<'_>,
    folders: &[(PackageName, PathBuf)],
    indexes: &Indexes,
    old: Option<&str>,
    upgrade: &Upgrade,
    uv: &Uv,
    ui: &Ui,
) -> Result<(String, FileIndex), Error> {
    let line = |wanted: &Wanted| match wanted {
        Wanted::Package(requirement) => requirement.to_string(),
        Wanted::File(path) => format!("-r {}", spec.folder.join(path).display()),
        Wanted::Folder(path) => spec.folder.join(path).display().to_string(),
    };
    let wanted: Vec<String> = spec.wanted.iter().map(line).collect();
    let oldest = spec.layer.pythons.first().map(ToString::to_string).unwrap_or_default();
    let mut preferred = preferred(&spec.lock, old, upgrade)?;
    let mut upgrade = upgrade;
    let excludes =
        if spec.layer.exclude_runtime_provided { provided::NAMES.join("\n") } else { String::new() };
    let not_emitted: Vec<&str> = folders.iter().map(|(name, _)| name.as_ref()).collect();
    let mut constraints = Constraints::default();
    for round in 0..ROUNDS {
        let text = constraints.text();
        let request = Resolve {
            folder: spec.folder,
            indexes,
            origin: "layers.toml",
            requirements: &wanted.join("\n"),
            old: preferred.as_deref(),
            upgrade,
            oldest_python: &oldest,
            fewest_versions: false,
            constraints: &text,
            excludes: &excludes,
            not_emitted: &not_emitted,
        };
        let Resolved { text: body, warnings } = uv.resolve(&request)?;
        if round == 0 {
            for warning in &warnings {
                ui.warning(warning);
            }
        }
        if let Some((file, line)) = named_by_file(&body) {
            return Err(Error::NotOfIndex { file, line });
        }
        let lock = checked(&spec.lock, &body)?;
        let index = locate_new(spec, indexes, &lock, &body, uv)?;
        let unserved = select::unserved(&lock, &index, &spec.layer.targets())?;
        if unserved.is_empty()
            || !constraints.find(&unserved, (&lock, &index), &spec.layer.targets(), &request, uv)?
        {
            return Ok((body, index));
        }
        // From here on nothing moves but what has to.
        preferred = Some(lock.versions());
        upgrade = &Upgrade::Nothing;
        for name in unserved.keys() {
            ui.detail("Looking", format!("for a version of {name} with a wheel for every target"));
        }
    }
    Err(Error::Endless)
}

/// Whether an answer that the cache has is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// It is.
    Kept,
    /// It is not: the files may have moved.
    New,
}

/// Where the files of `lock` lie: from the cache, or from uv.
pub fn locate(
    spec: &Spec<'_>,
    lock: &Lock,
    answers: Answers,
    network: Network,
    cache: &Cache,
    ui: &Ui,
) -> Result<FileIndex, Error> {
    if let Some(given) = &lock.given {
        return Ok(given.files.clone());
    }
    let Some(&oldest) = spec.layer.pythons.first() else { return Ok(FileIndex::default()) };
    let kept = cache.locations(question(lock, oldest));
    let known = || serde_json::from_slice(&std::fs::read(&kept).ok()?).ok();
    if let Some(index) = known().filter(|_| answers == Answers::Kept) {
        return Ok(index);
    }
    if network == Network::Forbidden {
        let package = |package: &LockedPackage| format!("  {} {}", package.name, package.pin);
        let packages = lock.packages.iter().map(package).collect();
        return Err(Error::NoLocations { lock: lock.path.clone(), packages });
    }
    let uv = Uv::find(cache, network, ui)?;
    let indexes = Indexes::of(spec.folder, &spec.wanted);
    let text = read_if_there(&lock.path)?.unwrap_or_default();
    let index = uv.locate(spec.folder, &indexes, (&lock.path, &text), oldest)?.allowed_by(lock);
    for name in index.without_their_wheels(lock) {
        ui.warning(format!(
            "uv names no wheel of `{name}`, only its source: is `no-binary` set in its configuration?"
        ));
    }
    keep(&index, lock, &kept, cache)?;
    Ok(index)
}

fn locate_new(
    spec: &Spec<'_>,
    indexes: &Indexes,
    lock: &Lock,
    text: &str,
    uv: &Uv,
) -> Result<FileIndex, Error> {
    let Some(&oldest) = spec.layer.pythons.first() else { return Ok(FileIndex::default()) };
    Ok(uv.locate(spec.folder, indexes, (&lock.path, text), oldest)?.allowed_by(lock))
}

/// Keeps an answer, unless a package lacks files in it: the index may have been out of order, or uv configured for
/// something else. Such an answer holds for this run only.
fn keep(index: &FileIndex, lock: &Lock, path: &Path, cache: &Cache) -> Result<(), Error> {
    let is_whole = lock.packages.iter().all(|package| index.has_files_of(package));
    if is_whole && index.without_their_wheels(lock).next().is_none() {
        cache.write(path, &serde_json::to_vec(index).unwrap_or_default())?;
    }
    Ok(())
}

/// The hash of all that the answer depends on; the number counts the forms of the answer.
pub fn question(lock: &Lock, oldest: PythonVersion) -> Sha256 {
    Sha256::of(format!("1 {} {oldest}", lock.sha256).as_bytes())
}

/// The versions of the old lock, without its hashes: uv would believe those, also where somebody has changed them.
fn preferred(path: &Path, old: Option<&str>, upgrade: &Upgrade) -> Result<Option<String>, Error> {
    let Some(old) = old.filter(|_| *upgrade != Upgrade::Everything) else { return Ok(None) };
    let lock = Lock::parse(path, old.as_bytes())?;
    if let Upgrade::Packages(names) = upgrade
        && let Some(unknown) =
            names.iter().find(|name| lock.packages.iter().all(|package| package.name != **name))
    {
        let known: Vec<String> = lock.packages.iter().map(|package| package.name.to_string()).collect();
        let nearest = nearest(unknown.as_ref(), known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Error::NotLocked { name: unknown.clone(), nearest });
    }
    Ok(Some(lock.versions()))
}

fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        // Without what some editors put first.
        Ok(text) => Ok(Some(text.trim_start_matches('\u{feff}').to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(requirements::Error::Read { path: path.to_path_buf(), source }.into()),
    }
}

/// The first folder or file of this machine in the text of a lock that a requirements file has named, and that file.
fn named_by_file(text: &str) -> Option<(String, String)> {
    let mut named = None;
    for line in text.lines() {
        if line.starts_with(' ') {
            // Where it comes from: `# via -r more.txt`, or a line for each.
            let comment = line.trim_start_matches([' ', '#']);
            let file = comment.strip_prefix("via ").unwrap_or(comment).strip_prefix("-r ");
            if let (Some(named), Some(file)) = (named, file) {
                return Some((file.to_owned(), String::from(named)));
            }
        } else {
            let line = line.trim_end_matches(['\\', ' ']);
            let is_path = match line.split_once(" @ ") {
                Some((_, address)) => address.starts_with("file:"),
                None => !line.is_empty() && !line.starts_with('#') && !line.contains("=="),
            };
            named = is_path.then_some(line);
        }
    }
    None
}

fn checked(path: &Path, text: &str) -> Result<Lock, Error> {
    // The repository of a commit is what the layer itself asks for; an index is nobody's business.
    let is_address = |line: &&str| line.contains("://") && !line.contains(" @ git+");
    if let Some(line) = text.lines().find(is_address) {
        let what = line.split("://").next().unwrap_or_default();
        return Err(Error::Address(format!("{}://…", what.trim())));
    }
    let secret = text.lines().filter_map(|line| line.split_once(" @ "));
    let mut secret = secret.filter(|(_, url)| has_credentials(url));
    if let Some((name, _)) = secret.next() {
        return Err(Error::Credentials(name.trim().to_owned()));
    }
    Ok(Lock::parse(path, text.as_bytes())?)
}

fn write_if_new(path: &Path, text: &str, old: Option<&str>) -> Result<(), Error> {
    if old == Some(text) {
        return Ok(());
    }
    let failed = |source| Error::Write { path: path.to_path_buf(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    atomic::write(path, text.as_bytes()).map_err(failed)
}

fn changes(before: Option<&Lock>, after: &Lock) -> Changes {
    let Some(before) = before else { return Vec::new() };
    let versions = |lock: &Lock| {
        let mut versions = BTreeMap::<String, Vec<String>>::new();
        for package in &lock.packages {
            versions.entry(package.name.to_string()).or_default().push(package.pin.to_string());
        }
        versions.into_iter().map(|(name, versions)| (name, versions.join(", "))).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (versions(before), versions(after));
    let changed = after.iter().filter_map(|(name, version)| match before.get(name) {
        None => Some(format!("{name} {version} added")),
        Some(old) if old != version => Some(format!("{name} {old} -> {version}")),
        Some(_) => None,
    });
    let removed = before.iter().filter(|(name, _)| !after.contains_key(*name));
    changed.chain(removed.map(|(name, version)| format!("{name} {version} removed"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "--hash=sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn lock(packages: &[&str]) -> Lock {
        let text: String = packages.iter().map(|package| format!("{package} {HASH}\n")).collect();
        Lock::parse(Path::new("requirements.x.txt"), text.as_bytes()).unwrap()
    }

    #[test]
    fn changes_are_told_by_package() {
        let before =
            lock(&["a==1", "b==1 ; python_version < '3.12'", "b==2 ; python_version >= '3.12'", "c==1"]);
        let after =
            lock(&["a==2", "b==1 ; python_version < '3.12'", "b==2 ; python_version >= '3.12'", "d==1"]);
        assert_eq!(changes(Some(&before), &after), ["a 1 -> 2", "d 1 added", "c 1 removed"]);
        assert!(changes(Some(&before), &before).is_empty());
        assert!(changes(None, &after).is_empty());
    }

    #[test]
    fn folders_and_files_of_requirements_files_are_named() {
        let said =
            |line: &str, via: &str| named_by_file(&format!("six==1.0 {HASH}\n    # via x\n{line}\n{via}\n"));
        let via = "    # via -r more.txt";
        for line in
            ["-e ../app", "../app", "/code/app", "x-1-py3-none-any.whl", "x @ file:///x.whl", "a @ file:../a"]
        {
            assert_eq!(said(line, via), Some(("more.txt".to_owned(), line.to_owned())), "{line}");
        }
        let hashed = format!("./x.whl \\\n    {HASH}");
        let several = "    # via\n    #   layers.toml\n    #   -r deep/more.txt";
        assert_eq!(said(&hashed, several), Some(("deep/more.txt".to_owned(), "./x.whl".to_owned())));
        for line in ["six==1.1 ; python_version >= '3.9'", "x @ git+https://example.com/x@00"] {
            assert_eq!(said(line, via), None, "{line}");
        }
        assert_eq!(said("x @ file:///x.whl", "    # via layers.toml"), None);
    }

    #[test]
    fn no_lock_holds_an_address() {
        let path = Path::new("requirements.x.txt");
        let error = checked(path, "a @ https://example.com/a.whl\n").expect_err("this is an address");
        assert_eq!(error.to_string(), "the new lock would hold an address: `a @ https://…`");
    }
}
