//! The values of a stack's parameters: what the user gives, what the stack has, what the template says. Pure.
//!
//! A parameter keeps the value that the stack has, unless one is given. Those that carry a layer's version or its content
//! take the template's new Default: that is what the template was changed for, and with the old value CloudFormation would
//! see no change at all. A Default that says of a content only that it is not known, a layer's placeholder or nothing at all,
//! is none of those.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::document::Document;
use template_tools::pattern::is_placeholder;
use template_tools::plan::not_allowed;
use template_tools::template::{Carries, Parameter};
use thiserror::Error;

use crate::config::{meant, nearest};

/// How a parameter's value is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// As it stands here.
    Value(String),
    /// The one that the stack has.
    Previous,
}

/// A parameter that takes the template's new Default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub carries: Carries,
    /// What the stack had.
    pub old: String,
    /// What it gets.
    pub new: String,
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Every parameter that is not left to its default.
    pub sent: Vec<(String, Sent)>,
    /// Those that get another value than the stack has without being given.
    pub taken: Vec<Taken>,
}

/// Why a set of parameters cannot be sent.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ParameterError {
    /// Given, and not in the template.
    #[error("the template has no parameter `{name}`{}", meant(nearest.as_deref()))]
    Unknown {
        /// What was given.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// All that there are.
        known: Vec<String>,
    },
    /// Given, and not among what the template allows.
    #[error("parameter `{name}` cannot be `{value}`")]
    NotAllowed {
        /// The parameter.
        name: String,
        /// What was given; nothing of it is shown where the template says `NoEcho`.
        value: String,
        /// What the template allows.
        allowed: Vec<String>,
    },
    /// Given, and beyond another limit of the template.
    #[error("{reason}")]
    Limited {
        /// The parameter.
        name: String,
        /// The limit, and what was given; nothing of it is shown where the template says `NoEcho`.
        reason: String,
    },
    /// Given twice, with different values.
    #[error("parameter `{0}` is given two different values")]
    Twice(String),
    /// Neither given, nor known, nor with a default.
    #[error("{}", missing_words(.0))]
    Missing(Vec<Parameter>),
    /// Kept, but the stack does not exist.
    #[error("parameter `{0}` is to keep its value, and the stack has none")]
    NoPrevious(String),
}

fn missing_words(missing: &[Parameter]) -> String {
    let mut text = match missing {
        [_] => "the template needs a value for a parameter:".to_owned(),
        _ => format!("the template needs values for {} parameters:", missing.len()),
    };
    for parameter in missing {
        text.push_str(&format!("\n  {} ({})", parameter.name, parameter.kind));
        if let Some(description) = &parameter.description {
            text.push_str(&format!(": {description}"));
        }
        if !parameter.allowed.is_empty() {
            text.push_str(&format!("; one of {}", parameter.allowed.join(", ")));
        }
    }
    text
}

impl ParameterError {
    /// What to type next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { known, .. } if known.is_empty() => "the template has no parameters".to_owned(),
            Self::Unknown { known, .. } => format!("parameters there are: `{}`", known.join("`, `")),
            Self::NotAllowed { allowed, .. } => format!("it may be `{}`", allowed.join("`, `")),
            Self::Limited { name, .. } => format!("give another value with `--parameters {name}=…`"),
            Self::Missing(missing) => {
                let given = missing.iter().map(|parameter| format!("{}=…", parameter.name));
                format!("give them with `--parameters {}`", given.collect::<Vec<_>>().join(" "))
            }
            Self::Twice(name) | Self::NoPrevious(name) => {
                format!("give it one value: `--parameters {name}=…`")
            }
        })
    }
}

/// What the user gives: each parameter once.
pub fn given_once(given: &[(String, Sent)]) -> Result<BTreeMap<String, Sent>, ParameterError> {
    let mut once = BTreeMap::new();
    for (name, value) in given {
        match once.insert(name.clone(), value.clone()) {
            Some(before) if before != *value => return Err(ParameterError::Twice(name.clone())),
            _ => {}
        }
    }
    Ok(once)
}

/// Checks what is given against the template alone.
pub fn check(parameters: &[Parameter], given: &BTreeMap<String, Sent>) -> Result<(), ParameterError> {
    for (name, sent) in given {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == *name) else {
            let known = parameters.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>();
            let nearest = nearest(name, known.iter().map(String::as_str));
            return Err(ParameterError::Unknown { name: name.clone(), nearest, known });
        };
        let Sent::Value(value) = sent else { continue };
        // What is read from SSM is checked there.
        let is_ssm = parameter.kind.starts_with("AWS::SSM::");
        let is_list = parameter.kind == "CommaDelimitedList" || parameter.kind.starts_with("List<");
        let is_allowed = |value: &str| parameter.allowed.iter().any(|allowed| allowed == value);
        let allowed = parameter.allowed.is_empty()
            || is_ssm
            || if is_list { value.split(',').all(|item| is_allowed(item.trim())) } else { is_allowed(value) };
        if !allowed {
            let value = if parameter.no_echo { "****" } else { value };
            return Err(ParameterError::NotAllowed {
                name: name.clone(),
                value: value.to_owned(),
                allowed: parameter.allowed.clone(),
            });
        }
    }
    Ok(())
}

/// Checks what is given against the patterns, lengths and bounds of the template, as far as they can be known here.
pub fn check_limits(
    document: &Document<'_>,
    parameters: &[Parameter],
    given: &BTreeMap<String, Sent>,
) -> Result<(), ParameterError> {
    for (name, sent) in given {
        let parameter = parameters.iter().find(|parameter| parameter.name == *name);
        // What is read from SSM is checked there.
        let parameter = parameter.filter(|parameter| !parameter.kind.starts_with("AWS::SSM::"));
        let (Some(parameter), Sent::Value(value)) = (parameter, sent) else { continue };
        if let Some(reason) = not_allowed(document, name, value) {
            let hidden = || format!("the template does not allow the value of parameter `{name}`");
            let reason = if parameter.no_echo { hidden() } else { reason };
            return Err(ParameterError::Limited { name: name.clone(), reason });
        }
    }
    Ok(())
}

/// What is sent for each parameter of the template. `previous` is what the stack has, if there is one. `contents` are the
/// parameters that say together where the content of one layer lies.
pub fn choose(
    parameters: &[Parameter],
    carriers: &BTreeMap<String, Carries>,
    contents: &[BTreeSet<String>],
    given: &BTreeMap<String, Sent>,
    previous: Option<&BTreeMap<String, String>>,
) -> Result<Chosen, ParameterError> {
    check(parameters, given)?;
    let mut chosen = Chosen::default();
    let mut missing = Vec::new();
    let mut seen = BTreeSet::new();
    // A content that is not known is asked for.
    let default = |parameter: &Parameter| {
        let default = parameter.default.clone();
        let is_content = carriers.get(&parameter.name) == Some(&Carries::Content);
        default.filter(|default| !is_content || !is_placeholder(default))
    };
    // The object's version belongs to the object: one that the stack has is none of another.
    let moves = |name: &String| {
        let together = contents.iter().filter(|content| content.contains(name)).flatten();
        together.filter_map(|name| parameters.iter().find(|parameter| parameter.name == *name)).any(|other| {
            let new = match given.get(&other.name) {
                Some(Sent::Value(value)) => Some(value.clone()),
                Some(Sent::Previous) => None,
                None => default(other).filter(|default| !default.is_empty()),
            };
            let old = previous.and_then(|previous| previous.get(&other.name));
            new.is_some_and(|new| old != Some(&new))
        })
    };
    for parameter in parameters {
        let name = &parameter.name;
        if !seen.insert(name) {
            continue;
        }
        let old = previous.and_then(|previous| previous.get(name));
        let carries = carriers.get(name);
        let mut send = |sent: Sent| chosen.sent.push((name.clone(), sent));
        match (given.get(name), old, &default(parameter), carries) {
            (Some(Sent::Previous), None, ..) => return Err(ParameterError::NoPrevious(name.clone())),
            (Some(sent), ..) => send(sent.clone()),
            (None, Some(_), Some(new), Some(Carries::Content)) if new.is_empty() && !moves(name) => {
                send(Sent::Previous);
            }
            (None, Some(old), Some(new), Some(carries)) => {
                send(Sent::Value(new.clone()));
                if old != new {
                    let (name, old, new) = (name.clone(), old.clone(), new.clone());
                    chosen.taken.push(Taken { name, carries: *carries, old, new });
                }
            }
            (None, Some(_), ..) => send(Sent::Previous),
            (None, None, Some(_), _) => {}
            (None, None, None, _) => missing.push(parameter.clone()),
        }
    }
    if missing.is_empty() { Ok(chosen) } else { Err(ParameterError::Missing(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, default: Option<&str>) -> Parameter {
        Parameter {
            name: name.to_owned(),
            kind: "String".to_owned(),
            default: default.map(str::to_owned),
            description: Some(format!("what {name} is for")),
            allowed: Vec::new(),
            no_echo: false,
        }
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Sent> {
        map(pairs).into_iter().map(|(name, value)| (name, Sent::Value(value))).collect()
    }

    #[test]
    fn values_stay_unless_they_are_given_or_carry_a_layer() {
        let parameters = [
            parameter("Stage", Some("dev")),
            parameter("Bucket", None),
            parameter("Version", Some("2")),
            parameter("Same", Some("x")),
            parameter("New", Some("n")),
        ];
        let carriers = [("Version", Carries::LayerVersion), ("Same", Carries::Content)]
            .map(|(name, carries)| (name.to_owned(), carries))
            .into();
        let previous = map(&[("Stage", "prod"), ("Bucket", "b"), ("Version", "1"), ("Same", "x")]);
        let chosen =
            choose(&parameters, &carriers, &[], &given(&[("Bucket", "c")]), Some(&previous)).unwrap();
        let value = |text: &str| Sent::Value(text.to_owned());
        let expected = [
            ("Stage", Sent::Previous),
            ("Bucket", value("c")),
            ("Version", value("2")),
            ("Same", value("x")),
        ];
        assert_eq!(chosen.sent, expected.map(|(name, sent)| (name.to_owned(), sent)));
        let taken = Taken {
            name: "Version".to_owned(),
            carries: Carries::LayerVersion,
            old: "1".to_owned(),
            new: "2".to_owned(),
        };
        assert_eq!(chosen.taken, [taken]);
        // A value that is given counts more than the template's.
        let chosen =
            choose(&parameters, &carriers, &[], &given(&[("Version", "9")]), Some(&previous)).unwrap();
        assert!(chosen.taken.is_empty() && chosen.sent.contains(&("Version".to_owned(), value("9"))));
    }

    #[test]
    fn a_content_that_the_template_does_not_know_is_kept_or_asked_for() {
        // As our own starter says it.
        let parameters = [
            parameter("S3Bucket", None),
            parameter("S3Key", Some("DEMO_LAYER_PLACEHOLDER")),
            parameter("S3ObjectVersion", Some("")),
        ];
        let contents = [BTreeSet::from(["S3Key", "S3ObjectVersion"].map(str::to_owned))];
        let chosen = |parameters: &[Parameter], pairs: &[(&str, &str)], previous: Option<&[(&str, &str)]>| {
            let names = ["S3Key", "S3ObjectVersion"];
            let carriers = names.map(|name| (name.to_owned(), Carries::Content)).into();
            let chosen = choose(parameters, &carriers, &contents, &given(pairs), previous.map(map).as_ref())?;
            Ok::<_, ParameterError>(chosen.sent.into_iter().map(|(_, sent)| sent).collect::<Vec<_>>())
        };
        let old: &[(&str, &str)] = &[("S3Bucket", "b"), ("S3Key", "k"), ("S3ObjectVersion", "v")];
        let value = |text: &str| Sent::Value(text.to_owned());
        let kept = || Sent::Previous;
        assert_eq!(chosen(&parameters, &[], Some(old)).unwrap(), [kept(), kept(), kept()]);
        let error = chosen(&parameters, &[("S3Bucket", "b")], None).unwrap_err();
        assert_eq!(error.hint().unwrap(), "give them with `--parameters S3Key=…`");
        // The version of another object is none of this one.
        let moved = [kept(), value("l"), value("")];
        assert_eq!(chosen(&parameters, &[("S3Key", "l")], Some(old)).unwrap(), moved);
        assert_eq!(chosen(&parameters, &[("S3Key", "k")], Some(old)).unwrap(), [kept(), value("k"), kept()]);
        let mut bumped = parameters.clone();
        bumped[1].default = Some("l".to_owned());
        assert_eq!(chosen(&bumped, &[], Some(old)).unwrap(), moved);
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let parameters = [parameter("One", None), parameter("Two", Some("2")), parameter("Three", None)];
        let error = choose(&parameters, &BTreeMap::new(), &[], &BTreeMap::new(), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the template needs values for 2 parameters:\n  One (String): what One is for\n  Three (String): what Three is for"
        );
        assert_eq!(error.hint().unwrap(), "give them with `--parameters One=… Three=…`");
    }

    #[test]
    fn slips_are_known_before_anything_is_asked() {
        let mut stage = parameter("Stage", None);
        stage.allowed = vec!["dev".to_owned(), "prod".to_owned()];
        let parameters = [stage];
        let error = |pairs: &[(&str, &str)]| check(&parameters, &given(pairs)).unwrap_err();
        assert_eq!(
            error(&[("Stag", "dev")]).to_string(),
            "the template has no parameter `Stag`; did you mean `Stage`?"
        );
        assert_eq!(error(&[("Stage", "test")]).to_string(), "parameter `Stage` cannot be `test`");
        assert_eq!(error(&[("Stage", "test")]).hint().unwrap(), "it may be `dev`, `prod`");
        let twice = ["a", "b"].map(|value| ("Stage".to_owned(), Sent::Value(value.to_owned())));
        assert_eq!(given_once(&twice).unwrap_err(), ParameterError::Twice("Stage".to_owned()));
    }
}
