//! From text to tree, by way of granit-parser's events. JSON is read in the same way: it is YAML with other habits.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::build::{Build, TooLarge};
use super::{Content, Document, NodeId, Position, Style};

/// Why a text is neither YAML nor JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {message}", .position.line, .position.column)]
pub struct ParseError {
    /// Where.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
}

impl From<ScanError> for ParseError {
    fn from(error: ScanError) -> Self {
        Self { position: position(error.marker()), message: error.info() }
    }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// Reads all documents of a text. A byte order mark, any kind of line end and any letters are welcome.
pub fn parse(text: &str) -> Result<Document<'_>, ParseError> {
    match super::json::parse(text).or_else(|| super::block::parse(text)) {
        Some(document) => Ok(document),
        None => parse_yaml(text),
    }
}

pub(super) fn parse_yaml(text: &str) -> Result<Document<'_>, ParseError> {
    let mut builder = Builder { text, build: Build::new(text.len() / 32), anchors: HashMap::new() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event?;
        builder.take(event, span)?;
    }
    Ok(builder.build.finish(text))
}

struct Builder<'t> {
    text: &'t str,
    build: Build<'t>,
    /// By the parser's own numbers, which are never used again, not even in the next document.
    anchors: HashMap<usize, NodeId>,
}

impl<'t> Builder<'t> {
    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), ParseError> {
        let range = span.byte_range().unwrap_or(0..0);
        let (added, anchor) = match event {
            Event::Scalar(value, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                (self.build.add(Content::Scalar { value, style }, written(tag), range), anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(&target) => (self.build.add(Content::Alias(target), None, range), 0),
                None => return Ok(()),
            },
            Event::SequenceStart(_, anchor, tag) => (self.build.sequence(written(tag), range), anchor),
            Event::MappingStart(_, anchor, tag) => (self.build.mapping(written(tag), range), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                self.build.end(span.byte_range().map_or(self.text.len(), |range| range.end));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let id = added.map_err(|TooLarge| ParseError {
            position: position(&span.start),
            message: "the file is too large".to_owned(),
        })?;
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(())
    }
}

fn written(tag: Option<Cow<'_, Tag>>) -> Option<Box<str>> {
    tag.map(|tag| tag.original().into())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::{Expect, expect};

    use super::*;

    /// Every scalar: where it is, which bytes it has, what it means.
    fn check(text: &str, expected: &Expect) {
        let mut shown = String::new();
        match parse(text) {
            Ok(document) => {
                for (id, node) in document.nodes() {
                    let position = document.position(id);
                    let raw = &text[node.range()];
                    let tag = document.tag(id).unwrap_or("");
                    match &node.content {
                        Content::Scalar { value, style } => {
                            writeln!(shown, "{position} {tag}{raw:?} {style:?} {value:?}").unwrap();
                        }
                        Content::Alias(target) => {
                            let target = document.position(*target);
                            writeln!(shown, "{position} {raw:?} is {target}").unwrap();
                        }
                        _ => {}
                    }
                }
            }
            Err(error) => shown = error.to_string(),
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn ranges_are_exact_with_a_bom_crlf_and_many_bytes() {
        check(
            "\u{feff}ключ: \"größe\"\r\n# 你好\r\nb: [ü, 'it''s', !Sub  \"a\\tb\"]\r\n",
            &expect![[r#"
            1:1 "ключ" Plain "ключ"
            1:7 "\"größe\"" DoubleQuoted "größe"
            3:1 "b" Plain "b"
            3:5 "ü" Plain "ü"
            3:8 "'it''s'" SingleQuoted "it's"
            3:23 !Sub"\"a\\tb\"" DoubleQuoted "a\tb"
        "#]],
        );
    }

    #[test]
    fn json_is_read() {
        check(
            "{\"a\": [1, \"x\\/y\", {\"b\": null}]}",
            &expect![[r#"
            1:2 "\"a\"" DoubleQuoted "a"
            1:8 "1" Plain "1"
            1:11 "\"x\\/y\"" DoubleQuoted "x/y"
            1:20 "\"b\"" DoubleQuoted "b"
            1:25 "null" Plain "null"
        "#]],
        );
    }

    #[test]
    fn blocks_are_read() {
        check(
            "a: >-\n  one\n  two\nb: |\n  three\n",
            &expect![[r#"
            1:1 "a" Plain "a"
            2:3 "one\n  two\n" Block "one two"
            4:1 "b" Plain "b"
            5:3 "three\n" Block "three\n"
        "#]],
        );
    }

    #[test]
    fn an_alias_stands_for_its_anchor() {
        check(
            "a: &x one\nb: *x\n---\nc: &x two\nd: *x\n",
            &expect![[r#"
            1:1 "a" Plain "a"
            1:7 "one" Plain "one"
            2:1 "b" Plain "b"
            2:4 "*x" is 1:7
            4:1 "c" Plain "c"
            4:7 "two" Plain "two"
            5:1 "d" Plain "d"
            5:4 "*x" is 4:7
        "#]],
        );
    }

    #[test]
    fn an_error_has_a_place() {
        check("a: b\nc: [d\n", &expect!["line 2, column 4: unclosed bracket '['"]);
        check(
            "a: b\n\tc: {{ jinja }}\n",
            &expect!["line 1, column 4: while scanning a plain scalar, found a tab"],
        );
        check("a: *nobody\n", &expect!["line 1, column 4: while parsing node, found unknown anchor"]);
    }

    #[test]
    fn many_comments_in_a_row_are_no_error() {
        let text = format!("a:\n{}  b: c\n", "  # comment\n".repeat(500));
        assert_eq!(parse(&text).unwrap().nodes().count(), 5);
    }

    #[test]
    fn keys_come_twice_and_through_merges_even_in_a_circle() {
        let text = "base: &b {k: 1, <<: *b}\nuse:\n  k: 2\n  <<: [*b]\n  k: 3\n";
        let document = parse(text).unwrap();
        let using = document.values(document.roots()[0], "use")[0];
        let values: Vec<_> =
            document.values(using, "k").iter().map(|id| document.scalar(*id).unwrap()).collect();
        assert_eq!(values, ["2", "3", "1"]);
    }
}
