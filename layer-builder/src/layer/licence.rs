//! Licences: from what distributions say of theirs to one SPDX expression for the layer.
//!
//! Names only are read, never texts. What cannot be told becomes a `LicenseRef-…`, which SPDX has for that.

use std::collections::BTreeSet;

use super::metadata::Metadata;

/// The most characters that a LayerVersion's LicenseInfo may have:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_PublishLayerVersion.html>.
pub const LONGEST: usize = 512;

/// Identifiers of <https://spdx.org/licenses/> that Python packages use.
const KNOWN: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-3-Clause-LBNL",
    "BSL-1.0",
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CNRI-Python",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ISC",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "LLVM-exception",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-1.1",
    "MPL-2.0",
    "NCSA",
    "OpenSSL",
    "PostgreSQL",
    "PSF-2.0",
    "Python-2.0",
    "Unicode-3.0",
    "Unlicense",
    "UPL-1.0",
    "WTFPL",
    "Zlib",
    "ZPL-2.1",
    "bzip2-1.0.6",
    "libpng-2.0",
];

/// Names in common use, in lower case, with their identifier.
const NAMES: &[(&str, &str)] = &[
    ("3-clause bsd", "BSD-3-Clause"),
    ("3-clause bsd license", "BSD-3-Clause"),
    ("apache", "Apache-2.0"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache 2.0 license", "Apache-2.0"),
    ("apache license", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license version 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache software license", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("boost software license 1.0 (bsl-1.0)", "BSL-1.0"),
    ("bsd", "LicenseRef-BSD"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd 3-clause license", "BSD-3-Clause"),
    ("bsd license", "LicenseRef-BSD"),
    ("bsd-3-clause license", "BSD-3-Clause"),
    ("cc0 1.0 universal (cc0 1.0) public domain dedication", "CC0-1.0"),
    ("expat", "MIT"),
    ("gnu affero general public license v3", "AGPL-3.0-only"),
    ("gnu general public license v2 (gplv2)", "GPL-2.0-only"),
    ("gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"),
    ("gnu general public license v3 (gplv3)", "GPL-3.0-only"),
    ("gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"),
    ("gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"),
    ("gnu lesser general public license v3 or later (lgplv3+)", "LGPL-3.0-or-later"),
    ("isc license", "ISC"),
    ("isc license (iscl)", "ISC"),
    ("mit license", "MIT"),
    ("mit no attribution license (mit-0)", "MIT-0"),
    ("modified bsd license", "BSD-3-Clause"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("new bsd", "BSD-3-Clause"),
    ("new bsd license", "BSD-3-Clause"),
    ("psf", "PSF-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("simplified bsd", "BSD-2-Clause"),
    ("the mit license", "MIT"),
    ("the mit license (mit)", "MIT"),
    ("the unlicense (unlicense)", "Unlicense"),
    ("zope public license", "ZPL-2.1"),
];

/// The SPDX expression of a distribution; `None` if its metadata does not tell.
pub fn of(metadata: &Metadata) -> Option<String> {
    let stated = metadata.license_expression.as_deref();
    if let Some(expression) = stated.filter(|expression| is_expression(expression)) {
        return Some(expression.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let named = metadata.license.as_deref().filter(|text| !text.contains('\n')).and_then(named);
    let classifiers: BTreeSet<&str> = metadata
        .classifiers
        .iter()
        .filter_map(|classifier| classifier.strip_prefix("License :: ")?.rsplit(" :: ").next())
        .filter_map(identifier)
        .collect();
    // A vague name gives way to a classifier that says more.
    if let Some(named) = named.filter(|named| classifiers.is_empty() || !named.starts_with("LicenseRef")) {
        return Some(named);
    }
    let is_choice = metadata.license.as_deref().is_some_and(|text| text.to_lowercase().contains("dual"));
    let all: Vec<&str> = classifiers.into_iter().collect();
    (!all.is_empty()).then(|| all.join(if is_choice { " OR " } else { " AND " }))
}

/// One expression for all: `Apache-2.0 AND (BSD-3-Clause OR MIT)`. What nobody knows is `LicenseRef-unknown`; what does
/// not fit into [`LONGEST`] characters is `LicenseRef-others`.
pub fn together<'a>(licences: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let mut terms = BTreeSet::new();
    for licence in licences {
        let licence = licence.unwrap_or("LicenseRef-unknown");
        if licence.contains(" OR ") {
            terms.insert(format!("({licence})"));
        } else {
            terms.extend(licence.split(" AND ").map(|term| term.trim_matches(['(', ')']).to_owned()));
        }
    }
    let mut terms: Vec<String> = terms.into_iter().collect();
    let mut text = joined(&terms);
    while text.chars().count() > LONGEST {
        terms.retain(|term| term != OTHERS);
        terms.pop();
        terms.push(OTHERS.to_owned());
        text = joined(&terms);
    }
    (!text.is_empty()).then_some(text)
}

/// All of the terms; one alone needs no parentheses.
fn joined(terms: &[String]) -> String {
    match terms {
        [term] => term.strip_prefix('(').and_then(|term| term.strip_suffix(')')).unwrap_or(term).to_owned(),
        _ => terms.join(" AND "),
    }
}

const OTHERS: &str = "LicenseRef-others";

/// An expression, or a name in common use.
fn named(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(identifier) = identifier(text) {
        return Some(identifier.to_owned());
    }
    let words: Option<Vec<&str>> = text
        .split_whitespace()
        .map(|word| match word.to_ascii_uppercase().as_str() {
            "AND" => Some("AND"),
            "OR" => Some("OR"),
            "WITH" => Some("WITH"),
            _ => identifier(word),
        })
        .collect();
    words.map(|words| words.join(" ")).filter(|text| is_expression(text))
}

fn identifier(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    let known = KNOWN.iter().find(|known| known.to_lowercase() == name).copied();
    known.or_else(|| NAMES.iter().find(|(other, _)| *other == name).map(|(_, identifier)| *identifier))
}

/// Whether the text has the form of an SPDX expression: identifiers, with an operator between every two.
pub(super) fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0_u32;
    let mut wants_operand = true;
    for word in spaced.split_whitespace() {
        let is_operator = matches!(word, "AND" | "OR" | "WITH");
        let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || ".-+:".contains(c));
        match word {
            "(" if wants_operand => depth += 1,
            ")" if !wants_operand && depth > 0 => depth -= 1,
            _ if is_operator && !wants_operand => wants_operand = true,
            _ if !is_operator && is_plain && wants_operand => wants_operand = false,
            _ => return false,
        }
    }
    depth == 0 && !wants_operand
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metadata: &str, expected: Option<&str>) {
        assert_eq!(of(&Metadata::parse(metadata.as_bytes())).as_deref(), expected, "{metadata}");
    }

    #[test]
    fn what_distributions_say_becomes_spdx() {
        check(
            "License-Expression: Apache-2.0  OR (MIT AND ISC)\nLicense: nonsense",
            Some("Apache-2.0 OR (MIT AND ISC)"),
        );
        check("License-Expression: see file", None);
        check("License: Apache License, Version 2.0", Some("Apache-2.0"));
        check("License: mit or apache-2.0", Some("MIT OR Apache-2.0"));
        check("License: Permission is hereby granted\n        to everybody", None);
        check("License: BSD\nClassifier: License :: OSI Approved :: BSD License", Some("LicenseRef-BSD"));
        check(
            "License: BSD-3-Clause\nClassifier: License :: OSI Approved :: BSD License",
            Some("BSD-3-Clause"),
        );
        check(
            "License: Dual License\nClassifier: License :: OSI Approved :: BSD License\n\
             Classifier: License :: OSI Approved :: Apache Software License",
            Some("Apache-2.0 OR LicenseRef-BSD"),
        );
        check("Classifier: License :: OSI Approved", None);
        check("Name: a", None);
    }

    #[test]
    fn the_layers_licence_is_theirs_together() {
        let all = |licences: &[Option<&str>]| together(licences.iter().copied()).unwrap_or_default();
        assert_eq!(all(&[Some("MIT")]), "MIT");
        assert_eq!(all(&[Some("MIT OR ISC")]), "MIT OR ISC");
        assert_eq!(
            all(&[Some("MIT AND Zlib"), Some("MIT"), None, Some("Apache-2.0 OR LicenseRef-BSD")]),
            "(Apache-2.0 OR LicenseRef-BSD) AND LicenseRef-unknown AND MIT AND Zlib"
        );
        assert_eq!(together(std::iter::empty()), None);
    }

    #[test]
    fn what_does_not_fit_is_summed_up() {
        let many: Vec<String> = (0..60).map(|number| format!("LicenseRef-{number:03}")).collect();
        let text = together(many.iter().map(|text| Some(text.as_str()))).unwrap();
        assert!(text.len() <= LONGEST && text.len() > LONGEST - 40, "{}", text.len());
        assert!(text.ends_with(" AND LicenseRef-others"), "{text}");
        assert!(is_expression(&text));
    }

    #[test]
    fn one_term_alone_may_be_too_long_as_well() {
        let choice = |count: usize| {
            let all: Vec<String> = (0..count).map(|number| format!("LicenseRef-{number:03}")).collect();
            all.join(" OR ")
        };
        let (short, long) = (choice(28), choice(34));
        assert!(short.len() < LONGEST && long.len() > 600);
        assert_eq!(together([Some(short.as_str())]).as_deref(), Some(short.as_str()));
        assert_eq!(together([Some(long.as_str())]).as_deref(), Some(OTHERS));
        let single = format!("LicenseRef-{}", "x".repeat(LONGEST));
        assert_eq!(together([Some(single.as_str())]).as_deref(), Some(OTHERS));
    }
}
