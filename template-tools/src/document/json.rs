//! JSON, read for what it is: several times faster than as YAML, and without a second tree for the proof.
//!
//! Strict: whatever is not JSON to the letter is left to the YAML reader, which also has the better words for what is
//! wrong. In large files the values that nothing here ever looks at become one node each.

use std::borrow::Cow;
use std::ops::Range;

use super::build::Build;
use super::{Content, Document, ParseError, Position, Style};

/// Deeper than any template; the YAML reader has a limit of its own.
const DEEPEST: usize = 1000;
/// From how many bytes on a file is large.
pub(super) const LARGE: usize = 1 << 20;

/// A piece of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `{` or `[`.
    Open(u8),
    /// `}` or `]`.
    Close(u8),
    /// A string, a number, `true`, `false`, `null`. A string is given with its quotes.
    Scalar,
}

/// Reads a text piece by piece, and knows at each what may come next.
pub(crate) struct Tokens<'t> {
    text: &'t str,
    at: usize,
    open: Vec<u8>,
    expects: Expects,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, at, open: Vec::new(), expects: Expects::Value }
    }

    /// The next piece and where it stands; `Ok(None)` at the end, `Err` where the text is no JSON.
    pub(crate) fn next(&mut self) -> Result<Option<(Token, Range<usize>)>, ()> {
        let bytes = self.text.as_bytes();
        loop {
            self.at = space_end(bytes, self.at);
            let start = self.at;
            let Some(&byte) = bytes.get(start) else {
                return if self.expects == Expects::Nothing { Ok(None) } else { Err(()) };
            };
            self.at += 1;
            match (byte, self.expects) {
                (b',', Expects::CommaOrEnd) => {
                    self.expects =
                        if self.open.last() == Some(&b'{') { Expects::Key } else { Expects::Value };
                }
                (b'}' | b']', Expects::CommaOrEnd | Expects::KeyOrEnd | Expects::ValueOrEnd) => {
                    if self.open.pop() != Some(byte - 2) {
                        return Err(());
                    }
                    self.after_value();
                    return Ok(Some((Token::Close(byte), start..self.at)));
                }
                (b'"', Expects::Key | Expects::KeyOrEnd) => {
                    self.at = string_end(bytes, start).ok_or(())?;
                    let end = self.at;
                    self.at = space_end(bytes, end);
                    if bytes.get(self.at) != Some(&b':') {
                        return Err(());
                    }
                    self.at += 1;
                    self.expects = Expects::Value;
                    return Ok(Some((Token::Scalar, start..end)));
                }
                (b'{' | b'[', Expects::Value | Expects::ValueOrEnd) => {
                    if self.open.len() == DEEPEST {
                        return Err(());
                    }
                    self.open.push(byte);
                    self.expects = if byte == b'{' { Expects::KeyOrEnd } else { Expects::ValueOrEnd };
                    return Ok(Some((Token::Open(byte), start..self.at)));
                }
                (b'"', Expects::Value | Expects::ValueOrEnd) => {
                    self.at = string_end(bytes, start).ok_or(())?;
                    self.after_value();
                    return Ok(Some((Token::Scalar, start..self.at)));
                }
                (_, Expects::Value | Expects::ValueOrEnd) => {
                    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                    let length =
                        bytes[start..].iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len() - start);
                    self.at = start + length;
                    if !is_word(&self.text[start..self.at]) {
                        return Err(());
                    }
                    self.after_value();
                    return Ok(Some((Token::Scalar, start..self.at)));
                }
                _ => return Err(()),
            }
        }
    }

    fn after_value(&mut self) {
        self.expects = if self.open.is_empty() { Expects::Nothing } else { Expects::CommaOrEnd };
    }

    /// Whether a collection comes next.
    fn opens(&self) -> bool {
        let rest = self.text.as_bytes()[self.at..].iter();
        let mut rest = rest.skip_while(|byte| byte.is_ascii_whitespace());
        matches!(rest.next(), Some(b'{' | b'['))
    }

    /// Passes over the value that comes next, and says where it stood.
    fn skip_value(&mut self) -> Result<Range<usize>, ()> {
        let depth = self.open.len();
        let Some((_, first)) = self.next()? else { return Err(()) };
        let mut end = first.end;
        while self.open.len() > depth {
            let Some((_, range)) = self.next()? else { return Err(()) };
            end = range.end;
        }
        Ok(first.start..end)
    }
}

/// Where white space ends. Indentation is passed over by eights.
fn space_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
        while bytes.get(at..at + 8) == Some(b"        ") {
            at += 8;
        }
    }
    at
}

/// How many of eight bytes come before the first quote, backslash or control character. (Hacker's Delight, 6-1: what a
/// subtraction borrows reaches only bytes behind the first one that is found.)
fn ordinary(eight: [u8; 8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES << 7;
    let bytes = u64::from_le_bytes(eight);
    let zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quote = zero(bytes ^ (ONES * u64::from(b'"')));
    let backslash = zero(bytes ^ (ONES * u64::from(b'\\')));
    let control = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    ((quote | backslash | control) & TOPS).trailing_zeros() as usize / 8
}

/// Where a string ends that begins at a quote.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let count = ordinary(eight);
            at += count;
            if count < 8 {
                break;
            }
        }
        match *bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => {
                at += match bytes.get(at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    b'u' if bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    _ => return None,
                }
            }
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

/// A number of JSON, or one of its three words.
fn is_word(text: &str) -> bool {
    if matches!(text, "true" | "false" | "null") {
        return true;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(text, exponent)| (text, Some(exponent)));
    let (whole, fraction) =
        text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// What a scalar means, and how it is written. `None` where a string has half a character in it.
pub(crate) fn meaning<'t>(text: &'t str, range: &Range<usize>) -> Option<(Cow<'t, str>, Style)> {
    let raw = &text[range.clone()];
    let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
        return Some((Cow::Borrowed(raw), Style::Plain));
    };
    let value =
        if inner.contains('\\') { Cow::Owned(serde_json::from_str(raw).ok()?) } else { Cow::Borrowed(inner) };
    Some((value, Style::DoubleQuoted))
}

/// Reads a text, if it is JSON to the letter.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let first = text.trim_start_matches('\u{feff}').trim_start().as_bytes().first();
    if !matches!(first, Some(b'{' | b'[')) {
        return None;
    }
    let mut build = Build::new(text.len() / 48);
    let mut tokens = Tokens::new(text);
    let is_large = text.len() >= LARGE;
    let (mut in_resources, mut in_properties) = (false, false);
    while let Some((token, range)) = tokens.next().ok()? {
        match token {
            Token::Close(_) => build.end(range.end),
            Token::Open(b'[') => _ = build.sequence(None, range).ok()?,
            Token::Open(_) => _ = build.mapping(None, range).ok()?,
            Token::Scalar => {
                let (value, style) = meaning(text, &range)?;
                let is_key = tokens.expects == Expects::Value && tokens.open.last() == Some(&b'{');
                let mut is_dull = false;
                if is_large && is_key {
                    match tokens.open.len() {
                        1 => in_resources = value == "Resources",
                        3 => in_properties = in_resources && value == "Properties",
                        4 => {
                            is_dull = in_properties
                                && tokens.open == *b"{{{{"
                                && !is_known(&value)
                                && tokens.opens();
                        }
                        _ => {}
                    }
                }
                build.add(Content::Scalar { value, style }, None, range).ok()?;
                if is_dull {
                    let (at, expects) = (tokens.at, tokens.expects);
                    let range = tokens.skip_value().ok()?;
                    let raw = &text[range.clone()];
                    if ["ayer", "_PLACEHOLDER", "PYTHONPATH", "\\"].iter().any(|word| raw.contains(word)) {
                        (tokens.at, tokens.expects) = (at, expects);
                        continue;
                    }
                    let content = Content::Scalar { value: Cow::Borrowed(raw), style: Style::Plain };
                    build.add(content, None, range).ok()?;
                }
            }
        }
    }
    Some(Document { is_json: true, ..build.finish(text) })
}

/// The properties of a resource that something here looks at.
fn is_known(key: &str) -> bool {
    key.contains("ayer")
        || key.starts_with("Fn::")
        || matches!(
            key,
            "Runtime"
                | "Architectures"
                | "PackageType"
                | "AutoPublishAlias"
                | "AutoPublishAliasAllProperties"
                | "Content"
                | "ContentUri"
                | "FunctionName"
                | "RetentionPolicy"
                | "CompatibleRuntimes"
                | "CompatibleArchitectures"
        )
}

/// The first comment in a text that should be JSON, which has none; YAML would take it for part of the text behind it.
pub fn comment_in_json(text: &str) -> Option<ParseError> {
    let is_comment =
        |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with("//") || rest.starts_with("/*"));
    let mut tokens = Tokens::new(text);
    while let Ok(token) = tokens.next() {
        token?;
    }
    // It has stopped at the byte, or behind it.
    let at = [tokens.at, tokens.at.saturating_sub(1)].into_iter().find(|at| is_comment(*at))?;
    let message = "a comment, which JSON does not have".to_owned();
    Some(ParseError { position: Position::at(text, at), message })
}

#[cfg(test)]
mod tests;
