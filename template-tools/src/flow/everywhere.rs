//! Whatever of a template comes to the ARN of a LayerVersion, in the `Layers` of a function or anywhere else: for those
//! who must not overlook one, and edit none.

use super::evaluate::Evaluator;
use super::value::{Home, Value};
use super::{Flow, Outside, Reader, Reason};
use crate::document::{Content, Document, NodeId};
use crate::pattern::{ArnPattern, NoPattern};

/// What a template comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Everywhere {
    /// Every ARN.
    pub patterns: Vec<ArnPattern>,
    /// Every text that is the ARN of a layer in its form, as far as it is known, and why it is not known.
    pub unread: Vec<(String, Reason)>,
    /// Whether there was more to it than is looked at.
    pub gave_up: bool,
}

/// Finds everything that comes to an ARN. Texts that `Fn::ForEach` makes are those of functions only ([`super::flow`]).
pub fn everywhere(document: &Document<'_>, outside: &Outside<'_>) -> Everywhere {
    let (mut found, mut flow) = (Everywhere::default(), Flow::default());
    for &root in document.roots() {
        let reader = Reader {
            evaluator: Evaluator::new(document, root, outside.given),
            outside,
            flow: &mut flow,
            known: std::collections::BTreeMap::new(),
            not: std::collections::BTreeMap::new(),
            in_loops: 0,
        };
        look(&reader, root, &mut found);
    }
    found
}

fn look(reader: &Reader<'_, '_, '_>, root: NodeId, found: &mut Everywhere) {
    let document = reader.evaluator.document;
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        let node = match document.node(node).content {
            // What an alias stands for is looked at where it stands.
            Content::Alias(_) => continue,
            _ => node,
        };
        let call = document.intrinsic(node);
        let is_text = matches!(document.node(node).content, Content::Scalar { .. });
        if call.is_some() || is_text {
            reader.evaluator.texts(node, &Home::Entry).iter().for_each(|value| take(reader, value, found));
        }
        let (inner, name) = match &call {
            Some(call) => (call.argument, call.name.as_ref()),
            None => (node, ""),
        };
        match document.items(inner) {
            // The text of `Fn::Sub` has been read, and means nothing by itself.
            Some(items) if name == "Fn::Sub" => waiting.extend(items.iter().skip(1)),
            // Nor do the pieces of `Fn::Join`, unless they are expressions.
            Some(items) if name == "Fn::Join" => {
                let pieces = items.iter().flat_map(|item| match document.intrinsic(*item) {
                    Some(_) => std::slice::from_ref(item),
                    None => document.items(*item).unwrap_or_default(),
                });
                waiting.extend(pieces.filter(|piece| document.intrinsic(**piece).is_some()));
            }
            Some(items) => waiting.extend(items),
            None => waiting.extend(document.pairs(inner).iter().map(|(_, value)| *value)),
        }
    }
}

fn take(reader: &Reader<'_, '_, '_>, value: &Value, found: &mut Everywhere) {
    if value.wholly_unknown() == Some(&Reason::TooMany) || value.reason_of("…") == Some(&Reason::TooMany) {
        found.gave_up = true;
    }
    if value.absent || !value.text.contains("layer:") {
        return;
    }
    match reader.pattern(value) {
        Ok((pattern, ..)) => found.patterns.push(pattern),
        // It is put together from several pieces: what it says is known all the same.
        Err(Reason::Pieces) => found.patterns.extend(reader.outside.placeholders.parse(&value.text).ok()),
        Err(Reason::Text(NoPattern::NotAnArn | NoPattern::VariableWithoutSub(_))) => {
            // A list in one text.
            for part in value.split(",").iter().filter(|part| part.text != value.text) {
                take(reader, part, found);
            }
        }
        Err(reason) => found.unread.push((value.text.clone(), reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::Region;
    use crate::document::parse;
    use crate::flow::Given;

    fn found(text: &str, given: &[(&str, &str)]) -> Everywhere {
        let document = parse(text).unwrap();
        let given =
            given.iter().map(|&(name, value)| Given { name: name.to_owned(), value: value.to_owned() });
        let given = given.collect::<Vec<_>>();
        let region = Some(Region::new("eu-west-1").unwrap());
        everywhere(&document, &Outside { given: &given, region, ..Outside::default() })
    }

    #[track_caller]
    fn check(text: &str, given: &[(&str, &str)], expected: &[&str]) {
        let found = found(text, given);
        let mut shown = found
            .patterns
            .iter()
            .map(|pattern| format!("{}:{}", pattern.layer, pattern.version))
            .collect::<Vec<_>>();
        shown.extend(found.unread.iter().map(|(text, reason)| format!("{text}: {reason}")));
        shown.sort();
        shown.dedup();
        assert_eq!(shown, expected);
    }

    #[test]
    fn arns_are_found_wherever_they_stand_and_however_they_are_made() {
        check("A: arn:aws:lambda:eu-west-1:123456789012:layer:sosw:7\n", &[], &["sosw:7"]);
        check(
            "A: [{B: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:7'}]\n",
            &[],
            &["sosw:7"],
        );
        let join =
            "A: !Join [':', ['arn:aws:lambda', !Ref AWS::Region, !Ref AWS::AccountId, 'layer:sosw', 7]]\n";
        check(join, &[], &["sosw:7"]);
        let joined = "A: !Join ['', ['arn:aws:lambda:eu-west-1:123456789012:layer:sosw:', '1', '7']]\n";
        check(joined, &[], &["sosw:17"]);
        let list = "A: 'arn:aws:lambda:eu-west-1:123456789012:layer:a:1, arn:aws:lambda:eu-west-1:123456789012:layer:b:2'\n";
        check(list, &[], &["a:1", "b:2"]);
        check("A: !If [C, !Sub 'arn:aws:lambda:eu-west-1:123456789012:layer:sosw:7', x]\n", &[], &["sosw:7"]);
        check(
            "A: {Fn::If: [C, [arn:aws:lambda:eu-west-1:123456789012:layer:sosw:7], []]}\n",
            &[],
            &["sosw:7"],
        );
    }

    #[test]
    fn parameters_that_are_given_count_and_what_is_not_known_is_named() {
        let text = "Parameters: {V: {Type: String}}\n\
                    A: !Sub 'arn:aws:lambda:eu-west-1:123456789012:layer:sosw:${V}'\n";
        check(text, &[("V", "7")], &["sosw:7"]);
        let unread = "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:${V}: the version is not known: parameter `V` \
                      has no default: its value is set where the stack is deployed";
        check(text, &[], &[unread]);
        check("A: !Ref Bucket\nB: !GetAtt X.Arn\nC: 'layer: cake'\n", &[], &[]);
    }

    #[test]
    fn rows_of_other_regions_are_told_apart() {
        let text = "Mappings: {M: {eu-west-1: {V: '7'}, us-east-1: {V: '9'}}}\n\
                    A: !Sub ['arn:aws:lambda:${AWS::Region}:123456789012:layer:sosw:${V}', {V: !FindInMap [M, !Ref AWS::Region, V]}]\n";
        let here =
            |pattern: &&ArnPattern| pattern.region == crate::pattern::Part::Is("eu-west-1".parse().unwrap());
        let found = found(text, &[]);
        assert_eq!(
            found.patterns.iter().filter(here).map(|pattern| pattern.version.to_string()).collect::<Vec<_>>(),
            ["7"]
        );
        assert_eq!(found.patterns.len(), 2);
    }
}
