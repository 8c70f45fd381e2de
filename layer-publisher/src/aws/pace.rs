//! How fast Lambda and CloudFormation are called: each account and region has its own pace for each of them, and every
//! try of every call keeps to it.
//!
//! Lambda's control plane takes 15 calls a second for each account and region, over all its APIs and from everybody
//! together, deployments included (Lambda quotas). We take a third of that. CloudFormation does not say what it takes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use template_tools::arn::Region;
use tokio::time::{Instant, sleep_until};

/// So many calls may begin in one second.
pub const CALLS: usize = 5;

/// The pace of one account in one region.
#[derive(Debug)]
pub struct Pace {
    second: Duration,
    /// When the latest calls have begun, at most [`CALLS`] of them.
    begun: tokio::sync::Mutex<VecDeque<Instant>>,
}

impl Pace {
    /// Nothing has begun yet. A test may shorten the second.
    pub fn new(second: Duration) -> Self {
        Self { second, begun: tokio::sync::Mutex::default() }
    }

    /// Waits until one more call may begin. First come, first served.
    pub async fn turn(&self) {
        let mut begun = self.begun.lock().await;
        if begun.len() >= CALLS
            && let Some(&oldest) = begun.front()
        {
            sleep_until(oldest + self.second).await;
            begun.pop_front();
        }
        begun.push_back(Instant::now());
    }
}

/// The paces of all services and regions that were asked so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Paces(Arc<Mutex<BTreeMap<Of, Arc<Pace>>>>);

/// A service in a region.
type Of = (&'static str, Region);

impl Paces {
    /// That of a service in a region. A test may shorten the second.
    pub(super) fn of(&self, service: &'static str, region: &Region, second: Duration) -> Arc<Pace> {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paces.entry((service, region.clone())).or_insert_with(|| Arc::new(Pace::new(second))).clone()
    }
}

/// The same client, at this pace.
pub(super) fn paced(client: SharedHttpClient, pace: Arc<Pace>) -> SharedHttpClient {
    SharedHttpClient::new(PacedClient { client, pace })
}

#[derive(Debug)]
struct PacedClient {
    client: SharedHttpClient,
    pace: Arc<Pace>,
}

impl HttpClient for PacedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.client.http_connector(settings, components);
        SharedHttpConnector::new(PacedConnector { connector, pace: Arc::clone(&self.pace) })
    }
}

struct PacedConnector {
    connector: SharedHttpConnector,
    pace: Arc<Pace>,
}

impl fmt::Debug for PacedConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PacedConnector")
    }
}

impl HttpConnector for PacedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, pace) = (self.connector.clone(), Arc::clone(&self.pace));
        HttpConnectorFuture::new(async move {
            pace.turn().await;
            connector.call(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_five_in_any_second() {
        let second = Duration::from_millis(100);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let begun = runtime.block_on(async {
            let pace = Arc::new(Pace::new(second));
            let calls = (0..13).map(|_| {
                let pace = Arc::clone(&pace);
                tokio::spawn(async move {
                    pace.turn().await;
                    Instant::now()
                })
            });
            let mut begun = Vec::new();
            for call in calls.collect::<Vec<_>>() {
                begun.push(call.await.unwrap());
            }
            begun.sort();
            begun
        });
        // The first five need no patience.
        assert!(begun[4] - begun[0] < second / 2);
        // A moment is lost between the turn and the look at the clock.
        assert!(begun.windows(CALLS + 1).all(|window| window[CALLS] - window[0] > second * 9 / 10));
    }
}
