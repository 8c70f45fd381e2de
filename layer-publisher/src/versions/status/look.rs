//! What one account and region has of a layer: its versions, who may use the current one, and where the pointer points.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::ledger::Entry;

use crate::aws::failure::{CallFailure, Kind};
use crate::layer_version::{LayerVersion, Listed};
use crate::publish::permissions::Policy;
use crate::publish::plan::{self, Wanted};
use crate::publish::terms::Terms;
use crate::versions::ways::Spot;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its versions, newest first; of many, the newest 50.
    pub listed: Vec<Listed>,
    /// Those that matter, in full: the newest that is not withdrawn, the newest of ours, and the ledger's.
    pub versions: BTreeMap<u64, LayerVersion>,
    /// Who may use the current version.
    pub policy: Option<Result<Policy, CallFailure>>,
    /// The pointer, if one is configured.
    pub pointer: Option<Pointer>,
}

/// A pointer as it is.
#[derive(Clone, Debug)]
pub struct Pointer {
    /// The parameter's name.
    pub name: String,
    /// Its value, if it is there.
    pub value: Result<Option<String>, CallFailure>,
}

impl Seen {
    /// The newest version that is not withdrawn.
    pub fn newest(&self, known: Option<&Entry>) -> Option<&LayerVersion> {
        let newest = plan::newest(&self.listed, &terms(known))?;
        self.versions.get(&newest.version)
    }

    /// The newest version that is not withdrawn and that `publish` has made, or that the ledger names.
    pub fn newest_of_ours(&self, known: Option<&Entry>, wanted: Option<&Wanted>) -> Option<&LayerVersion> {
        let number = of_ours(&self.listed, known)?;
        let ours = self.versions.get(&number);
        // What was built is ours too, whoever has published it.
        let newest = self.newest(known).filter(|newest| wanted.is_some_and(|wanted| wanted.is_in(newest)));
        newest.or(ours)
    }

    /// The version that counts: the ledger's if it is there, else the newest.
    pub fn current(&self, known: Option<&Entry>) -> Option<&LayerVersion> {
        known.and_then(|entry| self.versions.get(&entry.version())).or_else(|| self.newest(known))
    }
}

fn terms(known: Option<&Entry>) -> Terms {
    let withdrawn = known.map(|entry| entry.withdrawn.clone()).unwrap_or_default();
    Terms { withdrawn, ..Terms::default() }
}

fn of_ours(listed: &[Listed], known: Option<&Entry>) -> Option<u64> {
    let terms = terms(known);
    let is_ours = |listed: &&Listed| {
        plan::is_marked(&listed.description) || known.is_some_and(|entry| entry.version() == listed.version)
    };
    let ours = listed.iter().filter(|listed| !terms.is_withdrawn(listed.version)).find(is_ours);
    ours.map(|listed| listed.version)
}

/// Asks. One ListLayerVersions, a GetLayerVersion for each version that matters, GetLayerVersionPolicy, and GetParameter
/// where a pointer is configured.
pub async fn look(spot: &Spot, known: Option<&Entry>) -> Result<Seen, CallFailure> {
    let lambda = spot.way.session.lambda(&spot.place.region);
    let layer = &spot.place.layer_name;
    let listed = lambda.list(layer).await?;
    let newest = plan::newest(&listed, &terms(known)).map(|listed| listed.version);
    let numbers = newest.into_iter().chain(of_ours(&listed, known)).chain(known.map(Entry::version));
    let mut seen = Seen { listed, ..Seen::default() };
    for number in numbers.collect::<BTreeSet<_>>() {
        match lambda.get(layer, number).await {
            Ok(version) => drop(seen.versions.insert(number, version)),
            Err(failure) if failure.kind == Kind::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    let Some(current) = seen.current(known).cloned() else { return Ok(seen) };
    seen.policy = Some(lambda.policy(&current.arn).await);
    if let Some(pattern) = &spot.destination.pointer
        && let Ok(name) = crate::publish::pointer::name(pattern, &current.compatible_architectures)
    {
        let value = spot.way.session.ssm(&spot.place.region).get(&name).await;
        seen.pointer = Some(Pointer { name, value });
    }
    Ok(seen)
}
