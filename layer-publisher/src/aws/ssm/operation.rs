//! A call of Systems Manager, carried by the SDK's runtime: credentials, signature, retries, timeouts and the correction
//! of a wrong clock are those of every other call. Only the two ends of it are ours: JSON 1.1, as AWS calls it.

use std::error::Error as StdError;
use std::fmt;

use aws_config::{Region as SdkRegion, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_lambda::config::endpoint::Params;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use serde_json::Value;
use template_tools::arn::Region;

use super::endpoint::SsmEndpoint;
use crate::aws::failure::CallFailure;

/// Every operation of Systems Manager in one region.
#[derive(Clone, Debug)]
pub(super) struct SsmOperation(Operation<Input, Value, SsmError>);

/// What is asked.
#[derive(Debug)]
struct Input {
    operation: &'static str,
    body: String,
}

/// What was refused.
#[derive(Debug)]
struct SsmError(ErrorMetadata);

impl SsmOperation {
    pub(super) fn new(config: &SdkConfig, region: &Region) -> Self {
        let operation = Operation::builder()
            .service_name("ssm")
            .operation_name("Call")
            .with_connection_poisoning()
            .runtime_plugin(plugin(config, region))
            .serializer(request)
            .deserializer(answer);
        Self(match config.behavior_version() {
            Some(version) => operation.behavior_version(version).build(),
            None => operation.build(),
        })
    }

    /// Makes the call, and gives what it answers.
    pub(super) async fn call(&self, operation: &'static str, input: Value) -> Result<Value, CallFailure> {
        let answer = self.0.invoke(Input { operation, body: input.to_string() }).await;
        answer.map_err(|error| CallFailure::new(operation, &error))
    }
}

/// What the SDK's own clients give to their runtime, from the same settings.
fn plugin(config: &SdkConfig, region: &Region) -> StaticRuntimePlugin {
    let mut layer = Layer::new("Systems Manager");
    layer.store_put(ApiMetadata::new("ssm", env!("CARGO_PKG_VERSION")));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(EndpointResolverParams::new(()));
    layer.store_put(SigningName::from_static("ssm"));
    layer.store_put(SigningRegion::from(SdkRegion::new(region.to_string())));
    let mut signing_options = SigningOptions::default();
    signing_options.double_uri_encode = true;
    signing_options.normalize_uri_path = true;
    layer
        .store_put(SigV4OperationSigningConfig { signing_options, ..SigV4OperationSigningConfig::default() });
    // What one region wastes on retries is not taken from the others.
    layer.store_put(RetryPartition::new(format!("ssm-{region}")));
    if let Some(retries) = config.retry_config() {
        layer.store_put(retries.clone());
    }
    if let Some(timeouts) = config.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    if let Some(stalled) = config.stalled_stream_protection() {
        layer.store_put(stalled);
    }

    let params = Params::builder()
        .region(region.to_string())
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack());
    let mut components = RuntimeComponentsBuilder::new("Systems Manager")
        .with_http_client(config.http_client())
        .with_identity_cache(config.identity_cache())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_endpoint_resolver(Some(SsmEndpoint::new(params, given_endpoint(config))))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<SsmError>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<SsmError>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<SsmError>::new())
        .with_interceptor(SharedInterceptor::permanent(ServiceClockSkewInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(RequestInfoInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(UserAgentInterceptor::new()))
        .with_interceptor(SharedInterceptor::permanent(InvocationIdInterceptor::new()));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// The endpoint that the user has set, for this service or for all of them.
fn given_endpoint(config: &SdkConfig) -> Option<String> {
    let everywhere = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return everywhere;
    }
    let key =
        ServiceConfigKey::builder().service_id("SSM").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let here = config.service_config().zip(key.ok()).and_then(|(settings, key)| settings.load_config(key));
    here.or(everywhere)
}

fn request(input: Input) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(input.body.as_str()));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("content-length", input.body.len().to_string());
    headers.insert("x-amz-target", format!("AmazonSSM.{}", input.operation));
    Ok(request)
}

/// An answer that cannot be read is none: the runtime asks again.
fn answer(response: &HttpResponse) -> Result<Value, OrchestratorError<SsmError>> {
    let body = response.body().bytes().unwrap_or_default();
    let read = serde_json::from_slice::<Value>(body);
    if response.status().is_success() {
        return read.map_err(|error| OrchestratorError::response(BoxError::from(error)));
    }
    let read = read.unwrap_or_default();
    let named = response.headers().get("x-amzn-errortype").or(read["__type"].as_str());
    let said = read["message"].as_str().or(read["Message"].as_str());
    let mut metadata = ErrorMetadata::builder();
    if let Some(named) = named {
        metadata = metadata.code(bare(named));
    }
    if let Some(said) = said {
        metadata = metadata.message(said);
    }
    Err(OrchestratorError::operation(SsmError(metadata.build())))
}

/// The name of an error without the namespace before and the address behind it.
fn bare(named: &str) -> &str {
    let named = named.split(':').next().unwrap_or(named);
    named.rsplit('#').next().unwrap_or(named)
}

impl ProvideErrorMetadata for SsmError {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl fmt::Display for SsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for SsmError {}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;

    use super::*;

    #[test]
    fn the_name_of_an_error_is_read_wherever_it_stands() {
        let body = r#"{"__type": "com.amazonaws.ssm#ParameterNotFound", "message": "no such"}"#;
        assert_eq!(
            refusal(400, None, body),
            (Some("ParameterNotFound".to_owned()), Some("no such".to_owned()))
        );
        let body = r#"{"Message": "later"}"#;
        let named = "ThrottlingException:http://internal.example.com/coral/";
        assert_eq!(
            refusal(400, Some(named), body),
            (Some("ThrottlingException".to_owned()), Some("later".to_owned()))
        );
        assert_eq!(refusal(503, None, "<html>"), (None, None));
    }

    #[test]
    fn half_an_answer_is_none() {
        let whole = answer(&response(200, None, r#"{"Parameter": {"Value": "a"}}"#)).unwrap();
        assert_eq!(whole["Parameter"]["Value"], "a");
        let half = answer(&response(200, None, r#"{"Parameter": {"Val"#)).unwrap_err();
        assert!(half.is_response_error(), "{half:?}");
    }

    fn refusal(
        status: u16,
        named: Option<&'static str>,
        body: &'static str,
    ) -> (Option<String>, Option<String>) {
        let error = answer(&response(status, named, body)).unwrap_err();
        let error = error.as_operation_error().unwrap();
        (error.code().map(str::to_owned), error.message().map(str::to_owned))
    }

    fn response(status: u16, named: Option<&'static str>, body: &'static str) -> HttpResponse {
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        if let Some(named) = named {
            response.headers_mut().insert("x-amzn-errortype", named);
        }
        response
    }
}
