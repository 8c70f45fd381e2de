//! Stacks that are to be rolled out: made by `deploy-stack` from files of the project, and looked at by the AWS CLI.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::ops::Deref;

use serde_json::Value;

use crate::stack::{REGION, Stacks};
use crate::world::{Run, World};

/// A function whose layer's version stands in the template.
pub fn function(version: &str) -> String {
    format!(
        "Parameters:\n  Role: {{Type: String, Default: 'arn:aws:iam::123456789012:role/f'}}\n\
         Resources:\n  F: # the one\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: index.handler\n      \
         Runtime: python3.13\n      Role: !Ref Role\n      Code: {{ZipFile: 'def handler(event, context): return 1'}}\n      \
         Layers:\n        - !Sub 'arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:demo:{version}'\n\
         Outputs:\n  Function: {{Value: !Ref F}}\n"
    )
}

/// A world with stacks, and the table of `layers.toml` as it is without any.
pub struct RollOuts {
    stacks: Stacks,
    table: String,
}

impl Deref for RollOuts {
    type Target = Stacks;

    fn deref(&self) -> &Stacks {
        &self.stacks
    }
}

impl RollOuts {
    /// Versions 1 to this one are published.
    pub fn new(versions: u64) -> Self {
        let stacks = Stacks::new();
        let table = stacks.world.project.read("layers.toml").unwrap();
        stacks.publish(versions);
        Self { stacks, table }
    }

    /// As it is named.
    pub fn world(&self) -> &World {
        &self.stacks.world
    }

    /// Builds and publishes one more version, of other content than those before.
    pub fn publish(&self, version: u64) {
        self.stacks.world.project.build(&format!("VERSION = {version}\n")).unwrap();
        self.stacks.world.publish().ends_with(0);
    }

    /// Writes tables behind those of the layer.
    pub fn name_stacks(&self, tables: &str) {
        self.stacks.world.project.write("layers.toml", format!("{}\n{tables}", self.table)).unwrap();
    }

    /// A stack of this template; the name of its function.
    pub fn deploy(&self, stack: &str, template: &str) -> String {
        self.deploy_with(stack, template, &[])
    }

    /// The same, with more arguments.
    pub fn deploy_with(&self, stack: &str, template: &str, more: &[&str]) -> String {
        let file = format!("{stack}.yaml");
        self.stacks.template(&file, template);
        let arguments = ["deploy-stack", &file, "--stack-name", stack, "--region", REGION];
        let run = self.stacks.run(&[&arguments[..], more].concat()).ends_with(0);
        run.stdout.lines().find_map(|line| line.strip_prefix("Function=")).unwrap().to_owned()
    }

    /// `roll-out` with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.stacks.run(&[&["roll-out"], arguments].concat())
    }

    /// `deploy-stack` of the one stack.
    pub fn deploy_one(&self, arguments: &[&str]) -> Run {
        self.stacks.deploy(arguments)
    }

    /// Another command of the publisher.
    pub fn publisher(&self, arguments: &[&str]) -> Run {
        self.stacks.run(arguments)
    }

    /// What the AWS CLI says of a stack.
    pub fn stack(&self, name: &str) -> Value {
        self.aws(&["cloudformation", "describe-stacks", "--stack-name", name])["Stacks"][0].clone()
    }

    /// The template of a stack, as it was sent.
    pub fn deployed_template(&self, name: &str) -> String {
        self.stacks.world.template(REGION, name)
    }
}
