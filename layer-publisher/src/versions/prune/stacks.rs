//! Which versions the stacks of one account and region name. One stack that cannot be read is enough for not knowing.

use std::collections::BTreeSet;
use std::sync::Arc;

use template_tools::ledger::LayerPlace;
use thiserror::Error;
use tokio::task::JoinSet;

use super::ask::Naming;
use super::naming::{self, Deployed};
use super::plan::Reason;
use crate::aws::cloudformation::{CloudFormationRegion, Stack};
use crate::aws::failure::{CallFailure, Kind};
use crate::aws::session::Session;
use crate::versions::usage::ask::Corner;

/// Why the stacks of an account and region are not known.
#[derive(Clone, Debug, Error)]
pub(super) enum StacksError {
    /// CloudFormation.
    #[error("{stack}{failure}")]
    Call {
        /// Which stack, with a colon; empty for the list of them.
        stack: String,
        /// What it said.
        failure: CallFailure,
    },
    /// A template that says something that cannot be told.
    #[error("stack `{stack}` may name a version of `{layer}`, and nobody can tell which: {what}")]
    Unclear {
        /// The stack.
        stack: String,
        /// The layer.
        layer: String,
        /// What stands there.
        what: String,
    },
}

/// So many templates are read at once: CloudFormation throttles early.
const AT_ONCE: usize = 4;

/// Asks for every stack and its template, and what of them names which version of the layers in these places.
pub(super) async fn ask(
    session: &Session,
    corner: &Corner,
    places: &[LayerPlace],
) -> Result<Vec<Naming>, StacksError> {
    let cloudformation = session.cloudformation(&corner.region);
    let of_list = |failure| StacksError::Call { stack: String::new(), failure };
    let mut waiting = cloudformation.stacks().await.map_err(of_list)?.into_iter();
    let (corner, places) = (Arc::new(corner.clone()), Arc::new(places.to_vec()));
    let (mut named, mut running) = (Vec::new(), JoinSet::new());
    loop {
        while running.len() < AT_ONCE
            && let Some(stack) = waiting.next()
        {
            let (cloudformation, corner, places) =
                (cloudformation.clone(), Arc::clone(&corner), Arc::clone(&places));
            running.spawn(async move { ask_one(&cloudformation, &stack, &corner, &places).await });
        }
        match running.join_next().await {
            Some(Ok(answer)) => named.extend(answer?),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => return Ok(named),
        }
    }
}

async fn ask_one(
    cloudformation: &CloudFormationRegion,
    stack: &Stack,
    corner: &Corner,
    places: &[LayerPlace],
) -> Result<Vec<Naming>, StacksError> {
    let call = |failure| StacksError::Call { stack: format!("stack `{}`: ", stack.name), failure };
    let template = match cloudformation.deployed_template(&stack.id).await {
        Ok(template) => template,
        Err(failure) if is_gone(&failure) => return Ok(Vec::new()),
        Err(failure) => return Err(call(failure)),
    };
    let made = if template.contains("AWS::Lambda::LayerVersion") {
        cloudformation.layer_versions(stack).await.map_err(call)?
    } else {
        Vec::new()
    };
    let mut named = Vec::new();
    for place in places {
        let deployed = Deployed { account: &corner.account, parameters: &stack.parameters };
        let of_template = naming::in_template(&template, place, Some(deployed));
        if let Some(what) = of_template.unclear {
            let (stack, layer) = (stack.name.clone(), place.layer_name.to_string());
            return Err(StacksError::Unclear { stack, layer, what });
        }
        let values = stack.parameters.values().chain(&stack.outputs).chain(&made);
        let of_values = values.flat_map(|value| naming::in_text(value, place).versions);
        let versions = of_template.versions.into_iter().chain(of_values).collect::<BTreeSet<_>>();
        named.extend(versions.into_iter().map(|version| Naming {
            place: place.clone(),
            version,
            reason: Reason::Stack(stack.name.clone()),
        }));
    }
    Ok(named)
}

/// Deleted since it was listed.
fn is_gone(failure: &CallFailure) -> bool {
    failure.kind == Kind::NotFound
        || failure.kind == Kind::Refused && failure.message.contains("does not exist")
}
