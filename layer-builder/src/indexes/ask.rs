//! The program `keyring`, asked for a password as uv and pip ask it.

use std::process::{Command, Stdio};

use super::{Index, address};

/// Who may ask at `url`, and the password; `index` is where it belongs to, if that is known. The index is asked about
/// first, then the host.
pub fn keyring(url: &str, index: Option<&Index>) -> Option<(String, String)> {
    let username = index.and_then(|index| index.username.as_deref());
    let service = index.map_or(url, |index| index.url.as_str());
    one(service, username).or_else(|| one(&address::host_and_port(url), username))
}

fn one(service: &str, username: Option<&str>) -> Option<(String, String)> {
    let mut command = Command::new("keyring");
    command.args(["get", service]);
    match username {
        Some(username) => command.arg(username),
        None => command.args(["--mode", "creds"]),
    };
    // What it says on standard error is for the user: where to log in, say.
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let username = match username {
        Some(username) => username.to_owned(),
        None => lines.next()?.to_owned(),
    };
    let password = lines.next()?.trim_end().to_owned();
    (!password.is_empty()).then_some((username, password))
}
