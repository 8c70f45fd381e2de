//! The HTTP client: the system's certificates, the proxies of the environment, and each host looked up once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::AT_ONCE;

/// How long a server may say nothing.
const STALLED: Duration = Duration::from_mins(1);

/// A client for all downloads of one run. What it does not say here is ureq's default, proxies among it.
///
/// `certificates` is a file, or a folder, that takes the place of the system's. The error says why there is not one
/// certificate to check servers with.
pub(super) fn agent(certificates: Option<&Path>) -> Result<Agent, String> {
    let found = match certificates {
        Some(path) if path.is_dir() => rustls_native_certs::load_certs_from_paths(None, Some(path)),
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    if found.certs.is_empty() {
        let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(if why.is_empty() { "the system has none".to_owned() } else { why.join("; ") });
    }
    let certificates = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates.collect()))).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .user_agent(concat!("layer-builder/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(STALLED))
        .timeout_per_read(Some(STALLED))
        // Whether credentials go along is decided at each step.
        .max_redirects(0)
        .http_status_as_error(false)
        .max_idle_connections_per_host(AT_ONCE)
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::default(), OncePerHost::default()))
}

/// Looks each host up once. When several threads ask a name server the same at once, it drops some of the questions,
/// and whoever asked them waits five seconds before asking again: seen here, in every second run.
#[derive(Debug, Default)]
struct OncePerHost {
    known: Mutex<HashMap<String, ResolvedSocketAddrs>>,
    inner: DefaultResolver,
}

impl Resolver for OncePerHost {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = format!("{:?} {:?}", uri.scheme(), uri.authority());
        // Whoever comes second waits for the answer to the first.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addresses) = known.get(&host) {
            return Ok(addresses.clone());
        }
        let addresses = self.inner.resolve(uri, config, timeout)?;
        known.insert(host, addresses.clone());
        Ok(addresses)
    }
}
