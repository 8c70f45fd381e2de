//! Values that one region refuses and others take: architectures in a region that does not know them, a runtime that
//! is not there yet. The version is published without them, and its own description tells so ever after. Pure.
//!
//! Seen in the wild: me-central-1 and af-south-1 refused CompatibleArchitectures (powertools-typescript #1400,
//! apm-aws-lambda #112); a runtime that is too new is a ValidationException.

use super::plan::LONGEST_DESCRIPTION;
use crate::aws::failure::{CallFailure, Kind};
use crate::layer_version::NewLayerVersion;

const START: &str = "[refused:";

/// The same without what was refused, and what that is. Nothing, if the refusal is about something else.
pub fn without(new: &NewLayerVersion, mark: &str, failure: &CallFailure) -> Option<NewLayerVersion> {
    if failure.kind != Kind::Refused {
        return None;
    }
    let said = failure.message.to_ascii_lowercase();
    let mut less = new.clone();
    let mut refused = refused_of(&new.description, mark);
    if said.contains("compatiblearchitectures") || said.contains("compatible architectures") {
        refused.append(&mut less.compatible_architectures);
    } else if said.contains("compatibleruntimes") || said.contains("compatible runtimes") {
        let (known, unknown) = known_and_unknown(&less.compatible_runtimes, &failure.message);
        less.compatible_runtimes = known;
        refused.extend(unknown);
    }
    if less.compatible_architectures == new.compatible_architectures
        && less.compatible_runtimes == new.compatible_runtimes
    {
        return None;
    }
    less.description = describe(&new.description, mark, &refused);
    Some(less)
}

/// What a version's own description says was refused where it lies. Only our own descriptions are believed.
pub fn refused_of(description: &str, mark: &str) -> Vec<String> {
    let list = description
        .strip_suffix(mark)
        .and_then(|text| text.trim_end().strip_suffix(']'))
        .and_then(|text| text.rsplit_once(START))
        .map(|(_, list)| list);
    list.map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

/// The words of a description, without the marks of ours at its end.
pub fn words_of(description: &str) -> &str {
    let words = description.split(START).next().unwrap_or_default();
    let end = words.rfind("[sha256:").filter(|_| words.ends_with(']')).unwrap_or(words.len());
    words[..end].trim()
}

/// The runtimes that the message lists as possible, and the others. All are others if it lists none.
fn known_and_unknown(runtimes: &[String], message: &str) -> (Vec<String>, Vec<String>) {
    let possible = message.split_once("enum value set:").map(|(_, rest)| rest).unwrap_or_default();
    let words =
        possible.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.').collect::<Vec<_>>();
    runtimes.iter().cloned().partition(|runtime| words.contains(&runtime.as_str()))
}

fn describe(description: &str, mark: &str, refused: &[String]) -> String {
    let text = description.strip_suffix(mark).unwrap_or(description);
    let text = text.split(START).next().unwrap_or_default().trim();
    let end = format!("{START}{}] {mark}", refused.join(","));
    let room = LONGEST_DESCRIPTION.saturating_sub(end.chars().count() + 1);
    let text = text.chars().take(room).collect::<String>();
    if text.is_empty() { end } else { format!("{} {end}", text.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::fake::{failure, wanted};

    fn refusal(message: &str) -> CallFailure {
        CallFailure { message: message.to_owned(), ..failure("PublishLayerVersion", Kind::Refused) }
    }

    #[test]
    fn architectures_and_runtimes_are_left_out_and_that_is_told() {
        let wanted = wanted(b"a");
        let mark = &wanted.mark;
        let no_architectures = refusal("CompatibleArchitectures are not supported in this region");
        let less = without(&wanted.new, mark, &no_architectures).unwrap();
        assert_eq!(less.compatible_architectures, [""; 0]);
        assert_eq!(less.compatible_runtimes, wanted.new.compatible_runtimes);
        assert_eq!(less.description, format!("text [refused:x86_64,arm64] {mark}"));
        // Refused again for the same reason: there is nothing more to leave out.
        assert!(without(&less, mark, &no_architectures).is_none());

        let message = "1 validation error detected: Value '[python3.12, python3.13]' at 'compatibleRuntimes' failed to \
             satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [nodejs20.x, \
             python3.12, java21]]";
        let both = without(&less, mark, &refusal(message)).unwrap();
        assert_eq!(both.compatible_runtimes, ["python3.12"]);
        assert_eq!(refused_of(&both.description, mark), ["x86_64", "arm64", "python3.13"]);
    }

    #[test]
    fn other_refusals_are_final_and_foreign_descriptions_say_nothing() {
        let wanted = wanted(b"a");
        assert!(without(&wanted.new, &wanted.mark, &refusal("Unzipped size must be smaller")).is_none());
        let denied = failure("PublishLayerVersion", Kind::Denied);
        assert!(without(&wanted.new, &wanted.mark, &denied).is_none());
        assert_eq!(refused_of("by hand [refused:arm64]", &wanted.mark), [""; 0]);
        assert_eq!(refused_of(&format!("text {}", wanted.mark), &wanted.mark), [""; 0]);
    }

    #[test]
    fn a_long_description_makes_room() {
        let mut wanted = wanted(b"a");
        wanted.new.description = format!("{} {}", "ä".repeat(213), wanted.mark);
        let less = without(&wanted.new, &wanted.mark, &refusal("compatibleArchitectures")).unwrap();
        assert_eq!(less.description.chars().count(), LONGEST_DESCRIPTION);
        assert_eq!(refused_of(&less.description, &wanted.mark), ["x86_64", "arm64"]);
    }
}
