//! The stack that makes a layer, for `publish`: its template, brought to a content that lies in S3.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use template_tools::arn::{LayerName, LayerVersionArn, Region};
use template_tools::document::Document;
use template_tools::flow::{Definition, definitions};
use template_tools::ledger::Content as Place;
use template_tools::template::local::{local_paths, with_places, written_contents};
use tokio::sync::Mutex;

use super::deploy::new_name;
use super::error::StackError;
use super::parameters::{Sent, check};
use super::region::{Common, InRegion, Outcome};
use super::settings::Settings;
use super::template::Template;
use crate::aws::failure::Advice;
use crate::aws::session::{Caller, Session};
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::interrupt::Interrupts;
use crate::publish::staging::S3Object;
use crate::ui::{Ui, whole};

/// The parameters that say where the content lies, as `stage` and `new-template` call them.
const BUCKET: &str = "S3Bucket";
const KEY: &str = "S3Key";
const VERSION: &str = "S3ObjectVersion";

/// A layer's stack, with its template.
#[derive(Clone, Debug)]
pub(crate) struct LayerStack {
    /// Its name.
    pub(crate) name: String,
    template: Arc<Template>,
    way: Way,
}

/// How the content gets into the template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// By its parameters.
    Parameters,
    /// It stands there, in the resource of this name: `ContentUri` of SAM, for example.
    Written(String),
}

/// Why a stack does not have the content, and what to type next.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Why, with all causes.
    pub(crate) why: String,
    /// What to type next.
    pub(crate) hint: Option<String>,
}

/// What deployments of several stacks have in common.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) session: Session,
    pub(crate) caller: Caller,
    pub(crate) clocks: Clocks,
    pub(crate) ui: Ui,
    pub(crate) called: CalledAs,
    interrupts: Interrupts,
}

impl Around {
    /// From here on Ctrl-C leaves a stack in order. To be called once.
    pub(crate) fn new(
        session: &Session,
        caller: &Caller,
        clocks: Clocks,
        ui: &Ui,
        called: &CalledAs,
    ) -> std::io::Result<Self> {
        Ok(Self {
            session: session.clone(),
            caller: caller.clone(),
            clocks,
            ui: ui.clone(),
            called: called.clone(),
            interrupts: Interrupts::listen()?,
        })
    }
}

impl LayerStack {
    /// Reads the template, and refuses one that cannot be given a content.
    pub(crate) fn read(
        name: String,
        path: &Path,
        layer: &LayerName,
        called: &CalledAs,
    ) -> Result<Self, Problem> {
        let template = Template::of_layer(path).map_err(|error| {
            let mut problem = problem(&error, &Advice::default(), called);
            if let StackError::Read { source, .. } = &error
                && source.kind() == std::io::ErrorKind::NotFound
            {
                problem.hint = Some(
                    "write it with `new-template cloudformation`, or name another one as `template`"
                        .to_owned(),
                );
            }
            problem
        })?;
        let way = way(&template, layer)?;
        let missing = template.missing_capabilities(&[]);
        if !missing.is_empty() {
            let error = StackError::Capabilities(missing);
            let hint = Some("a layer's own template makes nothing but the layer".to_owned());
            return Err(Problem { hint, ..problem(&error, &Advice::default(), called) });
        }
        Ok(Self { name, template: Arc::new(template), way })
    }

    /// Deploys it with this content, and gives the number of the version that it has then.
    pub(crate) async fn deploy(
        &self,
        around: &Around,
        region: &Region,
        layer: &LayerName,
        object: &S3Object,
    ) -> Result<u64, Problem> {
        let Around { session, caller, clocks, ui, called, interrupts } = around.clone();
        let (given, template) = match &self.way {
            Way::Parameters => (self.given(object), Arc::clone(&self.template)),
            Way::Written(resource) => (BTreeMap::new(), Arc::new(self.placed(resource, object, &called)?)),
        };
        check(&template.parameters, &given)
            .map_err(|error| Problem { why: error.to_string(), hint: error.hint() })?;
        let common = Arc::new(Common {
            session,
            caller,
            clocks,
            given,
            change_set: new_name(),
            ui,
            interrupts,
            asking: Mutex::default(),
            settings: Settings::plain(self.name.clone(), region.clone()),
        });
        let one = InRegion::new(common, region.clone());
        let outcome = Box::pin(one.deploy(&template)).await;
        let advice = around.session.advice();
        match outcome.map_err(|error| self.problem(&error, region, advice, &called))? {
            Outcome::Deployed(_) | Outcome::Unchanged(_) => {}
            Outcome::Left => {
                let why = "it was interrupted, and nothing was changed".to_owned();
                return Err(Problem { why, hint: Some("publish again".to_owned()) });
            }
            Outcome::Shown(_) | Outcome::Prepared(..) | Outcome::Begun(_) | Outcome::GoesOn => {
                let why = "it was interrupted, and the stack goes on without us".to_owned();
                return Err(Problem { why, hint: Some("publish again to see what came of it".to_owned()) });
            }
        }
        self.holds(&around.session, &called, region, layer).await?.ok_or_else(|| Problem {
            why: format!("it makes no version of layer `{layer}`"),
            hint: Some(format!("the `LayerName` in its template must be `{layer}`")),
        })
    }

    /// The number of the version of the layer that the stack has now; nothing without a stack.
    pub(crate) async fn holds(
        &self,
        session: &Session,
        called: &CalledAs,
        region: &Region,
        layer: &LayerName,
    ) -> Result<Option<u64>, Problem> {
        let cloudformation = session.cloudformation(region);
        let resources = async {
            match cloudformation.stack(&self.name).await? {
                Some(stack) => cloudformation.resources(&stack.id).await,
                None => Ok(Vec::new()),
            }
        };
        let resources = resources.await.map_err(|failure| Problem {
            hint: failure.hint(session.advice(), called),
            why: failure.to_string(),
        })?;
        let versions = resources.into_iter().filter_map(|(_, _, physical)| {
            let arn = physical.parse::<LayerVersionArn>().ok()?;
            (arn.layer == *layer).then_some(arn.version)
        });
        Ok(versions.max())
    }

    /// The template with this content where another one stands.
    fn placed(&self, resource: &str, object: &S3Object, called: &CalledAs) -> Result<Template, Problem> {
        let Template { path, parameters, .. } = &*self.template;
        let document = self.template.parsed();
        let S3Object { bucket, key, version } = object.clone();
        let place = Place { bucket, key, version };
        let contents = written_contents(&document);
        let its = contents.iter().filter(|content| content.resource == resource);
        let places = its.map(|content| (content, place.clone())).collect::<Vec<_>>();
        let text = with_places(&document, &places).map_err(|source| {
            problem(&StackError::Places { path: path.clone(), source }, &Advice::default(), called)
        })?;
        Ok(Template { path: path.clone(), text, parameters: parameters.clone(), packed: Vec::new() })
    }

    fn given(&self, object: &S3Object) -> BTreeMap<String, Sent> {
        let has_version = self.template.parameters.iter().any(|parameter| parameter.name == VERSION);
        // Without versions the parameter is emptied, so that none is left of another bucket.
        let version = has_version.then(|| (VERSION, object.version.clone().unwrap_or_default()));
        let places = [(BUCKET, object.bucket.clone()), (KEY, object.key.clone())];
        let all = places.into_iter().chain(version);
        all.map(|(name, value)| (name.to_owned(), Sent::Value(value))).collect()
    }

    fn problem(&self, error: &StackError, region: &Region, advice: &Advice, called: &CalledAs) -> Problem {
        let problem = problem(error, advice, called);
        let hint = match error {
            StackError::Failed { status, .. } | StackError::Stuck { status, .. }
                if status.as_str() != "UPDATE_ROLLBACK_FAILED" =>
            {
                let delete =
                    format!("`aws cloudformation delete-stack --stack-name {} --region {region}`", self.name);
                Some(match status.as_str() {
                    "UPDATE_FAILED" => format!(
                        "roll it back with `aws cloudformation rollback-stack --stack-name {} --region {region}`, and publish again",
                        self.name
                    ),
                    "UPDATE_ROLLBACK_COMPLETE" => "mend the cause, and publish again".to_owned(),
                    _ => format!("mend the cause, delete the failed stack with {delete}, and publish again"),
                })
            }
            StackError::Deletes(_) => Some(
                "give the layer `DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` in the template"
                    .to_owned(),
            ),
            _ => problem.hint,
        };
        Problem { hint, ..problem }
    }
}

/// How the content of this layer gets into the template, if it can.
fn way(template: &Template, layer: &LayerName) -> Result<Way, Problem> {
    let document = template.parsed();
    let definitions = definitions(&document);
    let is_its = |definition: &&Definition| {
        definitions.len() == 1 || definition.layer.as_deref() == Some(layer.as_str())
    };
    let path = template.path.display();
    if let [only] = definitions.as_slice()
        && let Some(name) = written_name(&document, only).filter(|name| *name != layer.as_str())
    {
        return Err(Problem {
            why: format!("`{path}` makes layer `{name}`, and not `{layer}`"),
            hint: Some(format!("the `LayerName` in it must be `{layer}`")),
        });
    }
    let contents = written_contents(&document);
    let its = definitions.iter().filter(is_its).map(|definition| &definition.resource);
    let its = its.into_iter().find(|name| contents.iter().any(|content| content.resource == **name));
    let others = local_paths(&document).into_iter().filter(|local| Some(&local.resource) != its);
    let others = others.map(|one| format!("`{}` (`{}` of `{}`)", one.path, one.property, one.resource));
    let others = others.collect::<Vec<_>>();
    if !others.is_empty() {
        return Err(Problem {
            why: format!("`{path}` names other files of this machine: {}", others.join(", ")),
            hint: Some("a layer's own template makes nothing but the layer".to_owned()),
        });
    }
    if let Some(resource) = its {
        return Ok(Way::Written(resource.clone()));
    }
    let has = |name: &&str| template.parameters.iter().any(|parameter| parameter.name == **name);
    let Some(missing) = [BUCKET, KEY].iter().find(|name| !has(name)) else { return Ok(Way::Parameters) };
    Err(Problem {
        why: format!("`{path}` has no parameter `{missing}`, and no layer whose content stands there"),
        hint: Some(format!(
            "let `Content` take its place from parameters `{BUCKET}` and `{KEY}`, or name a file as `ContentUri`, \
             as `new-template cloudformation` and `new-template sam` do"
        )),
    })
}

/// The name of the layer, where it stands in the template and in no parameter.
fn written_name<'d>(document: &'d Document<'_>, definition: &Definition) -> Option<&'d str> {
    let properties = document.values(definition.node, "Properties");
    let node =
        properties.into_iter().find_map(|table| document.values(table, "LayerName").first().copied())?;
    if document.intrinsic(node).is_some() { None } else { document.scalar(node) }
}

fn problem(error: &StackError, advice: &Advice, called: &CalledAs) -> Problem {
    Problem { why: whole(error), hint: error.hint(advice, called) }
}
