//! Where Systems Manager is asked: its names differ from Lambda's in one word, and the SDK's crate for Lambda knows
//! every partition.

use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ParamsBuilder, ResolveEndpoint as _};
use aws_smithy_runtime_api::client::endpoint::{EndpointFuture, EndpointResolverParams, ResolveEndpoint};
use aws_smithy_types::endpoint::Endpoint;

/// Finds the endpoint of Systems Manager for one region.
#[derive(Debug)]
pub(super) struct SsmEndpoint {
    lambda: DefaultResolver,
    /// `Err` says what is wrong with the region's name.
    params: Result<Params, String>,
    /// What the user has set, as `AWS_ENDPOINT_URL_SSM` does.
    given: Option<String>,
}

impl SsmEndpoint {
    pub(super) fn new(params: ParamsBuilder, given: Option<String>) -> Self {
        let params = params.build().map_err(|error| error.to_string());
        Self { lambda: DefaultResolver::new(), params, given }
    }
}

impl ResolveEndpoint for SsmEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        if let Some(given) = self.given.clone() {
            return EndpointFuture::ready(Ok(Endpoint::builder().url(given).build()));
        }
        let params = match &self.params {
            Ok(params) => params,
            Err(error) => return EndpointFuture::ready(Err(error.clone().into())),
        };
        let lambda = self.lambda.resolve_endpoint(params);
        EndpointFuture::new(async move {
            let url = of_lambda(lambda.await?.url())?;
            Ok(Endpoint::builder().url(url).build())
        })
    }
}

/// The endpoint of Systems Manager beside this one of Lambda.
fn of_lambda(url: &str) -> Result<String, String> {
    let unknown = || format!("`{url}` is no endpoint of Lambda that has one of Systems Manager beside it");
    let (service, rest) =
        url.strip_prefix("https://").and_then(|host| host.split_once('.')).ok_or_else(unknown)?;
    let region = rest.split('.').next().unwrap_or_default();
    // In GovCloud every endpoint conforms to FIPS, and only those of two stacks have a name that says so (the rules in
    // the SDK's crate for Systems Manager).
    let fips =
        if region.starts_with("us-gov-") && rest.ends_with(".amazonaws.com") { "ssm" } else { "ssm-fips" };
    match service {
        "lambda" => Ok(format!("https://ssm.{rest}")),
        "lambda-fips" => Ok(format!("https://{fips}.{rest}")),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the SDK's own crate for Systems Manager has them in its tests.
    #[test]
    fn every_partition_has_its_endpoints() {
        #[rustfmt::skip]
        let expected = [
            ("eu-west-1", false, false, "https://ssm.eu-west-1.amazonaws.com"),
            ("us-east-1", true, false, "https://ssm-fips.us-east-1.amazonaws.com"),
            ("us-east-1", true, true, "https://ssm-fips.us-east-1.api.aws"),
            ("us-east-1", false, true, "https://ssm.us-east-1.api.aws"),
            ("ca-central-1", true, false, "https://ssm-fips.ca-central-1.amazonaws.com"),
            ("cn-north-1", false, false, "https://ssm.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", true, true, "https://ssm-fips.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-gov-west-1", false, false, "https://ssm.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "https://ssm.us-gov-west-1.amazonaws.com"),
            ("us-gov-east-1", true, true, "https://ssm-fips.us-gov-east-1.api.aws"),
            ("us-gov-east-1", false, true, "https://ssm.us-gov-east-1.api.aws"),
            ("us-iso-east-1", false, false, "https://ssm.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", true, false, "https://ssm-fips.us-isob-east-1.sc2s.sgov.gov"),
            ("me-central-9", false, false, "https://ssm.me-central-9.amazonaws.com"),
        ];
        for (region, fips, dual_stack, url) in expected {
            let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack);
            assert_eq!(resolved(SsmEndpoint::new(params, None)), Ok(url.to_owned()), "{region}");
        }
    }

    #[test]
    fn what_the_user_has_set_is_taken() {
        let params = Params::builder().region("eu-west-1");
        let given = Some("http://127.0.0.1:4566".to_owned());
        assert_eq!(resolved(SsmEndpoint::new(params, given)), Ok("http://127.0.0.1:4566".to_owned()));
    }

    #[test]
    fn what_is_no_endpoint_is_said() {
        let said = resolved(SsmEndpoint::new(Params::builder().region("a/b"), None)).unwrap_err();
        assert!(said.contains("host label"), "{said}");
        assert!(of_lambda("https://example.com").unwrap_err().contains("`https://example.com`"));
    }

    fn resolved(endpoint: SsmEndpoint) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let params = EndpointResolverParams::new(());
        let found = runtime.block_on(endpoint.resolve_endpoint(&params));
        found.map(|endpoint| endpoint.url().to_owned()).map_err(|error| error.to_string())
    }
}
