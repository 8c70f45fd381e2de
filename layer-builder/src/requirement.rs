//! PEP 508 requirements, read without a panic.

use std::str::FromStr;

use pep508_rs::VerbatimUrl;

/// A requirement like `requests[socks]>=2.32 ; python_version < "3.14"`.
pub type Requirement = pep508_rs::Requirement<VerbatimUrl>;

/// Reads a requirement; the error is a sentence.
pub fn parse(text: &str) -> Result<Requirement, String> {
    // pep508_rs 0.9.2 panics at a name that ends with `.`, `-` or `_`.
    let is_of_name = |character: &char| character.is_ascii_alphanumeric() || ".-_".contains(*character);
    let name: String = text.trim_start().chars().take_while(is_of_name).collect();
    if name.ends_with(['.', '-', '_']) {
        return Err(format!("the name `{name}` ends with neither a letter nor a digit"));
    }
    Requirement::from_str(text).map_err(|error| error.message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pep508_rs_panics_at_are_errors() {
        for text in ["six.", "six-", " six_ >= 1", "six.;python_version>'3'"] {
            assert!(parse(text).unwrap_err().contains("ends with neither"), "{text}");
        }
        assert_eq!(parse("a.b-c_d[x]>=1").unwrap().name.as_ref(), "a-b-c-d");
    }

    #[test]
    fn no_text_makes_it_panic() {
        proptest::proptest!(|(text in "(\\PC{0,5}|[a-z.-]{1,4}|[\\[\\]<>=~!,;@() ]|python_version|extra|'3.1'|==1\\.\\*|and|or){0,12}")| {
            let _ = parse(&text);
        });
    }
}
