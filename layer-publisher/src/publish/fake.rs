//! For tests: a region of Lambda that answers, and keeps silent, as it is told; and a clock that passes at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use template_tools::arn::{LayerName, LayerVersionArn};

use super::execute::{Clock, LayerService};
use super::journal::Journal;
use super::plan::Wanted;
use crate::aws::failure::{CallFailure, Kind};
use crate::config::hex;
use crate::layer_version::{LayerVersion, Listed, NewLayerVersion};
use crate::zip_source::ZipSource;

/// What happens to one PublishLayerVersion.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing arrives, and nobody says so.
    Lost,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It is carried out so much later than it was sent, and there is no answer.
    Late(Duration),
    /// It is refused.
    Refused(Kind),
    /// It is refused with these words.
    Invalid(&'static str),
}

#[derive(Default)]
struct State {
    versions: Vec<LayerVersion>,
    last: u64,
    faults: VecDeque<Fault>,
    on_their_way: Vec<(Duration, NewLayerVersion)>,
    now: Duration,
    failing_looks: usize,
    calls: Vec<&'static str>,
    is_left_over: bool,
}

/// A region and its time.
#[derive(Default)]
pub(crate) struct FakeRegion {
    state: Mutex<State>,
}

impl FakeRegion {
    pub(crate) fn with_faults(faults: &[Fault]) -> Self {
        let region = Self::default();
        region.state.lock().unwrap().faults.extend(faults);
        region
    }

    pub(crate) fn failing_looks(self, count: usize) -> Self {
        self.state.lock().unwrap().failing_looks = count;
        self
    }

    pub(crate) fn holding(self, zips: &[&[u8]]) -> Self {
        for zip in zips {
            self.make(&wanted(zip).new);
        }
        self
    }

    /// A request that an earlier run sent before it was killed, which is carried out so much later.
    pub(crate) fn left_over(self, zip: &[u8], after: Duration) -> Self {
        let mut state = self.state.lock().unwrap();
        state.is_left_over = true;
        state.on_their_way.push((after, wanted(zip).new));
        drop(state);
        self
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.state.lock().unwrap().is_left_over
    }

    pub(crate) fn versions(&self) -> Vec<LayerVersion> {
        self.state.lock().unwrap().versions.clone()
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn time(&self) -> Duration {
        self.state.lock().unwrap().now
    }

    /// Ends all that is on its way, as time would.
    pub(crate) fn settle(&self) -> Vec<LayerVersion> {
        self.advance(Duration::from_hours(1));
        self.versions()
    }

    fn make(&self, new: &NewLayerVersion) -> LayerVersion {
        let mut state = self.state.lock().unwrap();
        state.last += 1;
        let made = version_of(new, state.last);
        state.versions.push(made.clone());
        made
    }

    fn advance(&self, duration: Duration) {
        let due = {
            let mut state = self.state.lock().unwrap();
            state.now += duration;
            let now = state.now;
            let (due, later) = state.on_their_way.drain(..).partition::<Vec<_>, _>(|(at, _)| *at <= now);
            state.on_their_way = later;
            due
        };
        for (_, new) in due {
            self.make(&new);
        }
    }

    fn called(&self, operation: &'static str) {
        self.state.lock().unwrap().calls.push(operation);
        self.advance(Duration::from_millis(100));
    }
}

impl LayerService for FakeRegion {
    async fn list(&self, _: &LayerName) -> Result<Vec<Listed>, CallFailure> {
        self.called("list");
        let mut state = self.state.lock().unwrap();
        let has_published = state.calls.contains(&"publish");
        if has_published && state.failing_looks > 0 {
            state.failing_looks -= 1;
            return Err(failure("ListLayerVersions", Kind::Silence));
        }
        let listed = |version: &LayerVersion| Listed {
            version: version.arn.version,
            description: version.description.clone(),
            compatible_runtimes: version.compatible_runtimes.clone(),
            compatible_architectures: version.compatible_architectures.clone(),
            license: version.license.clone(),
        };
        Ok(state.versions.iter().rev().map(listed).collect())
    }

    async fn get(&self, _: &LayerName, version: u64) -> Result<LayerVersion, CallFailure> {
        self.called("get");
        let found = self.versions().into_iter().find(|found| found.arn.version == version);
        found.ok_or_else(|| failure("GetLayerVersion", Kind::NotFound))
    }

    async fn publish(&self, new: &NewLayerVersion) -> Result<LayerVersion, CallFailure> {
        self.called("publish");
        let fault = self.state.lock().unwrap().faults.pop_front();
        let silence = Err(failure("PublishLayerVersion", Kind::Silence));
        match fault {
            None => Ok(self.make(new)),
            Some(Fault::Lost) => silence,
            Some(Fault::AnswerLost) => {
                self.make(new);
                silence
            }
            Some(Fault::Late(after)) => {
                let mut state = self.state.lock().unwrap();
                let at = state.now + after;
                state.on_their_way.push((at, new.clone()));
                silence
            }
            Some(Fault::Invalid(message)) => Err(CallFailure {
                message: message.to_owned(),
                ..failure("PublishLayerVersion", Kind::Refused)
            }),
            Some(Fault::Refused(kind)) => Err(failure("PublishLayerVersion", kind)),
        }
    }
}

impl Journal for FakeRegion {
    fn is_left_over(&self) -> bool {
        self.is_in_flight()
    }

    fn begin(&self) {
        self.state.lock().unwrap().is_left_over = true;
    }

    fn end(&self) {
        self.state.lock().unwrap().is_left_over = false;
    }
}

impl Clock for FakeRegion {
    fn now(&self) -> Duration {
        self.time()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

pub(crate) fn failure(operation: &'static str, kind: Kind) -> CallFailure {
    CallFailure { operation, kind, message: "as the test asked".to_owned(), code: None, request_id: None }
}

pub(crate) fn wanted(zip: &[u8]) -> Wanted {
    let digest = Sha256::digest(zip);
    let mark = format!("[sha256:{}]", &hex(&digest)[..32]);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Wanted {
        new: NewLayerVersion {
            layer_name: LayerName::new("sosw").unwrap(),
            description: format!("text {mark}"),
            compatible_runtimes: names(&["python3.12", "python3.13"]),
            compatible_architectures: names(&["x86_64", "arm64"]),
            license: None,
            zip: ZipSource::Memory(Arc::new(zip.to_vec())),
        },
        size: zip.len() as u64,
        sha256: hex(&digest),
        code_sha256: BASE64.encode(digest),
        mark,
    }
}

pub(crate) fn version(wanted: &Wanted, number: u64) -> LayerVersion {
    version_of(&wanted.new, number)
}

pub(crate) fn listed(wanted: &Wanted, version: u64) -> Listed {
    Listed { version, description: wanted.new.description.clone(), ..Listed::default() }
}

fn version_of(new: &NewLayerVersion, number: u64) -> LayerVersion {
    let layer = format!("arn:aws:lambda:eu-west-1:123456789012:layer:{}:{number}", new.layer_name);
    LayerVersion {
        arn: layer.parse::<LayerVersionArn>().unwrap(),
        code_sha256: BASE64.encode(Sha256::digest(new.zip.bytes().unwrap().as_slice())),
        size: new.zip.bytes().unwrap().len() as u64,
        description: new.description.clone(),
        compatible_runtimes: new.compatible_runtimes.clone(),
        compatible_architectures: new.compatible_architectures.clone(),
        license: new.license.clone().unwrap_or_default(),
    }
}
