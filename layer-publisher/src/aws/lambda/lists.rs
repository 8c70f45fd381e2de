//! Lambda's long lists: functions, aliases, all versions of a layer. Page after page, at the pace of the region.

use aws_sdk_lambda::types::FunctionVersion as Which;
use template_tools::arn::{LayerName, LayerVersionArn};

use super::{LambdaRegion, PAGE};
use crate::aws::failure::{CallFailure, Kind, next_page};
use crate::function::{Alias, FunctionVersion};
use crate::layer_version::Dated;
use crate::when::When;

impl LambdaRegion {
    /// Every version of every function of the account.
    pub async fn functions(&self) -> Result<Vec<FunctionVersion>, CallFailure> {
        const OPERATION: &str = "ListFunctions";
        let (mut functions, mut marker) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_functions().function_version(Which::All).max_items(PAGE);
            let answer = call.set_marker(marker.clone()).send().await;
            let answer = answer.map_err(|error| CallFailure::new(OPERATION, &error))?;
            functions.extend(answer.functions().iter().map(|function| {
                FunctionVersion {
                    name: function.function_name().unwrap_or_default().to_owned(),
                    version: function.version().unwrap_or(crate::function::LATEST).to_owned(),
                    runtime: function.runtime().map(|runtime| runtime.as_str().to_owned()),
                    layers: function
                        .layers()
                        .iter()
                        .filter_map(|layer| layer.arn()?.parse::<LayerVersionArn>().ok())
                        .collect(),
                }
            }));
            match next_page(OPERATION, marker.as_deref(), answer.next_marker())? {
                Some(next) => marker = Some(next),
                None => return Ok(functions),
            }
        }
    }

    /// The aliases of a function; none if it has gone meanwhile.
    pub async fn aliases(&self, function: &str) -> Result<Vec<Alias>, CallFailure> {
        const OPERATION: &str = "ListAliases";
        let (mut aliases, mut marker) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_aliases().function_name(function).max_items(PAGE);
            let answer = match call.set_marker(marker.clone()).send().await {
                Ok(answer) => answer,
                Err(error) => match CallFailure::new(OPERATION, &error) {
                    failure if failure.kind == Kind::NotFound => return Ok(Vec::new()),
                    failure => return Err(failure),
                },
            };
            for alias in answer.aliases() {
                let shifted = alias.routing_config().and_then(|routing| routing.additional_version_weights());
                let shifted = shifted.into_iter().flat_map(|weights| weights.keys().cloned());
                aliases.push(Alias {
                    name: alias.name().unwrap_or_default().to_owned(),
                    versions: alias
                        .function_version()
                        .map(str::to_owned)
                        .into_iter()
                        .chain(shifted)
                        .collect(),
                });
            }
            match next_page(OPERATION, marker.as_deref(), answer.next_marker())? {
                Some(next) => marker = Some(next),
                None => return Ok(aliases),
            }
        }
    }

    /// Every version that a layer has, newest first. None if there is no such layer.
    pub async fn all_versions(&self, layer: &LayerName) -> Result<Vec<Dated>, CallFailure> {
        const OPERATION: &str = "ListLayerVersions";
        let (mut versions, mut marker) = (Vec::new(), None::<String>);
        loop {
            let call = self.client.list_layer_versions().layer_name(layer.as_str()).max_items(PAGE);
            let answer = match call.set_marker(marker.clone()).send().await {
                Ok(answer) => answer,
                Err(error) => match CallFailure::new(OPERATION, &error) {
                    failure if failure.kind == Kind::NotFound => return Ok(Vec::new()),
                    failure => return Err(failure),
                },
            };
            versions.extend(answer.layer_versions().iter().map(|item| Dated {
                version: u64::try_from(item.version()).unwrap_or_default(),
                created: item.created_date().and_then(When::parse),
            }));
            match next_page(OPERATION, marker.as_deref(), answer.next_marker())? {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        versions.sort_by_key(|listed| std::cmp::Reverse(listed.version));
        versions.dedup();
        Ok(versions)
    }
}
