//! Addresses, taken apart so that no credential is ever part of a message.

use std::path::PathBuf;

use ureq::http::Uri;

/// An address without `user:password@`, and those two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// The address.
    pub(crate) url: String,
    /// The user, if there was one.
    pub(crate) username: Option<String>,
    /// The password, if there was one.
    pub(crate) password: Option<String>,
}

/// Takes user and password out of an address.
pub(crate) fn split(url: &str) -> Split {
    let parts = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let (credentials, host) = authority.rsplit_once('@')?;
        let (username, password) = match credentials.split_once(':') {
            Some((username, password)) => (username, Some(percent_decoded(password))),
            None => (credentials, None),
        };
        let username = Some(percent_decoded(username)).filter(|username| !username.is_empty());
        Some(Split { url: format!("{scheme}://{host}{}", &rest[authority.len()..]), username, password })
    };
    parts().unwrap_or_else(|| Split { url: url.to_owned(), username: None, password: None })
}

/// The address with user and password.
pub(crate) fn joined(url: &str, username: &str, password: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            format!("{scheme}://{}:{}@{rest}", percent_encoded(username), percent_encoded(password))
        }
        None => url.to_owned(),
    }
}

/// Whether an address for HTTP names a user, who may be a token.
pub(crate) fn has_credentials(url: &str) -> bool {
    let split = split(url);
    let scheme = url.split("://").next().unwrap_or_default();
    let names_somebody =
        split.username.is_some() && matches!(scheme.rsplit('+').next(), Some("http" | "https"));
    names_somebody || split.password.is_some()
}

/// Scheme, host and port: whoever has been told credentials for one address of a realm may see them at the others.
pub(crate) fn realm(url: &str) -> Option<String> {
    let uri: Uri = split(url).url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some(format!("{scheme}://{}:{port}", uri.host()?.to_ascii_lowercase()))
}

/// Host and port, for messages; `this machine` for a file.
pub(crate) fn host_and_port(url: &str) -> String {
    let uri = split(url).url.parse::<Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_else(|| "this machine".to_owned())
}

/// The host alone, as netrc has it.
pub(crate) fn host(url: &str) -> Option<String> {
    Some(split(url).url.parse::<Uri>().ok()?.host()?.to_ascii_lowercase())
}

/// The steps of the path, without empty ones.
pub(crate) fn steps(url: &str) -> Vec<String> {
    let path = split(url).url.parse::<Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
    path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect()
}

/// The file that a `file://` address, or a path, means; `None` if it is neither.
pub(crate) fn local(url: &str) -> Option<PathBuf> {
    match url.split_once("://") {
        Some(("file", rest)) => {
            let path =
                rest.strip_prefix("localhost/").map_or_else(|| rest.to_owned(), |rest| format!("/{rest}"));
            let path = path.split(['?', '#']).next().unwrap_or_default();
            // On Windows a drive follows the slash.
            let path = if cfg!(windows) { path.trim_start_matches('/') } else { path };
            Some(PathBuf::from(percent_decoded(path)))
        }
        Some(_) => None,
        None => Some(PathBuf::from(url)),
    }
}

/// The address that `location`, the answer of a server to `url`, leads to.
pub(crate) fn led_to(url: &str, location: &str) -> Option<String> {
    if location.contains("://") {
        return Some(location.to_owned());
    }
    let (scheme, rest) = url.split_once("://")?;
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let path = rest[authority.len()..].split(['?', '#']).next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{authority}{folder}/{location}"))
}

/// Text with `%20` and the like taken for what they mean.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code =
            after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text with whatever an address could take for something else as `%20` and the like.
pub(crate) fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_addresses() {
        let parts = split("https://me%40here:p%3Aw@example.com:81/a/b@c.whl");
        assert_eq!(parts.url, "https://example.com:81/a/b@c.whl");
        assert_eq!((parts.username.as_deref(), parts.password.as_deref()), (Some("me@here"), Some("p:w")));
        assert_eq!(joined(&parts.url, "me@here", "p:w"), "https://me%40here:p%3Aw@example.com:81/a/b@c.whl");
        let without = split("https://example.com/a@b.whl");
        assert_eq!((without.url.as_str(), without.username), ("https://example.com/a@b.whl", None));
        assert_eq!(host_and_port("https://me:secret@example.com:81/x"), "example.com:81");
        assert_eq!(host_and_port("/some/folder/x.whl"), "this machine");
        assert_eq!(percent_decoded("100%"), "100%");
    }

    #[test]
    fn a_user_of_ssh_is_no_secret_but_one_of_http_may_be() {
        assert!(!has_credentials("git+ssh://git@example.com/a.git"));
        assert!(!has_credentials("https://example.com/a@b"));
        for secret in
            ["git+https://token@example.com/a", "http://a:b@c/d", "ssh://git:password@c/d", "https://:x@c/"]
        {
            assert!(has_credentials(secret), "{secret}");
        }
    }

    #[test]
    fn realms_are_scheme_host_and_port() {
        assert_eq!(realm("https://me:x@Example.com/a").unwrap(), "https://example.com:443");
        assert_eq!(realm("https://example.com:443/b"), realm("https://EXAMPLE.com/a"));
        assert_ne!(realm("http://example.com/"), realm("https://example.com/"));
        assert_ne!(realm("http://example.com:81/"), realm("http://example.com/"));
        assert_eq!(realm("/a/b"), None);
    }

    #[test]
    fn redirects_lead_where_the_server_says() {
        let from = "https://example.com:81/a/b?x=/y";
        for (location, to) in [
            ("http://other/c", "http://other/c"),
            ("//other/c", "https://other/c"),
            ("/c", "https://example.com:81/c"),
            ("c?d", "https://example.com:81/a/c?d"),
        ] {
            assert_eq!(led_to(from, location).unwrap(), to);
        }
    }

    #[cfg(unix)]
    #[test]
    fn files_of_this_machine_are_found_whatever_their_names_are() {
        let path = |url: &str| local(url).map(|path| path.display().to_string());
        assert_eq!(path("file:///a%20b/x%2B1.whl#sha256=00").as_deref(), Some("/a b/x+1.whl"));
        assert_eq!(path("file://localhost/a").as_deref(), Some("/a"));
        assert_eq!(path("/a%20b").as_deref(), Some("/a%20b"));
        assert_eq!(path("https://example.com/a"), None);
    }
}
