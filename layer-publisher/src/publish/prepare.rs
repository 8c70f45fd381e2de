//! What is known before a region is asked: who sends what to where.

use std::path::Path;

use template_tools::arn::LayerName;
use template_tools::ledger::Ledger;
use template_tools::starter::stack_name;

use super::continuity::Continuity;
use super::everywhere::Everything;
use super::permissions::{Grant, Grants};
use super::plan::Wanted;
use super::progress::Lines;
use super::regions::{NoRegion, Place, places};
use super::shared_lock::LockPlace;
use super::staging::BucketPattern;
use super::{Intent, Options, Order, Public, PublishError, pointer, report, second_account};
use crate::aws::session::{Caller, Session};
use crate::called::{CalledAs, Command};
use crate::clocks::Clocks;
use crate::config::LayersFile;
use crate::config::publish::{Destination, Publisher, UnknownTarget};
use crate::ledger_file::LedgerFile;
use crate::manifest::{Artifact, ArtifactError};
use crate::stack::layer::{LayerStack, Problem};
use crate::ui::{Ui, shown};
use crate::zip_source::LARGEST_DIRECT_ZIP;

/// One artifact, ready to be sent.
pub(super) struct Parcel {
    /// The target's name, for the ledger.
    pub(super) target: Option<String>,
    pub(super) wanted: Wanted,
    pub(super) places: Vec<Place>,
    /// Who shall be able to use it, if that is ours to say.
    pub(super) grants: Option<Grants>,
    /// The bucket that its zip goes through.
    pub(super) bucket: Option<BucketPattern>,
    /// Where runs on other machines see that this one is at work.
    pub(super) lock: Option<LockPlace>,
    /// The stack that makes its versions, if they are not published by the API.
    pub(super) stack: Option<LayerStack>,
    /// The parameter that names the current version.
    pub(super) pointer: Option<String>,
}

impl Parcel {
    pub(super) fn publisher(&self) -> Publisher {
        if self.stack.is_some() { Publisher::Stack } else { Publisher::Api }
    }
}

/// Everything that is known before a region is asked.
pub(super) struct Prepared {
    pub(super) session: Session,
    pub(super) caller: Caller,
    pub(super) clocks: Clocks,
    pub(super) ledger: LedgerFile,
    pub(super) parcels: Vec<Parcel>,
    pub(super) called: CalledAs,
}

impl Prepared {
    pub(super) fn everything<'a>(
        &'a self,
        known: &'a Ledger,
        options: &Options,
        lines: &'a Lines,
    ) -> Everything<'a> {
        let Self { session, caller, clocks, ledger, called, .. } = self;
        let (choices, others) = (options.choices, options.others);
        Everything { session, caller, clocks, ledger, known, choices, others, lines, called }
    }
}

/// Who sends what to where.
pub(super) async fn prepare(
    order: Order<'_>,
    command: Command,
    ui: &Ui,
    called: &CalledAs,
) -> Result<Prepared, PublishError> {
    let Order { file, artifacts, options, .. } = order;
    let clocks = Clocks::from_environment();
    let ledger = LedgerFile::beside(&file.path);
    let known = ledger.read()?;
    if options.intent == Intent::Publish {
        ledger.must_be_writable()?;
    }

    let target = options.target.as_deref();
    let artifacts = artifacts
        .into_iter()
        .map(|artifact| {
            let layer = &artifact.manifest.layer;
            let destination = match file.layers.get(layer) {
                Some(configured) => configured.destination(layer, target)?.clone(),
                None => Destination::default(),
            };
            Ok((artifact, destination))
        })
        .collect::<Result<Vec<_>, UnknownTarget>>()?;
    for (artifact, destination) in &artifacts {
        let size = artifact.manifest.size;
        if options.bucket.is_none() && destination.bucket.is_none() && size > LARGEST_DIRECT_ZIP {
            let (layer, path) = (artifact.manifest.layer.clone(), artifact.manifest.zip.clone());
            return Err(ArtifactError::TooLarge { layer, path, size }.into());
        }
    }
    let mut stacks = Vec::new();
    for (artifact, destination) in &artifacts {
        stacks.push(match (command, destination.publisher) {
            (Command::Publish, Publisher::Stack) => {
                Some(stack_of(artifact, destination, file, options, called)?)
            }
            _ => None,
        });
    }
    let way = one_way(&artifacts)?;
    let all = artifacts.iter().flat_map(|(_, to)| places(&options.regions, Some(to), None));
    let wanted_regions = all.map(|place| place.region).collect::<Vec<_>>();
    let profile = options.profile.as_deref().or(way.profile.as_deref());
    let session = Session::open(profile, way.role_arn.as_deref(), &wanted_regions, clocks).await?;
    let default = session.default_region();
    let mut parcels = Vec::new();
    for ((artifact, destination), stack) in artifacts.iter().zip(stacks) {
        report::reading(ui, artifact);
        let places = places(&options.regions, Some(destination), default.as_ref());
        if places.is_empty() {
            return Err(NoRegion {
                layer: artifact.manifest.layer.clone(),
                file: file.path.clone(),
                command,
            }
            .into());
        }
        let wanted = Wanted::new(artifact)
            .map_err(|source| PublishError::Name { artifact: artifact.name.clone(), source })?;
        let (grants, target) = (destination.permissions.clone(), options.target.clone());
        let bucket = options.bucket.clone().or_else(|| destination.bucket.clone());
        // Variants move no pointer.
        let pointer = destination.pointer.as_ref().filter(|_| artifact.manifest.variant.is_none());
        let name = |pattern: &String| pointer::name(pattern, &artifact.manifest.compatible_architectures);
        let pointer = pointer
            .map(name)
            .transpose()
            .map_err(|source| PublishError::Pointer { artifact: artifact.name.clone(), source })?;
        let lock = destination.lock.clone();
        parcels.push(Parcel { target, wanted, places, grants, bucket, lock, stack, pointer });
    }
    if command == Command::Publish && options.intent == Intent::Publish && options.public == Public::Asked {
        ask_about_public(&parcels, &file.path, ui)?;
    }
    let mut asked = parcels.iter().flat_map(|parcel| &parcel.places).collect::<Vec<_>>();
    asked.sort_by_key(|place| place.weight);
    let asked = asked.into_iter().map(|place| place.region.clone()).collect::<Vec<_>>();
    let caller = session.caller(&asked).await?;
    caller.must_be(way.account.as_ref(), target)?;
    if command == Command::Publish {
        for ((artifact, destination), parcel) in artifacts.iter().zip(&parcels) {
            let (layer, lambda_name) = (artifact.manifest.layer.as_str(), parcel.wanted.layer_name());
            let coming = second_account::Coming { layer, lambda_name, target, destination };
            let said = (ui, called);
            second_account::must_be_meant(&coming, &known, &caller, options.intent, &file.path, said)?;
        }
    }
    ui.detail(
        "Using",
        format!(
            "account {} in partition {}, ledger {}",
            caller.account,
            caller.partition,
            shown(ledger.path())
        ),
    );
    Ok(Prepared { session, caller, clocks, ledger, parcels, called: called.clone() })
}

/// The stack that makes the layer of an artifact, known before AWS is asked.
fn stack_of(
    artifact: &Artifact,
    destination: &Destination,
    file: &LayersFile,
    options: &Options,
    called: &CalledAs,
) -> Result<LayerStack, PublishError> {
    let layer = LayerName::new(artifact.manifest.layer_name.as_str())
        .map_err(|source| PublishError::Name { artifact: artifact.name.clone(), source })?;
    let failed = |Problem { why, hint }| PublishError::Stack { layer: layer.to_string(), why, hint };
    if options.bucket.is_none() && destination.bucket.is_none() {
        let (layer, file) = (artifact.manifest.layer.clone(), file.path.clone());
        return Err(PublishError::NoBucket { layer, file });
    }
    if options.continuity == Continuity::Align {
        let why = "`--align` fills up versions by the API, and a stack makes those of this layer".to_owned();
        return Err(failed(Problem { why, hint: None }));
    }
    let template = match &destination.template {
        Some(template) => template.clone(),
        None => format!("{layer}-layer.yaml").into(),
    };
    let path = file.path.parent().unwrap_or(Path::new("")).join(template);
    let name = destination.stack.clone().unwrap_or_else(|| stack_name(&layer));
    LayerStack::read(name, &path, &layer, called).map_err(failed)
}

/// Whose credentials are used, and for which account: one answer for all layers of a run.
fn one_way(artifacts: &[(Artifact, Destination)]) -> Result<&Destination, PublishError> {
    let ((first, way), rest) = artifacts.split_first().ok_or(PublishError::Nothing)?;
    let key = |to: &Destination| (to.profile.clone(), to.role_arn.clone(), to.account.clone());
    match rest.iter().find(|(_, other)| key(other) != key(way)) {
        None => Ok(way),
        Some((second, _)) => Err(PublishError::TwoWays {
            first: first.manifest.layer.clone(),
            second: second.manifest.layer.clone(),
        }),
    }
}

/// A layer becomes public only if somebody has said so.
fn ask_about_public(parcels: &[Parcel], file: &Path, ui: &Ui) -> Result<(), PublishError> {
    for parcel in parcels {
        if !parcel.grants.as_ref().is_some_and(|grants| grants.contains(&Grant::Public)) {
            continue;
        }
        let layer = parcel.wanted.layer_name().to_string();
        let question = format!("layer `{layer}` becomes public: everybody can use it. Go on? [yes/no]");
        if ui.ask(&question).is_none_or(|answer| answer != "yes") {
            return Err(PublishError::Public { layer, file: file.to_owned() });
        }
    }
    Ok(())
}
