//! What may happen to a call, to which calls, and how often.

use std::fmt;
use std::time::Duration;

use super::{Call, Operation};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed; nothing goes through.
    Refuse,
    /// Answered with 429, as Lambda throttles, or as the service in question does.
    Throttle,
    /// Answered with 503, as a service that is overloaded.
    Unavailable,
    /// Answered with this status and a page of HTML, as something on the way does.
    Html(u16),
    /// Answered with an error of AWS.
    Error {
        /// The status.
        status: u16,
        /// AWS's name of the error.
        code: &'static str,
        /// What it says.
        message: &'static str,
    },
    /// Answered with this JSON, for what only AWS itself can have, as its public parameters.
    Answer(String),
    /// It goes through, and the connection is closed before the answer.
    DropAnswer,
    /// It goes through, and every letter of the answer that is not ASCII comes back as `?`, as GetTemplate has it.
    Mangle,
    /// It goes through, and in the answer the second text stands where the first one stood.
    Rewrite(String, String),
    /// Answered with this XML, for what only AWS itself can have.
    Xml(String),
    /// It goes through, and half of the answer's body comes back.
    Truncate,
    /// It goes through, and the connection breaks in the middle of the answer.
    BreakOff,
    /// The connection is closed at once, and the call goes through later.
    DeliverLate(Late),
    /// Nothing happens until the client gives up.
    Hang,
    /// It goes through after a while.
    Delay(Duration),
}

/// When a late call goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// After this time.
    After(Duration),
    /// As soon as so many further calls have been written down: no clock is needed.
    AfterCalls(usize),
}

/// Which calls a fault happens to, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    operation: Option<Operation>,
    region: Option<String>,
    unsigned: bool,
    form: Option<String>,
    skipped: usize,
    left: Option<usize>,
    fault: Fault,
}

impl Rule {
    /// To every call, from now on.
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, region: None, unsigned: false, form: None, skipped: 0, left: None, fault }
    }

    /// To the next so many calls.
    pub fn times(count: usize, fault: Fault) -> Self {
        Self { left: Some(count), ..Self::always(fault) }
    }

    /// To calls of this operation only.
    #[must_use]
    pub fn of(mut self, operation: &'static str) -> Self {
        self.operation = Some(Operation::new(operation));
        self
    }

    /// To calls for this region only.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    /// To calls that carry no signature only: those of links that are signed themselves.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.unsigned = true;
        self
    }

    /// To calls only whose form holds this text, as it is written there.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.form = Some(text.to_owned());
        self
    }

    /// Not to the first so many of the calls that it is about.
    #[must_use]
    pub fn after(mut self, skipped: usize) -> Self {
        self.skipped = skipped;
        self
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether it happens to this call; counts.
    pub(super) fn happens(&mut self, call: &Call) -> bool {
        let is_about = self.operation.as_ref().is_none_or(|operation| *operation == call.operation)
            && self.region.as_ref().is_none_or(|region| *region == call.region)
            && self.form.as_ref().is_none_or(|text| call.form.contains(text))
            && (!self.unsigned || call.access_key.is_empty());
        if !is_about || self.left == Some(0) {
            return false;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
