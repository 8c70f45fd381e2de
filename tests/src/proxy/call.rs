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
    /// The body of a call that is a form, as those of CloudFormation are; empty for all others.
    pub form: String,
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
                ("GET", ["functions"]) => "ListFunctions",
                ("GET", ["functions", _, "aliases"]) => "ListAliases",
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
                "GET" if !has("list-type") && !has("location") => "GetObject",
                "PUT" if has("partNumber") => "UploadPart",
                "PUT" => "PutObject",
                "POST" if has("uploads") => "CreateMultipartUpload",
                "POST" if has("uploadId") => "CompleteMultipartUpload",
                "DELETE" if has("uploadId") => "AbortMultipartUpload",
                "DELETE" => "DeleteObject",
                _ => return Self::new(format!("{method} {path}")),
            };
            return Self::new(name);
        }
        let form = form(request);
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
            form: form(request),
            fault: None,
            status: None,
        }
    }

    /// What a field of the form says, if it is there.
    pub fn field(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        self.form.split('&').find_map(|pair| pair.strip_prefix(&start)).map(unescaped)
    }
}

fn form(request: &Message) -> String {
    let kind = request.header("content-type").unwrap_or_default();
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    if is_form { String::from_utf8_lossy(&request.body).into_owned() } else { String::new() }
}

/// A value of a form as it was before it was put there.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = hex.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let byte = byte.filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
