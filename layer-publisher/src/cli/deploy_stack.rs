//! `deploy-stack`: a template, to a stack.

mod lists;
mod pairs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args, ValueEnum};

use super::arguments::{AwsArgs, CommonArgs, FormatArg};
use crate::called::CalledAs;
use crate::publish::staging::BucketPattern;
use crate::stack::change_set::OnFailure;
use crate::stack::deploy;
use crate::stack::settings::{Allowed, Asked, Confirm, Follow, Goal, is_stack_name};
use crate::ui::Ui;

/// Create or update a stack through a change set, and follow it to its end
///
/// Shows what will happen before it happens. Parameters keep the values that the stack has, unless they are given here;
/// those that carry a layer's version or its content take the template's new Default. Prints the stack's outputs. Reads
/// `samconfig.toml` beside the template, as `sam deploy` does.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "a flag each")]
#[command(group = ArgGroup::new("what").args(["dry_run", "no_execute_changeset", "execute_changeset"]))]
pub(super) struct DeployStackArgs {
    /// The template, YAML or JSON; what `sam build` has left is `.aws-sam/build/template.yaml`
    #[arg(value_name = "TEMPLATE", conflicts_with = "execute_changeset")]
    template: Option<PathBuf>,
    /// The stack; else `stack_name` of `samconfig.toml`
    #[arg(long, value_name = "NAME", value_parser = stack_name)]
    stack_name: Option<String>,
    /// Values of parameters: `KEY=VALUE`, `ParameterKey=KEY,ParameterValue=VALUE`, or `file://FILE` (JSON)
    #[arg(long, visible_alias = "parameter-overrides", value_name = "KEY=VALUE", num_args = 1.., conflicts_with = "execute_changeset")]
    parameters: Vec<String>,
    /// What the template may do: `CAPABILITY_IAM`, `CAPABILITY_NAMED_IAM`, `CAPABILITY_AUTO_EXPAND`
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', conflicts_with = "execute_changeset")]
    capabilities: Vec<String>,
    /// Tags of the stack and all in it; without any it keeps those that it has
    #[arg(long, value_name = "KEY=VALUE", num_args = 1.., conflicts_with = "execute_changeset")]
    tags: Vec<String>,
    /// The role that CloudFormation takes on
    #[arg(long, value_name = "ARN", conflicts_with = "execute_changeset")]
    role_arn: Option<String>,
    /// The bucket for local files and for templates of more than 51,200 bytes. `{account}` and `{region}` in its name are
    /// filled in
    #[arg(long, value_name = "NAME")]
    s3_bucket: Option<BucketPattern>,
    /// What the keys in the bucket begin with
    #[arg(long, value_name = "PREFIX")]
    s3_prefix: Option<String>,
    /// What becomes of the stack if it fails
    #[arg(long, value_enum, value_name = "WHAT", ignore_case = true, conflicts_with = "execute_changeset")]
    on_failure: Option<OnFailureArg>,
    /// The environment of `samconfig.toml`
    #[arg(long, value_name = "ENV")]
    config_env: Option<String>,
    /// Show what would happen, and leave nothing behind
    #[arg(long)]
    dry_run: bool,
    /// Make the change set, print its ARN, and leave it for later
    #[arg(long)]
    no_execute_changeset: bool,
    /// Carry out a change set that was made before
    #[arg(long, value_name = "ARN")]
    execute_changeset: Option<String>,
    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,
    /// Ask before the change set is carried out
    #[arg(long, conflicts_with = "no_confirm_changeset")]
    confirm_changeset: bool,
    /// Do not ask, whatever `samconfig.toml` says
    #[arg(long)]
    no_confirm_changeset: bool,
    /// Let layer versions be deleted for want of a Retain policy
    #[arg(long)]
    allow_delete: bool,
    /// Delete a stack whose creation has failed, and create it anew; asks, where the change set is confirmed
    #[arg(long, conflicts_with = "execute_changeset")]
    recreate: bool,
    /// Finish a rollback that has failed, or roll back an update that was left where it failed, and deploy then
    #[arg(long, conflicts_with = "execute_changeset")]
    continue_rollback: bool,
    /// A resource that cannot go back, and that the rollback leaves as it is; may be given several times
    #[arg(long = "skip-resource", value_name = "NAME", requires = "continue_rollback")]
    skip_resources: Vec<String>,
    /// The form of what is printed: outputs, or a JSON document about every region
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
enum OnFailureArg {
    /// It goes back to what it was
    Rollback,
    /// It stays as it is
    DoNothing,
    /// A new one is deleted
    Delete,
}

fn stack_name(name: &str) -> Result<String, String> {
    if is_stack_name(name) {
        Ok(name.to_owned())
    } else {
        Err("a stack's name begins with a letter, and has up to 128 letters, digits and `-`".to_owned())
    }
}

impl DeployStackArgs {
    pub(super) async fn run(mut self, ui: &Ui, called: &CalledAs) -> ExitCode {
        let usage = |text: String| {
            ui.error(&pairs::PairError::from(text), None);
            ExitCode::from(2)
        };
        if self.template.is_none() && self.execute_changeset.is_none() {
            let lists: [lists::List<'_>; 3] = [
                (&mut self.capabilities, lists::is_capability),
                (&mut self.parameters, lists::is_pair),
                (&mut self.tags, lists::is_pair),
            ];
            self.template = lists::template_behind(lists);
        }
        if let Err(error) = lists::capabilities(&self.capabilities) {
            return usage(error);
        }
        let parameters = match pairs::parameters(&self.parameters) {
            Ok(parameters) => parameters,
            Err(error) => return usage(error),
        };
        let tags = match pairs::tags(&self.tags) {
            Ok(tags) => tags,
            Err(error) => return usage(error),
        };
        let goal = match (self.dry_run, self.no_execute_changeset) {
            (true, _) => Some(Goal::Show),
            (_, true) => Some(Goal::Prepare),
            _ => None,
        };
        let confirm = match (self.confirm_changeset, self.no_confirm_changeset) {
            (true, _) => Some(Confirm::Yes),
            (_, true) => Some(Confirm::No),
            _ => None,
        };
        let asked = Asked {
            template: self.template,
            stack_name: self.stack_name,
            parameters,
            capabilities: self.capabilities,
            tags,
            role_arn: self.role_arn,
            profile: self.aws.profile,
            regions: self.aws.regions,
            s3_bucket: self.s3_bucket,
            s3_prefix: self.s3_prefix,
            on_failure: self.on_failure.map(|on_failure| match on_failure {
                OnFailureArg::Rollback => OnFailure::Rollback,
                OnFailureArg::DoNothing => OnFailure::DoNothing,
                OnFailureArg::Delete => OnFailure::Delete,
            }),
            config_env: self.config_env,
            goal,
            confirm,
            follow: Follow::from_flag(self.no_wait),
            allowed: Allowed {
                delete: self.allow_delete,
                recreate: self.recreate,
                continue_rollback: self.continue_rollback,
            },
            skip_resources: self.skip_resources,
            execute: self.execute_changeset,
            format: self.format.into(),
        };
        Box::pin(deploy::run(&asked, ui, called)).await
    }
}
