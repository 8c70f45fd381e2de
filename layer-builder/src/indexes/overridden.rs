//! Packages about which uv is told something else than those say that ask for them: `override-dependencies` and
//! `exclude-dependencies` of its configuration, and the files that `UV_OVERRIDE` and `UV_EXCLUDE` name. And those that
//! `dependency-metadata` lets ask for something else than their wheels do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pep508_rs::PackageName;
use toml::Value;

use super::{in_files, uv_settings, variables};
use crate::requirement;

/// Those that count in `folder`. For the edge only.
pub fn overridden(folder: &Path) -> BTreeSet<PackageName> {
    read(folder, &variables())
}

/// Packages whose metadata uv takes from its configuration in `folder`. For the edge only.
pub fn described(folder: &Path) -> BTreeSet<PackageName> {
    read_described(folder, &variables())
}

fn read_described(folder: &Path, variables: &BTreeMap<String, String>) -> BTreeSet<PackageName> {
    let tables = uv_settings::tables(folder, variables);
    let items =
        tables.iter().filter_map(|(_, table)| table.dependency_metadata.as_ref()?.as_array()).flatten();
    items.filter_map(|item| name(item.get("name")?.as_str()?)).collect()
}

fn read(folder: &Path, variables: &BTreeMap<String, String>) -> BTreeSet<PackageName> {
    let mut names = BTreeSet::new();
    for (_, table) in uv_settings::tables(folder, variables) {
        for value in [&table.override_dependencies, &table.exclude_dependencies].into_iter().flatten() {
            let items = value.as_array().into_iter().flatten();
            let text = |item: &Value| item.as_str().or_else(|| item.get("name")?.as_str()).map(str::to_owned);
            names.extend(items.filter_map(text).filter_map(|text| name(&text)));
        }
    }
    for variable in ["UV_OVERRIDE", "UV_EXCLUDE"] {
        let files = variables.get(variable).map(String::as_str).unwrap_or_default().split_whitespace();
        for line in files.flat_map(|file| in_files::required(&folder.join(file))) {
            names.extend(name(&line));
        }
    }
    names
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
        let names: Vec<String> = read(folder.path(), &variables).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "idna", "six", "urllib3"]);
        write(
            "uv.toml",
            "[[dependency-metadata]]\nname = \"Chumpy\"\nversion = \"0.70\"\nrequires-dist = []\n",
        );
        let names: Vec<String> =
            read_described(folder.path(), &variables).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["chumpy"]);
    }
}
