//! Core metadata of a distribution: the headers of its `METADATA`
//! (<https://packaging.python.org/en/latest/specifications/core-metadata/>).

use crate::wheels::wheel::Wheel;
use crate::zip_reader::Error;

/// What is read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `Name`; `?` if it has none.
    pub name: String,
    /// `Version`; `?` if it has none.
    pub version: String,
    /// `Summary`.
    pub summary: Option<String>,
    /// `License-Expression`.
    pub license_expression: Option<String>,
    /// `License`: a name, or a whole text.
    pub license: Option<String>,
    /// `Classifier`.
    pub classifiers: Vec<String>,
    /// `Requires-Dist`.
    pub requires_dist: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

impl Metadata {
    /// Of the distribution in a wheel, if it has any.
    pub fn of(wheel: &Wheel) -> Result<Option<Self>, Error> {
        let is_it =
            |path: &str| path.strip_suffix(".dist-info/METADATA").is_some_and(|folder| !folder.contains('/'));
        let entry = wheel.files().find(|(path, _)| is_it(path));
        entry.map(|(_, entry)| Ok(Self::parse(&wheel.zip().content(entry)?))).transpose()
    }

    /// Reads the headers; whatever is strange in them is passed over.
    pub fn parse(bytes: &[u8]) -> Self {
        // The description comes after an empty line, and may be long.
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut metadata = Self { name: "?".to_owned(), version: "?".to_owned(), ..Self::default() };
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.last_mut() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        for (name, value) in headers {
            let first = |field: &mut Option<String>, value: String| _ = field.get_or_insert(value);
            match name.as_str() {
                "name" if metadata.name == "?" => metadata.name = value,
                "version" if metadata.version == "?" => metadata.version = value,
                "summary" => first(&mut metadata.summary, value),
                "license-expression" => first(&mut metadata.license_expression, value),
                "license" => first(&mut metadata.license, value),
                "classifier" => metadata.classifiers.push(value),
                "requires-dist" => metadata.requires_dist.push(value),
                "requires-python" => first(&mut metadata.requires_python, value),
                _ => {}
            }
        }
        metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_the_description_is_not() {
        let metadata = Metadata::parse(
            b"Metadata-Version: 2.1\nName: a\nversion: 1\nLicense: first line\n        second: line\n\
              Classifier: One\nClassifier: Two\nRequires-Dist: b>=1\nRequires-Python: >=3.13\n\n\
              Name: not this\nSummary: nor this\n",
        );
        assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("a", "1"));
        assert_eq!(metadata.license.as_deref(), Some("first line\nsecond: line"));
        assert_eq!(metadata.classifiers, ["One", "Two"]);
        assert_eq!(metadata.requires_dist, ["b>=1"]);
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.13"));
        assert_eq!(metadata.summary, None);
    }
}
