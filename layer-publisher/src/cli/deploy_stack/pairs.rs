//! Parameters and tags, in the forms that the AWS CLI and SAM know.

use serde_json::Value;
use thiserror::Error;

use crate::stack::parameters::Sent;

/// What is wrong with a pair.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct PairError(String);

impl From<String> for PairError {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// `K=V`, `ParameterKey=K,ParameterValue=V`, `ParameterKey=K,UsePreviousValue=true`, `file://FILE`.
pub(super) fn parameters(words: &[String]) -> Result<Vec<(String, Sent)>, String> {
    let mut all = Vec::new();
    for word in words {
        if let Some(path) = word.strip_prefix("file://") {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("failed to read the parameters in `{path}`: {error}"))?;
            let value = serde_json::from_str(&text)
                .map_err(|error| format!("failed to parse the parameters in `{path}`: {error}"))?;
            all.extend(of_json(&value).ok_or_else(|| {
                format!(
                    "`{path}` holds no parameters: they are a list of `ParameterKey` and `ParameterValue`, of `KEY=VALUE`, or an object"
                )
            })?);
        } else {
            all.push(of_word(word)?);
        }
    }
    Ok(all)
}

fn of_word(word: &str) -> Result<(String, Sent), String> {
    let wrong = || {
        format!(
            "`{word}` is no parameter: it looks like `KEY=VALUE`, or `ParameterKey=KEY,ParameterValue=VALUE`"
        )
    };
    if let Some(rest) = word.strip_prefix("ParameterKey=") {
        let (key, rest) = rest.split_once(',').ok_or_else(wrong)?;
        if let Some(previous) = rest.strip_prefix("UsePreviousValue=") {
            return if previous == "true" { Ok((key.to_owned(), Sent::Previous)) } else { Err(wrong()) };
        }
        let value = rest.strip_prefix("ParameterValue=").ok_or_else(wrong)?;
        return Ok((key.to_owned(), Sent::Value(shorthand(value))));
    }
    let (key, value) = word.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
    Ok((key.to_owned(), Sent::Value(value.to_owned())))
}

/// A value in the AWS CLI's short form: in quotes, or with commas escaped.
fn shorthand(value: &str) -> String {
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    match quoted('"').or_else(|| quoted('\'')) {
        Some(inner) => inner.replace("\\\"", "\""),
        None => value.replace("\\,", ","),
    }
}

fn of_json(value: &Value) -> Option<Vec<(String, Sent)>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    match value {
        Value::Object(object) => {
            // As CodePipeline has it.
            if let Some(inner @ Value::Object(_)) = object.get("Parameters") {
                return of_json(inner);
            }
            object.iter().map(|(key, value)| Some((key.clone(), Sent::Value(text(value)?)))).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(word) => of_word(word).ok(),
                Value::Object(pair) => {
                    let key = pair.get("ParameterKey")?.as_str()?.to_owned();
                    let sent = match pair.get("UsePreviousValue") {
                        Some(Value::Bool(true)) => Sent::Previous,
                        _ => Sent::Value(text(pair.get("ParameterValue")?)?),
                    };
                    Some((key, sent))
                }
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// `K=V`, or `Key=K,Value=V`.
pub(super) fn tags(words: &[String]) -> Result<Vec<(String, String)>, String> {
    let one = |word: &String| {
        let long = word.strip_prefix("Key=").and_then(|rest| rest.split_once(",Value="));
        let pair = long.or_else(|| word.split_once('=')).filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| {
            format!("`{word}` is no tag: it looks like `KEY=VALUE`, or `Key=KEY,Value=VALUE`")
        })?;
        Ok((key.to_owned(), value.to_owned()))
    };
    words.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_the_tools_around_are_read() {
        let value = |text: &str| Sent::Value(text.to_owned());
        let one = |word: &str| of_word(word).unwrap();
        assert_eq!(one("A=1=2"), ("A".to_owned(), value("1=2")));
        assert_eq!(one("ParameterKey=A,ParameterValue=x"), ("A".to_owned(), value("x")));
        assert_eq!(one("ParameterKey=A,ParameterValue=x\\,y"), ("A".to_owned(), value("x,y")));
        assert_eq!(one("ParameterKey=A,ParameterValue=\"x,y\""), ("A".to_owned(), value("x,y")));
        assert_eq!(one("ParameterKey=A,UsePreviousValue=true"), ("A".to_owned(), Sent::Previous));
        for wrong in ["A", "=1", "ParameterKey=A", "ParameterKey=A,Value=x"] {
            assert!(of_word(wrong).is_err(), "{wrong}");
        }
        for text in [
            r#"[{"ParameterKey": "A", "ParameterValue": "1"}]"#,
            r#"{"A": 1}"#,
            r#"["A=1"]"#,
            r#"{"Parameters": {"A": "1"}}"#,
        ] {
            let all = of_json(&serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!(all, [("A".to_owned(), value("1"))], "{text}");
        }
        assert!(of_json(&serde_json::from_str("[1]").unwrap()).is_none());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let words = ["team=x".to_owned(), "Key=a,Value=b=c".to_owned()];
        assert_eq!(tags(&words).unwrap(), [pair("team", "x"), pair("a", "b=c")]);
    }
}
