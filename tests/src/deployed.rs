//! What others have in the accounts of the local AWS: versions of layers, functions, stacks. Made by botocore, the real
//! client beneath the AWS CLI, with many calls in one process.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::io::Write;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::project::{LAYER, zip};
use crate::tools::Tool;
use crate::world::local_aws;

/// Does what standard input asks for, one call after the other.
const CALLS: &str = "
import base64, json, sys
import botocore.session

def blobs(value):
    if isinstance(value, dict):
        return {k: base64.b64decode(v) if k in ('ZipFile', 'Body') else blobs(v) for k, v in value.items()}
    return [blobs(item) for item in value] if isinstance(value, list) else value

asked = json.load(sys.stdin)
session, clients, answers = botocore.session.get_session(), {}, []
for service, operation, parameters in asked['calls']:
    if service not in clients:
        clients[service] = session.create_client(service, region_name=asked['region'], endpoint_url=asked['url'],
            aws_access_key_id=asked['account'], aws_secret_access_key='test')
    answers.append(getattr(clients[service], operation)(**blobs(parameters)))
json.dump(answers, sys.stdout, default=str)
";

/// An account in one region.
#[derive(Clone, Debug)]
pub struct Corner {
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
}

impl Corner {
    /// That one.
    pub fn new(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned() }
    }

    /// Makes these calls, past any proxy: service, operation as botocore names it, parameters.
    pub fn calls(&self, calls: &[(&str, &str, Value)]) -> Vec<Value> {
        let asked = json!({ "url": local_aws().url(), "account": self.account, "region": self.region, "calls": calls });
        let mut command = Tool::install("local-aws").unwrap().command("python");
        command.args(["-c", CALLS]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The ARN of a version of the layer.
    pub fn layer(&self, version: u64) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{LAYER}:{version}", self.region, self.account)
    }

    /// Publishes so many versions of the layer, each with other bytes.
    pub fn publish(&self, count: usize) {
        let one = |number| publish(&format!("python/{LAYER}.py"), &format!("NUMBER = {number}\n"));
        self.calls(&(0..count).map(one).collect::<Vec<_>>());
    }

    /// The numbers of the versions that are there.
    pub fn versions(&self) -> Vec<u64> {
        let answers = self.calls(&[("lambda", "list_layer_versions", json!({ "LayerName": LAYER }))]);
        let versions = answers[0]["LayerVersions"].as_array().unwrap();
        let mut versions =
            versions.iter().map(|version| version["Version"].as_u64().unwrap()).collect::<Vec<_>>();
        versions.sort_unstable();
        versions
    }
}

/// A call that publishes a version of the layer with one file in it.
pub fn publish(file: &str, content: &str) -> (&'static str, &'static str, Value) {
    let zip = BASE64.encode(zip(file, content.as_bytes()));
    ("lambda", "publish_layer_version", json!({ "LayerName": LAYER, "Content": { "ZipFile": zip } }))
}

/// Lets another account use a version, makes its calls, and takes that back: what it has made stays.
pub fn shared_for_once(owner: &Corner, version: u64, user: &Corner, calls: &[(&str, &str, Value)]) {
    let name = json!({ "LayerName": LAYER, "VersionNumber": version, "StatementId": "once" });
    let mut share = name.clone();
    share["Action"] = json!("lambda:GetLayerVersion");
    share["Principal"] = json!(user.account);
    owner.calls(&[("lambda", "add_layer_version_permission", share)]);
    user.calls(calls);
    owner.calls(&[("lambda", "remove_layer_version_permission", name)]);
}

/// A call that makes a function with these layers.
pub fn function(name: &str, runtime: &str, layers: &[String]) -> (&'static str, &'static str, Value) {
    let code = BASE64.encode(zip("index.py", b"def handler(event, context): pass\n"));
    let parameters = json!({
        "FunctionName": name,
        "Runtime": runtime,
        "Role": "arn:aws:iam::123456789012:role/function",
        "Handler": "index.handler",
        "Code": { "ZipFile": code },
        "Layers": layers,
    });
    ("lambda", "create_function", parameters)
}

/// A call that gives a function other layers.
pub fn set_layers(name: &str, layers: &[String]) -> (&'static str, &'static str, Value) {
    let parameters = json!({ "FunctionName": name, "Layers": layers });
    ("lambda", "update_function_configuration", parameters)
}

/// A call that publishes a version of a function.
pub fn publish_function(name: &str) -> (&'static str, &'static str, Value) {
    ("lambda", "publish_version", json!({ "FunctionName": name }))
}

/// A call that makes an alias.
pub fn alias(function: &str, name: &str, version: &str) -> (&'static str, &'static str, Value) {
    let parameters = json!({ "FunctionName": function, "Name": name, "FunctionVersion": version });
    ("lambda", "create_alias", parameters)
}

/// A call that makes a stack.
pub fn stack(name: &str, template: &str, parameters: &[(&str, &str)]) -> (&'static str, &'static str, Value) {
    let parameters = parameters
        .iter()
        .map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": value }))
        .collect::<Vec<_>>();
    let capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"];
    let parameters = json!({
        "StackName": name,
        "TemplateBody": template,
        "Parameters": parameters,
        "Capabilities": capabilities,
    });
    ("cloudformation", "create_stack", parameters)
}
