//! What is to be done to one template: text and pins in, the new text or the reasons against it out.
//!
//! Pure, and the whole of the decision for one file. What several files decide together (whether a layer's account is
//! clear, whether a refusal stops the run) is the business of the command.

use std::collections::BTreeSet;

use crate::arn::{AccountId, LayerName};
use crate::document::{Document, ParseError, Position, parse};
use crate::edit::{Edit, ProofError, apply};
use crate::flow::{Flow, Given, Home, Outside, Reference, Uses, flow_with};
use crate::kind::{Kind, kind};
use crate::pattern::{Placeholders, VersionPart};
use crate::pins::{Pin, Pins};

mod allowed;
mod deployed;
mod dynamic;
mod fit;
mod left;
mod references;

pub use allowed::not_allowed;
pub use deployed::{DeployedPlan, plan_deployed};
pub use dynamic::{DynamicReference, dynamic_references, with_parameter_versions};
pub(crate) use fit::misfit;
pub use left::comments;
pub(crate) use references::{Decision, decide, downgrade};

/// Whether a reference may be brought to a lower version than it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Downgrades {
    /// It is refused, unless the version that stands there was withdrawn.
    #[default]
    Refused,
    /// It is done.
    Allowed,
}

/// Whether a function may get a layer that was not made for its runtime or architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unfit {
    /// It is refused.
    #[default]
    Refused,
    /// It is done.
    Allowed,
}

/// What references become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Goal {
    /// The pinned versions.
    #[default]
    Versions,
    /// The layer's placeholder.
    Placeholder,
}

/// Whether a file takes part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// If it is a template.
    #[default]
    IfTemplate,
    /// Whatever it is.
    Forced,
    /// It stays as it is, for this reason.
    Excluded(&'static str),
}

/// What is wanted of templates.
#[derive(Clone, Debug)]
pub struct Wanted<'p> {
    /// The versions.
    pub pins: &'p Pins,
    /// Older versions.
    pub downgrades: Downgrades,
    /// Layers for other runtimes.
    pub unfit: Unfit,
    /// What references become.
    pub goal: Goal,
    /// Words that stand for a version.
    pub placeholders: Placeholders,
    /// Whether this file takes part.
    pub part: Part,
}

impl<'p> Wanted<'p> {
    /// These versions, with every other choice the careful one.
    pub fn new(pins: &'p Pins) -> Self {
        Self {
            pins,
            downgrades: Downgrades::default(),
            unfit: Unfit::default(),
            goal: Goal::default(),
            placeholders: Placeholders::default(),
            part: Part::default(),
        }
    }
}

/// A reference that gets another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bump {
    /// Where the version stands.
    pub position: Position,
    /// The layer.
    pub layer: LayerName,
    /// What stands there.
    pub from: VersionPart,
    /// What it gets.
    pub to: VersionPart,
    /// The part of the template that it stands in.
    pub home: Home,
}

/// A place that names a layer and is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Where it is.
    pub position: Position,
    /// The layer, if it is known.
    pub layer: Option<LayerName>,
    /// Why it stays.
    pub reason: String,
    /// How much it matters.
    pub weight: Weight,
}

/// How much it matters that a place was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is about another layer, as far as can be told.
    Other,
    /// As it should be: somebody else's layer.
    Expected,
    /// Worth knowing: it is not in the `Layers` of a function.
    Note,
    /// It may have to be brought to the new version by hand.
    Warning,
}

/// What is not done, because it could be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Several pins could be meant.
    #[error("layer `{layer}` could be any of these, which differ:\n{}", lines(.pins))]
    Ambiguous {
        /// The layer.
        layer: LayerName,
        /// All that could be meant.
        pins: Vec<Pin>,
    },
    /// The reference is ahead of the pin.
    #[error("layer `{layer}` has version {from} there, and version {to} is older")]
    Downgrade {
        /// The layer.
        layer: LayerName,
        /// What stands there.
        from: u64,
        /// What is pinned.
        to: u64,
    },
    /// One number is the version of several layers, or in several places, that are to differ.
    #[error("one number stands there for several references, which would get different versions:\n{}", .wanted.join("\n"))]
    Shared {
        /// What each would get.
        wanted: Vec<String>,
    },
    /// The parameter that holds the version does not take the new one.
    #[error("layer `{layer}` cannot get {} there: {reason}", value(.to))]
    NotAllowed {
        /// The layer.
        layer: LayerName,
        /// What it would get, a version or a part of where its content lies.
        to: VersionPart,
        /// The limit of the parameter.
        reason: String,
    },
    /// The number is not only the layer's version.
    #[error("the version of layer `{layer}` is used for something else, too, which would change with it:\n{}", .places.join("\n"))]
    UsedElsewhere {
        /// The layer.
        layer: LayerName,
        /// The other places.
        places: Vec<String>,
    },
    /// One text stands for the contents of several layers, that are to differ.
    #[error("one text stands there for several layers, which would get different ones:\n{}", .wanted.join("\n"))]
    SharedContent {
        /// What each would get.
        wanted: Vec<String>,
    },
    /// What the layer is made of is not only that.
    #[error("what layer `{layer}` has there is used for something else, too, which would change with it:\n{}", .places.join("\n"))]
    ContentUsedElsewhere {
        /// The layer.
        layer: LayerName,
        /// The other places.
        places: Vec<String>,
    },
    /// The layer is not made for the function.
    #[error("function `{function}` has {what} `{has}`, and layer `{layer}` version {version} is made for {}", .made_for.join(", "))]
    Unfit {
        /// The function's logical id.
        function: String,
        /// `runtime` or `architecture`.
        what: &'static str,
        /// What the function has.
        has: String,
        /// The layer.
        layer: LayerName,
        /// The version that it would get.
        version: u64,
        /// What the layer is made for.
        made_for: Vec<String>,
    },
    /// The layer that a template makes is published by these tools.
    #[error(
        "resource `{resource}` makes layer `{layer}`, which the ledger says is published without a template"
    )]
    PublishedByApi {
        /// The resource's logical id.
        resource: String,
        /// The layer.
        layer: LayerName,
    },
    /// Several places of the content could be meant.
    #[error("the content of layer `{layer}` lies in several places, and any could be meant:\n{}", .places.join("\n"))]
    Contents {
        /// The layer.
        layer: LayerName,
        /// All of them.
        places: Vec<String>,
    },
    /// The template names the version of an object that it would get another of, and that one's version is not known.
    #[error(
        "layer `{layer}` gets `{to}` there, whose version the ledger does not know, and `{version}` is that of another object"
    )]
    ObjectVersion {
        /// The layer.
        layer: LayerName,
        /// The version that stands there.
        version: String,
        /// What changes beside it: the bucket or the key.
        to: String,
    },
    /// One parameter would take the place of references to several regions.
    #[error(
        "layer `{layer}` is named there for several regions, {}, and a parameter of SSM is read in the stack's own",
        .regions.join(" and ")
    )]
    Regions {
        /// The layer.
        layer: LayerName,
        /// All of them.
        regions: Vec<String>,
    },
    /// The edits would not do what they should.
    #[error("the edits failed their proof")]
    Proof(#[from] ProofError),
}

/// `version 12`, and a text by itself.
fn value(to: &VersionPart) -> String {
    match to {
        VersionPart::Text(text) => format!("`{text}`"),
        version => format!("version {version}"),
    }
}

fn lines(pins: &[Pin]) -> String {
    pins.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A literal account in a reference that is matched by a pin for any account, or that an SSM parameter takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountTaken {
    /// The layer.
    pub layer: LayerName,
    /// The account that stands in the reference.
    pub account: AccountId,
    /// Where.
    pub position: Position,
}

/// What is to be done to one template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The new text, proved; `None` if nothing changes or something is refused.
    pub text: Option<String>,
    /// The references that get another version.
    pub bumps: Vec<Bump>,
    /// How many references name the right version already.
    pub current: usize,
    /// The pinned layers that the file names, whatever becomes of them.
    pub names: BTreeSet<LayerName>,
    /// What names a layer and stays.
    pub left_alone: Vec<LeftAlone>,
    /// What is refused, and where.
    pub refusals: Vec<(Position, Refusal)>,
    /// The accounts that pins for any account, or one SSM parameter, were taken for.
    pub accounts: Vec<AccountTaken>,
}

/// Plans one template. Fails only where the text is neither YAML nor JSON.
pub fn plan(text: &str, pins: &Pins, downgrades: Downgrades) -> Result<Plan, ParseError> {
    plan_with(text, &Wanted { downgrades, ..Wanted::new(pins) })
}

/// Like [`plan`], with every choice.
pub fn plan_with(text: &str, wanted: &Wanted<'_>) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    let mut planner = Planner::new(&document, wanted, &[]);
    let kind = kind(&document);
    match wanted.part {
        Part::Excluded(reason) => planner.only_mentions(reason),
        Part::IfTemplate if kind != Kind::Template => planner.only_mentions(kind.reason()),
        Part::Forced if kind != Kind::Template => planner.every_scalar(),
        _ => {
            let outside = Outside { placeholders: wanted.placeholders.clone(), ..Outside::default() };
            let flow = flow_with(&document, &outside);
            planner.references(&flow);
            planner.not_understood(&flow);
        }
    }
    Ok(planner.finish())
}

/// The decisions for a template whose text is changed in other ways, too: about these of its references, and about
/// everything that is not understood. The edits are not made yet.
pub(crate) fn plan_beside(
    document: &Document<'_>,
    flow: &Flow,
    references: Vec<Reference>,
    wanted: &Wanted<'_>,
) -> (Plan, Vec<Edit>) {
    let mut planner = Planner::new(document, wanted, &[]);
    planner.references(&Flow { references, ..flow.clone() });
    planner.not_understood(flow);
    (planner.plan, planner.edits)
}

/// What a file names that cannot take part: nothing of it changes.
pub(crate) fn only_mentions(document: &Document<'_>, wanted: &Wanted<'_>, reason: &str) -> Plan {
    let mut planner = Planner::new(document, wanted, &[]);
    planner.only_mentions(reason);
    planner.finish()
}

struct Planner<'w, 'd, 't> {
    document: &'d Document<'t>,
    wanted: &'w Wanted<'w>,
    plan: Plan,
    edits: Vec<Edit>,
    /// What else a number is used for; `None` where that is judged by the change set.
    uses: Option<Uses<'d, 't>>,
}

impl<'w, 'd, 't> Planner<'w, 'd, 't> {
    fn new(document: &'d Document<'t>, wanted: &'w Wanted<'w>, given: &'d [Given]) -> Self {
        let uses = Some(Uses::new(document, given));
        Self { document, wanted, plan: Plan::default(), edits: Vec::new(), uses }
    }
}

impl Planner<'_, '_, '_> {
    fn finish(mut self) -> Plan {
        self.plan.left_alone.sort_by_key(|left| left.position);
        self.plan.left_alone.dedup();
        if self.plan.refusals.is_empty() && !self.edits.is_empty() {
            match apply(self.document, &self.edits) {
                Ok(text) => self.plan.text = Some(text),
                Err(error) => self.plan.refusals.push((self.plan.bumps[0].position, error.into())),
            }
        }
        self.plan
    }
}

#[cfg(test)]
mod tests;
