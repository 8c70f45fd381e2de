//! Layers that are read by dynamic references, `{{resolve:ssm:NAME}}`. CloudFormation does not notice when the parameter
//! behind one changes; it does when the reference names another version of the parameter, `{{resolve:ssm:NAME:4}}`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::document::{Content, Document, NodeId};
use crate::edit::{Edit, ProofError, apply};
use crate::flow::flow;
use crate::pattern::{ArnPattern, Placeholders};

const START: &str = "{{resolve:ssm:";
const END: &str = "}}";

/// A dynamic reference in the place of a layer, or of a part of its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicReference {
    /// The parameter of Systems Manager.
    pub name: String,
    /// The version of the parameter, if the reference names one.
    pub version: Option<u64>,
    /// The functions that have the layer, by their logical ids.
    pub functions: BTreeSet<String>,
    leaf: NodeId,
    /// The whole reference, in bytes of what the scalar means.
    whole: Range<usize>,
}

/// All that stand in the `Layers` of functions.
pub fn dynamic_references(document: &Document<'_>) -> Vec<DynamicReference> {
    let flow = flow(document);
    let mut found = Vec::<DynamicReference>::new();
    for unread in &flow.unread {
        let functions = flow.reached(&unread.functions).into_iter();
        let functions = functions.map(|index| flow.functions[index].name.clone()).collect::<BTreeSet<_>>();
        for (leaf, node) in document.nodes_in(&document.below(unread.node)) {
            let Content::Scalar { value, .. } = &node.content else { continue };
            for (start, _) in value.match_indices(START) {
                let rest = &value[start + START.len()..];
                let Some(end) = rest.find(END) else { continue };
                let whole = start..start + START.len() + end + END.len();
                if let Some(known) = found.iter_mut().find(|one| one.leaf == leaf && one.whole == whole) {
                    known.functions.extend(functions.iter().cloned());
                    continue;
                }
                let text = &rest[..end];
                let versioned =
                    text.rsplit_once(':').and_then(|(name, number)| Some((name, number.parse().ok()?)));
                let (name, version) = versioned.map_or((text, None), |(name, number)| (name, Some(number)));
                let (name, functions) = (name.to_owned(), functions.clone());
                found.push(DynamicReference { name, version, functions, leaf, whole });
            }
        }
    }
    found
}

impl DynamicReference {
    /// The layer, if the parameter has this value. Nothing if that makes none.
    pub fn resolved(&self, document: &Document<'_>, value: &str) -> Option<ArnPattern> {
        let text = document.scalar(self.leaf)?;
        let text = format!("{}{value}{}", text.get(..self.whole.start)?, text.get(self.whole.end..)?);
        Placeholders::default().parse(&text).ok()
    }
}

/// The text of the template with these versions of the parameters in the references. Nothing else may differ.
pub fn with_parameter_versions(
    document: &Document<'_>,
    versions: &[(&DynamicReference, u64)],
) -> Result<String, ProofError> {
    let edit = |(one, version): &(&DynamicReference, u64)| {
        let (leaf, part) = (one.leaf, one.whole.clone());
        let new = format!("{START}{}:{version}{END}", one.name);
        let range = document.range_of(leaf, &part)?;
        Some(Edit { leaf, part, range, new })
    };
    apply(document, &versions.iter().filter_map(edit).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse;

    #[test]
    fn references_are_found_resolved_and_brought_to_a_version() {
        let text = |one: &str, two: &str| {
            format!(
                "Globals: {{Function: {{Layers: ['{{{{resolve:ssm:/layers/sosw{one}}}}}']}}}} # here\nResources:\n  \
                 F: {{Type: AWS::Serverless::Function, Properties: {{Role: '{{{{resolve:ssm:role}}}}'}}}}\n  \
                 G:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers:\n        \
                 - !Sub \"arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:sosw:{{{{resolve:ssm:number{two}}}}}\"\n"
            )
        };
        let before = text("", ":3");
        let document = parse(&before).unwrap();
        let found = dynamic_references(&document);
        let shown = found.iter().map(|one| {
            let functions = one.functions.iter().map(String::as_str).collect::<Vec<_>>().join("+");
            format!("{} {:?} {functions}", one.name, one.version)
        });
        assert_eq!(shown.collect::<Vec<_>>(), ["/layers/sosw None F", "number Some(3) G"]);
        let arn = "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:7";
        assert_eq!(found[0].resolved(&document, arn).unwrap().version.to_string(), "7");
        assert_eq!(found[1].resolved(&document, "8").unwrap().version.to_string(), "8");
        assert_eq!(found[1].resolved(&document, arn), None);
        let after = with_parameter_versions(&document, &[(&found[0], 5), (&found[1], 12)]).unwrap();
        assert_eq!(after, text(":5", ":12"));
    }
}
