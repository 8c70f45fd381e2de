//! The layers that `samconfig.toml` names: for inventories, which change nothing.

use std::collections::BTreeSet;

use super::overrides::{Deployment, deployments};
use super::{SamconfigError, deployed_template, read};
use crate::document::{Position, parse};
use crate::flow::{Given, Outside, Source, flow_with};
use crate::pattern::{ArnPattern, Placeholders, Variables};

/// A version that stands in `samconfig.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLayer {
    /// The value that it stands in.
    pub position: Position,
    /// The functions of the template that it reaches, where that is known.
    pub functions: Vec<String>,
    /// The whole ARN.
    pub pattern: ArnPattern,
}

/// Every layer that a value names by its ARN, or whose version it is in the template. `template` gives the text of a
/// template by its path, as the file names it.
pub fn named_layers(
    text: &str,
    placeholders: &Placeholders,
    template: impl Fn(&str) -> Option<String>,
) -> Result<Vec<NamedLayer>, SamconfigError> {
    let file = read(text)?;
    let mut all = Vec::new();
    for deployment in deployments(file.get_ref()) {
        let templates = deployment.ways.iter().map(|way| deployed_template(way, &template));
        let position = |number: usize| Position::at(text, deployment.overrides[number].string.start);
        all.extend(of_deployment(&deployment, &templates.collect::<Vec<_>>(), placeholders, position));
    }
    Ok(all)
}

fn of_deployment(
    deployment: &Deployment,
    templates: &[Option<String>],
    placeholders: &Placeholders,
    position: impl Fn(usize) -> Position,
) -> Vec<NamedLayer> {
    let given: Vec<Given> = deployment.overrides.iter().map(|one| one.given.clone()).collect();
    let mut all: Vec<NamedLayer> = Vec::new();
    let mut known = BTreeSet::new();
    for (way, template) in deployment.ways.iter().zip(templates) {
        let Some(document) = template.as_deref().and_then(|template| parse(template).ok()) else { continue };
        let (region, placeholders) = (way.region.clone(), placeholders.clone());
        let flow = flow_with(&document, &Outside { given: &given, region, placeholders });
        let before = all.len();
        for reference in &flow.references {
            let Source::Given(number) = reference.source else { continue };
            let functions =
                reference.functions.iter().map(|index| flow.functions[*index].name.clone()).collect();
            known.insert(number);
            let (position, pattern) = (position(number), reference.pattern.clone());
            let named = NamedLayer { position, functions, pattern };
            // Several commands may deploy the same template.
            if !all[..before].contains(&named) {
                all.push(named);
            }
        }
    }
    // What no template that is here uses is an ARN, or a list of them, or none of ours.
    for (number, one) in given.iter().enumerate().filter(|(number, _)| !known.contains(number)) {
        let parse = |piece| ArnPattern::parse_with(piece, Variables::Literal, placeholders).ok();
        all.extend(one.value.split(',').filter_map(parse).map(|pattern| NamedLayer {
            position: position(number),
            functions: Vec::new(),
            pattern,
        }));
    }
    all
}
