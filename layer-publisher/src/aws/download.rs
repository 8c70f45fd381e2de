//! Fetches the zip of a version, or a part of it, from the link that GetLayerVersion gives, which is good for ten
//! minutes.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long the server may say nothing.
const STALLED: Duration = Duration::from_mins(1);
/// 206: this is the part that was asked for.
const PARTIAL: u16 = 206;

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

/// Reads parts of what lies behind a link.
#[derive(Clone, Debug)]
pub struct Ranges {
    agent: Agent,
    link: String,
}

impl Ranges {
    /// Nothing is read yet.
    pub fn new(link: &str) -> io::Result<Self> {
        Ok(Self { agent: agent()?, link: link.to_owned() })
    }

    /// The bytes of a range, or as many of them as there are. Blocks.
    pub fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
            return Ok(Vec::new());
        };
        let call = self.agent.get(&self.link).header("range", format!("bytes={}-{last}", range.start));
        let answer = call.call().map_err(io::Error::other)?;
        let is_whole = answer.status().as_u16() != PARTIAL;
        let mut reader = answer.into_body().into_reader();
        if is_whole {
            // Whoever does not know of ranges sends everything.
            io::copy(&mut reader.by_ref().take(range.start), &mut io::sink())?;
        }
        let mut bytes = Vec::new();
        reader.take(range.end - range.start).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
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
