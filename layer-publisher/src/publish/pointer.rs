//! Pointers: parameters of Systems Manager that hold the ARN of the current version, and that templates read through
//! `AWS::SSM::Parameter::Value<String>`. They move last, when every required region is verified.

use template_tools::arn::LayerVersionArn;
use thiserror::Error;

use crate::aws::failure::CallFailure;
use crate::aws::ssm::SsmRegion;

/// What stands for the architecture in a pointer's name.
const ARCHITECTURE: &str = "{architecture}";

/// What came of a pointer, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// It names this version already.
    Unchanged,
    /// It did not; it does now, or would.
    Moved,
}

/// A name that does not fit the layer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PointerNameError {
    /// It wants one architecture.
    #[error("`ssm-parameter` names `{{architecture}}`, and the layer is for {0}")]
    Architectures(String),
}

/// The name for a layer with these architectures.
pub fn name(pattern: &str, architectures: &[String]) -> Result<String, PointerNameError> {
    match architectures {
        _ if !pattern.contains(ARCHITECTURE) => Ok(pattern.to_owned()),
        [one] => Ok(pattern.replace(ARCHITECTURE, one)),
        [] => Err(PointerNameError::Architectures("none in particular".to_owned())),
        several => Err(PointerNameError::Architectures(several.join(" and "))),
    }
}

/// Whether it would have to move: one GetParameter.
pub async fn look(ssm: &SsmRegion, name: &str, version: &LayerVersionArn) -> Result<Pointed, CallFailure> {
    let there = ssm.get(name).await?;
    Ok(if there == Some(version.to_string()) { Pointed::Unchanged } else { Pointed::Moved })
}

/// Moves it, unless it is there already.
pub async fn bring(ssm: &SsmRegion, name: &str, version: &LayerVersionArn) -> Result<Pointed, CallFailure> {
    let pointed = look(ssm, name, version).await?;
    if pointed == Pointed::Moved {
        ssm.put(name, &version.to_string()).await?;
    }
    Ok(pointed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_is_filled_in_where_there_is_one() {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(name("latest", &list(&["arm64", "x86_64"])).unwrap(), "latest");
        assert_eq!(name("latest-{architecture}", &list(&["arm64"])).unwrap(), "latest-arm64");
        assert!(name("latest-{architecture}", &list(&["arm64", "x86_64"])).is_err());
    }
}
