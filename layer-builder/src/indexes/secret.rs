//! Credentials, and texts without them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::address;

/// What stands where a secret was.
const HIDDEN: &str = "****";

/// What a server is told about who asks. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    header: String,
    place: String,
}

impl Credentials {
    /// User and password, as they were found at a place: ``your netrc file``.
    pub fn basic(username: &str, password: &str, place: impl Into<String>) -> Self {
        let header = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
        Self { header, place: place.into() }
    }

    /// The header as somebody has made it.
    pub fn of_header(header: impl Into<String>, place: impl Into<String>) -> Self {
        Self { header: header.into(), place: place.into() }
    }

    /// The value of the header `Authorization`.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// Where they were found, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials from {}", self.place)
    }
}

/// The text without users and passwords in its addresses.
pub fn without_userinfo(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let ends = |character: char| character.is_whitespace() || "/?#\"'`<>()".contains(character);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        let scheme = before[..at].rsplit(|character: char| !character.is_ascii_alphanumeric()).next();
        let url = format!("{}://{authority}", scheme.unwrap_or_default());
        let host = authority.rfind('@').filter(|_| address::has_credentials(&url));
        if let Some(at) = host {
            clean.push_str(HIDDEN);
            clean.push_str(&authority[at..]);
        } else {
            clean.push_str(authority);
        }
        rest = &after[authority.len()..];
    }
    clean + rest
}

/// The text without these secrets, and without those in its addresses.
pub fn without_secrets(text: &str, secrets: &[String]) -> String {
    let mut text = without_userinfo(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), HIDDEN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_secrets_and_nothing_else() {
        for (text, clean) in [
            (
                "see https://me:s3cret@example.com/x, or http://b",
                "see https://****@example.com/x, or http://b",
            ),
            ("git+https://token@example.com/a@main", "git+https://****@example.com/a@main"),
            ("ssh://git@example.com/a.git", "ssh://git@example.com/a.git"),
            ("(https://a:b@c)", "(https://****@c)"),
            ("https://example.com/@x", "https://example.com/@x"),
            ("no address", "no address"),
            ("https://a:b@c", "https://****@c"),
        ] {
            assert_eq!(without_userinfo(text), clean);
        }
        let secrets = ["hidden".to_owned(), String::new()];
        assert_eq!(without_secrets("a hidden word", &secrets), "a **** word");
        assert_eq!(format!("{:?}", Credentials::basic("me", "pw", "`.netrc`")), "Credentials from `.netrc`");
    }
}
