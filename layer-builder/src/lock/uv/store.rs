//! The credentials that `uv auth login` has stored, as uv hands them out.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::find::installed;
use super::run::quietly;
use crate::cache::Cache;
use crate::indexes::{Credentials, Index};

/// Where they come from, for messages.
const PLACE: &str = "`uv auth`";

#[derive(Deserialize)]
struct Answer {
    headers: Headers,
}

#[derive(Deserialize)]
struct Headers {
    #[serde(rename = "Authorization", default)]
    authorization: Vec<String>,
}

/// What the uv of this machine, if it has one, has stored for `url`.
///
/// Newer versions answer in full (as a credential helper); the older ones want to be told the user, and answer with the
/// password.
pub fn stored_credentials(cache: &Cache, url: &str, index: Option<&Index>) -> Option<Credentials> {
    let (program, _) = installed(cache).ok()?;
    let mut helper = Command::new(&program);
    helper.args(["auth", "helper", "--preview-features", "auth-helper", "--protocol", "bazel", "get"]);
    helper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let question = serde_json::json!({ "uri": url }).to_string();
    let answered = helper.spawn().and_then(|mut child| {
        if let Some(mut stdin) = child.stdin.take() {
            // One that knows no such command has ended already.
            let _ = stdin.write_all(question.as_bytes());
        }
        child.wait_with_output()
    });
    let answered = answered.ok()?;
    if answered.status.success() {
        let answer: Answer = serde_json::from_slice(&answered.stdout).ok()?;
        return answer
            .headers
            .authorization
            .into_iter()
            .next()
            .map(|header| Credentials::of_header(header, PLACE));
    }
    let username = index.and_then(|index| index.username.as_deref());
    let mut token = Command::new(&program);
    token.args(["auth", "token", url]);
    if let Some(username) = username {
        token.args(["--username", username]);
    }
    let output = quietly(&mut token).ok().filter(|output| output.status.success())?;
    let password = String::from_utf8(output.stdout).ok()?;
    // What uv takes for the user where there is only a token.
    Some(Credentials::basic(username.unwrap_or("__token__"), password.trim_end(), PLACE))
}
