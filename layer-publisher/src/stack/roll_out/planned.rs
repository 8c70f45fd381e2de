//! What a stack is to be brought to, and what has to be done to its deployed template and its stored values for that.

use std::collections::BTreeSet;

use template_tools::arn::LayerVersionArn;
use template_tools::document::parse;
use template_tools::flow::Given;
use template_tools::ledger::{Entry, Ledger};
use template_tools::pins::Pins;
use template_tools::plan::{DeployedPlan, Wanted, Weight, plan_deployed};
use template_tools::template::parameters;

use super::super::error::StackError;
use super::super::region::InRegion;
use super::super::state::Previous;
use super::super::template::has_nested;
use super::behind::Behind;
use super::dynamic::Dynamic;
use super::error::RollOutError;
use super::lost::lost;
use super::one::Moved;
use super::{QuestionMarks, Target};

/// What is to be brought to the stack.
pub(super) struct Versions {
    pub(super) pins: Pins,
    pub(super) arns: BTreeSet<LayerVersionArn>,
}

/// What is to be done to a stack, and the parameters that it has.
pub(super) struct Deployed {
    pub(super) plan: DeployedPlan,
    pub(super) parameters: Vec<String>,
    pub(super) dynamic: Dynamic,
    pub(super) has_nested: bool,
}

impl Deployed {
    pub(super) fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }
}

impl InRegion {
    /// The versions that the ledger names for this account and region, never one that was withdrawn.
    pub(super) fn versions(&self, target: &Target, ledger: &Ledger) -> Result<Versions, RollOutError> {
        let deployment = self.deployment();
        let is_here = |entry: &&Entry| {
            let arn = &entry.layer_version_arn;
            target.layers.contains(&arn.layer)
                && arn.region == deployment.region
                && arn.partition == deployment.partition
        };
        // The layer of another account is meant only where that account is named.
        let entries = ledger.entries().filter(is_here).map(|entry| Entry {
            foreign: entry.layer_version_arn.account != deployment.account,
            ..entry.clone()
        });
        let entries = entries.collect::<Ledger>();
        if let Some(entry) = entries.entries().find(|entry| entry.withdrawn.contains_key(&entry.version())) {
            return Err(RollOutError::Withdrawn(entry.layer_version_arn.clone()));
        }
        let arns = entries.entries().map(|entry| entry.layer_version_arn.clone()).collect::<BTreeSet<_>>();
        if arns.is_empty() {
            let layers = target.layers.iter().map(ToString::to_string).collect();
            return Err(RollOutError::NoVersion { layers, region: self.region.clone() });
        }
        Ok(Versions { pins: Pins::from_ledger(&entries), arns })
    }

    /// What is to be done to the deployed template and to the stored values.
    pub(super) async fn planned(
        &self,
        target: &Target,
        previous: &Previous,
        pins: &Pins,
        behind: &[Behind],
        question_marks: QuestionMarks,
    ) -> Result<Deployed, RollOutError> {
        let what = || format!("read the template of stack `{}` in {}", target.stack, self.region);
        let text = self.cloudformation.original_template(&previous.id).await;
        let deployed = text.map_err(|failure| StackError::call(what(), failure))?;
        let parse_error = |source| RollOutError::Parse { stack: target.stack.clone(), source };
        let document = parse(&deployed).map_err(parse_error)?;
        let (parameters, has_nested) = (parameters(&document), has_nested(&document));
        let dynamic = self.dynamic(&deployed, behind, pins).await?;
        let from_ssm = |name: &str| {
            parameters
                .iter()
                .any(|parameter| parameter.name == name && parameter.kind.starts_with("AWS::SSM::"))
        };
        // What is read from SSM is none of ours to set.
        let given = previous.parameters.iter().filter(|(name, _)| !from_ssm(name));
        let given = given.map(|(name, value)| Given { name: name.clone(), value: value.clone() });
        let text = dynamic.text.as_deref().unwrap_or(&deployed);
        let plan = plan_deployed(text, &given.collect::<Vec<_>>(), &self.region, &Wanted::new(pins));
        let mut plan = plan.map_err(parse_error)?;
        if !plan.plan.refusals.is_empty() {
            let (stack, refusals) = (target.stack.clone(), plan.plan.refusals);
            return Err(RollOutError::Refused { stack, refusals });
        }
        let mut names = parameters.into_iter().map(|parameter| parameter.name).collect::<Vec<_>>();
        names.dedup();
        names.retain(|name| previous.parameters.contains_key(name));
        plan.plan.text = plan.plan.text.or_else(|| dynamic.text.clone());
        if plan.plan.text.is_some() && question_marks == QuestionMarks::Refused {
            nothing_is_lost(target, &deployed)?;
        }
        Ok(Deployed { plan, parameters: names, dynamic, has_nested })
    }
}

/// A text that is to be sent back must be what was deployed.
fn nothing_is_lost(target: &Target, deployed: &str) -> Result<(), RollOutError> {
    if lost(deployed, None).is_nothing() {
        return Ok(());
    }
    let stack = || target.stack.clone();
    let local = target.template.as_ref().map(|path| {
        let text = std::fs::read_to_string(path);
        text.map_err(|source| RollOutError::Local { stack: stack(), path: path.clone(), source })
    });
    let lost = lost(deployed, local.transpose()?.as_deref());
    if lost.is_nothing() { Ok(()) } else { Err(RollOutError::QuestionMarks { stack: stack(), lost }) }
}

/// The layers that get another version, by the plan and by what functions have.
pub(super) fn moved(planned: &Deployed, behind: &[Behind]) -> BTreeSet<Moved> {
    let planned = planned.plan.changes().map(|(layer, old, new)| Moved {
        layer: layer.to_owned(),
        old: old.to_string(),
        new: new.to_string(),
    });
    let behind = behind.iter().map(|one| Moved {
        layer: one.found.layer.to_string(),
        old: one.found.version.to_string(),
        new: one.wanted.to_string(),
    });
    planned.chain(behind).collect()
}

/// Why functions are still behind.
pub(super) fn still_behind(target: &Target, functions: Vec<Behind>, planned: &Deployed) -> RollOutError {
    let left = planned.plan.plan.left_alone.iter().filter(|left| left.weight == Weight::Warning);
    let reasons = left.map(|left| left.reason.clone()).chain(planned.dynamic.reasons.iter().cloned());
    let reasons = reasons.collect::<BTreeSet<_>>();
    RollOutError::Behind { stack: target.stack.clone(), functions, reasons: reasons.into_iter().collect() }
}
