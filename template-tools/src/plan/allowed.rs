//! Which values a parameter of a template takes: its `Type`, `AllowedValues`, `AllowedPattern`, `MinValue` and the others.

use regex::Regex;

use crate::document::{Document, NodeId};

/// Why CloudFormation would not take a value for a parameter; nothing where it does, or where that cannot be told, as with
/// patterns that only Java has.
pub fn not_allowed(document: &Document<'_>, parameter: &str, value: &str) -> Option<String> {
    let sections = document.roots().iter().flat_map(|root| document.values(*root, "Parameters"));
    let mut found = sections.flat_map(|section| document.values(section, parameter));
    let reason = found.find_map(|node| Limits { document, node }.against(value))?;
    Some(format!("{} of parameter `{parameter}`", reason.0) + &reason.1)
}

struct Limits<'d, 't> {
    document: &'d Document<'t>,
    node: NodeId,
}

impl Limits<'_, '_> {
    /// The limit, and what it says.
    fn against(&self, value: &str) -> Option<(String, String)> {
        let is_list =
            self.text("Type").is_some_and(|kind| kind == "CommaDelimitedList" || kind.starts_with("List<"));
        let items: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
        items.iter().find_map(|item| self.against_item(item)).or_else(|| self.against_length(value))
    }

    fn against_item(&self, value: &str) -> Option<(String, String)> {
        let lists = self.document.values(self.node, "AllowedValues");
        let misses = |list: &NodeId| {
            let mut items = self.document.items(*list).into_iter().flatten();
            !items.any(|item| self.document.scalar(*item) == Some(value))
        };
        if lists.iter().any(misses) {
            return Some(("the `AllowedValues`".to_owned(), format!(" do not hold `{value}`")));
        }
        if let Some(pattern) = self.text("AllowedPattern")
            && Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| !regex.is_match(value))
        {
            return Some((
                "the `AllowedPattern`".to_owned(),
                format!(", `{pattern}`, does not match `{value}`"),
            ));
        }
        let Ok(number) = value.parse::<f64>() else {
            let kind = self.text("Type").filter(|kind| ["Number", "List<Number>"].contains(kind))?;
            return Some(("the `Type`".to_owned(), format!(" is `{kind}`, which `{value}` is not")));
        };
        let is_beyond = |key: &str, beyond: fn(f64, f64) -> bool| {
            let limit = self.text(key)?;
            let is_beyond = limit.parse().is_ok_and(|limit| beyond(number, limit));
            is_beyond
                .then(|| (format!("the `{key}`"), format!(" is {limit}, and the value would be {value}")))
        };
        is_beyond("MaxValue", |number, limit| number > limit)
            .or_else(|| is_beyond("MinValue", |number, limit| number < limit))
    }

    fn against_length(&self, value: &str) -> Option<(String, String)> {
        let length = value.chars().count();
        let is_beyond = |key: &str, beyond: fn(usize, usize) -> bool| {
            let limit = self.text(key)?;
            let is_beyond = limit.parse().is_ok_and(|limit| beyond(length, limit));
            is_beyond.then(|| (format!("the `{key}`"), format!(" is {limit}, and `{value}` has {length}")))
        };
        is_beyond("MaxLength", |length, limit| length > limit)
            .or_else(|| is_beyond("MinLength", |length, limit| length < limit))
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.document.values(self.node, key).into_iter().find_map(|value| self.document.scalar(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[track_caller]
    fn check(limits: &str, value: &str, expected: Option<&str>) {
        let text = format!("Parameters: {{V: {{{limits}}}}}\n");
        assert_eq!(not_allowed(&parse(&text).unwrap(), "V", value).as_deref(), expected);
    }

    #[test]
    fn every_limit_of_a_parameter_counts() {
        check("Type: Number", "12", None);
        let kind =
            |kind: &str| format!("the `Type` of parameter `V` is `{kind}`, which `X_PLACEHOLDER` is not");
        check("Type: Number", "X_PLACEHOLDER", Some(&kind("Number")));
        check("Type: List<Number>", "12, X_PLACEHOLDER", Some(&kind("List<Number>")));
        check("Type: String", "X_PLACEHOLDER", None);
        check("Type: AWS::SSM::Parameter::Value<List<Number>>", "/a/name", None);
        check("Type: Number, MaxValue: 12, MinValue: 12", "12", None);
        check("MaxValue: 10", "12", Some("the `MaxValue` of parameter `V` is 10, and the value would be 12"));
        check(
            "MinValue: '13'",
            "12",
            Some("the `MinValue` of parameter `V` is 13, and the value would be 12"),
        );
        check("MaxLength: 1", "12", Some("the `MaxLength` of parameter `V` is 1, and `12` has 2"));
        check("MinLength: 3", "12", Some("the `MinLength` of parameter `V` is 3, and `12` has 2"));
        // A pattern has to match the whole.
        let pattern = Some("the `AllowedPattern` of parameter `V`, `[0-9]`, does not match `12`");
        check("AllowedPattern: '[0-9]'", "12", pattern);
        check("AllowedPattern: '[0-9]+'", "12", None);
        check("AllowedPattern: '(?=only Java)'", "12", None);
        check("AllowedValues: [7, 8]", "12", Some("the `AllowedValues` of parameter `V` do not hold `12`"));
        check("Type: CommaDelimitedList, AllowedValues: [a, b]", "b, a", None);
        check(
            "Type: CommaDelimitedList, AllowedPattern: '[a-z]'",
            "b,aa",
            Some("the `AllowedPattern` of parameter `V`, `[a-z]`, does not match `aa`"),
        );
    }
}
