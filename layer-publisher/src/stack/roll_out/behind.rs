//! Which functions of a stack have another version than they should, by Lambda's own word.

use std::collections::BTreeSet;

use template_tools::arn::LayerVersionArn;
use template_tools::document::parse;
use template_tools::flow::flow;

use super::super::error::StackError;
use super::super::region::InRegion;
use super::super::state::Previous;

/// A function that has another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// Its logical id.
    pub(super) function: String,
    /// What it has.
    pub(super) found: LayerVersionArn,
    /// What it should have.
    pub(super) wanted: u64,
}

/// How the functions of a stack stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Those that have another version.
    pub(super) behind: Vec<Behind>,
    /// Whether any has one of the layers at all.
    pub(super) is_used: bool,
}

impl InRegion {
    /// Asks every function of the stack that has layers.
    pub(super) async fn standing(
        &self,
        stack: &Previous,
        versions: &BTreeSet<LayerVersionArn>,
    ) -> Result<Standing, StackError> {
        let what = || format!("look at the functions of stack `{}` in {}", self.stack_name(), self.region);
        let call = |failure| StackError::call(what(), failure);
        let template = self.cloudformation.deployed_template(&stack.id).await.map_err(call)?;
        let with_layers = with_layers(&template);
        let lambda = self.common.session.lambda(&self.region);
        let mut standing = Standing::default();
        for (function, kind, id) in self.cloudformation.resources(&stack.id).await.map_err(call)? {
            let may_have = with_layers.as_ref().is_none_or(|names| names.contains(&function));
            // One that is being replaced may have no id yet.
            if kind != "AWS::Lambda::Function" || !may_have || id.is_empty() {
                continue;
            }
            for found in lambda.layers_of(&id).await.map_err(call)? {
                let Ok(found) = found.parse::<LayerVersionArn>() else { continue };
                let same = versions.iter().find(|wanted| wanted.layer_arn() == found.layer_arn());
                let Some(wanted) = same.map(|wanted| wanted.version) else { continue };
                standing.is_used = true;
                if found.version != wanted {
                    standing.behind.push(Behind { function: function.clone(), found, wanted });
                }
            }
        }
        Ok(standing)
    }
}

/// The functions with something in `Layers`; nothing if the template cannot be read.
fn with_layers(template: &str) -> Option<BTreeSet<String>> {
    let document = parse(template).ok()?;
    let flow = flow(&document);
    let functions = flow.references.iter().map(|reference| &reference.functions);
    let functions = functions.chain(flow.unread.iter().map(|unread| &unread.functions));
    let reached = functions.flat_map(|functions| flow.reached(functions));
    Some(reached.map(|index| flow.functions[index].name.clone()).collect())
}
