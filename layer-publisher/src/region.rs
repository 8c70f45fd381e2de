//! Names of regions, checked before any work is done with them. Nothing here asks AWS.

use template_tools::arn::Region;
use thiserror::Error;

/// The parts of a region's name before its number, as AWS has used them. New ones come; a name that is not here is
/// refused only if it is one slip away from one that is.
const AREAS: &[&str] = &[
    "af-south",
    "ap-east",
    "ap-northeast",
    "ap-south",
    "ap-southeast",
    "ca-central",
    "ca-west",
    "cn-north",
    "cn-northwest",
    "eu-central",
    "eu-north",
    "eu-south",
    "eu-west",
    "eusc-de-east",
    "il-central",
    "me-central",
    "me-south",
    "mx-central",
    "sa-east",
    "us-east",
    "us-gov-east",
    "us-gov-west",
    "us-iso-east",
    "us-iso-west",
    "us-isob-east",
    "us-west",
];

/// Why a name cannot be a region's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RegionNameError {
    /// It does not look like one at all.
    #[error("`{0}` is not the name of a region, which looks like `eu-west-1`")]
    Form(String),
    /// It is one slip away from one that exists.
    #[error("there is no region `{name}`; did you mean `{nearest}`?")]
    Slip {
        /// What was written.
        name: String,
        /// What was probably meant.
        nearest: String,
    },
}

/// The region of that name, unless it is a slip of the pen.
pub fn parse(name: &str) -> Result<Region, RegionNameError> {
    let form = || RegionNameError::Form(name.to_owned());
    let (area, number) = name.rsplit_once('-').ok_or_else(form)?;
    let words = area.split('-').collect::<Vec<_>>();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || words.len() < 2 || !words.iter().all(is_word) {
        return Err(form());
    }
    if !AREAS.contains(&area)
        && let Some(near) = AREAS.iter().find(|known| strsim::damerau_levenshtein(known, area) == 1)
    {
        return Err(RegionNameError::Slip { name: name.to_owned(), nearest: format!("{near}-{number}") });
    }
    Region::new(name).map_err(|_| form())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_regions_pass_also_those_that_do_not_exist_yet() {
        for name in
            ["us-east-1", "eu-west-3", "us-gov-west-1", "ap-southeast-12", "nz-central-1", "eusc-de-east-1"]
        {
            assert_eq!(parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn slips_and_other_words_are_known_before_any_work() {
        let slip = |name: &str| parse(name).unwrap_err().to_string();
        assert_eq!(slip("eu-wset-1"), "there is no region `eu-wset-1`; did you mean `eu-west-1`?");
        assert_eq!(slip("us-eat-2"), "there is no region `us-eat-2`; did you mean `us-east-2`?");
        for name in [
            "",
            "Ireland",
            "eu-west",
            "eu-west-1a",
            "EU-WEST-1",
            "eu_west_1",
            "west-1",
            "eu--west-1",
            "eu-west-123",
        ] {
            assert_eq!(
                slip(name),
                format!("`{name}` is not the name of a region, which looks like `eu-west-1`")
            );
        }
    }
}
