//! `layers.toml`, as far as this crate needs it: where it lies, because the ledger lies beside it, and that no table in
//! it has a name that nobody reads. What its layers are is read by the commands.

use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The name of the file.
pub const FILE_NAME: &str = "layers.toml";

/// Why there is no usable `layers.toml`.
#[derive(Debug, thiserror::Error)]
pub enum LayersFileError {
    /// There is none from here upwards.
    #[error("no `{FILE_NAME}` in `{}` or any folder above it", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no TOML.
    #[error("failed to read `{}`", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A table that no crate reads.
    #[error("failed to read `{}`: `[{table}]` is no table of it{}", path.display(), nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?")))]
    UnknownTable {
        /// The file.
        path: PathBuf,
        /// The table, with the tables it stands in.
        table: String,
        /// The known name that is nearest.
        nearest: Option<&'static str>,
    },
}

/// The nearest `layers.toml` from a folder upwards.
pub fn find(from: &Path) -> Result<PathBuf, LayersFileError> {
    let candidates = from.ancestors().map(|folder| folder.join(FILE_NAME));
    let mut found = candidates.filter(|path| path.is_file());
    found.next().ok_or_else(|| LayersFileError::Missing(from.to_owned()))
}

/// Looks whether a `layers.toml` can be read.
pub fn check(path: &Path) -> Result<(), LayersFileError> {
    read(path).map(drop)
}

/// Reads a `layers.toml` and looks at the names of its tables.
pub fn read(path: &Path) -> Result<Table, LayersFileError> {
    let read = |source| LayersFileError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(read)?;
    let toml = |error| LayersFileError::Toml { path: path.to_owned(), source: Box::new(error) };
    let file: Table = text.parse().map_err(toml)?;
    match unknown_table(&file) {
        None => Ok(file),
        Some((table, nearest)) => {
            Err(LayersFileError::UnknownTable { path: path.to_owned(), table, nearest })
        }
    }
}

type Unknown = (String, Option<&'static str>);

fn unknown_table(file: &Table) -> Option<Unknown> {
    const LAYER: &[&str] = &["allow", "branch-of", "include", "publish"];
    const PUBLISH: &[&str] = &["permissions", "targets"];
    const TARGET: &[&str] = &["permissions"];
    unknown_in(file, "", &["layers", "runtimes", "stacks"]).or_else(|| {
        named_tables(file, "layers", "layers").find_map(|(layer, at)| {
            unknown_in(layer, &at, LAYER).or_else(|| {
                let publish = layer.get("publish")?.as_table()?;
                let at = format!("{at}.publish");
                unknown_in(publish, &at, PUBLISH).or_else(|| {
                    named_tables(publish, "targets", &format!("{at}.targets"))
                        .find_map(|(target, at)| unknown_in(target, &at, TARGET))
                })
            })
        })
    })
}

/// The tables under `key`, which have names that the user chose, each with its place.
fn named_tables<'t>(table: &'t Table, key: &str, at: &str) -> impl Iterator<Item = (&'t Table, String)> {
    let named = table.get(key).and_then(Value::as_table).into_iter().flatten();
    named.filter_map(move |(name, value)| Some((value.as_table()?, format!("{at}.{name}"))))
}

fn unknown_in(table: &Table, at: &str, known: &[&'static str]) -> Option<Unknown> {
    let is_table = |value: &Value| {
        value.is_table() || value.as_array().is_some_and(|items| items.iter().any(Value::is_table))
    };
    let (name, _) = table.iter().find(|(name, value)| is_table(value) && !known.contains(&name.as_str()))?;
    let nearest = known
        .iter()
        .copied()
        .max_by(|one, other| strsim::jaro_winkler(one, name).total_cmp(&strsim::jaro_winkler(other, name)));
    let nearest = nearest.filter(|known| strsim::jaro_winkler(known, name) > 0.7);
    Some((if at.is_empty() { name.clone() } else { format!("{at}.{name}") }, nearest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_table(text: &str, expected: Option<(&str, Option<&'static str>)>) {
        let found = unknown_table(&text.parse().unwrap());
        assert_eq!(found, expected.map(|(table, nearest)| (table.to_owned(), nearest)), "{text}");
    }

    #[test]
    fn unknown_tables_are_named_wherever_they_are() {
        check_table(
            "[layers.sosw]\nrequirements = []\nbranch-of = {a = 'b'}\n[layers.sosw.publish.targets.prod]\n",
            None,
        );
        check_table("[[stacks]]\nname = 'x'\n", None);
        check_table("[runtimes.\"python3.12\"]\nprovides = {boto3 = '1.36.3'}\n", None);
        check_table("[layer.sosw]\n", Some(("layer", Some("layers"))));
        check_table("[layers.sosw.publsh]\n", Some(("layers.sosw.publsh", Some("publish"))));
        check_table(
            "[layers.sosw.publish.target.prod]\n",
            Some(("layers.sosw.publish.target", Some("targets"))),
        );
        check_table(
            "[layers.sosw.publish.targets.prod.xyz]\n",
            Some(("layers.sosw.publish.targets.prod.xyz", None)),
        );
    }

    #[test]
    fn the_nearest_file_upwards_counts() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(folder.path().join(FILE_NAME), "").unwrap();
        assert_eq!(find(&below).unwrap(), folder.path().join(FILE_NAME));
        std::fs::write(folder.path().join("a").join(FILE_NAME), "").unwrap();
        assert_eq!(find(&below).unwrap(), folder.path().join("a").join(FILE_NAME));
    }
}
