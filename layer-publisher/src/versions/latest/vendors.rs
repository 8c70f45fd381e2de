//! Vendors that publish the ARN of their newest version in a public parameter of Systems Manager.
//!
//! Only parameters that the vendors document. Their values are believed only if they name the layer that was asked for.

use template_tools::arn::LayerVersionArn;

use crate::aws::session::Session;

/// What a vendor says is the newest version of its layer, and where it says so. Nothing if there is no such parameter,
/// or it cannot be read, or is about something else.
pub(super) async fn newest(session: &Session, start: &LayerVersionArn) -> Option<(LayerVersionArn, String)> {
    let name = public_parameter(start.layer.as_str())?;
    let value = read(session, start, &name).await?;
    let arn = value.parse::<LayerVersionArn>().ok()?;
    // Nothing here takes a template back to an older version.
    (arn.layer_arn() == start.layer_arn() && arn.version >= start.version).then_some((arn, name))
}

async fn read(session: &Session, start: &LayerVersionArn, name: &str) -> Option<String> {
    session.ssm(&start.region).get(name).await.ok().flatten()
}

/// The parameter that names the newest version of a vendor's layer, by the layer's name.
///
/// Powertools for AWS Lambda (`AWSLambdaPowertoolsPythonV3-python313-arm64`, `AWSLambdaPowertoolsTypeScriptV2`) and the
/// AWS FIS extension (`aws-fis-extension-arm64`), as their documentation has it.
pub(super) fn public_parameter(layer: &str) -> Option<String> {
    if layer == "AWSLambdaPowertoolsTypeScriptV2" {
        return Some("/aws/service/powertools/typescript/generic/all/latest".to_owned());
    }
    let architecture = ["x86_64", "arm64"].into_iter().find(|name| layer.ends_with(&format!("-{name}")))?;
    let stem = &layer[..layer.len() - architecture.len() - 1];
    if stem == "aws-fis-extension" {
        return Some(format!("/aws/service/fis/lambda-extension/AWS-FIS-extension-{architecture}/1.x.x"));
    }
    let minor = stem.strip_prefix("AWSLambdaPowertoolsPythonV3-python3")?;
    let is_number = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("/aws/service/powertools/python/{architecture}/python3.{minor}/latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_with_a_parameter_are_known_by_name() {
        let parameter = |layer| public_parameter(layer).unwrap_or_default();
        assert_eq!(
            parameter("AWSLambdaPowertoolsPythonV3-python313-arm64"),
            "/aws/service/powertools/python/arm64/python3.13/latest"
        );
        assert_eq!(
            parameter("AWSLambdaPowertoolsPythonV3-python39-x86_64"),
            "/aws/service/powertools/python/x86_64/python3.9/latest"
        );
        assert_eq!(
            parameter("AWSLambdaPowertoolsTypeScriptV2"),
            "/aws/service/powertools/typescript/generic/all/latest"
        );
        assert_eq!(
            parameter("aws-fis-extension-x86_64"),
            "/aws/service/fis/lambda-extension/AWS-FIS-extension-x86_64/1.x.x"
        );
        for other in [
            "AWSLambdaPowertoolsPythonV2-Arm64",
            "AWSLambdaPowertoolsPythonV3-python3x-arm64",
            "sosw",
            "-arm64",
        ] {
            assert_eq!(public_parameter(other), None, "{other}");
        }
    }
}
