//! How a stack stands, and what can be done with it from there. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// The status of a stack or a resource, as CloudFormation writes it: `UPDATE_ROLLBACK_FAILED`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status(String);

/// A stack as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its ARN.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// The values of its parameters, as they were given: the name of the parameter in SSM, where it is read from there.
    pub parameters: BTreeMap<String, String>,
    /// The same, with what was read from SSM.
    pub resolved: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// What was allowed when it was last deployed.
    pub capabilities: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the outermost stack that it is nested in, if it is.
    pub root: Option<String>,
}

/// What has to be done with a stack before or while a template is deployed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is none: a change set creates it.
    Create,
    /// There is one: a change set updates it.
    Update,
    /// Somebody is at work on it, and it has to be waited for.
    Wait,
    /// It can only be deleted, and then be created anew (`--recreate`).
    Recreate,
    /// Its creation has failed, and it was left so: it goes on from there if it may be left again, or it is deleted
    /// (`--recreate`).
    ResumeCreation,
    /// An update has failed, and it was left so: it goes on from there if it may be left again, or it is rolled back
    /// (`--continue-rollback`).
    ResumeUpdate,
    /// Its rollback has to be finished first (`--continue-rollback`).
    ContinueRollback,
}

impl Status {
    /// The status of this name.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// As CloudFormation writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether something is still being done.
    pub fn is_in_progress(&self) -> bool {
        self.0.ends_with("_IN_PROGRESS") && !self.is_reviewed()
    }

    /// Whether it has change sets, and nothing else yet.
    pub fn is_reviewed(&self) -> bool {
        self.0 == "REVIEW_IN_PROGRESS"
    }

    /// Whether this is the end of something that went wrong.
    pub fn is_failure(&self) -> bool {
        self.0.ends_with("_FAILED") || self.0.contains("ROLLBACK")
    }

    /// Whether it is gone.
    pub fn is_deleted(&self) -> bool {
        self.0 == "DELETE_COMPLETE"
    }

    /// What has to be done with a stack of this status.
    pub fn step(&self) -> Step {
        match self.0.as_str() {
            // Somebody has made a change set for a stack that is not there yet.
            "REVIEW_IN_PROGRESS" | "DELETE_COMPLETE" => Step::Create,
            "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "DELETE_FAILED" => Step::Recreate,
            "CREATE_FAILED" => Step::ResumeCreation,
            "UPDATE_FAILED" => Step::ResumeUpdate,
            "UPDATE_ROLLBACK_FAILED" => Step::ContinueRollback,
            _ if self.is_in_progress() => Step::Wait,
            _ => Step::Update,
        }
    }

    /// What such a status means, for whoever has never seen it.
    pub fn meaning(&self) -> &'static str {
        match self.0.as_str() {
            "ROLLBACK_COMPLETE" => "its creation failed and was undone, and such a stack can only be deleted",
            "ROLLBACK_FAILED" => "its creation failed, and undoing it failed too",
            "DELETE_FAILED" => "deleting it failed",
            "CREATE_FAILED" => {
                "its creation failed and was not undone, and such a stack takes no deployment that would roll back"
            }
            "UPDATE_FAILED" => {
                "an update failed and was not undone, and such a stack takes no deployment that would roll back"
            }
            "UPDATE_ROLLBACK_FAILED" => {
                "an update failed, and going back failed too: nothing can be deployed until that is done"
            }
            "REVIEW_IN_PROGRESS" => "it has a change set, and was never created",
            _ => "somebody else is at work on it",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_way_on() {
        for (status, step) in [
            ("REVIEW_IN_PROGRESS", Step::Create),
            ("CREATE_COMPLETE", Step::Update),
            ("CREATE_FAILED", Step::ResumeCreation),
            ("CREATE_IN_PROGRESS", Step::Wait),
            ("ROLLBACK_COMPLETE", Step::Recreate),
            ("ROLLBACK_IN_PROGRESS", Step::Wait),
            ("UPDATE_COMPLETE", Step::Update),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Step::Wait),
            ("UPDATE_FAILED", Step::ResumeUpdate),
            ("UPDATE_ROLLBACK_COMPLETE", Step::Update),
            ("UPDATE_ROLLBACK_FAILED", Step::ContinueRollback),
            ("IMPORT_COMPLETE", Step::Update),
            ("DELETE_IN_PROGRESS", Step::Wait),
            ("DELETE_COMPLETE", Step::Create),
        ] {
            assert_eq!(Status::new(status).step(), step, "{status}");
        }
    }

    #[test]
    fn a_rollback_is_a_failure_also_when_it_is_complete() {
        assert!(Status::new("UPDATE_ROLLBACK_COMPLETE").is_failure());
        assert!(Status::new("CREATE_FAILED").is_failure());
        assert!(!Status::new("UPDATE_COMPLETE").is_failure());
        assert!(!Status::new("REVIEW_IN_PROGRESS").is_in_progress());
    }
}
