//! What of our environment uv gets, and what the build backends that it starts get.

use std::ffi::OsStr;

use crate::git;

/// What misleads uv or a backend, and what neither has any business with.
///
/// Resolving can start a backend too, where a source distribution does not tell its metadata. A keyring that needs
/// credentials of AWS has been asked before uv starts. The git that uv starts works in repositories of uv's own.
pub(super) fn is_not_for_uv(name: &OsStr) -> bool {
    const MISLEADING: [&str; 2] = ["PYTHON", "UV_NO_BINARY"];
    const SECRET: [&str; 5] = ["AWS_", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_", "UV_PUBLISH_"];
    let name = name.to_string_lossy();
    if git::OF_A_REPOSITORY.contains(&name.as_ref()) {
        return true;
    }
    name != "AWS_CA_BUNDLE" && MISLEADING.iter().chain(&SECRET).any(|start| name.starts_with(start))
}

/// What a build gets: where programs, certificates, proxies and indexes are, and nothing else.
pub(super) fn is_for_builds(name: &OsStr) -> bool {
    const NEEDED: [&str; 12] = [
        "PATH",
        "HOME",
        "USERPROFILE",
        "SYSTEMROOT",
        "TMPDIR",
        "TEMP",
        "TMP",
        "NETRC",
        "PYENV_ROOT",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
    ];
    let name = name.to_string_lossy().to_uppercase();
    let is_needed = NEEDED.contains(&name.as_str()) || name.ends_with("_PROXY") || name.starts_with("XDG_");
    is_needed || name.starts_with("UV_") && !is_not_for_uv(OsStr::new(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_get_what_they_need_and_no_more() {
        for kept in [
            "PATH",
            "HOME",
            "SSL_CERT_FILE",
            "HTTPS_PROXY",
            "no_proxy",
            "UV_INDEX",
            "UV_PYTHON",
            "XDG_CACHE_HOME",
        ] {
            assert!(is_for_builds(OsStr::new(kept)), "{kept}");
        }
        for secret in [
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "UV_PUBLISH_TOKEN",
            "TWINE_PASSWORD",
            "SSH_AUTH_SOCK",
            "PYTHONPATH",
            "CFLAGS",
        ] {
            assert!(!is_for_builds(OsStr::new(secret)), "{secret}");
        }
    }

    #[test]
    fn uv_itself_keeps_the_users_configuration() {
        for kept in [
            "PATH",
            "UV_INDEX_PRIVATE_PASSWORD",
            "UV_PYTHON",
            "SSH_AUTH_SOCK",
            "AWS_CA_BUNDLE",
            "GIT_CONFIG_COUNT",
        ] {
            assert!(!is_not_for_uv(OsStr::new(kept)), "{kept}");
        }
        for gone in [
            "PYTHONPATH",
            "GITHUB_TOKEN",
            "UV_NO_BINARY_PACKAGE",
            "UV_PUBLISH_TOKEN",
            "AWS_SESSION_TOKEN",
            "GIT_DIR",
            "GIT_INDEX_FILE",
        ] {
            assert!(is_not_for_uv(OsStr::new(gone)), "{gone}");
        }
    }
}
