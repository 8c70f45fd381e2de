//! A template as it is deployed, with the values that its parameters have in the stack: what brings both to the pinned
//! versions, and changes nothing else. A version in a parameter's value is brought there in the value. Its `Default` goes
//! along only where the text has to change anyway: else the stack keeps its template as it is, to the byte.

use std::collections::BTreeMap;

use super::{Bump, Decision, Plan, Planner, Wanted, Weight, decide, not_allowed};
use crate::arn::Region;
use crate::document::{ParseError, parse};
use crate::edit::Edit;
use crate::flow::{Flow, Given, Home, Outside, Reference, Source, flow_with};
use crate::pattern::VersionPart;
use crate::template::parameters;

/// What is to be done to a deployed template and to the values of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeployedPlan {
    /// The template.
    pub plan: Plan,
    /// The parameters that get another value, with it. Nothing of it counts if something is refused.
    pub values: BTreeMap<String, String>,
}

/// Plans the template of a stack in `region`. `given` are the values that the stack has stored; those of parameters that
/// are read from SSM do not belong to them.
pub fn plan_deployed(
    text: &str,
    given: &[Given],
    region: &Region,
    wanted: &Wanted<'_>,
) -> Result<DeployedPlan, ParseError> {
    let document = parse(text)?;
    let mut planner = Planner { uses: None, ..Planner::new(&document, wanted, given) };
    let outside =
        |given| Outside { given, region: Some(region.clone()), placeholders: wanted.placeholders.clone() };
    let flow = flow_with(&document, &outside(given));
    planner.references(&flow);
    planner.not_understood(&flow);
    let values = planner.values(&flow, given);
    // CloudFormation does not give every letter of a template back: what need not be sent is not. Who edits it all the same
    // finds the defaults in accord with the values.
    if planner.edits.is_empty() {
        return Ok(DeployedPlan::of(planner.finish(), values));
    }
    // The defaults show only where no value stands before them.
    let with_default = parameters(&document).into_iter().filter(|parameter| parameter.default.is_some());
    let with_default = with_default.map(|parameter| parameter.name).collect::<Vec<_>>();
    let others =
        given.iter().filter(|given| !with_default.contains(&given.name)).cloned().collect::<Vec<_>>();
    planner.defaults(&flow_with(&document, &outside(&others)), &values);
    Ok(DeployedPlan::of(planner.finish(), values))
}

impl Planner<'_, '_, '_> {
    /// The values that change, put together.
    fn values(&mut self, flow: &Flow, given: &[Given]) -> BTreeMap<String, String> {
        let mut places: BTreeMap<(usize, usize), Vec<&Reference>> = BTreeMap::new();
        for reference in &flow.references {
            if let Source::Given(number) = reference.source {
                places.entry((number, reference.part.start)).or_default().push(reference);
            }
        }
        let mut values = BTreeMap::<String, String>::new();
        // From behind, so that the places before stay where they are.
        for ((number, _), sharing) in places.into_iter().rev() {
            let Some((reference, to)) = self.agreed(flow, sharing[0].entry, &sharing) else { continue };
            let Given { name, value } = &given[number];
            let value = values.get(name).unwrap_or(value);
            let (part, new) = (&reference.part, to.written());
            let (Some(before), Some(after)) = (value.get(..part.start), value.get(part.end..)) else {
                continue;
            };
            let value = format!("{before}{new}{after}");
            let (position, layer) =
                (self.document.position(reference.entry), reference.pattern.layer.clone());
            if let Some(reason) = not_allowed(self.document, name, &value) {
                self.leave(reference.entry, Some(layer), reason, Weight::Warning);
                continue;
            }
            let (from, home) = (reference.pattern.version.clone(), Home::Given(name.clone()));
            self.plan.bumps.push(Bump { position, layer, from, to, home });
            values.insert(name.clone(), value);
        }
        values
    }

    /// The defaults of parameters whose value changes. One that stands against it stays: the value is what counts.
    fn defaults(&mut self, flow: &Flow, values: &BTreeMap<String, String>) {
        let mut places: BTreeMap<(Source, usize), Vec<&Reference>> = BTreeMap::new();
        for reference in &flow.references {
            if matches!(&reference.home, Home::Default(name) if values.contains_key(name)) {
                places.entry((reference.source, reference.part.start)).or_default().push(reference);
            }
        }
        for ((source, _), sharing) in places {
            let Source::Leaf(leaf) = source else { continue };
            let mut decided = sharing.iter().map(|reference| decide(&reference.pattern, self.wanted));
            let Some(Decision::Becomes(_, to)) = decided.next() else { continue };
            let agree = |decision| matches!(decision, Decision::Becomes(_, other) if other == to);
            let (part, new) = (sharing[0].part.clone(), to.written());
            if let (true, Some(range)) = (decided.all(agree), self.document.range_of(leaf, &part)) {
                self.edits.push(Edit { leaf, part, range, new });
            }
        }
    }
}

impl DeployedPlan {
    fn of(plan: Plan, values: BTreeMap<String, String>) -> Self {
        let values = if plan.refusals.is_empty() { values } else { BTreeMap::new() };
        Self { plan, values }
    }

    /// Whether anything is to be sent.
    pub fn is_empty(&self) -> bool {
        self.plan.text.is_none() && self.values.is_empty()
    }

    /// The layer, and from which version to which, of every change; each once.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &VersionPart, &VersionPart)> {
        self.plan.bumps.iter().map(|bump| (bump.layer.as_str(), &bump.from, &bump.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::LayerVersionArn;
    use crate::pins::{Pin, Pins};
    use crate::plan::Refusal;

    const PIN: &str = "arn:aws:lambda:eu-west-1:123456789012:layer:sosw:12";

    fn plan_of(text: &str, given: &[(&str, &str)]) -> DeployedPlan {
        let pins = Pins::new([Pin::from(PIN.parse::<LayerVersionArn>().unwrap())]).unwrap();
        let given = given
            .iter()
            .map(|(name, value)| Given { name: (*name).to_owned(), value: (*value).to_owned() })
            .collect::<Vec<_>>();
        let region = "eu-west-1".parse().unwrap();
        plan_deployed(text, &given, &region, &Wanted::new(&pins)).unwrap()
    }

    fn template(parameters: &str, layer: &str) -> String {
        format!(
            "Parameters:\n{parameters}Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Layers: [{layer}] # here\n"
        )
    }

    const SUB: &str = "!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:${Version}'";

    #[test]
    fn a_version_in_a_parameter_moves_in_the_stack_and_the_text_stays() {
        let text = |version: u8| {
            template(
                &format!(
                    "  Version: {{Type: String, Default: {version}}}\n  Stage: {{Type: String, Default: 7}}\n"
                ),
                SUB,
            )
        };
        // The stack was given another value than the template says.
        let plan = plan_of(&text(7), &[("Version", "9"), ("Stage", "7")]);
        assert_eq!(plan.plan.text, None);
        assert_eq!(plan.values, [("Version".to_owned(), "12".to_owned())].into());
        let from = plan.changes().map(|(_, from, _)| from.to_string()).collect::<Vec<_>>();
        assert_eq!(from, ["9"]);
        assert!(plan_of(&text(12), &[("Version", "12"), ("Stage", "7")]).is_empty());
        // A default that is behind reaches nobody.
        assert!(plan_of(&text(7), &[("Version", "12")]).is_empty());
    }

    #[test]
    fn a_default_goes_along_where_the_text_changes_anyway() {
        let written = "!Sub 'arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:layer:sosw:";
        let text = |default: u8, version: u8| {
            let parameters = format!("  Version: {{Type: String, Default: {default}}}\n");
            template(&parameters, SUB)
                + &format!(
                    "  G:\n    Type: AWS::Lambda::Function\n    Properties: {{Layers: [{written}{version}']}}\n"
                )
        };
        let plan = plan_of(&text(7, 9), &[("Version", "7")]);
        assert_eq!(plan.plan.text, Some(text(12, 12)));
        assert_eq!(plan.values["Version"], "12");
    }

    #[test]
    fn a_parameter_without_a_default_moves_too_and_a_list_keeps_the_others() {
        let text = template("  Layers: {Type: CommaDelimitedList}\n", "").replace("[]", "!Ref Layers");
        let value = |version: u8| {
            format!(
                "arn:aws:lambda:eu-west-1:210987654321:layer:sosw:3,{},x",
                PIN.replace("12:layer:sosw:12", &format!("12:layer:sosw:{version}"))
            )
        };
        let plan = plan_of(&text, &[("Layers", &value(3))]);
        assert_eq!((plan.plan.text.as_ref(), plan.values["Layers"].as_str()), (None, value(12).as_str()));
    }

    #[test]
    fn names_are_put_together_with_the_values_of_the_stack() {
        let layer = |version: u8| {
            format!("!Sub 'arn:aws:lambda:${{AWS::Region}}:${{AWS::AccountId}}:layer:${{Name}}:{version}'")
        };
        let text = |version: u8| template("  Name: {Type: String, Default: other}\n", &layer(version));
        assert_eq!(plan_of(&text(3), &[("Name", "sosw")]).plan.text, Some(text(12)));
        assert!(plan_of(&text(3), &[("Name", "other")]).is_empty());
    }

    #[test]
    fn what_may_not_be_stays_with_its_reason() {
        let text = template("  Version: {Type: String, Default: 7, AllowedValues: [7, 8]}\n", SUB);
        let plan = plan_of(&text, &[("Version", "7")]);
        assert!(plan.is_empty());
        assert!(plan.plan.left_alone[0].reason.contains("do not hold `12`"), "{:?}", plan.plan.left_alone);
        let plan = plan_of(&template("  Version: {Type: String}\n", SUB), &[("Version", "13")]);
        assert!(plan.is_empty() && matches!(plan.plan.refusals[..], [(_, Refusal::Downgrade { .. })]));
    }

    #[test]
    fn rows_of_other_regions_stay() {
        let row = |region: &str, version: u8| format!("    {region}: {{V: {version}}}\n");
        let text = |version: u8| {
            format!(
                "Mappings:\n  M:\n{}{}{}",
                row("eu-west-1", version),
                row("us-east-1", 3),
                template(
                    "  P: {Type: String}\n",
                    "!Join [':', [arn:aws:lambda, !Ref AWS::Region, !Ref AWS::AccountId, layer, sosw, !FindInMap [M, !Ref AWS::Region, V]]]"
                )
            )
        };
        assert_eq!(plan_of(&text(3), &[]).plan.text, Some(text(12)));
    }
}
