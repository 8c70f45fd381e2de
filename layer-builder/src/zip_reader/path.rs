//! Which paths an entry may have.

/// Whether a path is plain and relative; a slash at its end says that it is a folder.
pub(crate) fn is_safe(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let bytes = path.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    // Every path of every wheel comes by here. To look at all bytes of it, whatever was found, is faster than to ask
    // after each whether to go on.
    let is_forbidden = |byte: u8| byte.is_ascii_control() || byte == b'\\';
    let has_forbidden = if path.is_ascii() {
        bytes.iter().fold(false, |found, byte| found | is_forbidden(*byte))
    } else {
        path.contains(|character: char| character == '\\' || character.is_control())
    };
    if has_drive || has_forbidden {
        return false;
    }
    let is_dot_or_slash = |byte: u8| byte == b'.' || byte == b'/';
    let ends = [bytes.first(), bytes.last()];
    let is_usual = ends.iter().all(|end| end.is_some_and(|byte| !is_dot_or_slash(*byte)))
        && !bytes
            .iter()
            .zip(bytes.get(1..).unwrap_or_default())
            .fold(false, |found, (one, next)| found | ((*one == b'/') & is_dot_or_slash(*next)));
    is_usual || bytes.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_plain_relative_paths_are_safe() {
        for path in ["a", "a/b.py", "a.b/..c/...", "a/", ".hidden", "ü/é", "ab:c", "1:"] {
            assert!(is_safe(path), "{path}");
        }
        let unsafe_ones = [
            "", "/", "//", "/a", "a//b", "a//", ".", "..", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b",
            "a/../", "C:", "c:/a", "a\\b", "\\", "a\0", "a\n", "a\x7f", "ü\u{85}",
        ];
        for path in unsafe_ones {
            assert!(!is_safe(path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_part_is_a_name(path in "[a./\\\\:é\u{1}\u{85}]{0,8}") {
            let plain = path.strip_suffix('/').unwrap_or(&path);
            let is_name = |part: &str| !matches!(part, "" | "." | "..");
            let has_drive = plain.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && plain[1..].starts_with(':');
            let expected = !has_drive
                && !plain.contains(|character: char| character == '\\' || character.is_control())
                && plain.split('/').all(is_name);
            prop_assert_eq!(is_safe(&path), expected);
        }
    }
}
