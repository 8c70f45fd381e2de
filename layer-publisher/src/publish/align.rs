//! Fills up regions that lag behind, with copies of the real older content of a region that does not: never more than
//! is missing, each copy held against its CodeSha256, oldest first, so that it can be stopped and run again.

use std::collections::BTreeMap;
use std::sync::Arc;

use template_tools::arn::{LayerVersionArn, Region};
use tokio::task::JoinSet;

use super::Parcel;
use super::continuity::Agreement;
use super::copy::{self, FetchError};
use super::everywhere::{Everything, RealClock, in_time};
use super::execute::{self, RegionFailure, Surroundings};
use super::journal::JournalFile;
use super::plan::Wanted;
use super::report::Report;
use super::sender::Sender;
use crate::aws::failure::Kind;
use crate::zip_source::LARGEST_DIRECT_ZIP;

/// Why regions cannot go on: what failed while they were filled up.
pub(super) type Stuck = BTreeMap<Region, RegionFailure>;

/// Fills up the regions of one artifact. One version after the other, in all regions that lack it at once.
pub(super) async fn fill_up(
    everything: &Everything<'_>,
    parcel: &Parcel,
    index: usize,
    agreement: &Agreement,
    report: &mut Report<'_>,
) -> Stuck {
    let Everything { session, caller, clocks, lines, .. } = *everything;
    let mut stuck = Stuck::new();
    let mut copies = Copies::new(everything, parcel, agreement);
    let first = agreement.fills.values().map(|range| range.start).min().unwrap_or(agreement.number);
    for number in first..agreement.number {
        let lacking = agreement
            .fills
            .iter()
            .filter(|(region, range)| range.contains(&number) && !stuck.contains_key(*region));
        let lacking = lacking.map(|(region, _)| region.clone()).collect::<Vec<_>>();
        if lacking.is_empty() {
            continue;
        }
        let (source, copy) = match copies.of(number).await {
            Ok(found) => found,
            Err(failure) => {
                stuck.extend(lacking.into_iter().map(|region| (region, failure.clone())));
                continue;
            }
        };
        let mut running = JoinSet::new();
        for region in lacking {
            let sender = Sender::new(session, &caller.account, &region, &copy, parcel.bucket.as_ref());
            let journal = JournalFile::new(caller, &region, &copy, clocks);
            let line = lines.line(parcel.wanted.layer_name(), &region);
            let (copy, clocks) = (Arc::clone(&copy), *clocks);
            running.spawn(async move {
                let clock = RealClock::default();
                let told = |stage| line.tell(stage);
                let around = Surroundings { clock: &clock, journal: &journal, clocks: &clocks, told: &told };
                let work = execute::fill(&sender, &around, &copy, number);
                (region, in_time(&clocks, &copy, Box::pin(work)).await)
            });
        }
        while let Some(joined) = running.join_next().await {
            match joined {
                Ok((region, Ok(Some(_)))) => report.filled(parcel, index, &region, number, &source),
                Ok((_, Ok(None))) => {}
                Ok((region, Err(failure))) => drop(stuck.insert(region, failure)),
                Err(error) => report.panicked(&error.to_string()),
            }
        }
    }
    stuck
}

/// The older content of the leading region, one version after the other.
struct Copies<'a> {
    everything: &'a Everything<'a>,
    parcel: &'a Parcel,
    agreement: &'a Agreement,
    last: Option<(LayerVersionArn, Arc<Wanted>)>,
}

impl<'a> Copies<'a> {
    fn new(everything: &'a Everything<'a>, parcel: &'a Parcel, agreement: &'a Agreement) -> Self {
        Self { everything, parcel, agreement, last: None }
    }

    /// The content of this version; of one that was deleted, that of the one before it, or else of the next one.
    async fn of(&mut self, number: u64) -> Result<(LayerVersionArn, Arc<Wanted>), RegionFailure> {
        let failed =
            |why: String| RegionFailure::Fill { layer: self.parcel.wanted.layer_name().clone(), number, why };
        for candidate in number..self.agreement.number {
            match self.fetch(candidate).await {
                Ok(found) => {
                    if candidate == number {
                        self.last = Some(found.clone());
                    }
                    return Ok(self.last.clone().unwrap_or(found));
                }
                Err(FetchError::Call(failure)) if failure.kind == Kind::NotFound => {
                    if let Some(last) = &self.last {
                        return Ok(last.clone());
                    }
                }
                Err(error) => return Err(failed(format!("{}: {error}", self.agreement.leader))),
            }
        }
        Err(failed(format!("{} has no version that is older", self.agreement.leader)))
    }

    async fn fetch(&self, number: u64) -> Result<(LayerVersionArn, Arc<Wanted>), FetchError> {
        let Everything { session, caller, .. } = *self.everything;
        let layer = self.parcel.wanted.layer_name();
        let arn = LayerVersionArn {
            layer: layer.clone(),
            partition: caller.partition.clone(),
            account: caller.account.clone(),
            region: self.agreement.leader.clone(),
            version: number,
        };
        let lambda = session.lambda(&arn.region);
        let artifact = copy::fetch(&lambda, &arn, None, layer.as_str()).await?;
        if artifact.manifest.size > LARGEST_DIRECT_ZIP && self.parcel.bucket.is_none() {
            return Err(FetchError::TooLarge { version: arn });
        }
        Ok((arn, Arc::new(Wanted::of_layer(layer.clone(), &artifact))))
    }
}
