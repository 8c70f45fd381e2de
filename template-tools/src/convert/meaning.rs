//! The proof that a converted template means what it should: which versions of which layers reach its functions.
//!
//! Pure. It reads the result as any other template, and knows nothing of how the new texts were made.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::rows_for;
use super::{Form, others};
use crate::arn::{AccountId, LayerName, Partition, Region};
use crate::flow::{Flow, Reason, Reference};
use crate::pattern::{ArnPattern, Part, VersionPart};
use crate::plan::{Decision, Wanted, decide};

/// What a template meant before, and which of its references were to get another form.
pub(super) struct Meant<'m> {
    pub(super) flow: &'m Flow,
    pub(super) wanted: &'m Wanted<'m>,
    pub(super) form: &'m Form,
    /// As indexes.
    pub(super) converted: &'m BTreeSet<usize>,
}

/// A version of a layer in a place, and the function that it reaches.
type Reached<'r> =
    (usize, &'r LayerName, &'r Part<Partition>, &'r Part<AccountId>, Part<Region>, VersionPart);

impl Meant<'_> {
    /// Every layer that reached a function before still does: by rows, or, for SSM, by way of the parameter.
    pub(super) fn is(&self, after: &Flow) -> bool {
        match self.form {
            Form::Mapping => {
                layers_of(&self.flow.references) == layers_of(&after.references)
                    && self.flow.unread.len() == after.unread.len()
                    && self.has_its_versions(after)
            }
            Form::Ssm(ssm) => self.is_read_from(ssm.as_str(), after),
        }
    }

    /// Every reference that is a row now has the pinned version of its own account in each region, and every other one
    /// has what it had, or what is pinned.
    fn has_its_versions(&self, after: &Flow) -> bool {
        let mut by_row = BTreeSet::new();
        let mut others = BTreeSet::new();
        for (index, reference) in self.flow.references.iter().enumerate() {
            let ArnPattern { region, version, .. } = &reference.pattern;
            if self.converted.contains(&index) {
                for (region, pin) in rows_for(reference, self.wanted).into_iter().flatten() {
                    let Some(version) = pin.version else { continue };
                    let (region, version) = (Part::Is(region), VersionPart::Number(version));
                    by_row.extend(reached(reference, &region, &version));
                }
            } else {
                others.extend(reached(reference, region, version));
                if let Decision::Becomes(_, version) = decide(&reference.pattern, self.wanted) {
                    others.extend(reached(reference, region, &version));
                }
            }
        }
        let now = after.references.iter();
        let now: BTreeSet<Reached<'_>> =
            now.flat_map(|one| reached(one, &one.pattern.region, &one.pattern.version)).collect();
        by_row.is_subset(&now) && now.iter().all(|one| by_row.contains(one) || others.contains(one))
    }

    fn is_read_from(&self, ssm: &str, after: &Flow) -> bool {
        let is_read = |reason: &Reason| matches!(reason, Reason::Ssm { name, .. } if name == ssm);
        let read: BTreeSet<usize> = after
            .unread
            .iter()
            .filter(|unread| is_read(&unread.reason))
            .flat_map(|unread| unread.functions.iter().copied())
            .collect();
        let unread = |flow: &Flow| flow.unread.iter().filter(|unread| !is_read(&unread.reason)).count();
        layers_of(&others(self.flow, self.converted)) == layers_of(&after.references)
            && unread(self.flow) == unread(after)
            && self.converted.iter().all(|index| self.flow.references[*index].functions.is_subset(&read))
    }
}

/// Each layer with the functions that it reaches.
fn layers_of(references: &[Reference]) -> BTreeMap<&LayerName, BTreeSet<usize>> {
    let mut reached: BTreeMap<&LayerName, BTreeSet<usize>> = BTreeMap::new();
    for reference in references {
        reached.entry(&reference.pattern.layer).or_default().extend(&reference.functions);
    }
    reached
}

/// What a reference brings to each of its functions, with this version in this region.
fn reached<'r>(
    reference: &'r Reference,
    region: &Part<Region>,
    version: &VersionPart,
) -> impl Iterator<Item = Reached<'r>> {
    let ArnPattern { layer, partition, account, .. } = &reference.pattern;
    let each = reference.functions.iter();
    each.map(move |function| (*function, layer, partition, account, region.clone(), version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::LayerVersionArn;
    use crate::document::parse;
    use crate::flow::flow;
    use crate::pins::{Pin, Pins};

    #[test]
    fn a_table_of_another_account_does_not_mean_the_same() {
        let pinned = ["us-east-1:111111111111:layer:x:2", "eu-west-1:111111111111:layer:x:1"];
        let pin =
            |rest: &str| Pin::from(format!("arn:aws:lambda:{rest}").parse::<LayerVersionArn>().unwrap());
        let pins = Pins::new(pinned.map(pin)).unwrap();
        let of = |layers: &str| {
            format!("Resources: {{F: {{Type: AWS::Lambda::Function, Properties: {{Layers: [{layers}]}}}}}}\n")
        };
        let open = "arn:aws:lambda:${AWS::Region}:ACCOUNT:layer:x:";
        let before = of(&format!("!Sub '{open}1'")).replace("ACCOUNT", "111111111111");
        let flow_of = |text: &str| flow(&parse(text).unwrap());
        let flow = flow_of(&before);
        let is_meant = |account: &str, us: u64, eu: u64| {
            let row = "!FindInMap [M, !Ref AWS::Region, Version]";
            let layers = of(&format!("!Sub ['{open}${{V}}', {{V: {row}}}]")).replace("ACCOUNT", account);
            let mapping =
                format!("Mappings: {{M: {{us-east-1: {{Version: {us}}}, eu-west-1: {{Version: {eu}}}}}}}\n");
            let (wanted, converted) = (Wanted::new(&pins), BTreeSet::from([0]));
            let meant = Meant { flow: &flow, wanted: &wanted, form: &Form::Mapping, converted: &converted };
            meant.is(&flow_of(&format!("{mapping}{layers}")))
        };
        assert!(is_meant("111111111111", 2, 1));
        assert!(!is_meant("222222222222", 2, 1));
        assert!(!is_meant("111111111111", 1, 2));
        assert!(!is_meant("111111111111", 2, 9));
    }
}
