//! What uv is told about packages, against what they and those that ask for them say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pep508_rs::PackageName;
use toml::Value;

use super::{in_files, uv_settings, variables};
use crate::requirement;

/// Packages about which uv is told something.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Something else than those say that ask for them: `override-dependencies` and `exclude-dependencies` of its
    /// configuration, and the files that `UV_OVERRIDE` and `UV_EXCLUDE` name.
    pub overridden: BTreeSet<PackageName>,
    /// To ask for something else than their wheels do: `dependency-metadata`.
    pub described: BTreeSet<PackageName>,
}

/// What counts in `folder`. For the edge only.
pub fn told(folder: &Path) -> Told {
    read(folder, &variables())
}

fn read(folder: &Path, variables: &BTreeMap<String, String>) -> Told {
    let mut told = Told::default();
    for (_, table) in uv_settings::tables(folder, variables) {
        let names = |value: &Option<Value>| -> BTreeSet<PackageName> {
            let items = value.iter().filter_map(Value::as_array).flatten();
            items.filter_map(|item| name(item.as_str().or_else(|| item.get("name")?.as_str())?)).collect()
        };
        told.overridden.extend(names(&table.override_dependencies));
        told.overridden.extend(names(&table.exclude_dependencies));
        told.described.extend(names(&table.dependency_metadata));
    }
    for variable in ["UV_OVERRIDE", "UV_EXCLUDE"] {
        let files = variables.get(variable).map(String::as_str).unwrap_or_default().split_whitespace();
        for line in files.flat_map(|file| in_files::required(&folder.join(file))) {
            told.overridden.extend(name(&line));
        }
    }
    told
}

fn name(text: &str) -> Option<PackageName> {
    let text = text.split(" --").next().unwrap_or_default();
    requirement::parse(text).ok().map(|requirement| requirement.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_uv_is_told_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "pyproject.toml",
            "[tool.uv]\noverride-dependencies = [\"Idna==4.0\", { name = \"six\" }]\nexclude-dependencies = [\"a\"]\n",
        );
        write("over.txt", "# more\nurllib3<2 ; python_version > '3'\n");
        let variables =
            [("UV_OVERRIDE", "over.txt"), ("XDG_CONFIG_HOME", "/none"), ("XDG_CONFIG_DIRS", "/none")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let sorted = |names: BTreeSet<PackageName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let names = sorted(read(folder.path(), &variables).overridden);
        assert_eq!(names, ["a", "idna", "six", "urllib3"]);
        write(
            "uv.toml",
            "[[dependency-metadata]]\nname = \"Chumpy\"\nversion = \"0.70\"\nrequires-dist = []\n",
        );
        let names = sorted(read(folder.path(), &variables).described);
        assert_eq!(names, ["chumpy"]);
    }
}
