//! Credentials of another account than the one that a layer was published to so far, where `layers.toml` names none: the
//! versions would be there for ever, and the ledger would have rows that nobody has meant. Pure, but for the question.

use std::collections::BTreeSet;
use std::path::Path;

use template_tools::arn::{AccountId, LayerName};
use template_tools::ledger::{Entry, Ledger};

use super::{Intent, PublishError};
use crate::aws::session::Caller;
use crate::called::CalledAs;
use crate::config::publish::Destination;
use crate::ui::Ui;

/// A layer that is about to be published.
pub(super) struct Coming<'a> {
    /// Its name in `layers.toml`.
    pub(super) layer: &'a str,
    /// Its name in Lambda.
    pub(super) lambda_name: &'a LayerName,
    /// The target.
    pub(super) target: Option<&'a str>,
    /// What `layers.toml` says about it.
    pub(super) destination: &'a Destination,
}

/// The accounts that the layer was published to through the same table, if the caller's is none of them and nobody has
/// said which one is meant. Who takes on a role has named its account.
fn others(coming: &Coming<'_>, ledger: &Ledger, caller: &Caller) -> BTreeSet<AccountId> {
    let is_named = coming.destination.account.is_some() || coming.destination.role_arn.is_some();
    let is_its = |entry: &&Entry| {
        let arn = &entry.layer_version_arn;
        arn.layer == *coming.lambda_name && arn.partition == caller.partition && !entry.foreign
    };
    let rows = ledger.entries().filter(is_its).collect::<Vec<_>>();
    if is_named || rows.iter().any(|entry| entry.layer_version_arn.account == caller.account) {
        return BTreeSet::new();
    }
    let of_table = rows.into_iter().filter(|entry| entry.target.as_deref() == coming.target);
    of_table.map(|entry| entry.layer_version_arn.account.clone()).collect()
}

/// Asks whoever is there whether a second account is meant; without an answer that is an error. A run that changes
/// nothing only says so.
pub(super) fn must_be_meant(
    coming: &Coming<'_>,
    ledger: &Ledger,
    caller: &Caller,
    intent: Intent,
    file: &Path,
    (ui, called): (&Ui, &CalledAs),
) -> Result<(), PublishError> {
    let others = others(coming, ledger, caller);
    if others.is_empty() {
        return Ok(());
    }
    let (layer, found) = (coming.layer, &caller.account);
    let (table, name) = match coming.target {
        Some(target) => (format!("[layers.{layer}.publish.targets.{target}]"), "OTHER"),
        None => (format!("[layers.{layer}.publish]"), "NAME"),
    };
    let hint = format!(
        "name the account that is meant with `account = \"{found}\"` in `{table}` of `{}`, or make it a target of its \
         own, `[layers.{layer}.publish.targets.{name}]`",
        file.display()
    );
    let error = PublishError::SecondAccount {
        layer: layer.to_owned(),
        known: others.into_iter().collect(),
        found: found.clone(),
        hint,
    };
    if intent != Intent::Publish {
        ui.warning(&error);
        error.hint(called).into_iter().for_each(|hint| ui.note(hint));
        return Ok(());
    }
    let question = format!("{error}. Publish it there as well? [yes/no]");
    if ui.ask(&question).is_some_and(|answer| answer == "yes") { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(rows: &[(&str, Option<&str>)]) -> Ledger {
        let row = |(place, target): &(&str, Option<&str>)| Entry {
            target: target.map(str::to_owned),
            ..Entry::new(format!("arn:aws:lambda:{place}").parse().unwrap())
        };
        rows.iter().map(row).collect()
    }

    #[test]
    fn an_account_that_the_ledger_does_not_know_is_another_one_unless_it_is_named() {
        let caller = Caller { partition: "aws".parse().unwrap(), account: "222222222222".parse().unwrap() };
        let name = LayerName::new("sosw").unwrap();
        let check = |rows: &[(&str, Option<&str>)], target: Option<&str>, destination: &Destination| {
            let coming = Coming { layer: "sosw", lambda_name: &name, target, destination };
            others(&coming, &ledger(rows), &caller).len()
        };
        let open = Destination::default();
        let (one, two) = ("eu-west-1:111111111111:layer:sosw:1", "us-east-1:222222222222:layer:sosw:1");
        assert_eq!(check(&[], None, &open), 0);
        assert_eq!(check(&[(one, None)], None, &open), 1);
        assert_eq!(check(&[("eu-west-1:111111111111:layer:other:1", None)], None, &open), 0);
        // Known there, if only through another target.
        assert_eq!(check(&[(one, None), (two, Some("dev"))], None, &open), 0);
        // Another target is another account.
        assert_eq!(check(&[(one, Some("dev"))], Some("prod"), &open), 0);
        assert_eq!(check(&[(one, Some("prod"))], Some("prod"), &open), 1);
        let named = Destination { account: Some("222222222222".parse().unwrap()), ..open.clone() };
        assert_eq!(check(&[(one, None)], None, &named), 0);
        let role = Some("arn:aws:iam::222222222222:role/layers".to_owned());
        assert_eq!(check(&[(one, None)], None, &Destination { role_arn: role, ..open }), 0);
    }
}
