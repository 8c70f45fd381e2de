//! Who may use a version: what is wanted, what its policy says, and the steps between the two. Only [`bring`] and
//! [`look`] ask anybody.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use template_tools::arn::{AccountId, LayerVersionArn};

use crate::aws::failure::{CallFailure, Kind};
use crate::aws::lambda::LambdaRegion;

/// Somebody who may use a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    /// One account.
    Account(AccountId),
    /// Every account of an organisation, by its id (`o-…`).
    Organization(String),
    /// Everybody.
    Public,
}

/// Whoever shall be able to use the layer, besides its own account. Private if there is nobody.
pub type Grants = BTreeSet<Grant>;

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its name.
    pub id: String,
    /// Whom it lets in. Nothing, if it is none of ours to understand.
    pub grant: Option<Grant>,
}

/// What a policy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Its statements.
    pub statements: Vec<Statement>,
    /// Changes with each change of the policy.
    pub revision: Option<String>,
}

/// What happens to statements that nobody asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// They stay, and are told.
    #[default]
    Keep,
    /// They are removed.
    Remove,
}

/// A change of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Lets somebody in.
    Add(Grant),
    /// Takes a statement away.
    Remove(Statement),
}

/// The policy at the end, and what was done for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// What was changed, or would be.
    pub changes: Vec<Change>,
    /// Statements that nobody asked for, and that stay.
    pub others: Vec<Statement>,
}

/// So often a policy is read again when somebody else has changed it meanwhile.
const TRIES: u32 = 5;

impl Grant {
    /// The name of our statement.
    pub fn statement_id(&self) -> String {
        match self {
            Self::Account(account) => format!("account-{account}"),
            Self::Organization(organization) => format!("organization-{organization}"),
            Self::Public => "public".to_owned(),
        }
    }

    /// Who it is, as AddLayerVersionPermission has it: a principal, and the organisation that limits it.
    pub fn principal(&self) -> (&str, Option<&str>) {
        match self {
            Self::Account(account) => (account.as_str(), None),
            Self::Organization(organization) => ("*", Some(organization)),
            Self::Public => ("*", None),
        }
    }

    fn of(statement: &Value) -> Option<Self> {
        let is_ours = statement["Effect"] == "Allow" && statement["Action"] == "lambda:GetLayerVersion";
        let principal = &statement["Principal"];
        let principal = principal.as_str().or_else(|| principal["AWS"].as_str()).filter(|_| is_ours)?;
        let condition = statement.get("Condition").and_then(Value::as_object).filter(|map| !map.is_empty());
        match (principal, condition) {
            ("*", None) => Some(Self::Public),
            ("*", Some(condition)) => {
                let tests = condition.get("StringEquals").filter(|_| condition.len() == 1)?.as_object()?;
                let organization = tests.get("aws:PrincipalOrgID").filter(|_| tests.len() == 1)?.as_str()?;
                Some(Self::Organization(organization.to_owned()))
            }
            (_, Some(_)) => None,
            (principal, None) => {
                let root = principal.split_once(":iam::").and_then(|(_, rest)| rest.strip_suffix(":root"));
                AccountId::new(root.unwrap_or(principal)).ok().map(Self::Account)
            }
        }
    }
}

impl Policy {
    /// Reads the policy's JSON. Nothing, if it is none.
    pub fn parse(text: &str, revision: Option<String>) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let statements = document["Statement"].as_array()?.iter().map(|statement| Statement {
            id: statement["Sid"].as_str().unwrap_or_default().to_owned(),
            grant: Grant::of(statement),
        });
        Some(Self { statements: statements.collect(), revision })
    }
}

/// The changes from a policy to what is wanted, and the statements that stay though nobody asked for them.
pub fn plan(wanted: &Grants, policy: &Policy, others: Others) -> Shared {
    let is_wanted =
        |statement: &&Statement| statement.grant.as_ref().is_some_and(|grant| wanted.contains(grant));
    let given = policy.statements.iter().filter_map(|statement| statement.grant.as_ref());
    let given = given.collect::<BTreeSet<_>>();
    let foreign = policy.statements.iter().filter(|statement| !is_wanted(statement)).cloned();
    let missing = wanted.iter().filter(|grant| !given.contains(grant));
    let mut changes = missing.cloned().map(Change::Add).collect::<Vec<_>>();
    match others {
        Others::Keep => Shared { changes, others: foreign.collect() },
        Others::Remove => {
            // Away with the old first: a name of ours may be taken by a statement that means something else.
            let mut all = foreign.map(Change::Remove).collect::<Vec<_>>();
            all.append(&mut changes);
            Shared { changes: all, others: Vec::new() }
        }
    }
}

/// What would be changed: one GetLayerVersionPolicy.
pub async fn look(
    lambda: &LambdaRegion,
    version: &LayerVersionArn,
    wanted: &Grants,
    others: Others,
) -> Result<Shared, CallFailure> {
    Ok(plan(wanted, &lambda.policy(version).await?, others))
}

/// Changes the policy until it is what is wanted, and reads it back. If somebody else changes it meanwhile, what they
/// made of it is looked at again.
pub async fn bring(
    lambda: &LambdaRegion,
    version: &LayerVersionArn,
    wanted: &Grants,
    others: Others,
) -> Result<Shared, CallFailure> {
    let mut done = Vec::new();
    let mut conflict = None;
    for _ in 0..TRIES {
        let mut policy = lambda.policy(version).await?;
        let mut planned = plan(wanted, &policy, others);
        if planned.changes.is_empty() {
            return Ok(Shared { changes: done, others: planned.others });
        }
        for change in planned.changes.drain(..) {
            let revision = policy.revision.take();
            let changed = match &change {
                Change::Add(grant) => lambda.add_permission(version, grant, revision).await,
                Change::Remove(statement) => {
                    lambda.remove_permission(version, &statement.id, revision).await.map(|()| None)
                }
            };
            match changed {
                Ok(revision) => policy.revision = revision,
                Err(failure) if matches!(failure.kind, Kind::Conflict | Kind::NotFound) => {
                    conflict = Some(failure);
                    break;
                }
                Err(failure) => return Err(failure),
            }
            done.push(change);
        }
    }
    Err(conflict.unwrap_or_else(|| CallFailure {
        operation: "GetLayerVersionPolicy",
        kind: Kind::Conflict,
        message: "the permissions are not what they were set to".to_owned(),
        code: None,
        request_id: None,
    }))
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Organization(organization) => write!(f, "organization {organization}"),
            Self::Public => f.write_str("everybody"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(grant) => write!(f, "share with {grant}"),
            Self::Remove(statement) => write!(f, "unshare with {statement}"),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.grant {
            Some(grant) => write!(f, "{grant} (statement `{}`)", self.id),
            None => write!(f, "statement `{}`", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: &str) -> Policy {
        Policy::parse(&format!("{{\"Statement\": [{statements}]}}"), None).unwrap()
    }

    fn account(digits: &str) -> Grant {
        Grant::Account(AccountId::new(digits).unwrap())
    }

    const PUBLIC: &str =
        r#"{"Sid": "p", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion"}"#;
    const ORGANIZATION: &str = r#"{"Sid": "o", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}}"#;
    const ACCOUNT: &str = r#"{"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "arn:aws-cn:iam::123456789012:root"},
        "Action": "lambda:GetLayerVersion"}"#;
    const STRANGE: &str = r#"{"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion",
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}"#;

    #[test]
    fn every_form_of_a_principal_is_understood_and_no_other_is_taken_for_one() {
        let read = policy(&[PUBLIC, ORGANIZATION, ACCOUNT, STRANGE].join(","));
        let grants = read.statements.into_iter().map(|statement| statement.grant).collect::<Vec<_>>();
        let organization = Grant::Organization("o-1234567890".to_owned());
        assert_eq!(grants, [Some(Grant::Public), Some(organization), Some(account("123456789012")), None]);
    }

    #[test]
    fn what_is_missing_is_added_and_the_rest_stays_unless_it_shall_go() {
        let wanted = Grants::from([account("123456789012"), account("210987654321")]);
        let policy = policy(&[PUBLIC, ACCOUNT, STRANGE].join(","));
        let kept = plan(&wanted, &policy, Others::Keep);
        assert_eq!(kept.changes, [Change::Add(account("210987654321"))]);
        assert_eq!(kept.others.iter().map(|other| other.id.as_str()).collect::<Vec<_>>(), ["p", "s"]);
        let removed = plan(&wanted, &policy, Others::Remove);
        assert_eq!(removed.changes.len(), 3);
        assert_eq!(removed.others, []);
        assert_eq!(plan(&Grants::new(), &Policy::default(), Others::Remove), Shared::default());
    }
}
