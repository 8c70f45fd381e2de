//! The files of a run: found, read and planned, each on its own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use template_tools::arn::PLACEHOLDER_END;
use template_tools::content::update_content;
use template_tools::convert::{Form, convert};
use template_tools::document::{ParseError, Position, comment_in_json, parse};
use template_tools::ledger::Ledger;
use template_tools::lexical::{has_expressions, plan_lexical};
use template_tools::plan::{LeftAlone, Part, Plan, Wanted, Weight, comments, plan_with};
use template_tools::samconfig::{self, SamconfigError, plan_samconfig};
use template_tools::tree::needles::Needles;
use template_tools::tree::scan::{ScanError, Scanned, Sight, is_utf16, scan_with, without_zeros};

mod include;

pub(crate) use include::Include;

/// A file that names a pinned layer.
pub(crate) struct Planned {
    pub(crate) path: PathBuf,
    /// What was read, where something would change.
    pub(crate) before: Option<String>,
    pub(crate) plan: Plan,
}

/// A file that could not be planned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("failed to read `{}`", path.display())]
    Parse { path: PathBuf, source: ParseError },
    #[error("failed to read `{}`", path.display())]
    Expressions { path: PathBuf, source: Expressions },
    #[error("failed to read `{}`", path.display())]
    Samconfig { path: PathBuf, source: SamconfigError },
    #[error("failed to read `{}`", path.display())]
    Encoding { path: PathBuf, source: NotUtf8 },
}

impl FileError {
    /// A file that cannot be read before somebody has filled it in.
    pub(crate) fn expressions(path: &Path, source: ParseError) -> Self {
        Self::Expressions { path: path.to_owned(), source: Expressions(source) }
    }

    /// The file, and where in it.
    pub(crate) fn place(&self) -> (PathBuf, Option<Position>) {
        match self {
            Self::Scan(error) => (error.path.clone().unwrap_or_default(), None),
            Self::Parse { path, source } => (path.clone(), Some(source.position)),
            Self::Expressions { path, source } => (path.clone(), Some(source.0.position)),
            Self::Samconfig { path, source } => (path.clone(), Some(source.position)),
            Self::Encoding { path, source } => (path.clone(), Some(source.position)),
        }
    }
}

/// Why a file with expressions of Jinja or cookiecutter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}: it has expressions of Jinja or cookiecutter in it")]
pub(crate) struct Expressions(ParseError);

/// Where a file stops being UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("line {}, column {}: this is {what}", .position.line, .position.column)]
pub(crate) struct NotUtf8 {
    position: Position,
    what: &'static str,
}

/// All files that name a pinned layer, sorted by path.
pub(crate) struct Files {
    pub(crate) planned: Vec<Planned>,
    pub(crate) errors: Vec<FileError>,
    /// How many files were read to find them.
    pub(crate) read: usize,
}

/// Why the search could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    #[error("failed to read `{}`: there is no such file or folder", .0.display())]
    NoSuchPath(PathBuf),
    #[error("failed to prepare the search for layers")]
    Needles(#[from] aho_corasick::BuildError),
    #[error("failed to read `--include {glob}`")]
    Include { glob: String, source: ignore::Error },
}

/// Whether files that are not understood as templates are edited by their letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexical {
    No,
    Yes,
}

/// Whether everything that is left alone is looked for, or what matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Important,
    Everything,
}

/// What is looked for, and where.
pub(crate) struct Search<'s> {
    pub(crate) paths: &'s [PathBuf],
    /// The ledger, which names every layer and is no template.
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) include: Include,
    pub(crate) wanted: Wanted<'s>,
    pub(crate) form: Option<Form>,
    /// The ledger, where the templates that make layers are to follow it.
    pub(crate) content: Option<Ledger>,
    pub(crate) lexical: Lexical,
    pub(crate) why: Why,
}

/// Every way to name a layer in a template comes with one of these. The name alone is not enough to parse a file: it may
/// be a common word.
const CONTEXT: [&str; 3] = ["Layers", "layer:", PLACEHOLDER_END];

/// Whatever the text of a layer is put together from, it reaches a function by this key: names, the word `layer` and whole
/// ARNs may be in pieces, folded, escaped, or in parameters that are called anything.
const KEY: [&str; 1] = ["Layers"];

/// Unless the key itself is escaped, in a file that has one of these words.
const ESCAPES: [&str; 3] = ["\\u", "\\U", "\\x"];
const SECTIONS: [&str; 2] = ["Resources", "Globals"];

/// What a file that cannot be parsed has in it if a name may be put together there.
const IN_PIECES: [&str; 6] = ["Join", "\\u", "\\x", "layer:$", "layer:{", "layer-{"];

/// Where a bare number may be the version of a layer that another file names.
const OVERRIDES: [&str; 1] = ["parameter_overrides"];

impl Search<'_> {
    /// Walks the paths, and plans every file that names a pinned layer.
    pub(crate) fn run(&self) -> Result<Files, SearchError> {
        check_paths(self.paths)?;
        let named = self.named()?;
        let needles = self.needles()?;
        let also = |path: &Path| self.include.has(path);
        let one = |path: &Path, bytes: &[u8], unseen| {
            self.one(path, bytes, unseen).or_else(|error| {
                // Every file with layers is looked at, and one that is broken need not be about ours.
                if may_name(&named, bytes) { Err(error) } else { Ok(None) }
            })
        };
        let seen = scan_with(self.paths, &needles, Sight::Git, also, |path, bytes| one(path, bytes, false));
        let mut files = Files { planned: Vec::new(), errors: Vec::new(), read: seen.read };
        // A walk from one place meets each file once.
        let is_again = self.why == Why::Everything || !self.include.is_empty();
        let mut known = (is_again || self.paths.len() > 1).then(BTreeSet::new);
        files.take(seen, known.as_mut());
        if is_again {
            let all = scan_with(self.paths, &needles, Sight::Everything, also, |path, bytes| {
                if self.why == Why::Everything || self.include.has(path) {
                    one(path, bytes, true)
                } else {
                    Ok(None)
                }
            });
            // What could not be read was said, or was none of our business.
            files.take(Scanned { errors: Vec::new(), ..all }, known.as_mut());
            files.planned.sort_by(|one, other| one.path.cmp(&other.path));
        }
        Ok(files)
    }

    /// What the files have in them that could name a layer, in whatever way.
    fn needles(&self) -> Result<Needles, SearchError> {
        let needles = self.named()?.or(Needles::new(KEY)?).or(Needles::new(ESCAPES)?.and(SECTIONS)?);
        Ok(if self.why == Why::Everything { needles.or(Needles::new(CONTEXT)?) } else { needles })
    }

    /// What the files have in them that name a layer of ours as it is, or in pieces of which it shows that they are some.
    /// The same whatever is told: a broken file decides the exit code.
    fn named(&self) -> Result<Needles, SearchError> {
        let names = self.wanted.pins.layers().flat_map(|layer| [layer.to_string(), layer.placeholder()]);
        let named = Needles::new(names)?.and(CONTEXT)?;
        let named = if self.content.is_some() { named.or(Needles::new(["LayerVersion"])?) } else { named };
        Ok(named.or(Needles::new(KEY)?.and(IN_PIECES)?).or(Needles::new(OVERRIDES)?))
    }

    fn one(&self, path: &Path, bytes: &[u8], unseen: bool) -> Result<Option<Planned>, FileError> {
        let part = match build_output(path) {
            _ if self.include.has(path) => Part::Forced,
            Some(reason) => Part::Excluded(reason),
            None if unseen => {
                Part::Excluded("git ignores the file, or it is hidden; `--include` would change it")
            }
            None => Part::IfTemplate,
        };
        if self.ledger.is_some() && path.canonicalize().ok() == self.ledger {
            return Ok(None);
        }
        let wanted = Wanted { part, ..self.wanted.clone() };
        let text = match utf8(bytes) {
            Ok(text) => text,
            // A file that nobody asked for may be in any state.
            Err(_) if unseen && part != Part::Forced => return Ok(None),
            Err(source) => return Err(FileError::Encoding { path: path.to_owned(), source }),
        };
        let planned = |plan: Plan| {
            Some(Planned {
                path: path.to_owned(),
                before: plan.text.is_some().then(|| text.to_owned()),
                plan,
            })
        };
        if path.file_name() == Some(OsStr::new(samconfig::FILE_NAME)) {
            if matches!(part, Part::Excluded(_)) {
                return Ok(None);
            }
            let beside = |name: &str| std::fs::read_to_string(path.parent()?.join(name)).ok();
            return match plan_samconfig(text, &wanted, beside) {
                Ok(plan) => Ok(planned(plan)),
                Err(source) => Err(FileError::Samconfig { path: path.to_owned(), source }),
            };
        }
        let plan = readable(path, text).and_then(|()| match (&self.form, &self.content) {
            (Some(form), _) => convert(text, &wanted, form),
            (None, Some(ledger)) => update_content(text, &wanted, ledger),
            (None, None) => plan_with(text, &wanted),
        });
        match plan {
            Ok(mut plan) => {
                if self.why == Why::Everything {
                    if let Ok(document) = parse(text) {
                        plan.left_alone.extend(comments(&document, wanted.pins));
                    }
                } else if unseen && part != Part::Forced {
                    plan.left_alone.clear();
                }
                if unseen && part != Part::Forced {
                    plan.left_alone
                        .iter_mut()
                        .for_each(|left: &mut LeftAlone| left.weight = Weight::Expected);
                }
                Ok(planned(plan))
            }
            Err(_) if matches!(part, Part::Excluded(_)) => Ok(None),
            Err(source) if has_expressions(text) => match self.lexical {
                Lexical::Yes => Ok(planned(plan_lexical(text, &wanted))),
                Lexical::No => Err(FileError::expressions(path, source)),
            },
            Err(source) => Err(FileError::Parse { path: path.to_owned(), source }),
        }
    }
}

fn may_name(named: &Needles, bytes: &[u8]) -> bool {
    named.found_in(bytes) || is_utf16(bytes) && named.found_in(&without_zeros(bytes))
}

impl Files {
    fn take(
        &mut self,
        scanned: Scanned<Result<Option<Planned>, FileError>>,
        mut known: Option<&mut BTreeSet<PathBuf>>,
    ) {
        self.errors.extend(scanned.errors.into_iter().map(FileError::from));
        for (path, result) in scanned.files {
            // The same file may have been named in two ways.
            if let Some(known) = known.as_deref_mut()
                && let Ok(path) = path.canonicalize()
                && !known.insert(path)
            {
                continue;
            }
            match result {
                Ok(planned) => self.planned.extend(planned),
                Err(error) => self.errors.push(error),
            }
        }
    }
}

/// Whether every path that was named is there.
pub(crate) fn check_paths(paths: &[PathBuf]) -> Result<(), SearchError> {
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        Some(path) => Err(SearchError::NoSuchPath(path.clone())),
        None => Ok(()),
    }
}

/// What a file was made by, where it is made by a tool that will make it again.
pub(crate) fn build_output(path: &Path) -> Option<&'static str> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    // Whoever stands in such a folder does not name it.
    if is_built_in(folder) || folder.canonicalize().is_ok_and(|folder| is_built_in(&folder)) {
        return Some(
            "the file is build output, and the next build makes it again; `--include` would change it",
        );
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let is_packaged = stem.split(['.', '-', '_']).any(|word| word == "packaged");
    is_packaged.then_some(
        "the file is a packaged template, and the next build makes it again; `--include` would change it",
    )
}

fn is_built_in(folder: &Path) -> bool {
    let mut folders = folder.components().map(std::path::Component::as_os_str);
    folders.any(|folder| folder == ".aws-sam" || folder == "cdk.out")
}

/// Whether a template is what its name says. Comments in JSON are read as YAML reads them, as texts, and a reference that
/// stands behind one would be passed over in silence.
pub(crate) fn readable(path: &Path, text: &str) -> Result<(), ParseError> {
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let may_be_template = || SECTIONS.iter().any(|section| text.contains(section));
    if is_json && (text.contains("//") || text.contains("/*")) && may_be_template() {
        return comment_in_json(text).map_or(Ok(()), Err);
    }
    Ok(())
}

/// The text of a file, or where it stops being one.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, NotUtf8> {
    if is_utf16(bytes) {
        return Err(NotUtf8 {
            position: Position { line: 1, column: 1 },
            what: "UTF-16, and has to become UTF-8 first",
        });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        NotUtf8 { position: Position::at(valid, valid.len()), what: "not UTF-8" }
    })
}

#[cfg(test)]
mod tests;
