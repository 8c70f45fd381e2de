//! A text as a scalar of YAML: bare where nothing can be misread, else in double quotes.

use std::fmt::Write as _;

/// Words that YAML 1.1 or 1.2 reads as something else than a text.
const RESERVED: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"];

/// `text`, as it can stand behind `key: ` or `- `.
pub(super) fn scalar(text: &str) -> String {
    if is_bare(text) { text.to_owned() } else { quoted(text) }
}

fn is_bare(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || " _-./,+();".contains(letter))
        && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            _ if is_printable(letter) => quoted.push(letter),
            _ => drop(write!(quoted, "\\U{:08X}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

/// What may stand in a YAML file as it is (YAML 1.2, `c-printable`), without what somebody could take for a line end or
/// a byte order mark.
fn is_printable(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::parse;

    fn read_back(text: &str) -> String {
        let yaml = format!("key: {}\nlist:\n  - {}\n", scalar(text), scalar(text));
        let document = parse(&yaml).unwrap();
        let value = document.values(document.roots()[0], "key")[0];
        let item = document.items(document.values(document.roots()[0], "list")[0]).unwrap()[0];
        assert_eq!(document.scalar(value), document.scalar(item));
        document.scalar(value).unwrap().to_owned()
    }

    #[test]
    fn what_could_be_misread_is_quoted() {
        for bare in ["sosw and its companions", "python3.12", "x86_64", "MIT", "a/b.zip", "MIT OR Apache-2.0"]
        {
            assert_eq!(scalar(bare), bare);
        }
        for quoted in
            ["", "7", "no", "NULL", "a: b", "a #b", "# a", "- a", "!a", "1.10", "é", "a ", "~", "{a}"]
        {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(scalar("a\n\"b\"\\\u{1}"), r#""a\n\"b\"\\\U00000001""#);
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            prop_assert_eq!(read_back(&text), text);
        }

        #[test]
        fn texts_of_yaml_s_own_letters_are_read_back(text in "[ -:#'\"\\\\{}\\[\\],&*!|>%@`\n\t\r\u{85}\u{2028}\u{feff}a0.]{0,12}") {
            prop_assert_eq!(read_back(&text), text);
        }
    }
}
