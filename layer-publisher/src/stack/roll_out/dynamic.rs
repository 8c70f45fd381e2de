//! Layers that a template reads by `{{resolve:ssm:…}}`: CloudFormation sees a change only where the reference names
//! another version of the parameter, so it is made to.

use std::collections::BTreeSet;

use template_tools::document::{Document, parse};
use template_tools::pattern::{Part, VersionPart};
use template_tools::pins::{Pins, Resolution};
use template_tools::plan::{DynamicReference, dynamic_references, with_parameter_versions};

use super::super::error::StackError;
use super::super::region::InRegion;
use super::behind::Behind;
use super::error::RollOutError;

/// What becomes of the dynamic references of a template.
#[derive(Debug, Default)]
pub(super) struct Dynamic {
    /// The template, if something of it changes.
    pub(super) text: Option<String>,
    /// The functions that get another layer by that.
    pub(super) functions: BTreeSet<String>,
    /// Why others do not.
    pub(super) reasons: Vec<String>,
}

impl InRegion {
    /// Looks up what the functions that are behind read, and names the version of the parameter where it holds the
    /// layer's new version.
    pub(super) async fn dynamic(
        &self,
        text: &str,
        behind: &[Behind],
        pins: &Pins,
    ) -> Result<Dynamic, RollOutError> {
        let stack = || self.stack_name().to_owned();
        let parsed = || parse(text).map_err(|source| RollOutError::Parse { stack: stack(), source });
        let is_behind = |one: &DynamicReference| behind.iter().any(|it| one.functions.contains(&it.function));
        let references = dynamic_references(&parsed()?).into_iter().filter(is_behind).collect::<Vec<_>>();
        let mut held = Vec::new();
        for one in &references {
            let what = || format!("read the parameter `{}` in {}", one.name, self.region);
            let found = self.parameter_of_ssm(&one.name).await;
            let found = found.map_err(|failure| StackError::call(what(), failure))?;
            held.extend(found.map(|(value, version)| (one, value, version)));
        }
        self.named_anew(&parsed()?, held, pins)
    }

    fn named_anew(
        &self,
        document: &Document<'_>,
        held: Vec<(&DynamicReference, String, u64)>,
        pins: &Pins,
    ) -> Result<Dynamic, RollOutError> {
        let (mut dynamic, mut versions) = (Dynamic::default(), Vec::new());
        for (one, value, version) in held {
            let name = &one.name;
            let Some(mut pattern) = one.resolved(document, &value) else { continue };
            if pattern.region == Part::Deployed {
                pattern.region = Part::Is(self.region.clone());
            }
            let Resolution::Version(pin) = pins.resolve(&pattern) else { continue };
            let Some(wanted) = pin.version else { continue };
            if pattern.version != VersionPart::Number(wanted) {
                let held = &pattern.version;
                dynamic.reasons.push(format!("the parameter `{name}` names version {held}, not {wanted}"));
            } else if one.version != Some(version) {
                let old = one.version.map(|old| format!("version {old} -> ")).unwrap_or_default();
                self.status("Parameter", format!("{{{{resolve:ssm:{name}}}}}: {old}version {version} of it"));
                dynamic.functions.extend(one.functions.iter().cloned());
                versions.push((one, version));
            }
        }
        if !versions.is_empty() {
            let stack = self.stack_name().to_owned();
            let text = with_parameter_versions(document, &versions);
            dynamic.text = Some(text.map_err(|source| RollOutError::Proof { stack, source })?);
        }
        Ok(dynamic)
    }

    async fn parameter_of_ssm(
        &self,
        name: &str,
    ) -> Result<Option<(String, u64)>, crate::aws::failure::CallFailure> {
        self.common.session.ssm(&self.region).get_with_version(name).await
    }
}
