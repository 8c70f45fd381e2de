//! Addresses of files, taken apart so that no credential is ever part of a message.

use ureq::http::Uri;

/// The address without `user:password@`, and those two.
pub(super) fn without_credentials(url: &str) -> (String, Option<String>) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = &rest[..rest.find('/').unwrap_or(rest.len())];
        let (credentials, host) = authority.rsplit_once('@')?;
        Some((format!("{scheme}://{host}{}", &rest[authority.len()..]), percent_decoded(credentials)))
    };
    match split() {
        Some((url, credentials)) => (url, Some(credentials)),
        None => (url.to_owned(), None),
    }
}

fn percent_decoded(text: &str) -> String {
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

/// Host and port, for messages and for netrc.
pub(super) fn host_of(url: &str) -> String {
    let (url, _) = without_credentials(url);
    let uri = url.parse::<Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_else(|| "this machine".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_addresses() {
        let (url, credentials) = without_credentials("https://me%40here:p%3Aw@example.com:81/a/b@c.whl");
        assert_eq!(url, "https://example.com:81/a/b@c.whl");
        assert_eq!(credentials.unwrap(), "me@here:p:w");
        assert_eq!(
            without_credentials("https://example.com/a@b.whl"),
            ("https://example.com/a@b.whl".into(), None)
        );
        assert_eq!(host_of("https://me:secret@example.com:81/x"), "example.com:81");
        assert_eq!(host_of("/some/folder/x.whl"), "this machine");
        assert_eq!(percent_decoded("100%"), "100%");
    }
}
