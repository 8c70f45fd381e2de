//! What a version's own description proves: the mark that `publish` leaves there is the beginning of the hash of what
//! was built, so where CodeSha256 begins with it, Lambda has what was built. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::config::hex;
use crate::layer_version::LayerVersion;
use crate::publish::plan::mark_of;

/// Whether the mark is there, and is true.
pub fn proves(version: &LayerVersion) -> bool {
    let sha256 = sha256(&version.code_sha256);
    mark_of(&version.description).is_some_and(|mark| sha256.starts_with(mark))
}

/// CodeSha256 in hex. Empty, if it is none.
pub fn sha256(code_sha256: &str) -> String {
    BASE64.decode(code_sha256).map(|digest| hex(&digest)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fake::{version, wanted};

    #[test]
    fn a_mark_counts_only_if_it_is_true() {
        let good = version(&wanted(b"a"), 7);
        assert!(proves(&good));
        let other = LayerVersion { description: wanted(b"b").new.description, ..good.clone() };
        assert!(!proves(&other));
        assert!(!proves(&LayerVersion { description: "by hand".to_owned(), ..good }));
    }
}
