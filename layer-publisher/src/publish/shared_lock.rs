//! A lock across machines, for those who want one (`lock = "s3://…"`): an object in S3 for each account and layer, made
//! only if there is none, renewed while its holder lives, taken over when it does not. Whoever has lost it writes
//! nothing more ([`crate::aws::gate`]).

pub mod lease;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use template_tools::arn::{LayerName, Region};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::staging::BucketPattern;
use crate::aws::failure::{Advice, CallFailure, Kind};
use crate::aws::gate::Gate;
use crate::aws::s3::S3Region;
use crate::aws::s3::conditional::{Only, Small};
use crate::aws::session::{Caller, Session};
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::ui::Ui;
use lease::{Lease, Next, SCHEMA, Seen, Watch};

/// Where the locks of a layer lie, as it is configured: `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockPlace {
    bucket: BucketPattern,
    prefix: String,
}

/// It is no such place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is no place for a lock: `s3://BUCKET/PREFIX`, with `{{account}}` filled in if it stands there"
)]
pub struct LockPlaceError(String);

impl FromStr for LockPlace {
    type Err = LockPlaceError;

    fn from_str(text: &str) -> Result<Self, LockPlaceError> {
        let wrong = || LockPlaceError(text.to_owned());
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        // One lock for all regions lies in one of them.
        if text.contains("{region}") || prefix.chars().any(|letter| letter.is_control() || letter == '{') {
            return Err(wrong());
        }
        let bucket = bucket.parse().map_err(|_| wrong())?;
        Ok(Self { bucket, prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl LockPlace {
    /// The bucket and the key for this account's layer.
    fn of(&self, caller: &Caller, layer: &LayerName, region: &Region) -> Name {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        let key = format!("{}{slash}{}-{layer}.lock", self.prefix, caller.account);
        Name { bucket: self.bucket.fill(&caller.account, region), key }
    }
}

/// The object that is the lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    bucket: String,
    key: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Why a lock cannot be had. Nothing has been written then.
#[derive(Debug, Error)]
pub enum LockError {
    /// S3.
    #[error("failed to take the lock `{lock}`")]
    Call {
        /// The lock.
        lock: String,
        /// What was said.
        source: Box<CallFailure>,
        /// What helps the hint.
        advice: Box<Advice>,
    },
    /// Something else lies there.
    #[error("`{lock}` is no lock that this program understands: {why}")]
    Strange {
        /// The lock.
        lock: String,
        /// What is wrong.
        why: String,
    },
}

impl LockError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::Call { source, advice, .. } => source.hint(advice, called),
            Self::Strange { lock, .. } => {
                Some(format!("see what it is with `aws s3 cp {lock} -`, or name another place with `lock`"))
            }
        }
    }
}

/// Locks that are held. To be released: what is only dropped is held until its lease runs out.
#[derive(Debug, Default)]
pub struct SharedLocks {
    held: Vec<Held>,
}

#[derive(Debug)]
struct Held {
    lock: Lock,
    etag: Arc<Mutex<String>>,
    renewing: JoinHandle<()>,
}

/// One lock, and what is needed to hold it.
#[derive(Clone, Debug)]
struct Lock {
    s3: S3Region,
    name: Name,
    owner: String,
    clocks: Clocks,
    gate: Arc<Gate>,
}

/// Takes the locks of these layers, always in the same order, so that two runs never wait for each other. Waits, and
/// says for whom, while somebody else holds one.
pub async fn acquire(
    session: &Session,
    caller: &Caller,
    clocks: &Clocks,
    wanted: &[(&LockPlace, &LayerName, &Region)],
    ui: &Ui,
) -> Result<SharedLocks, LockError> {
    let mut names = wanted
        .iter()
        .map(|(place, layer, region)| (place.of(caller, layer, region), (*region).clone()))
        .collect::<Vec<_>>();
    names.sort();
    names.dedup_by(|one, other| one.0 == other.0);
    let mut locks = SharedLocks::default();
    for (name, region) in names {
        let lock = Lock {
            s3: session.s3(&region),
            name,
            owner: some_name(),
            clocks: *clocks,
            gate: Arc::clone(session.gate()),
        };
        match lock.take(session, ui).await {
            Ok(held) => locks.held.push(held),
            Err(error) => {
                locks.release(ui).await;
                return Err(error);
            }
        }
    }
    Ok(locks)
}

impl SharedLocks {
    /// Lets others go on. A lock that cannot be released runs out by itself.
    pub async fn release(self, ui: &Ui) {
        for Held { lock, etag, renewing } in self.held {
            // Not in the middle of a write, after which the ETag would be another one.
            let etag = etag.lock().await;
            renewing.abort();
            lock.gate.released(&lock.name.to_string());
            if let Err(failure) = lock.s3.delete_small(&lock.name.bucket, &lock.name.key, &etag).await
                && !is_about_the_condition(&failure)
            {
                ui.warning(format!("the lock `{}` stays until it runs out: {failure}", lock.name));
            }
        }
    }
}

impl Lock {
    async fn take(mut self, session: &Session, ui: &Ui) -> Result<Held, LockError> {
        let start = Instant::now();
        let mut watch = Watch::default();
        let mut told = None;
        loop {
            let failed = |source| LockError::Call {
                lock: self.name.to_string(),
                source: Box::new(source),
                advice: Box::new(session.advice().clone()),
            };
            let small = self.s3.read_small(&self.name.bucket, &self.name.key).await.map_err(failed)?;
            let seen = match small {
                Small::Nothing => Seen::Nothing,
                Small::There { etag, text } => Seen::Held { etag, lease: self.understand(&text)? },
                Small::Elsewhere(region) => {
                    self.s3 = session.s3(&region);
                    continue;
                }
            };
            // A request that the holder has sent before it was gone may be on its way for a while.
            let patience = self.clocks.lease + self.clocks.look_again_for;
            let begun = Instant::now();
            let written = match watch.next(seen, &self.owner, patience, start.elapsed(), wall()) {
                Next::Create => self.write(Only::IfNothing).await,
                Next::TakeOver { etag, from } => {
                    let written = self.write(Only::If(&etag)).await;
                    if written.is_ok() {
                        ui.warning(format!(
                            "the lock `{}` is taken over: {from} has given no sign of life",
                            self.name
                        ));
                    }
                    written
                }
                Next::Ours { etag } => Ok(etag),
                Next::Wait(holder) => {
                    if told.as_ref() != Some(&holder.owner) {
                        ui.status("Waiting", format!("for {holder}, which holds the lock `{}`", self.name));
                        told = Some(holder.owner);
                    }
                    tokio::time::sleep(self.clocks.lease / 20).await;
                    continue;
                }
            };
            match written {
                Ok(etag) => return Ok(self.hold(etag, begun)),
                // Somebody else was faster, or the answer to our own first try was lost: the next look tells.
                Err(failure) if is_about_the_condition(&failure) => {}
                Err(failure) => return Err(failed(failure)),
            }
        }
    }

    fn understand(&self, text: &str) -> Result<Lease, LockError> {
        let strange = |why: String| LockError::Strange { lock: self.name.to_string(), why };
        let lease: Lease = serde_json::from_str(text).map_err(|error| strange(error.to_string()))?;
        if lease.schema != SCHEMA {
            return Err(strange(format!("its schema is {}, and not {SCHEMA}", lease.schema)));
        }
        Ok(lease)
    }

    async fn write(&self, only: Only<'_>) -> Result<String, CallFailure> {
        let lease = Lease {
            schema: SCHEMA,
            owner: self.owner.clone(),
            host: host(),
            pid: std::process::id(),
            expires: (wall() + self.clocks.lease).as_secs(),
        };
        let text = serde_json::to_string_pretty(&lease).unwrap_or_default();
        self.s3.write_small(&self.name.bucket, &self.name.key, only, &text).await
    }

    /// Holds it from here on: renews it three times in each lease.
    fn hold(self, etag: String, begun: Instant) -> Held {
        self.gate.held(&self.name.to_string(), begun + self.clocks.lease);
        let etag = Arc::new(Mutex::new(etag));
        let (renewed, shared) = (self.clone(), Arc::clone(&etag));
        let renewing = tokio::spawn(async move { while !renewed.is_lost_after_a_while(&shared).await {} });
        Held { lock: self, etag, renewing }
    }

    async fn is_lost_after_a_while(&self, etag: &Mutex<String>) -> bool {
        let every = self.clocks.lease / 3;
        tokio::time::sleep(every).await;
        let mut etag = etag.lock().await;
        let begun = Instant::now();
        // Each write has to be another object, so that others see it; the time in it sees to that. What takes too long
        // is tried again in the next round, as long as there is time.
        match tokio::time::timeout(every, self.write(Only::If(&etag))).await {
            Ok(Ok(new)) => *etag = new,
            Ok(Err(failure)) if is_about_the_condition(&failure) => {
                // The answer to an earlier write of ours may have been lost.
                match self.s3.read_small(&self.name.bucket, &self.name.key).await {
                    Ok(Small::There { etag: there, text }) => match self.understand(&text) {
                        Ok(lease) if lease.owner == self.owner => *etag = there,
                        Ok(lease) => return self.lose(format!("{lease} has taken it over")),
                        Err(error) => return self.lose(error.to_string()),
                    },
                    Ok(Small::Nothing) => return self.lose("somebody has deleted it".to_owned()),
                    Ok(Small::Elsewhere(_)) | Err(_) => return false,
                }
            }
            Ok(Err(_)) | Err(_) => return false,
        }
        self.gate.held(&self.name.to_string(), begun + self.clocks.lease);
        false
    }

    fn lose(&self, how: String) -> bool {
        self.gate.lost(&self.name.to_string(), how);
        true
    }
}

fn is_about_the_condition(failure: &CallFailure) -> bool {
    matches!(failure.kind, Kind::Conflict | Kind::NotFound)
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// 128 random bits, from where the standard library takes the seeds of its maps.
fn some_name() -> String {
    let bits = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", bits(), bits())
}

/// For people only.
fn host() -> String {
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let named = named.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let named = named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    named.unwrap_or_else(|| "some machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        let caller = Caller { partition: "aws".parse().unwrap(), account: "123456789012".parse().unwrap() };
        let layer = "sosw".parse().unwrap();
        let region = "eu-west-1".parse().unwrap();
        let shown = |text: &str| {
            text.parse::<LockPlace>().map(|place| place.of(&caller, &layer, &region).to_string())
        };
        for (text, expected) in [
            ("s3://locks/layers", "s3://locks/layers/123456789012-sosw.lock"),
            ("s3://locks/a/b/", "s3://locks/a/b/123456789012-sosw.lock"),
            ("s3://locks", "s3://locks/123456789012-sosw.lock"),
            ("s3://locks-{account}/x", "s3://locks-123456789012/x/123456789012-sosw.lock"),
        ] {
            assert_eq!(shown(text).unwrap(), expected);
        }
        for wrong in ["locks/layers", "s3://", "s3://Locks/x", "s3://locks-{region}/x", "s3://locks/{layer}"]
        {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_runs_never_have_the_same_name() {
        assert_ne!(some_name(), some_name());
    }
}
