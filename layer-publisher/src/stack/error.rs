//! Why a stack was not deployed, and what to type next.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use template_tools::arn::Region;
use template_tools::document::ParseError;
use template_tools::edit::ProofError;
use thiserror::Error;

use super::local::LocalError;
use super::parameters::ParameterError;
use super::settings::SettingsError;
use super::state::Status;
use super::verify::Mismatch;
use crate::aws::failure::{Advice, CallFailure, Kind};
use crate::aws::session::SessionError;
use crate::called::{CalledAs, Command};
use crate::ui::megabytes;

/// Why a stack was not deployed.
#[derive(Debug, Error)]
pub(super) enum StackError {
    /// No template is named.
    #[error("no template is named")]
    NoTemplate,
    /// The template cannot be read.
    #[error("failed to read the template `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It does not parse.
    #[error("failed to parse the template `{}`", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: ParseError,
    },
    /// It is something else.
    #[error("`{}` is no template of CloudFormation: it has no resources", path.display())]
    NoResources {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than CloudFormation takes.
    #[error("the template `{}` is larger than CloudFormation takes: {} of {}", path.display(), megabytes(*size), megabytes(1_000_000))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// A placeholder is still in it.
    #[error(
        "function `{function}` still has the placeholder `{word}` where the version of its layer belongs"
    )]
    Placeholder {
        /// The function.
        function: String,
        /// The placeholder.
        word: String,
    },
    /// The command line and `samconfig.toml`.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Parameters.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// Files of this machine.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// Places in S3 could not be put into the template.
    #[error("failed to put the places in S3 into the template `{}`", path.display())]
    Places {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ProofError,
    },
    /// Capabilities that nobody has allowed.
    #[error("the template needs {}", needs(.0))]
    Capabilities(BTreeMap<String, Option<String>>),
    /// There is no bucket for what has to go through S3.
    #[error("no bucket is known for {0}")]
    NoBucket(String),
    /// SAM's own stack is not there.
    #[error(
        "`resolve_s3` asks for the bucket of the stack `aws-sam-cli-managed-default`, which {region} does not have"
    )]
    NoSamBucket {
        /// The region.
        region: Region,
    },
    /// No region.
    #[error("no region is known")]
    NoRegion,
    /// Credentials and the way to AWS.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Ctrl-C came on the way to something that is needed first.
    #[error("interrupted, and nothing was changed")]
    Interrupted,
    /// A stack is to be deleted now and created at some later time.
    #[error("`--recreate` deletes the stack at once, and the change set would only be prepared")]
    RecreateLater,
    /// Ctrl-C cannot be listened for.
    #[error("failed to listen for Ctrl-C")]
    Interrupts(#[source] io::Error),
    /// A call failed.
    #[error("failed to {what}")]
    Call {
        /// What was being done.
        what: String,
        /// What AWS said.
        source: Box<CallFailure>,
    },
    /// The stack can only be deleted.
    #[error("stack `{stack}` is {status}: {}", status.meaning())]
    Stuck {
        /// The stack.
        stack: String,
        /// How it stands.
        status: Status,
        /// What failed first, if it is known.
        source: Option<Box<Reason>>,
    },
    /// Somebody else is at work on it, for too long.
    #[error("stack `{stack}` is still {status} after {minutes} min: {}", status.meaning())]
    Busy {
        /// The stack.
        stack: String,
        /// How it stands.
        status: Status,
        /// For how long it was waited for.
        minutes: u64,
    },
    /// The change set cannot be carried out.
    #[error("failed to make a change set for stack `{stack}`")]
    ChangeSet {
        /// The stack.
        stack: String,
        /// What CloudFormation says.
        source: Reason,
    },
    /// The change set that was named.
    #[error("change set `{0}` cannot be carried out: {1}")]
    NotReady(String, String),
    /// No ARN of a change set.
    #[error("`{0}` is no ARN of a change set")]
    NoChangeSetArn(String),
    /// A layer version would be deleted.
    #[error("the change would delete {}", layers(.0))]
    Deletes(Vec<(String, Option<String>)>),
    /// Nobody is there to ask.
    #[error("the change set is to be confirmed, and there is no terminal to ask at")]
    NobodyToAsk,
    /// Whoever was asked does not want it.
    #[error("the change set was not confirmed, and nothing was changed")]
    NotConfirmed,
    /// It failed.
    #[error("failed to deploy stack `{stack}`: it is {status} now")]
    Failed {
        /// The stack.
        stack: String,
        /// How it stands.
        status: Status,
        /// What failed first.
        source: Option<Box<Reason>>,
    },
    /// The functions have other versions than the template says.
    #[error("stack `{stack}` is deployed, and {}", mismatched(mismatches))]
    Unverified {
        /// The stack.
        stack: String,
        /// What differs.
        mismatches: Vec<Mismatch>,
    },
}

/// What CloudFormation says about something that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub(super) struct Reason(pub(super) String);

fn needs(missing: &BTreeMap<String, Option<String>>) -> String {
    let one = |(name, resource): (&String, &Option<String>)| match resource {
        Some(resource) => format!("{name} for resource `{resource}`"),
        None => name.clone(),
    };
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn layers(deleted: &[(String, Option<String>)]) -> String {
    let one = |(name, arn): &(String, Option<String>)| match arn {
        Some(arn) => format!("`{arn}` (resource `{name}`)"),
        None => format!("the layer version of resource `{name}`"),
    };
    deleted.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn mismatched(mismatches: &[Mismatch]) -> String {
    let one = |one: &Mismatch| {
        let wanted = one.wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let Mismatch { function, found, .. } = one;
        format!(
            "function `{function}` has version {} of layer `{}`, not {wanted}",
            found.version, found.layer
        )
    };
    mismatches.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl StackError {
    /// The failure of a call, with what was being done.
    pub(super) fn call(what: String, failure: CallFailure) -> Self {
        if failure.code.as_deref().is_some_and(|code| code.starts_with("InsufficientCapabilities")) {
            return Self::missing_capabilities(&failure.message);
        }
        Self::Call { what, source: Box::new(failure) }
    }

    /// A change set that could not be made, with CloudFormation's reason.
    pub(super) fn change_set(stack: &str, reason: String) -> Self {
        // What a transform brings in is known only after it.
        if reason.starts_with("Requires capabilities") {
            return Self::missing_capabilities(&reason);
        }
        Self::ChangeSet { stack: stack.to_owned(), source: Reason(reason) }
    }

    fn missing_capabilities(message: &str) -> Self {
        let words = message.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'));
        let missing = words.filter(|word| word.starts_with("CAPABILITY_"));
        Self::Capabilities(missing.map(|name| (name.to_owned(), None)).collect())
    }

    /// Whether a change set may be carried out all the same: nobody has heard what came of the call.
    pub(super) fn may_have_begun(&self) -> bool {
        matches!(self, Self::Call { source, .. } if source.says_nothing() && source.operation == "ExecuteChangeSet")
    }

    /// What to type next.
    pub(super) fn hint(&self, advice: &Advice, called: &CalledAs) -> Option<String> {
        let deploy = called.words(Command::DeployStack);
        Some(match self {
            Self::NoTemplate => format!("name it: `{deploy} TEMPLATE --stack-name NAME`"),
            Self::Settings(error) => return error.hint(),
            Self::Parameters(error) => return error.hint(),
            Self::Local(error) => error.hint(),
            Self::Session(error) => return error.hint(called),
            Self::Placeholder { .. } => {
                format!("put the version in place with `{}`", called.words(Command::Bump))
            }
            Self::Capabilities(missing) => format!(
                "if that is meant, say so with `--capabilities {}`",
                missing.keys().cloned().collect::<Vec<_>>().join(" ")
            ),
            Self::NoBucket(_) => "name one with `--s3-bucket NAME`; `{account}` and `{region}` in its name are \
                 filled in, and it must lie in the stack's region"
                .to_owned(),
            Self::NoSamBucket { .. } => {
                "a deployment makes it, a dry run does not: name another bucket with `--s3-bucket NAME` until then"
                    .to_owned()
            }
            Self::NoRegion => "name one with `--region REGION`, or set `AWS_REGION`".to_owned(),
            // CREATE_FAILED or UPDATE_FAILED by now, which it was not when we looked.
            Self::Call { source, .. } if source.message.contains("disable-rollback parameter") => {
                format!("run `{deploy}` again: it says what the stack can do from there")
            }
            Self::Call { source, .. } => match source.kind {
                Kind::Silence if advice.endpoint.is_none() => {
                    format!("run `{deploy}` again: it goes on from where the stack is")
                }
                Kind::Throttled => format!("run `{deploy}` again later"),
                _ => return source.hint(advice, called),
            },
            Self::Stuck { status, .. } if status.as_str() == "UPDATE_ROLLBACK_FAILED" => {
                "once the cause is gone, let it go back and then be updated with `--continue-rollback`".to_owned()
            }
            Self::Stuck { status, .. } if status.as_str() == "UPDATE_FAILED" => {
                "let it go back and then be updated with `--continue-rollback`, or go on from there with `--on-failure DO_NOTHING`"
                    .to_owned()
            }
            Self::Stuck { status, .. } if status.as_str() == "CREATE_FAILED" => {
                "let it be deleted and created anew with `--recreate`, or go on from there with `--on-failure DO_NOTHING`".to_owned()
            }
            Self::Stuck { .. } => "let it be deleted and created anew with `--recreate`".to_owned(),
            Self::Busy { stack, .. } => {
                format!("see who it is with `aws cloudformation describe-stack-events --stack-name {stack}`")
            }
            Self::NotReady(..) => format!("make a new one with `{deploy} … --no-execute-changeset`"),
            Self::NoChangeSetArn(_) => {
                format!("`{deploy} … --no-execute-changeset` prints one")
            }
            Self::Deletes(_) => "functions keep their copy of a deleted version, but a rollback to it fails, and so do others who name it: give \
                 the resource `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain`; if deleting is meant, say so with `--allow-delete`"
                .to_owned(),
            Self::NobodyToAsk => "say that it is not needed with `--no-confirm-changeset`".to_owned(),
            Self::Failed { status, .. } => match status.as_str() {
                "CREATE_FAILED" => format!(
                    "mend the cause, and run `{deploy}` again with `--recreate`, or with `--on-failure DO_NOTHING` to go on from there"
                ),
                "UPDATE_FAILED" => format!(
                    "mend the cause, and run `{deploy}` again with `--continue-rollback`, or with `--on-failure DO_NOTHING` to go on \
                     from there"
                ),
                "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" => {
                    format!("mend the cause, and run `{deploy}` again with `--recreate`")
                }
                "UPDATE_ROLLBACK_FAILED" => format!(
                    "once the cause is gone, run `{deploy}` again with `--continue-rollback`; what cannot go back, to a layer version \
                     that is deleted for example, is left out with `--skip-resource NAME`"
                ),
                _ => format!("mend the cause, and run `{deploy}` again"),
            },
            Self::Unverified { .. } => {
                "somebody has changed the function past its stack: CloudFormation sees that with `aws cloudformation detect-stack-drift`"
                    .to_owned()
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "see that its path is right; `new-template` writes one for a layer".to_owned()
            }
            Self::Read { .. } => "a template is a file of text, in UTF-8".to_owned(),
            Self::Parse { .. } => "mend it there; `cfn-lint` tells more about templates".to_owned(),
            Self::NoResources { .. } => {
                "a template has `Resources` at its top, each with a `Type`".to_owned()
            }
            Self::TooLarge { .. } => "move some of its resources to a stack of their own".to_owned(),
            Self::RecreateLater => "leave one of `--recreate` and `--no-execute-changeset` out".to_owned(),
            Self::Places { .. }
            | Self::Interrupted
            | Self::Interrupts(_)
            | Self::ChangeSet { .. }
            | Self::NotConfirmed => {
                return None;
            }
        })
    }

    /// Whether the command line was wrong.
    pub(super) fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoTemplate
                | Self::NoChangeSetArn(_)
                | Self::RecreateLater
                | Self::Settings(SettingsError::NoStackName)
        )
    }
}
