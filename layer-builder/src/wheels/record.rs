//! RECORD: every file of a wheel with its hash and size
//! (<https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The file.
    pub path: String,
    /// `sha256=…`, or nothing.
    pub hash: String,
    /// In bytes, or nothing.
    pub size: String,
}

/// The lines of a RECORD: a CSV file of three columns.
pub fn rows(text: &str) -> impl Iterator<Item = Row> {
    text.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut columns = columns(line).into_iter();
        let mut next = || columns.next().unwrap_or_default();
        Row { path: next(), hash: next(), size: next() }
    })
}

fn columns(line: &str) -> Vec<String> {
    let mut columns = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // Twice it stands for itself.
            '"' if quoted && characters.next_if_eq(&'"').is_some() => push(&mut columns, '"'),
            '"' => quoted = !quoted,
            ',' if !quoted => columns.push(String::new()),
            other => push(&mut columns, other),
        }
    }
    columns
}

fn push(columns: &mut [String], character: char) {
    if let Some(last) = columns.last_mut() {
        last.push(character);
    }
}

/// The hash of `content` as RECORD writes it, by the algorithm of `hash`; `None` if that is none of those that a RECORD
/// may use.
pub fn same_hash(hash: &str, content: &[u8]) -> Option<String> {
    let (algorithm, _) = hash.split_once('=')?;
    let digest = match algorithm {
        "sha256" => URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(content)),
        "sha384" => URL_SAFE_NO_PAD.encode(sha2::Sha384::digest(content)),
        "sha512" => URL_SAFE_NO_PAD.encode(sha2::Sha512::digest(content)),
        _ => return None,
    };
    Some(format!("{algorithm}={digest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_may_be_quoted() {
        let read: Vec<_> = rows("a.py,sha256=x,3\n\n\"b, \"\"c\"\".py\",,\r\nd\n").collect();
        let row = |path: &str, hash: &str, size: &str| Row {
            path: path.to_owned(),
            hash: hash.to_owned(),
            size: size.to_owned(),
        };
        assert_eq!(read, [row("a.py", "sha256=x", "3"), row("b, \"c\".py", "", ""), row("d", "", "")]);
    }

    #[test]
    fn hashes_are_written_as_wheels_have_them() {
        // `python -c "import hashlib, base64; print(base64.urlsafe_b64encode(hashlib.sha256(b'abc').digest()))"`
        let expected = "sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        assert_eq!(same_hash("sha256=anything", b"abc").as_deref(), Some(expected));
        assert_eq!(same_hash("sha512=", b"abc").unwrap().len(), 7 + 86);
        assert_eq!((same_hash("md5=x", b""), same_hash("", b"")), (None, None));
    }
}
