//! Stacks of the publisher's world: templates, `deploy-stack`, and what the AWS CLI says of what came of it.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::process::Command;

use serde_json::Value;

use crate::world::{Run, World};

/// The region of all that is not said to be elsewhere.
pub const REGION: &str = "eu-west-1";
/// The stack.
pub const STACK: &str = "demo-stack";

/// A world with stacks.
pub struct Stacks {
    /// As it is named.
    pub world: World,
}

impl Default for Stacks {
    fn default() -> Self {
        Self::new()
    }
}

impl Stacks {
    /// Nothing is published, and there is no stack.
    pub fn new() -> Self {
        Self { world: World::new(&[REGION], &[]) }
    }

    /// So many versions of the layer, by the publisher.
    pub fn publish(&self, versions: u64) {
        for version in 1..=versions {
            self.world.project.build(&format!("VERSION = {version}\n")).unwrap();
            self.world.publish().ends_with(0);
        }
    }

    /// Writes a file of the project.
    pub fn template(&self, name: &str, text: impl AsRef<str>) {
        if let Some(folder) = self.world.project.path(name).parent() {
            std::fs::create_dir_all(folder).unwrap();
        }
        self.world.project.write(name, text).unwrap();
    }

    /// `deploy-stack` of the one stack, in the one region unless another one is named; not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["deploy-stack", "--stack-name", STACK];
        if !arguments.contains(&"--region") {
            all.extend(["--region", REGION]);
        }
        // Lists of values come last.
        all.splice(1..1, arguments.iter().take(1).copied());
        all.extend(&arguments[arguments.len().min(1)..]);
        self.world.command(&all)
    }

    /// The same, and what came of it.
    pub fn deploy(&self, arguments: &[&str]) -> Run {
        self.world.proxy.take_calls();
        let output = self.command(arguments).output().unwrap();
        Run::new(output, self.world.proxy.take_calls())
    }

    /// The publisher with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.world.run(arguments)
    }

    /// The ARN of a version of the layer.
    pub fn arn(&self, version: u64) -> String {
        self.world.arn(REGION, version)
    }

    /// What the AWS CLI says, in the one region.
    pub fn aws(&self, arguments: &[&str]) -> Value {
        self.world.aws(&[arguments, &["--region", REGION]].concat())
    }

    /// The ARNs of a function's layers.
    pub fn layers(&self, function: &str) -> Vec<String> {
        let found = self.aws(&["lambda", "get-function-configuration", "--function-name", function]);
        let layers = found["Layers"].as_array().cloned().unwrap_or_default();
        layers.iter().map(|layer| layer["Arn"].as_str().unwrap().to_owned()).collect()
    }

    fn stack(&self) -> Option<Value> {
        let all = self.aws(&["cloudformation", "describe-stacks"]);
        let stacks = all["Stacks"].as_array().unwrap();
        stacks
            .iter()
            .find(|stack| stack["StackName"] == STACK && stack["StackStatus"] != "DELETE_COMPLETE")
            .cloned()
    }

    /// How the stack stands, if it is there.
    pub fn status(&self) -> Option<String> {
        self.stack().map(|stack| stack["StackStatus"].as_str().unwrap().to_owned())
    }

    /// Waits until the stack stands so.
    pub fn wait_until(&self, status: &str) {
        let end = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while self.status().as_deref() != Some(status) {
            assert!(std::time::Instant::now() < end, "the stack is {:?}", self.status());
        }
    }

    /// The value of a parameter of the stack.
    pub fn parameter(&self, name: &str) -> String {
        let stack = self.stack().unwrap();
        let parameters = stack["Parameters"].as_array().unwrap();
        let found = parameters.iter().find(|parameter| parameter["ParameterKey"] == name).unwrap();
        found["ParameterValue"].as_str().unwrap().to_owned()
    }

    /// How many change sets the stack has that were not carried out.
    pub fn change_sets(&self) -> usize {
        let all = self.aws(&["cloudformation", "list-change-sets", "--stack-name", STACK]);
        let summaries = all["Summaries"].as_array().unwrap();
        summaries.iter().filter(|one| one["ExecutionStatus"] != "EXECUTE_COMPLETE").count()
    }

    /// A bucket with versions or without, in a region.
    pub fn bucket(&self, name: &str, region: &str) {
        let place = format!("LocationConstraint={region}");
        let arguments = ["s3api", "create-bucket", "--bucket", name, "--region", region];
        self.world.aws(&[&arguments[..], &["--create-bucket-configuration", &place]].concat());
    }
}
