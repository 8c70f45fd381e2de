//! PEP 508 requirements, read without a panic.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use pep508_rs::{PackageName, VerbatimUrl, VersionOrUrl};

use crate::indexes::address::has_credentials;

/// What is said of an address with a user or a password: `layers.toml` and locks are committed.
pub const NO_CREDENTIALS: &str = "the address names a user or a password; git asks its credential helper for them, or takes those of netrc";

/// A requirement like `requests[socks]>=2.32 ; python_version < "3.14"`.
pub type Requirement = pep508_rs::Requirement<VerbatimUrl>;

/// What a layer can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A package of an index, or of a git repository: `name @ git+https://…@ref`.
    Package(Requirement),
    /// Whatever a file asks for: `-r requirements.txt`, from the folder of `layers.toml`.
    File(PathBuf),
    /// A folder with a `pyproject.toml`: `.`, `./lib`, `../other`.
    Folder(PathBuf),
}

impl Wanted {
    /// Reads one entry of `requirements`; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(file) = text.strip_prefix("-r ") {
            return Ok(Self::File(PathBuf::from(file.trim())));
        }
        if text == "." || text == ".." || ["./", "../", "/"].iter().any(|start| text.starts_with(start)) {
            return Ok(Self::Folder(PathBuf::from(text)));
        }
        if text.starts_with('-') {
            return Err("of pip's options only `-r FILE` is understood here".to_owned());
        }
        let requirement = parse(text)?;
        match &requirement.version_or_url {
            Some(VersionOrUrl::Url(url)) if has_credentials(url.as_str()) => {
                return Err(NO_CREDENTIALS.to_owned());
            }
            Some(VersionOrUrl::Url(url)) if url.scheme().starts_with("git+") => {}
            Some(VersionOrUrl::Url(_)) => {
                return Err("an address has to be one of git, as in `name @ git+https://…@ref`".to_owned());
            }
            _ => {}
        }
        Ok(Self::Package(requirement))
    }

    /// The package's name, where it is known without reading a file.
    pub fn name(&self) -> Option<&PackageName> {
        match self {
            Self::Package(requirement) => Some(&requirement.name),
            Self::File(_) | Self::Folder(_) => None,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(requirement) => requirement.fmt(f),
            Self::File(path) => write!(f, "-r {}", path.display()),
            Self::Folder(path) => path.display().fmt(f),
        }
    }
}

/// A name as names are compared (PEP 503), also one that no package may have.
pub fn normalised(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normalised.ends_with('-') => {}
            '-' | '_' | '.' => normalised.push('-'),
            _ => normalised.extend(character.to_lowercase()),
        }
    }
    normalised
}

/// Reads a requirement; the error is a sentence.
pub fn parse(text: &str) -> Result<Requirement, String> {
    // pep508_rs 0.9.2 panics at names, of packages and of extras, that end with `.`, `-` or `_`.
    let name_at_start = |text: &str| {
        let is_of_name = |character: &char| character.is_ascii_alphanumeric() || ".-_".contains(*character);
        text.trim_start().chars().take_while(is_of_name).collect::<String>()
    };
    let name = name_at_start(text);
    let rest = text.trim_start()[name.len()..].trim_start();
    let extras = rest.strip_prefix('[').map(|rest| rest.split(']').next().unwrap_or(rest).split(','));
    for name in std::iter::once(name).chain(extras.into_iter().flatten().map(name_at_start)) {
        if name.ends_with(['.', '-', '_']) {
            return Err(format!("the name `{name}` ends with neither a letter nor a digit"));
        }
    }
    // It also panics at characters beyond ASCII, wherever they are not part of an address.
    let after_extras =
        if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    let address = after_extras.trim_start().strip_prefix('@').map(str::trim_start).unwrap_or_default();
    let address = address.split(char::is_whitespace).next().unwrap_or_default();
    let beyond_ascii = |text: &str| text.chars().filter(|character| !character.is_ascii()).count();
    if beyond_ascii(text) > beyond_ascii(address) {
        return Err("a character beyond ASCII stands outside of an address".to_owned());
    }
    Requirement::from_str(text).map_err(|error| error.message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pep508_rs_panics_at_are_errors() {
        for text in [
            "six.",
            "six-",
            " six_ >= 1",
            "six.;python_version>'3'",
            "and [2--",
            "a[b-]",
            "a [b, c_ ]>=1",
            "a[b. ",
        ] {
            assert!(parse(text).unwrap_err().contains("ends with neither"), "{text}");
        }
        for text in
            ["6; extra == ' or x' $\u{b6}", "a; \u{b6} == 'x'", "a ; python_version > '3' \u{b6}", "\u{b6}"]
        {
            assert!(parse(text).unwrap_err().contains("beyond ASCII"), "{text}");
        }
        assert!(parse("a[b] @ git+file:///home/\u{fc}/a.git@main ; python_version > '3'").is_ok());
        assert_eq!(parse("a.b-c_d[x]>=1").unwrap().name.as_ref(), "a-b-c-d");
    }

    #[test]
    fn names_are_compared_as_package_names_are() {
        for name in ["a", "A.b", "a_-.b", "A__B--c"] {
            assert_eq!(normalised(name), name.parse::<PackageName>().unwrap().to_string(), "{name}");
        }
        assert_eq!(normalised("_a_."), "-a-");
    }

    #[test]
    fn everything_that_can_be_wanted_is_told_apart() {
        let kind = |text: &str| match Wanted::parse(text) {
            Ok(Wanted::Package(requirement)) => format!("package {}", requirement.name),
            Ok(Wanted::File(path)) => format!("file {}", path.display()),
            Ok(Wanted::Folder(path)) => format!("folder {}", path.display()),
            Err(why) => why,
        };
        assert_eq!(kind("requests[socks]>=2 ; python_version > '3.9'"), "package requests");
        assert_eq!(kind("sosw @ git+https://example.com/sosw.git@main"), "package sosw");
        assert_eq!(kind("-r requirements.txt"), "file requirements.txt");
        assert_eq!(kind("."), "folder .");
        assert_eq!(kind("../lib"), "folder ../lib");
        assert!(kind("x @ https://example.com/x.whl").contains("has to be one of git"));
        assert!(kind("--index-url https://example.com").contains("only `-r FILE`"));
    }

    #[test]
    fn no_text_makes_it_panic() {
        proptest::proptest!(|(text in "(\\PC{0,5}|[a-z.-]{1,4}|[\\[\\]<>=~!,;@() ]|python_version|extra|'3.1'|==1\\.\\*|and|or){0,12}")| {
            let _ = parse(&text);
        });
    }
}
