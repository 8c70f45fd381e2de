//! Lists of values, written as the AWS CLI takes them: several behind one flag. What is behind a list and does not fit it
//! is the template.

use std::path::PathBuf;

/// Those that CloudFormation knows.
const CAPABILITIES: [&str; 3] = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// What stands behind a flag, and whether a word can be part of it.
pub(super) type List<'a> = (&'a mut Vec<String>, fn(&str) -> bool);

/// Whether a word can be one.
pub(super) fn is_capability(word: &str) -> bool {
    word.starts_with("CAPABILITY")
}

/// Whether a word can be a parameter or a tag.
pub(super) fn is_pair(word: &str) -> bool {
    word.contains('=') || word.starts_with("file://")
}

/// The template that a list has swallowed: the only word in all of them that does not fit, taken out of its list.
pub(super) fn template_behind<const N: usize>(lists: [List<'_>; N]) -> Option<PathBuf> {
    let strangers = lists.iter().flat_map(|(words, fits)| words.iter().filter(|word| !fits(word)));
    if strangers.count() != 1 {
        return None;
    }
    let mut found = None;
    for (words, fits) in lists {
        if let Some(at) = words.iter().position(|word| !fits(word)) {
            found = Some(PathBuf::from(words.remove(at)));
        }
    }
    found
}

/// What is wrong with a capability, if one is.
pub(super) fn capabilities(words: &[String]) -> Result<(), String> {
    match words.iter().find(|word| !CAPABILITIES.contains(&word.as_str())) {
        None => Ok(()),
        Some(wrong) => Err(format!(
            "`{wrong}` is no capability: there are `{}`; several are separated by spaces or commas",
            CAPABILITIES.join("`, `")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(capabilities: &str, parameters: &str, template: Option<&str>) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (mut capabilities, mut parameters) = (words(capabilities), words(parameters));
        let lists: [List<'_>; 2] = [(&mut capabilities, is_capability), (&mut parameters, is_pair)];
        assert_eq!(template_behind(lists), template.map(PathBuf::from));
        if template.is_some() {
            assert!(capabilities.iter().all(|word| is_capability(word)), "{capabilities:?}");
            assert!(parameters.iter().all(|word| is_pair(word)), "{parameters:?}");
        }
    }

    #[test]
    fn the_one_word_that_fits_no_list_is_the_template() {
        check("CAPABILITY_IAM CAPABILITY_NAMED_IAM t.yaml", "", Some("t.yaml"));
        check("t.yaml CAPABILITY_IAM", "A=1", Some("t.yaml"));
        check("CAPABILITY_IAM", "A=1 file://p.json t.yaml", Some("t.yaml"));
        check("CAPABILITY_IAM", "A=1", None);
        // Two could be it: whoever reads the lists says what is wrong with them.
        check("a.yaml", "b.yaml", None);
        check("IAM t.yaml", "", None);
    }

    #[test]
    fn only_what_cloudformation_knows_is_a_capability() {
        assert_eq!(capabilities(&CAPABILITIES.map(str::to_owned)), Ok(()));
        let wrong =
            capabilities(&["CAPABILITY_NAMED_IAM".to_owned(), "CAPABILITY_IM".to_owned()]).unwrap_err();
        assert!(
            wrong.starts_with("`CAPABILITY_IM` is no capability: there are `CAPABILITY_IAM`, "),
            "{wrong}"
        );
    }
}
