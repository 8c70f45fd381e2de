use proptest::prelude::*;

use super::*;
use crate::document::readers_agree;
use crate::document::yaml::parse_yaml;

#[test]
fn only_json_to_the_letter_is_read() {
    for text in [
        "{}",
        " [1, -0.5e+3, \"a\\u00e9\", true, null, {\"a\": [], \"b\": {}}] \r\n",
        "\u{feff}{\"a\": \"ü\"}",
        "[[[]]]",
    ] {
        assert!(parse(text).is_some(), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}')).is_ok());
    }
    for text in [
        "",
        "{",
        "{}x",
        "[1,]",
        "{,}",
        "[,]",
        "{\"a\"}",
        "{\"a\": 1,}",
        "{a: 1}",
        "[01]",
        "[1.]",
        "['a']",
        "[\"\\x41\"]",
        "[\"a\nb\"]",
        "[}",
        "{]",
        "[\"\\ud800\"]",
        "[+1]",
        "[1 2]",
        "{\"a\": 1 \"b\": 2}",
        "a: b",
        "[\"a",
        "[nul]",
        "[1e]",
    ] {
        assert!(parse(text).is_none(), "{text}");
    }
    assert!(parse(&format!("{}{}", "[".repeat(1000), "]".repeat(1000))).is_some());
    assert!(parse(&format!("{}{}", "[".repeat(1001), "]".repeat(1001))).is_none());
}

#[test]
fn eight_bytes_are_searched_at_once() {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    for byte in 0..=255 {
        for other in [b'a', b'!', b'#', b'[', b']', 0x00, 0x1f, 0x20, b'"', b'\\', 0x7f, 0x80, 0xff] {
            for at in 0..8 {
                let mut eight = [other; 8];
                eight[at] = byte;
                let expected = eight.iter().position(|byte| special(*byte)).unwrap_or(8);
                assert_eq!(ordinary(eight), expected, "{eight:?}");
            }
        }
    }
}

#[test]
fn it_reads_what_the_yaml_reader_reads() {
    let text = "{\"a\": [1, \"x\\/y\\u0041\", {\"b\": null, \"b\": {\"c\": []}}],\r\n\t\"größe\" : {} }";
    let (json, yaml) = (parse(text).unwrap(), parse_yaml(text).unwrap());
    assert_eq!(json.nodes().collect::<Vec<_>>(), yaml.nodes().collect::<Vec<_>>());
}

#[test]
fn in_large_files_dull_values_are_one_node() {
    let function = "{\"Type\": \"AWS::Lambda::Function\", \"Properties\": {\"Dull\": {\"a\": [1, 2]}, \"Nested\": {\"Layers\": [\"x\"]}, \"Layers\": [\"y\"]}}";
    let text = format!("{{\"Resources\": {{\"F\": {function}}}, \"x\": []{}}}", " ".repeat(LARGE));
    let document = parse(&text).unwrap();
    let scalars = document.nodes().filter_map(|(id, _)| document.scalar(id)).collect::<Vec<_>>();
    assert!(
        scalars.contains(&"{\"a\": [1, 2]}") && scalars.contains(&"x") && scalars.contains(&"y"),
        "{scalars:?}"
    );
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " ", "\n", "\r\n  ", "  \n          "])
}

/// A scalar as it is written. What JSON allows and YAML does not is left out: it is compared with nothing.
fn scalar() -> impl Strategy<Value = String> {
    let letters = vec![
        "a",
        "Resources",
        " ",
        ":",
        ",",
        "#",
        "- ",
        "[",
        "}",
        "'",
        "é",
        "🦀",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "\\t",
        "\\u0041",
        "\\u00e9",
        "${A}",
        "arn:aws:lambda",
    ];
    let text = prop::collection::vec(prop::sample::select(letters), 0..6)
        .prop_map(|letters| format!("\"{}\"", letters.concat()));
    let word = prop::sample::select(vec!["0", "-1", "1.5", "2e3", "-0.5E+7", "true", "false", "null"]);
    prop_oneof![2 => text, 1 => word.prop_map(str::to_owned)]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(5, 40, 5, |inner| {
        let spaced = (space(), inner, space())
            .prop_map(|(before, value, after)| format!("{before}{value}{after}"))
            .boxed();
        let key = (space(), scalar().prop_filter("a key is a string", |key| key.starts_with('"')), space());
        let pair = (key, spaced.clone())
            .prop_map(|((before, key, after), value)| format!("{before}{key}{after}:{value}"));
        prop_oneof![
            (prop::collection::vec(spaced, 0..5), space()).prop_map(|(items, end)| {
                if items.is_empty() { format!("[{end}]") } else { format!("[{}]", items.join(",")) }
            }),
            (prop::collection::vec(pair, 0..5), space()).prop_map(|(pairs, end)| {
                if pairs.is_empty() { format!("{{{end}}}") } else { format!("{{{}}}", pairs.join(",")) }
            }),
        ]
    })
}

proptest! {
    #[test]
    fn both_readers_see_the_same_tree(value in value(), before in space(), after in space()) {
        let text = format!("{before}{value}{after}");
        prop_assert_eq!(parse(&text).is_some(), value.starts_with(['{', '[']), "{}", text);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        prop_assert!(parse_yaml(&text).is_ok() && readers_agree(&text), "{}", text);
    }

    #[test]
    fn what_is_left_out_or_doubled_shows(value in value(), at in any::<prop::sample::Index>(), doubled in any::<bool>()) {
        let mut text = value;
        let (at, letter) = text.char_indices().nth(at.index(text.chars().count())).unwrap();
        if doubled { text.insert(at, letter) } else { text.remove(at); }
        let is_json = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert_eq!(parse(&text).is_some(), is_json && text.trim_start().starts_with(['{', '[']), "{}", text);
        prop_assert!(readers_agree(&text), "{}", text);
    }
}
