//! What `sam deploy` would take from `samconfig.toml` for one environment. Pure.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::SamconfigError;
use super::overrides::{in_string, one, read};
use crate::document::Position;
use crate::flow::Given;

/// The settings of one environment, those of `global` among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as the file has them")]
pub struct DeploySettings {
    /// `stack_name`.
    pub stack_name: Option<String>,
    /// `region`.
    pub region: Option<String>,
    /// `profile`.
    pub profile: Option<String>,
    /// `parameter_overrides`.
    pub parameters: Vec<(String, String)>,
    /// `capabilities`.
    pub capabilities: Vec<String>,
    /// `tags`.
    pub tags: Vec<(String, String)>,
    /// `s3_bucket`.
    pub s3_bucket: Option<String>,
    /// `s3_prefix`.
    pub s3_prefix: Option<String>,
    /// `resolve_s3`: the bucket of SAM's own stack.
    pub resolve_s3: bool,
    /// `role_arn`.
    pub role_arn: Option<String>,
    /// `on_failure`, as it stands there.
    pub on_failure: Option<String>,
    /// `disable_rollback`.
    pub disable_rollback: bool,
    /// `confirm_changeset`.
    pub confirm_changeset: bool,
    /// `no_execute_changeset`.
    pub no_execute_changeset: bool,
    /// Keys that would change the result, and that only `sam` knows how to honour.
    pub unsupported: BTreeSet<String>,
    /// Other keys that nothing is done about.
    pub ignored: BTreeSet<String>,
    /// Keys whose value is of the wrong type.
    pub wrong: BTreeSet<String>,
}

/// Keys that decide what is deployed, or with what.
const CHANGE_THE_RESULT: [&str; 8] = [
    "image_repositories",
    "image_repository",
    "kms_key_id",
    "metadata",
    "notification_arns",
    "resolve_image_repos",
    "signing_profiles",
    "use_previous_template",
];
/// Keys that are answered on our own command line, or mean nothing without a dialogue.
const NO_MATTER: [&str; 6] =
    ["color", "config_env", "config_file", "no_progressbar", "save_params", "template_file"];

/// The settings of an environment; nothing if the file has no such environment.
pub fn deploy_settings(text: &str, environment: &str) -> Result<Option<DeploySettings>, SamconfigError> {
    let file = DeTable::parse(text).map_err(|error| SamconfigError {
        position: Position::at(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let Some(environment) = file.get_ref().get(environment).and_then(|value| value.get_ref().as_table())
    else {
        return Ok(None);
    };
    let parameters = |command: &str| {
        environment.get(command)?.get_ref().as_table()?.get("parameters")?.get_ref().as_table()
    };
    let mut settings = DeploySettings::default();
    let mut seen = BTreeSet::new();
    for table in [parameters("deploy"), parameters("global")].into_iter().flatten() {
        for (key, value) in table {
            let key = key.get_ref().replace('-', "_");
            // What stands in the command's own table counts more.
            if seen.insert(key.clone()) {
                settings.take(&key, value.get_ref());
            }
        }
    }
    Ok(Some(settings))
}

impl DeploySettings {
    fn take(&mut self, key: &str, value: &DeValue<'_>) {
        let text = value.as_str().map(str::to_owned);
        let truth = value.as_bool();
        let right = match key {
            "stack_name" => set(&mut self.stack_name, text),
            "region" => set(&mut self.region, text),
            "profile" => set(&mut self.profile, text),
            "s3_bucket" => set(&mut self.s3_bucket, text),
            "s3_prefix" => set(&mut self.s3_prefix, text),
            "role_arn" => set(&mut self.role_arn, text),
            "on_failure" => set(&mut self.on_failure, text),
            "resolve_s3" => truth.map(|truth| self.resolve_s3 = truth).is_some(),
            "disable_rollback" => truth.map(|truth| self.disable_rollback = truth).is_some(),
            "confirm_changeset" => truth.map(|truth| self.confirm_changeset = truth).is_some(),
            "no_execute_changeset" => truth.map(|truth| self.no_execute_changeset = truth).is_some(),
            "parameter_overrides" => overrides(value).map(|pairs| self.parameters = pairs).is_some(),
            "tags" => pairs(value).map(|pairs| self.tags = pairs).is_some(),
            "capabilities" => words(value).map(|words| self.capabilities = words).is_some(),
            _ if CHANGE_THE_RESULT.contains(&key) => {
                if truth != Some(false) {
                    self.unsupported.insert(key.to_owned());
                }
                true
            }
            _ => {
                if !NO_MATTER.contains(&key) && truth != Some(false) {
                    self.ignored.insert(key.to_owned());
                }
                true
            }
        };
        if !right {
            self.wrong.insert(key.to_owned());
        }
    }
}

fn set(place: &mut Option<String>, text: Option<String>) -> bool {
    let right = text.is_some();
    *place = text.filter(|text| !text.is_empty());
    right
}

/// `"A B"` or `["A", "B"]`.
fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
        DeValue::Array(items) => {
            items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

/// What [`read`] finds, which is what bumps see, too. Of a parameter that is given twice the last value counts.
fn overrides(value: &DeValue<'_>) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    if !read(value, &(0..0), &mut all) {
        return None;
    }
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(all.len());
    for Given { name, value } in all.into_iter().map(|one| one.given) {
        let value = unescaped(&value);
        match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => pairs.push((name, value)),
        }
    }
    Some(pairs)
}

/// `"K=V L=W"`, `["K=V", "L=W"]`, or a table.
fn pairs(value: &DeValue<'_>) -> Option<Vec<(String, String)>> {
    let of = |text: &str| -> Vec<(String, String)> {
        let all = in_string(text, &(0..text.len())).into_iter().map(|one| one.given);
        all.map(|given| (given.name, unescaped(&given.value))).collect()
    };
    match value {
        DeValue::String(text) => Some(of(text)),
        DeValue::Array(items) => {
            let item = |text: &str| {
                let given = one(text, 0, text, &(0..text.len()))?.given;
                Some((given.name, unescaped(&given.value)))
            };
            items.iter().map(|one| one.get_ref().as_str().and_then(item)).collect()
        }
        DeValue::Table(table) => {
            let plain = |value: &DeValue<'_>| match value {
                DeValue::String(text) => Some(text.to_string()),
                DeValue::Integer(number) => Some(number.as_str().to_owned()),
                DeValue::Float(number) => Some(number.as_str().to_owned()),
                DeValue::Boolean(truth) => Some(truth.to_string()),
                _ => None,
            };
            table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), plain(value.get_ref())?)))
                .collect()
        }
        _ => None,
    }
}

/// As `sam` undoes them.
fn unescaped(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\'", "'").replace("\\ ", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_own_table_counts_more_than_the_global_one() {
        let text = "version = 0.1\n[default.global.parameters]\nstack_name = \"g\"\nregion = \"eu-west-1\"\n\
                    [default.deploy.parameters]\nstack_name = \"d\"\ncapabilities = \"CAPABILITY_IAM CAPABILITY_AUTO_EXPAND\"\n\
                    parameter_overrides = \"A=1 B=\\\"two words\\\" C=3\"\ntags = [\"team=x\"]\n\
                    confirm_changeset = true\nimage_repository = \"r\"\nfail_on_empty_changeset = true\nresolve_s3 = \"yes\"\n";
        let settings = deploy_settings(text, "default").unwrap().unwrap();
        assert_eq!(settings.stack_name.as_deref(), Some("d"));
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(settings.capabilities, ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(settings.parameters, [pair("A", "1"), pair("B", "two words"), pair("C", "3")]);
        assert_eq!(settings.tags, [pair("team", "x")]);
        assert!(settings.confirm_changeset);
        assert_eq!(settings.unsupported.into_iter().collect::<Vec<_>>(), ["image_repository"]);
        assert_eq!(settings.ignored.into_iter().collect::<Vec<_>>(), ["fail_on_empty_changeset"]);
        assert_eq!(settings.wrong.into_iter().collect::<Vec<_>>(), ["resolve_s3"]);
        assert_eq!(deploy_settings(text, "prod").unwrap(), None);
        assert_eq!(deploy_settings("a = \n", "prod").unwrap_err().position.line, 1);
    }
    /// As `sam` reads them, and as bumps do.
    #[test]
    fn parameters_are_read_by_the_rules_of_bumps() {
        let read = |value: &str| {
            let text = format!("[a.deploy.parameters]\nparameter_overrides = {value}\n");
            let settings = deploy_settings(&text, "a").unwrap().unwrap();
            let parameters = settings.parameters.into_iter().map(|(name, value)| format!("{name}={value}"));
            let parameters: Vec<_> = parameters.collect();
            if settings.wrong.is_empty() { parameters.join("|") } else { "wrong".to_owned() }
        };
        assert_eq!(read("\"A=1 ParameterKey=C,ParameterValue=3\""), "C=3");
        assert_eq!(read("['A=1 B=2', 'C=\"two words\"']"), "A=1|B=2|C=two words");
        assert_eq!(read("[['A=1'], ['B=2']]"), "A=1|B=2");
        assert_eq!(read("['ParameterKey=A,ParameterValue=1', 'B=2']"), "A=1|B=2");
        assert_eq!(read("{A = [1, 'b'], B = true, C = 1.5}"), "A=1,b|B=true|C=1.5");
        assert_eq!(read("['A=0 B=2', 'A=1']"), "A=1|B=2");
        assert_eq!(read("''"), "");
        for wrong in ["'A'", "['A=1', 'B']", "['A=1', 7]", "7", "{A = {b = 1}}"] {
            assert_eq!(read(wrong), "wrong", "{wrong}");
        }
    }
}
