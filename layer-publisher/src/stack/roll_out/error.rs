//! Why a roll-out, or one stack of it, did not come about, and what to type next.

use std::path::PathBuf;
use std::sync::Arc;

use template_tools::arn::{AccountId, LayerVersionArn, Region};
use template_tools::document::{ParseError, Position};
use template_tools::edit::ProofError;
use template_tools::plan::Refusal;
use thiserror::Error;

use super::super::error::StackError;
use super::super::state::Step;
use super::behind::Behind;
use super::lost::Lost;
use crate::aws::failure::{Advice, CallFailure};
use crate::aws::session::{OtherAccount, SessionError};
use crate::called::{CalledAs, Command};
use crate::config::{meant, nearest};
use crate::versions::ways::{WayFailure, WaysError};

/// Why nothing was rolled out at all.
#[derive(Debug, Error)]
pub(super) enum RequestError {
    /// What any command that looks at layers needs.
    #[error(transparent)]
    Ways(WaysError),
    /// Ctrl-C cannot be listened for.
    #[error("failed to listen for Ctrl-C")]
    Interrupts(#[source] std::io::Error),
    /// The ledger has no version of the layers.
    #[error("the ledger names no version of {}", quoted(.0))]
    NothingPublished(Vec<String>),
    /// A stack that is not among those that are meant.
    #[error("stack `{name}` is not among those that are rolled out{}{}", within(regions), meant(nearest(name, known.iter().map(String::as_str)).as_deref()))]
    UnknownStack {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
        /// The regions that were named.
        regions: Vec<Region>,
    },
}

/// ` in eu-west-1, us-east-1`; nothing, if there are none.
fn within(regions: &[Region]) -> String {
    let names = regions.iter().map(Region::as_str).collect::<Vec<_>>().join(", ");
    if names.is_empty() { names } else { format!(" in {names}") }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl<E: Into<WaysError>> From<E> for RequestError {
    fn from(error: E) -> Self {
        Self::Ways(error.into())
    }
}

impl RequestError {
    /// What to type next.
    pub(super) fn hint(&self, called: &CalledAs) -> Option<String> {
        Some(match self {
            Self::Ways(error) => return error.hint(called),
            Self::NothingPublished(_) => format!("publish one with `{}`", called.words(Command::Publish)),
            Self::UnknownStack { known, regions, .. } if known.is_empty() && !regions.is_empty() => {
                "leave `--region` out, or name the region in its `[[stacks]]`".to_owned()
            }
            Self::UnknownStack { known, .. } if known.is_empty() => {
                "name it in `layers.toml`: `[[stacks]]`, `name = …`".to_owned()
            }
            Self::UnknownStack { known, .. } => format!("stacks there are: {}", quoted(known)),
            Self::Interrupts(_) => return None,
        })
    }
}

/// Why one stack was not rolled out, or was not found.
#[derive(Debug, Error)]
pub(super) enum RollOutError {
    /// As any deployment fails.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// No credentials.
    #[error(transparent)]
    Session(Arc<SessionError>),
    /// They are for another account.
    #[error(transparent)]
    OtherAccount(#[from] OtherAccount),
    /// There is nowhere to go.
    #[error("no region is known for stack `{0}`")]
    NoRegion(String),
    /// The functions of a layer could not be asked for.
    #[error(transparent)]
    Way(Box<WayFailure>),
    /// The functions of an account and region could not be asked for.
    #[error("failed to find who uses the layer in {region}, account {account}")]
    Usage {
        /// The account.
        account: AccountId,
        /// The region.
        region: Region,
        /// What Lambda said.
        source: Box<CallFailure>,
        /// What helps the hint.
        advice: Box<Advice>,
    },
    /// Nobody says whether there is such a stack.
    #[error("failed to look for stack `{stack}` in {region}, account {account}")]
    Look {
        /// The stack.
        stack: String,
        /// The account.
        account: AccountId,
        /// The region.
        region: Region,
        /// What CloudFormation said.
        source: Box<CallFailure>,
        /// What helps the hint.
        advice: Box<Advice>,
    },
    /// There is no such stack.
    #[error("there is no stack `{stack}` in {region}, account {account}")]
    NoStack {
        /// The stack.
        stack: String,
        /// The region.
        region: Region,
        /// The account.
        account: AccountId,
    },
    /// It belongs to another stack.
    #[error("stack `{stack}` is nested in `{root}`, which alone can update it")]
    Nested {
        /// The stack.
        stack: String,
        /// The ARN of the outer one.
        root: String,
    },
    /// There is nothing to bring it to.
    #[error("the ledger names no version of {} for {region}", quoted(layers))]
    NoVersion {
        /// The layers.
        layers: Vec<String>,
        /// The region.
        region: Region,
    },
    /// The ledger contradicts itself.
    #[error("the ledger names `{0}`, and says that it was withdrawn")]
    Withdrawn(LayerVersionArn),
    /// The deployed template cannot be read.
    #[error("failed to parse the deployed template of stack `{stack}`")]
    Parse {
        /// The stack.
        stack: String,
        /// Where and why.
        source: ParseError,
    },
    /// Letters of the deployed template may not be what they were.
    #[error(
        "the template of stack `{stack}` cannot be sent back: CloudFormation gives `?` for every letter that is not ASCII, and \
         there is one in{lost}"
    )]
    QuestionMarks {
        /// The stack.
        stack: String,
        /// Where.
        lost: Lost,
    },
    /// The file that it was deployed from cannot be read.
    #[error("failed to read `{}`, the template of stack `{stack}`", path.display())]
    Local {
        /// The stack.
        stack: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Dynamic references cannot be changed as they should.
    #[error("failed to change the deployed template of stack `{stack}`")]
    Proof {
        /// The stack.
        stack: String,
        /// Why not.
        source: ProofError,
    },
    /// The new versions cannot be put in.
    #[error("the template of stack `{stack}` cannot be brought to the new version: {}", refused(refusals))]
    Refused {
        /// The stack.
        stack: String,
        /// Where and why.
        refusals: Vec<(Position, Refusal)>,
    },
    /// More would change than was asked for.
    #[error("stack `{stack}` would change in other ways, too:\n{}", indented(changes))]
    OtherChanges {
        /// The stack.
        stack: String,
        /// The changes.
        changes: Vec<String>,
    },
    /// Its functions are not at the version.
    #[error("stack `{stack}` is not at the new version: {}{}", still(functions), because(reasons))]
    Behind {
        /// The stack.
        stack: String,
        /// The functions.
        functions: Vec<Behind>,
        /// Why, as far as the template tells.
        reasons: Vec<String>,
    },
}

fn refused(refusals: &[(Position, Refusal)]) -> String {
    let one = |(position, refusal): &(Position, Refusal)| format!("line {}: {refusal}", position.line);
    refusals.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn still(functions: &[Behind]) -> String {
    let one = |one: &Behind| {
        let Behind { function, found, wanted } = one;
        format!(
            "function `{function}` has version {} of layer `{}`, not {wanted}",
            found.version, found.layer
        )
    };
    functions.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn because(reasons: &[String]) -> String {
    if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) }
}

impl RollOutError {
    /// What to type next.
    pub(super) fn hint(&self, advice: &Advice, called: &CalledAs) -> Option<String> {
        let (deploy, publish) = (called.words(Command::DeployStack), called.words(Command::Publish));
        Some(match self {
            Self::Stack(StackError::Stuck { stack, status, .. }) => {
                let flag = match status.step() {
                    Step::ContinueRollback | Step::ResumeUpdate => "--continue-rollback",
                    _ => "--recreate",
                };
                format!("mend it with `{deploy} TEMPLATE --stack-name {stack} {flag}`")
            }
            Self::Stack(StackError::Failed { stack, status, .. })
                if status.step() == Step::ContinueRollback =>
            {
                format!(
                    "once the cause is gone, mend it with `{deploy} TEMPLATE --stack-name {stack} --continue-rollback`"
                )
            }
            Self::Stack(StackError::Failed { .. }) => {
                format!("mend the cause, and run `{}` again", called.words(Command::RollOut))
            }
            Self::Stack(StackError::Capabilities(_)) => {
                format!(
                    "deploy it once with `{deploy}`, with the capability; a roll-out allows what was allowed then"
                )
            }
            Self::Stack(StackError::Deletes(_)) => {
                format!("a roll-out deletes no layer version; `{deploy}` does with `--allow-delete`")
            }
            Self::Stack(error) => return error.hint(advice, called),
            Self::Session(error) => return error.hint(called),
            Self::OtherAccount(error) => error.hint(),
            Self::Way(error) => return error.hint(called),
            Self::Usage { source, advice, .. } | Self::Look { source, advice, .. } => {
                return source.hint(advice, called);
            }
            Self::NoRegion(_) => "name one with `regions` in its `[[stacks]]`, or with `--region`".to_owned(),
            Self::NoStack { .. } => {
                format!("create it with `{deploy}`, or mend its `[[stacks]]` in `layers.toml`")
            }
            Self::Nested { .. } => format!(
                "bring the templates to the version with `{}`, and deploy the outer stack",
                called.words(Command::Bump)
            ),
            Self::NoVersion { region, .. } => format!("publish one with `{publish} --region {region}`"),
            Self::Withdrawn(_) => {
                format!("mend the ledger with `{} --repair`", called.words(Command::Status))
            }
            Self::Refused { refusals, .. } => match refusals.first() {
                Some((_, Refusal::Downgrade { .. })) => format!(
                    "if the ledger lags behind, bring it up to date with `{} --repair`; to go back, use `{}`",
                    called.words(Command::Status),
                    called.words(Command::Rollback)
                ),
                _ => format!("change its template by hand, and deploy it with `{deploy}`"),
            },
            Self::OtherChanges { .. } => {
                format!(
                    "let them come along with `--allow-other-changes`, or deploy the template with `{deploy}`"
                )
            }
            Self::Behind { .. } => format!(
                "a parameter in SSM is moved by `{publish}`; what was changed past the stack shows with \
                 `aws cloudformation detect-stack-drift`"
            ),
            Self::QuestionMarks { .. } => format!(
                "if each was always a `?`, say so with `--allow-question-marks`, or name the very file that was deployed as \
                 `template` in its `[[stacks]]` (where there are such tables, their stacks alone are rolled out); else bring the file to the version with `{}`, and deploy it with `{deploy}`",
                called.words(Command::Bump)
            ),
            Self::Local { .. } => "mend `template` in its `[[stacks]]` of `layers.toml`".to_owned(),
            Self::Parse { .. } | Self::Proof { .. } => return None,
        })
    }
}
