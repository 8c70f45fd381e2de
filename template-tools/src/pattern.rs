//! What a template may write where a LayerVersion's ARN is meant: variables of CloudFormation for partition, region and
//! account, and a placeholder for the version.
//!
//! Text in, pattern out. Which version belongs there is the business of [`crate::pins`].

use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;

use crate::arn::{AccountId, LayerName, PLACEHOLDER_END, Partition, Region, version_number};

/// A part of an ARN as a template writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part<T> {
    /// Written out.
    Is(T),
    /// The pseudo parameter that stands for it, for example `${AWS::Region}`: known only when a stack is deployed.
    Deployed,
}

/// The version as a template writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionPart {
    /// A number.
    Number(u64),
    /// A word such as `SOSW_LAYER_PLACEHOLDER`. It stands for a version of the layer that the ARN names, whatever
    /// the word itself says.
    Placeholder(String),
    /// Anything else that can stand in for it: where the content lies, the name of a parameter.
    Text(String),
}

impl VersionPart {
    /// What is written into a template for it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Number(version) => version.to_string(),
            Self::Placeholder(word) | Self::Text(word) => word.clone(),
        }
    }
}

impl fmt::Display for VersionPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(version) => write!(formatter, "{version}"),
            Self::Placeholder(_) => formatter.write_str("placeholder"),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// A LayerVersion's ARN as a template writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern {
    /// The partition, or `${AWS::Partition}`.
    pub partition: Part<Partition>,
    /// The region, or `${AWS::Region}`.
    pub region: Part<Region>,
    /// The account, or `${AWS::AccountId}`.
    pub account: Part<AccountId>,
    /// The layer.
    pub layer: LayerName,
    /// The version.
    pub version: VersionPart,
    /// Where the version stands in the text that was read, in bytes.
    pub version_range: Range<usize>,
}

/// What happens to variables in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// The text is given to `Fn::Sub`.
    Replaced,
    /// The text is taken as it is.
    Literal,
    /// Something that is not CloudFormation replaces them: any variable may stand for partition, region or account.
    Foreign,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPattern {
    /// Not the shape of such an ARN at all.
    #[error("this is no ARN of a LayerVersion")]
    NotAnArn,
    /// A variable without anything that replaces it: the template's own mistake.
    #[error("`${{{0}}}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only")]
    VariableWithoutSub(String),
    /// A variable whose value is not known here.
    #[error("the {what} stands in the variable `${{{name}}}`, which is not followed")]
    Variable {
        /// The part of the ARN.
        what: &'static str,
        /// The name of the variable.
        name: String,
    },
    /// A part that is not what AWS would accept.
    #[error("`{text}` is no {what}")]
    Part {
        /// The part of the ARN.
        what: &'static str,
        /// What stands there.
        text: String,
    },
}

/// The words that stand for a version where none is known yet: those that end with `_LAYER_PLACEHOLDER`, and others that
/// somebody has named. What they stand for is told by the ARN that they are in, never by the word.
#[derive(Clone, Debug, Default)]
pub struct Placeholders {
    others: Option<regex::Regex>,
}

impl Placeholders {
    /// The usual words, and every word that this matches as a whole.
    pub fn and(pattern: &str) -> Result<Self, regex::Error> {
        Ok(Self { others: Some(regex::Regex::new(&format!("^(?:{pattern})$"))?) })
    }

    /// Whether a word stands for a version.
    pub fn has(&self, word: &str) -> bool {
        is_placeholder(word) || self.others.as_ref().is_some_and(|others| others.is_match(word))
    }

    /// Reads a text that is given to `Fn::Sub`.
    pub fn parse(&self, text: &str) -> Result<ArnPattern, NoPattern> {
        ArnPattern::parse_with(text, Variables::Replaced, self)
    }
}

impl ArnPattern {
    /// Reads a text. White space around the ARN is passed over, as block scalars bring a line end with them.
    pub fn parse(text: &str, variables: Variables) -> Result<Self, NoPattern> {
        Self::parse_with(text, variables, &Placeholders::default())
    }

    /// Like [`ArnPattern::parse`], with placeholders of one's own.
    pub fn parse_with(
        text: &str,
        variables: Variables,
        placeholders: &Placeholders,
    ) -> Result<Self, NoPattern> {
        let parts = split(text);
        let [arn, partition, service, region, account, kind, layer, version] = &parts[..] else {
            return Err(NoPattern::NotAnArn);
        };
        if text[arn.clone()].trim_start() != "arn"
            || &text[service.clone()] != "lambda"
            || &text[kind.clone()] != "layer"
        {
            return Err(NoPattern::NotAnArn);
        }
        let version = version.start..version.start + text[version.clone()].trim_end().len();
        let foreign = variables == Variables::Foreign;
        if variables == Variables::Literal
            && let Some(name) = first_variable(text)
        {
            return Err(NoPattern::VariableWithoutSub(name.to_owned()));
        }
        Ok(Self {
            layer: literal(&text[layer.clone()], "name of the layer", LayerName::new)?,
            partition: part(
                &text[partition.clone()],
                "partition",
                "AWS::Partition",
                foreign,
                Partition::new,
            )?,
            region: part(&text[region.clone()], "region", "AWS::Region", foreign, Region::new)?,
            account: part(&text[account.clone()], "account", "AWS::AccountId", foreign, AccountId::new)?,
            version: version_part(&text[version.clone()], placeholders)?,
            version_range: version,
        })
    }
}

/// Whether a word has the form of a placeholder: capitals, digits and `_`, with the right end.
pub fn is_placeholder(word: &str) -> bool {
    word.strip_suffix(PLACEHOLDER_END).is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

/// The parts between colons, where the colons in `${AWS::Region}` do not count.
fn split(text: &str) -> SmallVec<[Range<usize>; 8]> {
    let bytes = text.as_bytes();
    let mut parts = SmallVec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' if index > 0 && bytes[index - 1] == b'$' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => {
                parts.push(start..index);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(start..bytes.len());
    parts
}

/// Where `${` stands. Most texts have no `$` at all, which shows sooner.
pub(crate) fn variable_start(text: &str) -> Option<usize> {
    text.match_indices('$').map(|(at, _)| at).find(|at| text.as_bytes().get(at + 1) == Some(&b'{'))
}

fn first_variable(text: &str) -> Option<&str> {
    let rest = &text[variable_start(text)? + 2..];
    Some(&rest[..rest.find('}').unwrap_or(rest.len())])
}

fn literal<T, E>(
    text: &str,
    what: &'static str,
    new: impl Fn(String) -> Result<T, E>,
) -> Result<T, NoPattern> {
    if let Some(name) = first_variable(text) {
        return Err(NoPattern::Variable { what, name: name.to_owned() });
    }
    new(text.to_owned()).map_err(|_| NoPattern::Part { what, text: text.to_owned() })
}

fn part<T, E>(
    text: &str,
    what: &'static str,
    pseudo: &str,
    foreign: bool,
    new: impl Fn(String) -> Result<T, E>,
) -> Result<Part<T>, NoPattern> {
    let variable = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    if variable.is_some_and(|name| foreign || name.trim() == pseudo) {
        return Ok(Part::Deployed);
    }
    literal(text, what, new).map(Part::Is)
}

fn version_part(text: &str, placeholders: &Placeholders) -> Result<VersionPart, NoPattern> {
    if placeholders.has(text) {
        return Ok(VersionPart::Placeholder(text.to_owned()));
    }
    literal(text, "version", |text| version_number(&text)).map(VersionPart::Number)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, variables: Variables, expected: &Expect) {
        let shown = match ArnPattern::parse(text, variables) {
            Ok(pattern) => {
                let part = |text: Option<&str>| text.unwrap_or("*").to_owned();
                let partition = match &pattern.partition {
                    Part::Is(name) => part(Some(name.as_str())),
                    Part::Deployed => part(None),
                };
                let region = match &pattern.region {
                    Part::Is(name) => part(Some(name.as_str())),
                    Part::Deployed => part(None),
                };
                let account = match &pattern.account {
                    Part::Is(name) => part(Some(name.as_str())),
                    Part::Deployed => part(None),
                };
                let version = &text[pattern.version_range];
                format!("{partition} {region} {account} {} [{version}] {:?}", pattern.layer, pattern.version)
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn an_arn_without_variables() {
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7";
        check(text, Variables::Literal, &expect!["aws us-east-1 123456789012 sosw [7] Number(7)"]);
        check(text, Variables::Replaced, &expect!["aws us-east-1 123456789012 sosw [7] Number(7)"]);
    }

    #[test]
    fn the_documented_placeholder() {
        check(
            "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:SOSW_LAYER_PLACEHOLDER",
            Variables::Replaced,
            &expect![[r#"aws * * sosw [SOSW_LAYER_PLACEHOLDER] Placeholder("SOSW_LAYER_PLACEHOLDER")"#]],
        );
    }

    #[test]
    fn only_the_whole_word_is_a_placeholder() {
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:SOSW_LAYER_PLACEHOLDER_2";
        check(text, Variables::Replaced, &expect!["`SOSW_LAYER_PLACEHOLDER_2` is no version"]);
        assert!(!is_placeholder("_LAYER_PLACEHOLDER"));
        assert!(!is_placeholder("sosw_LAYER_PLACEHOLDER"));
    }

    #[test]
    fn white_space_around_it_is_passed_over() {
        let text = " arn:${AWS::Partition}:lambda:us-east-1:123456789012:layer:sosw:7 \n";
        check(text, Variables::Replaced, &expect!["* us-east-1 123456789012 sosw [7] Number(7)"]);
    }

    #[test]
    fn variables_of_others_are_not_guessed() {
        let text = "arn:aws:lambda:${Region}:123456789012:layer:sosw:7";
        check(
            text,
            Variables::Replaced,
            &expect!["the region stands in the variable `${Region}`, which is not followed"],
        );
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:${Version}";
        check(
            text,
            Variables::Replaced,
            &expect!["the version stands in the variable `${Version}`, which is not followed"],
        );
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:${AWS::StackName}:7";
        check(
            text,
            Variables::Replaced,
            &expect![
                "the name of the layer stands in the variable `${AWS::StackName}`, which is not followed"
            ],
        );
    }

    #[test]
    fn a_variable_that_nothing_replaces_is_the_templates_mistake() {
        check(
            "arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:7",
            Variables::Literal,
            &expect![
                "`${AWS::Region}` stands in a plain string, and CloudFormation replaces it in `Fn::Sub` only"
            ],
        );
    }

    #[test]
    fn what_is_no_arn() {
        check("", Variables::Literal, &expect!["this is no ARN of a LayerVersion"]);
        check("arn:aws:s3:::bucket", Variables::Literal, &expect!["this is no ARN of a LayerVersion"]);
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:*";
        check(text, Variables::Literal, &expect!["`*` is no version"]);
        let text = "arn:aws:lambda:us-east-1:123456789012:layer:sosw:7${";
        check(
            text,
            Variables::Replaced,
            &expect!["the version stands in the variable `${}`, which is not followed"],
        );
    }
}
