//! Layers of other accounts. They cannot be listed: their owners can only allow to read single versions. So versions are
//! tried upwards from one that is known, and what comes of it is the newest *seen*.

use template_tools::arn::LayerVersionArn;
use tokio::task::JoinSet;

use crate::aws::failure::{CallFailure, Kind};
use crate::aws::lambda::LambdaRegion;
use crate::layer_version::LayerVersion;

/// So many versions are tried one after the other: gaps are common, because owners delete versions, or publish some for
/// themselves alone.
const STEPS: u64 = 5;
/// And these further up, for wider gaps, and for templates that are far behind.
const LEAPS: [u64; 4] = [10, 20, 40, 80];

/// The versions that are tried above one.
fn ahead(version: u64) -> impl Iterator<Item = u64> {
    (1..=STEPS).chain(LEAPS).filter_map(move |step| version.checked_add(step))
}

/// The newest version that can be seen from `start` upwards. A failure is that of `start` itself, if nothing is seen, or
/// of whatever was not answered at all.
pub(super) async fn newest_seen(
    lambda: &LambdaRegion,
    start: &LayerVersionArn,
) -> Result<LayerVersion, CallFailure> {
    let (mut newest, mut absent) = (None, None);
    // Templates with a placeholder name no version yet.
    if start.version > 0 {
        match lambda.get_by_arn(start).await {
            Ok(version) => newest = Some(version),
            Err(failure) if is_absence(&failure) => absent = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    let mut from = start.version;
    loop {
        let mut tries = JoinSet::new();
        for version in ahead(from) {
            let (lambda, arn) = (lambda.clone(), LayerVersionArn { version, ..start.clone() });
            tries.spawn(async move { lambda.get_by_arn(&arn).await });
        }
        let mut best: Option<LayerVersion> = None;
        while let Some(joined) = tries.join_next().await {
            match joined {
                Ok(Ok(version)) => {
                    if best.as_ref().is_none_or(|best| best.arn.version < version.arn.version) {
                        best = Some(version);
                    }
                }
                Ok(Err(failure)) if !is_absence(&failure) => return Err(failure),
                Ok(Err(failure)) => _ = absent.get_or_insert(failure),
                // Our own bug, which has printed itself.
                Err(_) => {}
            }
        }
        match best {
            Some(version) => {
                from = version.arn.version;
                newest = Some(version);
            }
            None => break,
        }
    }
    match (newest, absent) {
        (Some(version), _) => Ok(version),
        (None, Some(failure)) => Err(failure),
        // Only after a bug of ours: asking again says which of the two it is.
        (None, None) => lambda.get_by_arn(start).await,
    }
}

/// Whether a version is not there, or not for us: of other accounts Lambda does not tell these apart.
fn is_absence(failure: &CallFailure) -> bool {
    matches!(failure.kind, Kind::Denied | Kind::NotFound)
}
