//! Which versions of a layer a text names: as an ARN that stands there letter by letter, or as one that CloudFormation
//! would make. Errs on finding too much. Pure.

use std::collections::{BTreeMap, BTreeSet};

use template_tools::arn::{AccountId, LayerName, Region, version_number};
use template_tools::document::{Document, parse};
use template_tools::flow::{Everywhere, Given, Outside, everywhere, flow_with};
use template_tools::ledger::LayerPlace;
use template_tools::pattern::{ArnPattern, Part, VersionPart};

/// What a text names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// The versions.
    pub versions: BTreeSet<u64>,
    /// Something that may be a version of the layer, and cannot be told.
    pub unclear: Option<String>,
}

/// What is known of a template that is deployed.
#[derive(Clone, Copy, Debug)]
pub struct Deployed<'a> {
    /// The account of the stack.
    pub account: &'a AccountId,
    /// Its parameters.
    pub parameters: &'a BTreeMap<String, String>,
}

/// The ARNs that stand in a text letter by letter, wherever that is. Parts that are written out must be those of the
/// place; a part that is not (`${AWS::Region}`) may be.
pub fn in_text(text: &str, place: &LayerPlace) -> Naming {
    let mut naming = Naming::default();
    for (at, rest) in mentions(text, &place.layer_name) {
        let Some(rest) = rest.strip_prefix(':') else { continue };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !is_of(&text[..at], place) {
            continue;
        }
        match version_number(&rest[..digits]) {
            Ok(version) => {
                naming.versions.insert(version);
            }
            Err(_) => {
                naming.unclear.get_or_insert_with(|| shown(&text[at..]));
            }
        }
    }
    naming
}

/// Where `layer:NAME` stands, as a whole name, and what comes behind it.
fn mentions<'t>(text: &'t str, name: &LayerName) -> Vec<(usize, &'t str)> {
    let wanted = format!("layer:{name}");
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    let found = text.match_indices(&wanted).map(|(at, _)| (at, &text[at + wanted.len()..]));
    found.filter(|(_, rest)| !rest.starts_with(is_of_name)).collect()
}

/// Whether what stands before `layer:` does not say that it is elsewhere: `…:lambda:us-east-1:123456789012:`.
fn is_of(before: &str, place: &LayerPlace) -> bool {
    let before = without_variables(before.strip_suffix(':').unwrap_or_default());
    let mut words = before.rsplit(':');
    let mut word = || words.next().unwrap_or_default();
    let (account, region, service) = (word(), word(), word());
    let of_account = AccountId::new(account).map_or(true, |account| account == place.account);
    let is_arn = service == "lambda";
    let of_region = Region::new(region).map_or(true, |region| region == place.region);
    of_account && (of_region || !is_arn)
}

/// The end of a text, `$` standing for each `${…}` in it: those of CloudFormation have colons in them.
fn without_variables(text: &str) -> String {
    /// More than any ARN has.
    const LONGEST: usize = 1000;
    let start = text.len().saturating_sub(LONGEST);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (mut rest, mut plain) = (&text[start..], String::new());
    while let Some((head, tail)) = rest.split_once("${") {
        plain.push_str(head);
        plain.push('$');
        rest = tail.split_once('}').map_or("", |(_, after)| after);
    }
    plain + rest
}

fn shown(text: &str) -> String {
    let end = text.find(|letter: char| letter.is_whitespace() || "'\"`<>".contains(letter));
    text[..end.unwrap_or(text.len())].chars().take(80).collect()
}

/// What a template names: as in [`in_text`], and whatever its expressions come to. A file that is none is a text.
pub fn in_template(text: &str, place: &LayerPlace, deployed: Option<Deployed<'_>>) -> Naming {
    let mut naming = in_text(text, place);
    let Ok(document) = parse(text) else { return naming };
    // What the letters alone do not tell is told by the expression that they stand in.
    naming.unclear = None;
    let parameters = deployed.iter().flat_map(|deployed| deployed.parameters);
    let given = parameters
        .map(|(name, value)| Given { name: name.clone(), value: value.clone() })
        .collect::<Vec<_>>();
    let region = deployed.map(|_| place.region.clone());
    let outside = Outside { given: &given, region, ..Outside::default() };
    let Everywhere { mut patterns, unread, gave_up } = everywhere(&document, &outside);
    patterns.extend(flow_patterns(&document, &outside));
    let account = deployed.map(|deployed| deployed.account);
    for pattern in patterns.iter().filter(|pattern| may_be(pattern, place, account)) {
        match &pattern.version {
            VersionPart::Number(version) => {
                naming.versions.insert(*version);
            }
            // None yet: it is filled in before it is deployed.
            VersionPart::Placeholder(_) if deployed.is_none() => {}
            VersionPart::Placeholder(word) | VersionPart::Text(word) => {
                naming.unclear.get_or_insert_with(|| format!("layer:{}:{word}", place.layer_name));
            }
        }
    }
    let of_name = |text: &str| !mentions(text, &place.layer_name).is_empty() || text.contains("layer:${");
    let unread = unread.into_iter().find(|(text, _)| of_name(text));
    let unread = unread.map(|(text, reason)| format!("{}, {reason}", shown(&text)));
    let gave_up = gave_up && text.contains(place.layer_name.as_str());
    let gave_up = gave_up.then(|| "there are too many ways to put its texts together".to_owned());
    naming.unclear = naming.unclear.or(unread).or(gave_up);
    naming
}

fn flow_patterns(document: &Document<'_>, outside: &Outside<'_>) -> Vec<ArnPattern> {
    flow_with(document, outside).references.into_iter().map(|reference| reference.pattern).collect()
}

/// Whether a pattern may mean the layer in this place. `account` is that of the stack.
fn may_be(pattern: &ArnPattern, place: &LayerPlace, account: Option<&AccountId>) -> bool {
    let of_account = match &pattern.account {
        Part::Is(written) => *written == place.account,
        Part::Deployed => account.is_none_or(|account| *account == place.account),
    };
    let of_region = match &pattern.region {
        Part::Is(region) => *region == place.region,
        Part::Deployed => true,
    };
    pattern.layer == place.layer_name && of_account && of_region
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> LayerPlace {
        LayerPlace {
            layer_name: "sosw".parse().unwrap(),
            partition: "aws".parse().unwrap(),
            account: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        }
    }

    fn shown(naming: &Naming) -> (Vec<u64>, bool) {
        (naming.versions.iter().copied().collect(), naming.unclear.is_some())
    }

    #[track_caller]
    fn check(text: &str, parameters: &[(&str, &str)], versions: &[u64], unclear: bool) {
        let parameters =
            parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let account = place().account;
        let deployed = Deployed { account: &account, parameters: &parameters };
        let naming = in_template(text, &place(), Some(deployed));
        assert_eq!(shown(&naming), (versions.to_vec(), unclear), "{naming:?}");
    }

    #[test]
    fn letters_are_enough_and_what_is_written_out_must_fit() {
        let check = |text: &str, versions: &[u64], unclear| {
            assert_eq!(shown(&in_text(text, &place())), (versions.to_vec(), unclear), "{text}");
        };
        check(
            "x arn:aws:lambda:eu-west-1:123456789012:layer:sosw:7, arn:aws:lambda:eu-west-1:123456789012:layer:sosw:12",
            &[7, 12],
            false,
        );
        check("arn:aws:lambda:us-east-1:123456789012:layer:sosw:7", &[], false);
        check("arn:aws:lambda:eu-west-1:210987654321:layer:sosw:7", &[], false);
        check("arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:7", &[7], false);
        check("arn:${AWS::Partition}:lambda:${region}:123456789012:layer:sosw:7", &[7], false);
        check("!Sub arn:aws:lambda:us-east-1:${AWS::AccountId}:layer:sosw:7", &[], false);
        check("!Sub arn:${AWS::Partition}:lambda:${AWS::Region}:210987654321:layer:sosw:7", &[], false);
        check(
            "arn:aws:lambda:us-east-1:123456789012:function:f arn:aws:lambda:eu-west-1:${X:layer:sosw:7",
            &[7],
            false,
        );
        check("layer:sosw:7", &[7], false);
        check("layer:sosw-extra:7 xlayer:sosw2:7 layer:sosw", &[], false);
        check("layer:sosw:${Version}", &[], true);
        check("layer:sosw:0 layer:sosw:99999999999999999999999", &[], true);
        check("é:layer:sosw:7é", &[7], false);
    }

    #[test]
    fn every_form_of_a_template_is_found() {
        check("A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:7'\n", &[], &[7], false);
        check(
            "A: {Fn::Join: [':', [arn, aws, lambda, {Ref: AWS::Region}, {Ref: AWS::AccountId}, layer, sosw, '7']]}\n",
            &[],
            &[7],
            false,
        );
        let map = "Mappings: {M: {eu-west-1: {V: '7'}, us-east-1: {V: '9'}}}\n\
                   A: !Sub ['arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:${V}', {V: !FindInMap [M, !Ref AWS::Region, V]}]\n";
        check(map, &[], &[7], false);
        let parameter = "Parameters: {V: {Type: String, Default: '3'}}\n\
                         A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:${V}'\n";
        // The stack's value counts, and not the template's.
        check(parameter, &[("V", "7")], &[7], false);
        check(parameter, &[], &[3], false);
        let name = "A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:${Name}:7'\nParameters: {Name: {Type: String}}\n";
        check(name, &[("Name", "sosw")], &[7], false);
        check(name, &[("Name", "other")], &[], false);
    }

    #[test]
    fn what_cannot_be_told_is_unclear_and_never_nothing() {
        let secret = "Parameters: {V: {Type: String, NoEcho: true}}\n\
                      A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:${V}'\n";
        check(secret, &[("V", "****")], &[], true);
        check(
            "A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:${Stack.Outputs.V}'\n",
            &[],
            &[],
            true,
        );
        check(
            "A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:${Stack.Outputs.V}'\n",
            &[],
            &[],
            false,
        );
        check(
            "A: !Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:${Stack.Outputs.V}:7'\n",
            &[],
            &[],
            true,
        );
        check("{{ broken: [ layer:sosw:${V} ]\n", &[], &[], true);
        check("{{ broken: [ layer:sosw:7 ]\n", &[], &[7], false);
        check("A: !Ref Layer\nB: !GetAtt Layer.Arn\nC: arn:aws:s3:::sosw\n", &[], &[], false);
    }

    #[test]
    fn a_stack_of_another_account_means_its_own_layers() {
        let (account, parameters) = ("210987654321".parse().unwrap(), BTreeMap::new());
        let deployed = Deployed { account: &account, parameters: &parameters };
        let text = "A: !Join ['', ['arn:aws:lambda:eu-west-1:', !Ref AWS::AccountId, ':layer:sosw:', '7']]\n";
        assert_eq!(shown(&in_template(text, &place(), Some(deployed))), (vec![], false));
        let text = "A: !Join ['', ['arn:aws:lambda:eu-west-1:', '123456789012', ':layer:sosw:', '7']]\n";
        assert_eq!(shown(&in_template(text, &place(), Some(deployed))), (vec![7], false));
        // A template of the work tree may be deployed anywhere.
        let text = "A: !Join ['', ['arn:aws:lambda:', !Ref AWS::Region, ':', !Ref AWS::AccountId, ':layer:sosw:', '7']]\n";
        assert_eq!(shown(&in_template(text, &place(), None)), (vec![7], false));
    }
}
