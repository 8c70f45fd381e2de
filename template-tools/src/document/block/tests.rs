use proptest::prelude::*;

use super::*;
use crate::document::readers_agree;

#[track_caller]
fn check(text: &str, is_read: bool) {
    assert_eq!(parse(text).is_some(), is_read, "{text}");
    assert!(readers_agree(text), "{text}");
}

#[test]
fn templates_as_people_write_them_are_read() {
    check(
        "---\n# A service.\nAWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n\
         Description: >-not folded\n",
        false,
    );
    check(
        "---\n\n# A service.\nAWSTemplateFormatVersion: \"2010-09-09\" # quoted\n\
         Description: What it's for: größe\n\nParameters:\n",
        false,
    );
    check(
        "---\n\n# A service.\nAWSTemplateFormatVersion: \"2010-09-09\" # quoted\nDescription: What it's for, größe\n\
         Globals:\n  Function: {Runtime: python3.13, Layers: [!Ref A, 'b''c', \"d\\\"\", []], X: {}}\n\
         Parameters:\nConditions: {}\n\
         Resources:\n  Function:\n    # Comments\n\n    Type: AWS::Serverless::Function\n    Properties:\n\
         \x20     InlineCode: |\n        import os\n\n        if x: # y\n          pass\n\n\n      Code: !Sub |-\n        a\n      \
         Empty:\n      Events:\n      - Type: x\n        Name: 'y'\n        List:\n        - 1\n      - - a\n        - b: c\n          \
         d: -1\n      Sub: !If\n        - A\n        - !Sub \"arn:${AWS::Region}\"\n        - !Ref 'AWS::NoValue'\n      \
         Join: !Join ['', [a, !Ref B]]\n      'Fn::If': !If\n      - a\n      - b: |\n          text\n        c: d\n  # end\n",
        true,
    );
    for text in [
        "a: b",
        "- a\n- b: c\n\n",
        "a:\n  b:\n    c:",
        "a: |\n\n  b\nc: d\n",
        "a: !X\n- b\nc: d\n",
        "a.b: -x\n",
    ] {
        check(text, true);
    }
}

#[test]
fn whatever_is_rare_or_wrong_is_left_to_the_other_reader() {
    for text in [
        "",
        "# c\n",
        "a",
        "[a]\n",
        "{a: b}\n",
        " a: b\n",
        "a: b\r\n",
        "a:\tb\n",
        "\u{feff}a: b\n",
        "a: \u{85}\n",
        "a: \u{2028}b\n",
        "a: b\n  c\n",
        "a: b\n c: d\n",
        "a:\n  b: c\n d: e\n",
        "a: b: c\n",
        "a: b:\n",
        "a : b\n",
        "a: &x b\n",
        "a: *x\n",
        "? a\n: b\n",
        "a: >\n  b\n",
        "a: |+\n  b\n",
        "a: |2\n  b\n",
        "a: | # c\n  b\n",
        "a: |\n  b",
        "a: |\nb: c\n",
        "a: |\n   b\n  c\n",
        "a: |\n    b\n \n",
        "a: 'b\n  c'\n",
        "a: \"b\n",
        "a: \"\\x41\"\n",
        "a: 'b'c\n",
        "a: 'b'#c\n",
        "a: 'b': c\n",
        "a: [b\n",
        "a: [b,]\n",
        "a: [b,,c]\n",
        "a: [b: c]\n",
        "a: {b}\n",
        "a: {b:c}\n",
        "a: {b: }\n",
        "a: {\"b\":c}\n",
        "a: [b]: c\n",
        "a: [b #c]\n",
        "a: {{b}}\n",
        "a: [*b]\n",
        "a: - b\n",
        "- \n- a\n",
        "-\n  a\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a:\n  - b\n  c: d\n",
        "a: !!str b\n",
        "a: !<x> b\n",
        "a: !X\n",
        "a: !X\nb: c\n",
        "a: ! b\n",
        "a: !X&y b\n",
        "a:\n  b\n",
        "a:\n  'b'\n",
        "a: b\n---\nc: d\n",
        "a: b\n...\n",
        "%YAML 1.2\n---\na: b\n",
        "--- a\n",
        "---\n",
        "a: @b\n",
        "a: `b`\n",
        "a: %b\n",
        "<<: *a\n",
        "a: b #c\n d\n",
        "- a: b\n  - c\n",
        "- - a\n  b: c\n",
        "'a: b\n",
        "a #b: c\n",
        "..: d\n...: c\n",
    ] {
        check(text, false);
    }
    for (depth, is_read) in [(DEEPEST - 1, true), (DEEPEST + 2, false)] {
        let lines = (0..depth).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>();
        check(&lines, is_read);
        check(&format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth)), is_read);
    }
    check(&format!("{}: b\n", "a".repeat(1000)), true);
    check(&format!("{}: b\n", "a".repeat(1001)), false);
}

/// Pieces that texts of this kind are made of, and some that they are not.
fn pieces() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "b",
        "Key",
        "x y",
        "é",
        "-1",
        ".",
        "...",
        "~",
        ": ",
        ":",
        ":\n",
        "a: ",
        "b:\n",
        "- ",
        "-",
        "- - ",
        "? ",
        "\n",
        "\n",
        "\n\n",
        "\n  ",
        "\n  ",
        "\n    ",
        "\n      ",
        "\n - ",
        "\n- ",
        "\n  - ",
        "\n  k: ",
        "\nk: ",
        "\n    k: ",
        " ",
        "  ",
        " # c",
        "#",
        "\n# c",
        "\n  # c\n",
        "'",
        "''",
        "\"",
        "\\\"",
        "\\n",
        "\\x41",
        "'q'",
        "\"q\"",
        "[",
        "]",
        "{",
        "}",
        "[a, b]",
        "{a: b}",
        "[]",
        "{}",
        ", ",
        ",",
        "!Sub ",
        "!If",
        "!",
        "!Ref x",
        "|",
        "|\n",
        "|-\n",
        "|-\n    ",
        ">\n  ",
        "|\n  x\n",
        "&x ",
        "*x",
        "<<: ",
        "---\n",
        "%",
        "@",
        "\t",
        "\r\n",
        "\u{a0}",
        "AWS::Region",
        "${x}",
        "\"a: b\"",
    ])
}

/// A line as it may stand in a template, at any depth: one in a few makes sense where it is.
fn line() -> impl Strategy<Value = String> {
    let forms = vec![
        "k: v",
        "k: v w # c",
        "key:",
        "key: # c",
        "- v",
        "- k: v",
        "- k:",
        "- - v",
        "- - k: v",
        "-   k: v",
        "k: |",
        "k: |-",
        "- |",
        "- |-",
        "k: !If",
        "- !If",
        "k: !Sub |",
        "k: !Sub 'v'",
        "- !Ref v",
        "k: [a, !Ref b]",
        "k: {a: b, 'c': [d]}",
        "- {a: b}",
        "- [a]",
        "# c",
        "",
        "",
        "text",
        "'q': \"w\"",
        "\"q\": 'w'",
        "k: ''",
        "k: \"a\\nb\"",
        "- 'a''b'",
        "k: a:b",
        "- a:b",
        "k: -1",
        "- -1",
        "...",
        "---",
        "k : v",
        "- a: !If",
        "- a: [b",
        "c]",
        "k: >",
        "k: &a b",
        "k: *a",
        "? k",
        "-",
        "k: v: w",
        "- k: |",
        "Fn::Sub: v",
        "- Fn::If:",
        "k: \u{e9}",
    ];
    let indent = prop::sample::select(vec![0, 0, 1, 2, 2, 2, 4, 4, 6, 8]);
    (indent, prop::sample::select(forms)).prop_map(|(indent, form)| format!("{}{form}\n", " ".repeat(indent)))
}

proptest! {
    #[test]
    fn both_readers_see_the_same_lines(lines in prop::collection::vec(line(), 1..9)) {
        let text = lines.concat();
        prop_assert!(readers_agree(&text), "{}", text);
        prop_assert!(readers_agree(text.trim_end_matches('\n')), "{}", text);
    }

    #[test]
    fn both_readers_see_the_same_tree(pieces in prop::collection::vec(pieces(), 1..24)) {
        let text = pieces.concat();
        prop_assert!(readers_agree(&text), "{:?}", text);
    }
}
