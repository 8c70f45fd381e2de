//! Fetches the zip of a version from the link that GetLayerVersion gives, which is good for ten minutes.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long the server may say nothing.
const STALLED: Duration = Duration::from_mins(1);

/// Writes at most `size` bytes from the link to the file, and gives their SHA-256. Blocks.
pub fn fetch(link: &str, size: u64, file: &mut File) -> io::Result<[u8; 32]> {
    let answer = agent()?.get(link).call().map_err(io::Error::other)?;
    let mut reader = answer.into_body().into_reader().take(size + 1);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    file.rewind()?;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
    }
    Ok(hasher.finalize().into())
}

/// The system's certificates and the proxies of the environment, as everywhere else.
fn agent() -> io::Result<Agent> {
    let found = rustls_native_certs::load_native_certs();
    if let Some(error) = found.errors.into_iter().next().filter(|_| found.certs.is_empty()) {
        return Err(io::Error::other(error));
    }
    let certificates = found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates.collect()))).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_recv_response(Some(STALLED))
        .timeout_per_read(Some(STALLED))
        .build();
    Ok(config.new_agent())
}
