//! What goes into a change set, and what CloudFormation says that it would do. Data only.

use std::collections::BTreeMap;

use super::parameters::Sent;

/// The largest template that a request can hold, in bytes; a larger one goes through S3 (CloudFormation quotas).
pub const LARGEST_BODY: usize = 51_200;
/// The largest template at all, in bytes.
pub const LARGEST_TEMPLATE: usize = 1_000_000;

/// The type of a stack in a stack.
pub const NESTED: &str = "AWS::CloudFormation::Stack";

/// What CreateChangeSet is asked for.
#[derive(Clone, Debug)]
pub struct NewChangeSet {
    /// The stack, by its name.
    pub stack_name: String,
    /// Whether the stack comes into being with it.
    pub is_new_stack: bool,
    /// A name that no other change set has.
    pub name: String,
    /// The template.
    pub template: TemplateSource,
    /// Parameters that are not left to their defaults.
    pub parameters: Vec<(String, Sent)>,
    /// Capabilities that the user has allowed.
    pub capabilities: Vec<String>,
    /// Tags of the stack; without any it keeps its own.
    pub tags: Vec<(String, String)>,
    /// The role that CloudFormation takes on.
    pub role_arn: Option<String>,
    /// Whether change sets are made for nested stacks, too.
    pub with_nested: bool,
    /// What happens to the stack if it fails; nothing is CloudFormation's own choice: it rolls back.
    pub on_failure: Option<OnFailure>,
}

/// A template, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplateSource {
    /// In the request.
    Body(String),
    /// From S3.
    Url(String),
    /// The one that the stack was made from.
    Previous,
}

/// What happens to a stack that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It goes back to what it was.
    Rollback,
    /// It stays as it is.
    DoNothing,
    /// A new one is deleted.
    Delete,
}

/// How far a change set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is being made.
    Making,
    /// It can be carried out.
    Ready,
    /// It is being carried out, or has been.
    Executing,
    /// It cannot be carried out.
    Failed,
}

/// A change set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The ARN of its stack.
    pub stack_id: String,
    /// The name of its stack.
    pub stack_name: String,
    /// How far it is.
    pub progress: Progress,
    /// Why it is so.
    pub reason: String,
    /// The values that the parameters would have.
    pub parameters: BTreeMap<String, String>,
    /// What it would do.
    pub changes: Vec<Change>,
}

/// One resource that would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What would be done.
    pub action: Action,
    /// Its logical id.
    pub resource: String,
    /// Its type.
    pub kind: String,
    /// Its physical id, if it exists.
    pub physical: Option<String>,
    /// Whether another one takes its place.
    pub replaced: Replaced,
    /// What becomes of the old one, if it goes, and if CloudFormation tells.
    pub fate: Option<Fate>,
    /// The properties that change; attributes of the resource, where it is one of those.
    pub properties: Vec<String>,
    /// If it is not certain that anything changes: the values that it depends on, for example `F.Arn`. Empty if it is.
    pub depends_on: Vec<String>,
    /// The ARN of its own change set, if it is a nested stack and there is one.
    pub nested: Option<String>,
}

/// What would be done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Created.
    Add,
    /// Changed.
    Modify,
    /// Taken out of the stack.
    Remove,
    /// Taken over.
    Import,
}

/// Whether another resource takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It stays.
    No,
    /// That shows only when it is done.
    Perhaps,
    /// It does not stay.
    Yes,
}

/// What becomes of a resource that leaves the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted.
    Deleted,
    /// It stays in the account.
    Kept,
}

impl ChangeSet {
    /// Whether it failed only because there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.progress == Progress::Failed && says_nothing_to_do(&self.reason)
    }
}

impl ChangeSet {
    /// Why it cannot be carried out.
    pub fn why(&self) -> &str {
        match self.progress {
            Progress::Executing => "it has been carried out already",
            Progress::Making => "it is still being made",
            // OBSOLETE: CloudFormation has no words for it.
            Progress::Failed | Progress::Ready if self.reason.is_empty() => {
                "the stack has changed since it was made"
            }
            Progress::Failed | Progress::Ready => &self.reason,
        }
    }
}

/// Whether CloudFormation says that there is nothing to do: the words are all that tells.
pub fn says_nothing_to_do(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_has_two_wordings() {
        assert!(says_nothing_to_do(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(says_nothing_to_do("No updates are to be performed."));
        assert!(!says_nothing_to_do("Parameter validation failed"));
    }
}
