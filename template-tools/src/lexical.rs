//! Files that are YAML only after Jinja or cookiecutter has been over them: plain ARNs are found by their letters.
//!
//! Comments and expressions are passed over, and an ARN counts only as a whole word. Only on request: a text that
//! cannot be parsed cannot be proved either, beyond that nothing but versions of such words has changed.

use std::ops::Range;

use crate::document::Position;
use crate::edit::ProofError;
use crate::flow::Home;
use crate::pattern::Part;
use crate::plan::{AccountTaken, Bump, Decision, LeftAlone, Plan, Wanted, Weight, decide};

/// Whether a text has expressions or statements of Jinja or cookiecutter in it. `{{resolve:…}}` is CloudFormation's, and
/// `${{…}}` is an expression of workflows.
pub fn has_expressions(text: &str) -> bool {
    let is_expression = |at: usize| !text[..at].ends_with('$') && !text[at + 2..].starts_with("resolve:");
    ["{%", "{#"].iter().any(|mark| text.contains(mark))
        || text.match_indices("{{").any(|(at, _)| is_expression(at))
}

/// Plans one file by its letters alone.
pub fn plan_lexical(text: &str, wanted: &Wanted<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut splices: Vec<(Range<usize>, String)> = Vec::new();
    let words = words(text);
    for (word, place) in &words {
        let letters = &text[word.clone()];
        let position = Position::at(text, word.start);
        let left =
            |layer, reason: &str, weight| LeftAlone { position, layer, reason: reason.to_owned(), weight };
        let mentioned = wanted.pins.mentioned_in(letters).cloned();
        let pattern = match (place, wanted.placeholders.parse(letters)) {
            (Place::Text, Ok(pattern)) => pattern,
            (Place::Text, Err(error)) => {
                if mentioned.is_some() {
                    plan.left_alone.push(left(mentioned, &error.to_string(), Weight::Warning));
                }
                continue;
            }
            (Place::Comment, _) => {
                if mentioned.is_some() {
                    plan.left_alone.push(left(mentioned, "it is in a comment", Weight::Expected));
                }
                continue;
            }
            (Place::Expression, _) => {
                if mentioned.is_some() {
                    plan.left_alone.push(left(
                        mentioned,
                        "it is in an expression, or holds one",
                        Weight::Warning,
                    ));
                }
                continue;
            }
        };
        let layer = pattern.layer.clone();
        match decide(&pattern, wanted) {
            Decision::Current(_) => {
                plan.current += 1;
                plan.names.insert(layer);
            }
            Decision::Stays(weight, reason) => plan.left_alone.push(left(Some(layer), &reason, weight)),
            Decision::Refused(refusal) => plan.refusals.push((position, refusal)),
            Decision::Becomes(pin, to) => {
                plan.names.insert(layer.clone());
                if let (None, Part::Is(account)) = (&pin.account, &pattern.account) {
                    plan.accounts.push(AccountTaken {
                        layer: layer.clone(),
                        account: account.clone(),
                        position,
                    });
                }
                let new = to.written();
                let version = pattern.version_range;
                splices.push((word.start + version.start..word.start + version.end, new));
                plan.bumps.push(Bump { position, layer, from: pattern.version, to, home: Home::Entry });
            }
        }
    }
    if plan.refusals.is_empty() && !splices.is_empty() {
        let after = spliced(text, &splices);
        if proved(text, &after, &words, &splices) {
            plan.text = Some(after);
        } else {
            let position = plan.bumps[0].position;
            plan.refusals.push((position, ProofError::Elsewhere(position).into()));
        }
    }
    plan
}

fn spliced(text: &str, splices: &[(Range<usize>, String)]) -> String {
    let mut after = String::with_capacity(text.len() + 8 * splices.len());
    let mut done = 0;
    for (range, new) in splices {
        after.push_str(&text[done..range.start]);
        after.push_str(new);
        done = range.end;
    }
    after + &text[done..]
}

/// The result has the same words in the same places, and those that were edited are ARNs of the same layer.
fn proved(
    text: &str,
    after: &str,
    before: &[(Range<usize>, Place)],
    splices: &[(Range<usize>, String)],
) -> bool {
    let new = words(after);
    before.len() == new.len()
        && before.iter().zip(&new).all(|((old, place), (new, new_place))| {
            let edit = splices.iter().find(|(range, _)| old.start <= range.start && range.end <= old.end);
            let expected = match edit {
                None => text[old.clone()].to_owned(),
                Some((range, version)) => {
                    format!("{}{version}{}", &text[old.start..range.start], &text[range.end..old.end])
                }
            };
            place == new_place && after[new.clone()] == expected
        })
}

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Text,
    Comment,
    Expression,
}

/// Every word that begins like an ARN, and where it stands.
fn words(text: &str) -> Vec<(Range<usize>, Place)> {
    let outside = places(text);
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("arn:").map(|found| at + found) {
        let rest = &text[start..];
        let end = start + rest.find(|letter: char| !is_word(letter)).unwrap_or(rest.len());
        at = end;
        let before = text[..start].chars().next_back();
        let after = text[end..].chars().next();
        let begins = before.is_none_or(|letter| letter.is_whitespace() || "\"'[,(=>".contains(letter));
        let ends = after.is_none_or(|letter| letter.is_whitespace() || "\"'],)<".contains(letter));
        let places = &outside[outside.partition_point(|(range, _)| range.end <= start)..];
        let place = places.iter().take_while(|(range, _)| range.start < end).map(|(_, place)| *place).next();
        // A word that touches an expression is not the whole word.
        let place = match place {
            Some(place) => place,
            None if begins && ends => Place::Text,
            None => Place::Expression,
        };
        words.push((start..end, place));
    }
    words
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_:${}.*%".contains(letter)
}

/// The comments and expressions of a text, in its order.
fn places(text: &str) -> Vec<(Range<usize>, Place)> {
    let bytes = text.as_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let closing = match &bytes[at..] {
            [b'{', b'{', ..] => Some(("}}", Place::Expression)),
            [b'{', b'%', ..] => Some(("%}", Place::Expression)),
            [b'{', b'#', ..] => Some(("#}", Place::Comment)),
            [b'#', ..] if at == 0 || bytes[at - 1].is_ascii_whitespace() => Some(("\n", Place::Comment)),
            _ => None,
        };
        let Some((closing, place)) = closing else {
            at += 1;
            continue;
        };
        let end = text[at..].find(closing).map_or(bytes.len(), |end| at + end + closing.len());
        places.push((at..end, place));
        at = end;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::LayerVersionArn;
    use crate::pins::{Pin, Pins};

    const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:layer:sosw";

    /// `<7>` becomes 12.
    #[track_caller]
    fn check(marked: &str) {
        let pin: LayerVersionArn = format!("{ARN}:12").parse().unwrap();
        let pins = Pins::new([Pin::from(pin)]).unwrap();
        let marked = marked.replace("ARN", ARN);
        let (before, expected) = (marked.replace("<7>", "7"), marked.replace("<7>", "12"));
        let plan = plan_lexical(&before, &Wanted::new(&pins));
        assert_eq!(plan.text.as_deref().unwrap_or(&before), expected, "{plan:?}");
        assert_eq!(plan_lexical(&expected, &Wanted::new(&pins)).text, None);
    }

    #[test]
    fn plain_arns_are_edited() {
        check("{% if x %}\r\n  - ARN:<7>\r\n{% endif %}\r\n  - 'ARN:<7>' # ARN:7\r\n");
        check(
            "Layers: [ARN:<7>,\"ARN:<7>\", !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:<7>']{{ x }}",
        );
    }

    #[test]
    fn what_others_fill_in_is_no_expression() {
        for text in ["{{ x }}", "a{{resolve:ssm:/r}}{{x}}", "{% if x %}", "{# x #}", "{{{ x }}}"] {
            assert!(has_expressions(text), "{text}");
        }
        for text in ["", "{x}", "'{{resolve:ssm:/r}}'", "${{ secrets.X }}", "{ {"] {
            assert!(!has_expressions(text), "{text}");
        }
    }

    #[test]
    fn comments_expressions_and_other_words_are_not() {
        check("# ARN:7\n - {{ 'ARN:7' }}\n{# ARN:7 #} x: y#z ARN:<7>\n{% set x = \"ARN:7\" %}\n");
        check(
            "- ARN:7{{ x }}\n- {{ y }}ARN:7\n- ARN:{{ version }}\n- ARN:7.zip\n- xARN:7\n- ARN2:7\n- ARN:7:x\n{{ ARN:7",
        );
    }
}
