//! One call, as the proxy writes it down.

use std::fmt;

use super::Fault;
use crate::http::Message;

/// The name of an operation, as AWS has it: `PublishLayerVersion`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation(String);

/// A call that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The service that the signature is for: `lambda`; empty if there is none.
    pub service: String,
    /// The region that the signature is for; empty if there is none.
    pub region: String,
    /// The access key of the signature; empty if there is none.
    pub access_key: String,
    /// The operation; method and path where it has no name here.
    pub operation: Operation,
    /// Bytes of the request's body.
    pub size: usize,
    /// What was done to it.
    pub fault: Option<Fault>,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
}

impl Operation {
    /// The operation of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it changes anything.
    pub fn writes(&self) -> bool {
        !["List", "Get", "Head", "Describe"].iter().any(|start| self.0.starts_with(start))
    }

    fn of(request: &Message, service: &str) -> Self {
        let (method, path) = request.target();
        if let Some(target) = request.header("x-amz-target") {
            return Self::new(target.rsplit('.').next().unwrap_or(target));
        }
        if service == "lambda" {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let words = path.trim_matches('/').split('/').skip(1).collect::<Vec<_>>();
            let name = match (method, words.as_slice()) {
                ("GET", ["layers"]) if query.contains("find=LayerVersion") => "GetLayerVersionByArn",
                ("GET", ["layers"]) => "ListLayers",
                ("GET", ["layers", _, "versions"]) => "ListLayerVersions",
                ("POST", ["layers", _, "versions"]) => "PublishLayerVersion",
                ("GET", ["layers", _, "versions", _]) => "GetLayerVersion",
                ("DELETE", ["layers", _, "versions", _]) => "DeleteLayerVersion",
                ("GET", ["layers", _, "versions", _, "policy"]) => "GetLayerVersionPolicy",
                ("POST", ["layers", _, "versions", _, "policy"]) => "AddLayerVersionPermission",
                ("DELETE", ["layers", _, "versions", _, "policy", _]) => "RemoveLayerVersionPermission",
                _ => return Self::new(format!("{method} {path}")),
            };
            return Self::new(name);
        }
        if service == "s3" {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
            let name = match method {
                "HEAD" => "HeadObject",
                "PUT" if has("partNumber") => "UploadPart",
                "PUT" => "PutObject",
                "POST" if has("uploads") => "CreateMultipartUpload",
                "POST" if has("uploadId") => "CompleteMultipartUpload",
                "DELETE" if has("uploadId") => "AbortMultipartUpload",
                _ => return Self::new(format!("{method} {path}")),
            };
            return Self::new(name);
        }
        let form = std::str::from_utf8(&request.body).unwrap_or_default();
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        action.map_or_else(|| Self::new(format!("{method} {path}")), Self::new)
    }
}

impl Call {
    pub(super) fn new(request: &Message) -> Self {
        let (method, path) = request.target();
        let (access_key, region, service) = scope(request.header("authorization").unwrap_or_default());
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            operation: Operation::of(request, &service),
            service,
            region,
            access_key,
            size: request.body.len(),
            fault: None,
            status: None,
        }
    }
}

/// Key, region and service of a SigV4 signature: `Credential=KEY/20260101/eu-west-1/lambda/aws4_request`.
fn scope(authorization: &str) -> (String, String, String) {
    let scope =
        authorization.split("Credential=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    let words = scope.split('/').collect::<Vec<_>>();
    let word = |index: usize| words.get(index).copied().unwrap_or_default().to_owned();
    (word(0), word(2), word(3))
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialEq<&str> for Operation {
    fn eq(&self, name: &&str) -> bool {
        self.0 == *name
    }
}
