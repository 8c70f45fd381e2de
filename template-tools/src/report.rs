//! What a run found, for machines: JSON, SARIF 2.1.0, and the annotations of GitHub. Data in, text out.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::document::Position;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// It may be wrong.
    Warning,
    /// It is wrong.
    Error,
}

impl Level {
    /// As SARIF has it; GitHub says `notice` for a note.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule that findings belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, as it is written to ignore it.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// Why it matters.
    pub reason: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// How much it matters.
    pub level: Level,
}

/// Something in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The file.
    pub path: PathBuf,
    /// Where, if that is known.
    pub position: Option<Position>,
    /// What.
    pub message: String,
}

/// The findings as JSON: a list with one object for each.
pub fn json_of(findings: &[Finding]) -> Value {
    let object = |finding: &Finding| {
        json!({
            "rule": finding.rule.id,
            "level": finding.rule.level.name(),
            "path": finding.path.display().to_string(),
            "line": finding.position.map(|position| position.line),
            "column": finding.position.map(|position| position.column),
            "message": finding.message,
            "fix": finding.rule.fix,
        })
    };
    Value::Array(findings.iter().map(object).collect())
}

/// The findings as a log of SARIF 2.1.0, with every rule that could have been broken.
pub fn sarif(findings: &[Finding], rules: &[Rule]) -> String {
    let describe = |rule: &Rule| {
        json!({
            "id": rule.id,
            "shortDescription": {"text": rule.about},
            "fullDescription": {"text": rule.reason},
            "help": {"text": rule.fix},
            "defaultConfiguration": {"level": rule.level.name()},
        })
    };
    let result = |finding: &Finding| {
        let mut location = json!({"artifactLocation": {"uri": uri(&finding.path)}});
        if let Some(Position { line, column }) = finding.position {
            location["region"] = json!({"startLine": line, "startColumn": column});
        }
        json!({
            "ruleId": finding.rule.id,
            "ruleIndex": rules.iter().position(|rule| rule.id == finding.rule.id),
            "level": finding.rule.level.name(),
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": location}],
        })
    };
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "template-tools",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(describe).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    pretty(&log)
}

/// A JSON value over many lines.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// The findings as commands of a workflow, which GitHub shows beside the lines.
pub fn github(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let level = if finding.rule.level == Level::Note { "notice" } else { finding.rule.level.name() };
        let path = property(&finding.path.display().to_string());
        let place = finding
            .position
            .map_or_else(String::new, |Position { line, column }| format!(",line={line},col={column}"));
        let message = data(&format!("{}\n{}", finding.message, finding.rule.fix));
        format!("::{level} file={path}{place},title={}::{message}", finding.rule.id)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

/// A path as a reference of RFC 3986, relative where the path is.
fn uri(path: &Path) -> String {
    let mut text = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const RULE: Rule =
        Rule { id: "some-rule", about: "about", reason: "reason", fix: "100 % fix", level: Level::Note };

    fn findings() -> Vec<Finding> {
        let position = Some(Position { line: 3, column: 7 });
        vec![
            Finding { rule: &RULE, path: "a b/c:d,ü.yaml".into(), position, message: "one\ntwo".to_owned() },
            Finding { rule: &RULE, path: "x.yaml".into(), position: None, message: "three".to_owned() },
        ]
    }

    #[test]
    fn annotations_are_escaped() {
        expect![[r#"
            ::notice file=a b/c%3Ad%2Cü.yaml,line=3,col=7,title=some-rule::one%0Atwo%0A100 %25 fix
            ::notice file=x.yaml,title=some-rule::three%0A100 %25 fix"#]]
        .assert_eq(&github(&findings()));
    }

    #[test]
    fn sarif_names_rules_and_places() {
        let log: Value = serde_json::from_str(&sarif(&findings(), &[RULE])).unwrap();
        let result = &log["runs"][0]["results"][0];
        assert_eq!(result["ruleIndex"], 0);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/c%3Ad%2C%C3%BC.yaml");
        assert_eq!(place["region"]["startLine"], 3);
        assert!(log["runs"][0]["results"][1]["locations"][0]["physicalLocation"]["region"].is_null());
    }
}
