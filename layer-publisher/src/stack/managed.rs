//! The bucket of SAM's own stack (`resolve_s3`): taken from there, and made as `sam deploy` makes it where there is none.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::deploy::new_name;
use super::error::StackError;
use super::region::{Common, InRegion, Outcome};
use super::settings::{Goal, Settings};
use super::template::Template;

/// The stack.
pub(super) const STACK: &str = "aws-sam-cli-managed-default";
/// The output that names the bucket.
const OUTPUT: &str = "SourceBucket";
/// The tag by which SAM knows the stack for its own.
const TAG: (&str, &str) = ("ManagedStackSource", "AwsSamCli");
const TEMPLATE: &str = include_str!("managed.yaml");

impl InRegion {
    /// The bucket of SAM's stack. A run that leaves nothing behind makes none.
    pub(super) async fn managed_bucket(&self) -> Result<String, StackError> {
        let none = || StackError::NoSamBucket { region: self.region.clone() };
        let found = self.stack(STACK).await?;
        if let Some(bucket) = found.as_ref().and_then(|stack| stack.outputs.get(OUTPUT)) {
            return Ok(bucket.clone());
        }
        if self.common.settings.goal == Goal::Show {
            return Err(none());
        }
        self.status("Creating", format!("stack `{STACK}`, with the bucket that `resolve_s3` asks for"));
        match self.make_managed().await? {
            Outcome::Deployed(stack) | Outcome::Unchanged(stack) => {
                stack.outputs.get(OUTPUT).cloned().ok_or_else(none)
            }
            Outcome::Left | Outcome::GoesOn => Err(StackError::Interrupted),
            Outcome::Shown(_) | Outcome::Prepared(..) | Outcome::Begun(_) => Err(none()),
        }
    }

    /// Deploys it. In a box: a deployment in the midst of another one.
    fn make_managed(&self) -> Pin<Box<dyn Future<Output = Result<Outcome, StackError>> + Send + '_>> {
        Box::pin(async move {
            let tags = vec![(TAG.0.to_owned(), TAG.1.to_owned())];
            let settings = Settings { tags, ..Settings::plain(STACK.to_owned(), self.region.clone()) };
            let common = Common {
                session: self.common.session.clone(),
                caller: self.common.caller.clone(),
                clocks: self.common.clocks,
                given: BTreeMap::new(),
                change_set: new_name(),
                ui: self.common.ui.clone(),
                interrupts: self.common.interrupts.clone(),
                asking: Mutex::default(),
                settings,
            };
            let template = Template {
                path: PathBuf::from(STACK),
                text: TEMPLATE.to_owned(),
                parameters: Vec::new(),
                packed: Vec::new(),
            };
            let one = Self::new(Arc::new(common), self.region.clone());
            one.called(format!("{STACK} in {}", self.region)).deploy(&template).await
        })
    }
}
