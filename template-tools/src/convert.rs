//! Other ways to name the version: a mapping by region where the numbers differ, an SSM parameter.
//!
//! Pure. What comes into a template follows its own indentation and quotes; everything else stays, which is proved, and
//! so is that the new form means what it should. What cannot have the new form keeps its own: where that form needs no
//! version, none is known, and none is written.

use std::collections::BTreeSet;

use crate::document::{ParseError, Position, parse};
use crate::edit::{Change, ProofError, restructure};
use crate::flow::{Flow, Outside, Reference, flow_with};
use crate::kind::{Kind, kind};
use crate::plan::{Part, Plan, Wanted, only_mentions, plan_beside, plan_with};

mod choose;
mod layout;
mod meaning;
mod replace;
mod ssm_name;
mod target;

use choose::choose;
use meaning::Meant;
use replace::{Replaced, replace};
pub use ssm_name::{SsmNameError, SsmParameterName};

/// What references become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row of `Mappings` for each region, where the pins of regions disagree.
    Mapping,
    /// A parameter that CloudFormation reads from this SSM parameter.
    Ssm(SsmParameterName),
}

/// Plans one template: the new form for what can have it, and for a mapping the versions of what is still a number.
pub fn convert(text: &str, wanted: &Wanted<'_>, form: &Form) -> Result<Plan, ParseError> {
    let document = parse(text)?;
    let kind = kind(&document);
    match (wanted.part, form) {
        (Part::Excluded(_), Form::Mapping) => return plan_with(text, wanted),
        (Part::Excluded(reason), Form::Ssm(_)) => return Ok(only_mentions(&document, wanted, reason)),
        (_, Form::Mapping) if kind != Kind::Template => return plan_with(text, wanted),
        (_, Form::Ssm(_)) if kind != Kind::Template => {
            return Ok(only_mentions(&document, wanted, "the file is no template, and has no parameters"));
        }
        _ => {}
    }
    let outside = Outside { placeholders: wanted.placeholders.clone(), ..Outside::default() };
    let flow = flow_with(&document, &outside);
    let chosen = choose(&document, &flow, wanted, form);
    let Replaced { changes, bumps, left, converted } = replace(&document, &flow, wanted, form, &chosen);
    let rest = match form {
        Form::Mapping => others(&flow, &converted),
        Form::Ssm(_) => Vec::new(),
    };
    let (mut plan, edits) = plan_beside(&document, &flow, rest, wanted);
    plan.left_alone.extend(chosen.left);
    plan.left_alone.extend(left);
    plan.left_alone.sort_by_key(|left| left.position);
    plan.left_alone.dedup();
    plan.refusals.extend(chosen.refusals);
    plan.refusals.sort_by_key(|(position, _)| *position);
    plan.accounts.extend(chosen.accounts);
    plan.names.extend(chosen.names);
    plan.bumps.extend(bumps);
    plan.bumps.sort_by_key(|bump| bump.position);
    if !plan.refusals.is_empty() || edits.is_empty() && changes.is_empty() {
        return Ok(plan);
    }
    let first = plan.bumps.first().map_or(Position { line: 1, column: 1 }, |bump| bump.position);
    let changes: Vec<Change> = changes.into_iter().chain(edits.into_iter().map(Change::Scalar)).collect();
    match restructure(&document, &changes) {
        Ok(after) => {
            let meant = Meant { flow: &flow, wanted, form, converted: &converted };
            if meant.is(&flow_with(&parse(&after)?, &outside)) {
                plan.text = Some(after);
            } else {
                plan.refusals.push((first, ProofError::Elsewhere(first).into()));
            }
        }
        Err(error) => plan.refusals.push((first, error.into())),
    }
    Ok(plan)
}

/// The references that are not converted.
fn others(flow: &Flow, converted: &BTreeSet<usize>) -> Vec<Reference> {
    let all = flow.references.iter().enumerate();
    all.filter(|(index, _)| !converted.contains(index)).map(|(_, reference)| reference.clone()).collect()
}

#[cfg(test)]
mod tests;
