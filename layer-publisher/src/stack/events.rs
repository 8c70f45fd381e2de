//! What happens to a stack, one line for each resource, and the first thing that failed.

use std::collections::BTreeMap;

use super::state::Status;

/// An event of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its own name.
    pub id: String,
    /// The logical id of what it is about.
    pub resource: String,
    /// Its physical id; empty if it has none yet.
    pub physical: String,
    /// Its type.
    pub kind: String,
    /// How it stands.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// Whether it is about the stack itself.
    pub is_stack: bool,
}

/// How a line is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Something was done.
    Done,
    /// Something did not work out.
    Failed,
    /// Something has begun.
    Begun,
}

/// One line about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How it is said.
    pub weight: Weight,
    /// The verb.
    pub verb: &'static str,
    /// What it is about, and why.
    pub text: String,
}

/// What has been seen of one operation on a stack.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The latest event.
    pub last: Option<String>,
    first_failure: Option<Event>,
    begun: BTreeMap<String, Status>,
    done: usize,
}

impl Seen {
    /// Nothing yet, but for what was there before: its latest event.
    pub fn after(last: Option<String>) -> Self {
        Self { last, ..Self::default() }
    }

    /// The first event that failed.
    pub fn first_failure(&self) -> Option<&Event> {
        self.first_failure.as_ref()
    }

    /// `2 done, F at work`: what a terminal shows while nothing happens.
    pub fn progress(&self) -> Option<String> {
        let names = self.begun.keys().map(String::as_str).collect::<Vec<_>>();
        let shown = names.get(..2).unwrap_or(&names).join(", ");
        match names.len() {
            0 => None,
            1 | 2 => Some(format!("{} done, {shown} at work", self.done)),
            more => Some(format!("{} done, {shown} and {} more at work", self.done, more - 2)),
        }
    }

    /// Takes an event in, and says what is to be said about it.
    pub fn take(&mut self, event: &Event) -> Option<Line> {
        self.last = Some(event.id.clone());
        let status = event.status.as_str();
        let failed = status.ends_with("_FAILED");
        // What was cancelled because of another one is not the reason.
        if failed && self.first_failure.is_none() && !event.reason.contains("cancelled") {
            self.first_failure = Some(event.clone());
        }
        let (weight, verb) = verb(status, event.is_stack)?;
        if weight == Weight::Begun && !event.is_stack {
            let before = self.begun.insert(event.resource.clone(), event.status.clone());
            // It comes twice: when it begins, and when the resource has its name.
            if before.as_ref() == Some(&event.status) {
                return None;
            }
        } else if self.begun.remove(&event.resource).is_some() {
            self.done += 1;
        }
        let mut text = if event.is_stack {
            format!("stack `{}`", event.resource)
        } else {
            format!("{} ({})", event.resource, event.kind)
        };
        let reason = event.reason.trim().trim_end_matches('.');
        if !reason.is_empty() && (failed || event.is_stack && status.contains("ROLLBACK")) {
            text.push_str(&format!(": {reason}"));
        }
        Some(Line { weight, verb, text })
    }
}

fn verb(status: &str, is_stack: bool) -> Option<(Weight, &'static str)> {
    Some(match status {
        "CREATE_IN_PROGRESS" => (Weight::Begun, "Creating"),
        "UPDATE_IN_PROGRESS" => (Weight::Begun, "Updating"),
        "DELETE_IN_PROGRESS" => (Weight::Begun, "Deleting"),
        "CREATE_COMPLETE" => (Weight::Done, "Created"),
        "UPDATE_COMPLETE" => (Weight::Done, "Updated"),
        "DELETE_COMPLETE" => (Weight::Done, "Deleted"),
        "DELETE_SKIPPED" => (Weight::Done, "Kept"),
        "IMPORT_COMPLETE" => (Weight::Done, "Imported"),
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => (Weight::Begun, "Cleaning"),
        _ if status.ends_with("ROLLBACK_IN_PROGRESS") && is_stack => (Weight::Failed, "Rolling back"),
        _ if status.ends_with("ROLLBACK_COMPLETE") && is_stack => (Weight::Failed, "Rolled back"),
        _ if status.ends_with("_FAILED") => (Weight::Failed, "Failed"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(resource: &str, status: &str, reason: &str) -> Event {
        Event {
            id: format!("{resource}-{status}"),
            resource: resource.to_owned(),
            physical: String::new(),
            kind: "AWS::Lambda::Function".to_owned(),
            status: Status::new(status),
            reason: reason.to_owned(),
            is_stack: resource == "demo",
        }
    }

    #[test]
    fn a_line_for_each_resource_and_the_first_failure_is_the_reason() {
        let mut seen = Seen::default();
        let mut said = Vec::new();
        for (resource, status, reason) in [
            ("demo", "CREATE_IN_PROGRESS", "User Initiated"),
            ("One", "CREATE_IN_PROGRESS", ""),
            ("One", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
            ("Two", "CREATE_FAILED", "Resource creation cancelled"),
            ("One", "CREATE_FAILED", "no such layer."),
            ("demo", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [One]."),
            ("demo", "ROLLBACK_COMPLETE", ""),
        ] {
            said.extend(
                seen.take(&event(resource, status, reason))
                    .map(|line| format!("{} {}", line.verb, line.text)),
            );
        }
        assert_eq!(
            said,
            [
                "Creating stack `demo`",
                "Creating One (AWS::Lambda::Function)",
                "Failed Two (AWS::Lambda::Function): Resource creation cancelled",
                "Failed One (AWS::Lambda::Function): no such layer",
                "Rolling back stack `demo`: The following resource(s) failed to create: [One]",
                "Rolled back stack `demo`",
            ]
        );
        assert_eq!(seen.first_failure().unwrap().resource, "One");
        assert_eq!(seen.progress(), None);
        for resource in ["A", "B", "C"] {
            seen.take(&event(resource, "UPDATE_IN_PROGRESS", ""));
        }
        assert_eq!(seen.progress().unwrap(), "1 done, A, B and 1 more at work");
        assert_eq!(seen.last.as_deref(), Some("C-UPDATE_IN_PROGRESS"));
    }
}
