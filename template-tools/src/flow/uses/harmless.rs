//! Other uses of a version to which a new number can do no harm.

use std::ops::Range;

use super::{Step, Uses, is_loop};
use crate::document::NodeId;
use crate::flow::Reference;
use crate::flow::evaluate::Evaluator;
use crate::flow::value::{Home, Source, Value};

impl<'d, 't> Uses<'d, 't> {
    /// A comparison with a text that is neither the old nor the new one.
    pub(super) fn compares_as_before(
        &self,
        comparison: NodeId,
        place: NodeId,
        source: Source,
        part: &Range<usize>,
        new: &str,
    ) -> bool {
        let document = self.document;
        let old = match source {
            Source::Leaf(leaf) => document.scalar(leaf),
            Source::Given(number) => self.given.get(number).map(|given| given.value.as_str()),
        };
        let Some(call) = document.intrinsic(comparison) else { return false };
        let (Some(old), Some([one, other])) = (old, document.items(call.argument)) else { return false };
        let with = if *one == place { other } else { one };
        if ![one, other].contains(&&place) || document.intrinsic(*with).is_some() {
            return false;
        }
        let (Some(before), Some(after)) = (old.get(..part.start), old.get(part.end..)) else { return false };
        let new = [before, new, after].concat();
        document.scalar(*with).is_some_and(|with| with != old && with != new)
    }

    /// A comparison of something that is put together with nothing: it was something, and is.
    pub(super) fn stays_filled(
        &self,
        evaluator: &Evaluator<'d, 't>,
        comparison: NodeId,
        place: NodeId,
    ) -> bool {
        let document = self.document;
        let sides = document.intrinsic(comparison).and_then(|call| document.items(call.argument));
        let Some([one, other]) = sides else { return false };
        let (side, with) = if document.below(*one).contains(&place) { (one, other) } else { (other, one) };
        let is_nothing = document.intrinsic(*with).is_none() && document.scalar(*with) == Some("");
        let texts = evaluator.texts(*side, &Home::Entry);
        is_nothing
            && ["Fn::Join", "Fn::Select", "Fn::Sub"].iter().any(|name| self.calls(*side, name))
            && !texts.is_empty()
            && texts.iter().all(|value| !value.text.is_empty())
    }

    /// An `Fn::Select` that takes another item of the list.
    pub(super) fn chooses_another(
        &self,
        evaluator: &Evaluator<'d, 't>,
        way: &[Step<'d>],
        reference: &Reference,
    ) -> bool {
        let document = self.document;
        let Some(select) = way.iter().rev().find(|step| self.calls(step.node, "Fn::Select")) else {
            return false;
        };
        let items = document.intrinsic(select.node).and_then(|call| document.items(call.argument));
        let Some([index, _]) = items else { return false };
        let texts = evaluator.texts(select.node, &Home::Entry);
        let takes_it = |value: &Value| value.places_of(reference.source, &reference.part).next().is_some();
        document.intrinsic(*index).is_none()
            && !texts.is_empty()
            && texts.iter().all(|value| value.wholly_unknown().is_none() && !takes_it(value))
    }

    /// `<<` that brings the `Layers` of one function into another: one more reference.
    pub(super) fn is_merged_into_layers(
        &self,
        root: NodeId,
        way: &[Step<'d>],
        place: NodeId,
        source: Source,
    ) -> bool {
        let Source::Leaf(leaf) = source else { return false };
        if !way.iter().any(|step| step.name == Some("<<")) {
            return false;
        }
        let on = self.way(self.document.resolve(place), leaf);
        let names = way.iter().chain(&on).filter_map(|step| step.name).filter(|name| *name != "<<");
        match names.collect::<Vec<_>>()[..] {
            ["Globals", "Function", "Layers", ..] => true,
            ["Resources", resource, "Properties", "Layers", ..] => {
                self.is_of_kind(root, resource, &["AWS::Lambda::Function", "AWS::Serverless::Function"])
            }
            _ => false,
        }
    }

    pub(super) fn calls(&self, node: NodeId, name: &str) -> bool {
        self.document.intrinsic(node).is_some_and(|call| call.name == name)
    }

    pub(super) fn stands_where_it_does_no_harm(&self, root: NodeId, way: &[Step<'d>]) -> bool {
        let mut names: Vec<&str> = Vec::new();
        let mut steps = way.iter();
        while let Some(step) = steps.next() {
            if is_loop(step) {
                // The body of a loop is what stands there in its place.
                steps.next();
            } else {
                names.push(step.name.unwrap_or_default());
            }
        }
        match names[..] {
            ["Outputs" | "Metadata" | "Description", ..]
            | ["Globals", _, "Environment" | "Tags" | "Description" | "VersionDescription", ..]
            | ["Resources", _, "Metadata", ..]
            | [] => true,
            ["Resources", resource, "Properties", "Parameters", parameter, ..] => {
                let stacks = ["AWS::CloudFormation::Stack", "AWS::Serverless::Application"];
                parameter.to_ascii_lowercase().contains("layer") && self.is_of_kind(root, resource, &stacks)
            }
            ["Resources", _, "Properties", property, ..] => {
                matches!(property, "Environment" | "Tags" | "Description" | "VersionDescription")
            }
            // A place where only anchors can be kept.
            [section, ..] => !matches!(
                section,
                "Resources"
                    | "Globals"
                    | "Conditions"
                    | "Rules"
                    | "Parameters"
                    | "Mappings"
                    | "Transform"
                    | "Hooks"
            ),
        }
    }

    fn is_of_kind(&self, root: NodeId, name: &str, wanted: &[&str]) -> bool {
        let document = self.document;
        let resources = document.values(root, "Resources").into_iter();
        let mut kinds = resources
            .flat_map(|resources| document.values(resources, name))
            .flat_map(|resource| document.values(resource, "Type"))
            .filter_map(|kind| document.scalar(kind));
        kinds.any(|kind| wanted.contains(&kind))
    }
}
