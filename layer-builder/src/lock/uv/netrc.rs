//! Passwords that a keyring has told us, handed to uv in a netrc file: there is no other way where an index has no name
//! and stands in a file that uv reads itself. The file is gone when uv has ended.

use std::path::PathBuf;

use ::netrc::Netrc;

use super::Error;
use super::run::Exchange;
use crate::indexes::Login;

/// Writes the user's own netrc file, and these after it; `None` if there are none.
pub(super) fn write(exchange: &Exchange, logins: &[Login]) -> Result<Option<PathBuf>, Error> {
    if logins.is_empty() {
        return Ok(None);
    }
    let own = Netrc::get_file().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    exchange.write("netrc", &text(&own, logins)).map(Some)
}

/// Of two lines for one host the last one counts for uv. An empty line ends a macro, if one stands at the end.
fn text(own: &str, logins: &[Login]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let line = |login: &Login| {
        let (username, password) = (quoted(&login.username), quoted(&login.password));
        format!("machine {} login {username} password {password}\n", login.host)
    };
    format!("{own}\n\n{}", logins.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_by_uv_beside_what_the_user_has() {
        let own = "machine a.test login a password 1\nmachine b.test login b password 2\nmacdef init\ncd /";
        let login = |host: &str, password: &str| Login {
            host: host.to_owned(),
            username: "me here".to_owned(),
            password: password.to_owned(),
        };
        let text = text(own, &[login("b.test", "p\\w \"3\" #"), login("c.test", "#4")]);
        let read: Netrc = text.parse().unwrap();
        let found = |host: &str| (read.hosts[host].login.as_str(), read.hosts[host].password.as_str());
        assert_eq!(found("a.test"), ("a", "1"));
        assert_eq!(found("b.test"), ("me here", "p\\w \"3\" #"));
        assert_eq!(found("c.test"), ("me here", "#4"));
        assert_eq!(read.macros["init"], ["cd /"]);
    }
}
