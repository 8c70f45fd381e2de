//! Which versions of a layer in one place stay, with every reason, and which may go. Pure: what is known comes in as
//! data, and what is not known is a reason to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::layer_version::Dated;
use crate::publish::permissions::{Grant, Policy};
use crate::when::{Age, When};

/// Why a version stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// A version of a function uses it.
    Function {
        /// The function, with its account where that is another one.
        function: String,
        /// `$LATEST`, or a number.
        version: String,
    },
    /// It is the current version of the ledger.
    Ledger,
    /// A parameter of Systems Manager names it.
    Pointer(String),
    /// A stack names it: its template, a parameter, an output, or a resource.
    Stack(String),
    /// A file of the work tree names it.
    File(String),
    /// It comes before a version that is named, with nothing good between them, and is what one goes back to.
    Before(u64),
    /// It is one of the newest so many.
    Newest(usize),
    /// It is younger than this.
    Younger(Age),
    /// Nobody can tell how old it is.
    UnknownAge,
    /// Others may use it, and nobody can ask them.
    Shared(String),
    /// Whether others may use it is not known.
    PolicyUnknown(String),
    /// It became free only after the plan was made.
    NotPlanned,
}

impl Reason {
    /// Whether somebody names this very version.
    fn names_it(&self) -> bool {
        matches!(
            self,
            Self::Function { .. } | Self::Ledger | Self::Pointer(_) | Self::Stack(_) | Self::File(_)
        )
    }

    /// The kind of reason, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Function { .. } => "function",
            Self::Ledger => "ledger",
            Self::Pointer(_) => "pointer",
            Self::Stack(_) => "stack",
            Self::File(_) => "file",
            Self::Before(_) => "before",
            Self::Newest(_) => "newest",
            Self::Younger(_) => "younger",
            Self::UnknownAge => "unknown-age",
            Self::Shared(_) => "shared",
            Self::PolicyUnknown(_) => "policy-unknown",
            Self::NotPlanned => "not-planned",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function { function, version } => write!(f, "function {function} ({version})"),
            Self::Ledger => f.write_str("the ledger"),
            Self::Pointer(name) => write!(f, "parameter {name}"),
            Self::Stack(name) => write!(f, "stack {name}"),
            Self::File(path) => write!(f, "{path}"),
            Self::Before(version) => write!(f, "the one before {version}"),
            Self::Newest(1) => f.write_str("the newest"),
            Self::Newest(count) => write!(f, "among the newest {count}"),
            Self::Younger(age) => write!(f, "younger than {age}"),
            Self::UnknownAge => f.write_str("its age is not known"),
            Self::Shared(with) => write!(f, "shared with {with}"),
            Self::NotPlanned => f.write_str("not in the plan"),
            Self::PolicyUnknown(why) => write!(f, "its policy is not known: {why}"),
        }
    }
}

/// What happens to versions that others may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedOnes {
    /// They stay.
    Keep,
    /// They go like others (`--include-shared`).
    Include,
}

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many of the newest stay.
    pub keep: usize,
    /// What is younger stays.
    pub min_age: Age,
    /// What happens to versions that others may use.
    pub shared: SharedOnes,
    /// The time now.
    pub now: When,
}

/// Who names which version.
pub type Named = BTreeMap<u64, BTreeSet<Reason>>;

/// What is known of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Every version that there is.
    pub versions: Vec<Dated>,
    /// Who names which version; also of versions that are not there any more.
    pub named: Named,
    /// Versions that were taken back, by the ledger: they are no reason to keep fewer of the others.
    pub withdrawn: BTreeSet<u64>,
    /// The policies that were asked for, or why one is not known. Only those of versions that would go are needed.
    pub policies: BTreeMap<u64, Result<Policy, String>>,
}

/// What stays and what goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each version that stays, with every reason. Never without one.
    pub keep: BTreeMap<u64, BTreeSet<Reason>>,
    /// Each version that may go.
    pub remove: BTreeSet<u64>,
}

/// What stays and what goes, by the rules. Without the policies: those of versions that would go are not known yet.
pub fn candidates(known: &Known, rules: &Rules) -> Plan {
    let mut keep = BTreeMap::<u64, BTreeSet<Reason>>::new();
    let mut add = |version: u64, reason: Reason| {
        keep.entry(version).or_default().insert(reason);
    };
    let listed = known.versions.iter().map(|dated| dated.version).collect::<BTreeSet<_>>();
    let is_good = |version: &&u64| !known.withdrawn.contains(version);

    for (version, reasons) in &known.named {
        if listed.contains(version) {
            for reason in reasons {
                add(*version, reason.clone());
            }
        }
        // Also where the named one is gone: the one before is what is left to go back to, but not what was taken back.
        if reasons.iter().any(Reason::names_it)
            && let Some(before) = listed.range(..*version).rev().find(is_good)
        {
            add(*before, Reason::Before(*version));
        }
    }
    let good = listed.iter().rev().filter(is_good);
    for version in good.take(rules.keep) {
        add(*version, Reason::Newest(rules.keep));
    }
    for dated in &known.versions {
        match dated.created {
            None => add(dated.version, Reason::UnknownAge),
            Some(created) if created.is_younger_than(rules.min_age, rules.now) => {
                add(dated.version, Reason::Younger(rules.min_age));
            }
            Some(_) => {}
        }
    }
    let remove = listed.into_iter().filter(|version| !keep.contains_key(version)).collect();
    Plan { keep, remove }
}

/// What stays and what goes, by the rules and the policies. A policy that nobody has asked for is not known.
pub fn plan(known: &Known, rules: &Rules) -> Plan {
    let mut plan = candidates(known, rules);
    if rules.shared == SharedOnes::Include {
        return plan;
    }
    for version in plan.remove.clone() {
        let reason = match known.policies.get(&version) {
            Some(Ok(policy)) if policy.statements.is_empty() => continue,
            Some(Ok(policy)) => Reason::Shared(with(policy)),
            Some(Err(why)) => Reason::PolicyUnknown(why.clone()),
            None => Reason::PolicyUnknown("it was not asked for".to_owned()),
        };
        plan.remove.remove(&version);
        plan.keep.entry(version).or_default().insert(reason);
    }
    plan
}

fn with(policy: &Policy) -> String {
    let each = policy.statements.iter().map(|statement| match &statement.grant {
        Some(Grant::Account(account)) => format!("account {account}"),
        Some(Grant::Organization(organization)) => format!("organization {organization}"),
        Some(Grant::Public) => "everybody".to_owned(),
        None => format!("somebody, by the statement `{}`", statement.id),
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
