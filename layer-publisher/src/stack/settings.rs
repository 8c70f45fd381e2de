//! What is asked for, on the command line and in `samconfig.toml`: what is typed counts more.

mod error;

use std::io;
use std::path::{Path, PathBuf};

use template_tools::arn::Region;
use template_tools::samconfig::{self, DeploySettings, deploy_settings};

use super::change_set::OnFailure;
use super::parameters::Sent;
use crate::publish::staging::BucketPattern;
use crate::region;
use crate::ui::{Format, Ui, counted, shown};

pub use error::SettingsError;

/// What is to be done with the change set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Carry it out.
    Deploy,
    /// Show it, and throw it away.
    Show,
    /// Make it, and leave it for later.
    Prepare,
}

/// Whether somebody is asked before it is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Nobody is.
    No,
    /// Whoever sits at the terminal.
    Yes,
}

/// What happens after a change set has begun to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// It is followed to its end.
    ToTheEnd,
    /// It is left to itself.
    No,
}

/// What may be done to a stack beyond updating it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// LayerVersions may be deleted.
    pub delete: bool,
    /// A stack that can only be deleted may be, to be created anew.
    pub recreate: bool,
    /// A rollback that failed may be tried once more.
    pub continue_rollback: bool,
}

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The template.
    pub template: Option<PathBuf>,
    /// The stack.
    pub stack_name: Option<String>,
    /// Parameters, in the order of the command line.
    pub parameters: Vec<(String, Sent)>,
    /// Capabilities.
    pub capabilities: Vec<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The role that CloudFormation takes on.
    pub role_arn: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// The regions.
    pub regions: Vec<Region>,
    /// The bucket.
    pub s3_bucket: Option<BucketPattern>,
    /// What keys in the bucket begin with.
    pub s3_prefix: Option<String>,
    /// What happens if it fails.
    pub on_failure: Option<OnFailure>,
    /// The environment of `samconfig.toml`.
    pub config_env: Option<String>,
    /// What is done with the change set, if it is said.
    pub goal: Option<Goal>,
    /// Whether somebody is asked, if it is said.
    pub confirm: Option<Confirm>,
    /// Whether it is followed.
    pub follow: Follow,
    /// What may be done besides.
    pub allowed: Allowed,
    /// Resources that a rollback leaves out.
    pub skip_resources: Vec<String>,
    /// A change set that was made before.
    pub execute: Option<String>,
    /// The form of the results.
    pub format: Format,
}

/// What counts, all in all.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The stack.
    pub stack_name: String,
    /// Parameters: those of the command line and, where it is silent, those of `samconfig.toml`.
    pub parameters: Vec<(String, Sent)>,
    /// Capabilities.
    pub capabilities: Vec<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
    /// The role that CloudFormation takes on.
    pub role_arn: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// The regions; where there are none, that of the profile.
    pub regions: Vec<Region>,
    /// The bucket.
    pub s3_bucket: Option<BucketPattern>,
    /// What keys in the bucket begin with.
    pub s3_prefix: Option<String>,
    /// Whether the bucket is that of SAM's own stack.
    pub resolve_s3: bool,
    /// What happens if it fails.
    pub on_failure: Option<OnFailure>,
    /// What is done with the change set.
    pub goal: Goal,
    /// Whether somebody is asked.
    pub confirm: Confirm,
    /// Whether it is followed.
    pub follow: Follow,
    /// What may be done besides.
    pub allowed: Allowed,
    /// Resources that a rollback leaves out.
    pub skip_resources: Vec<String>,
}

impl Settings {
    /// A deployment of one stack to one region, with nothing said beyond that.
    pub(super) fn plain(stack_name: String, region: Region) -> Self {
        Self {
            stack_name,
            parameters: Vec::new(),
            capabilities: Vec::new(),
            tags: Vec::new(),
            role_arn: None,
            profile: None,
            regions: vec![region],
            s3_bucket: None,
            s3_prefix: None,
            resolve_s3: false,
            on_failure: None,
            goal: Goal::Deploy,
            confirm: Confirm::No,
            follow: Follow::ToTheEnd,
            allowed: Allowed::default(),
            skip_resources: Vec::new(),
        }
    }
}

/// Whether a stack can have this name.
pub fn is_stack_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The `samconfig.toml` that belongs to a template: beside it, or beside the `.aws-sam` that it was built into.
fn samconfig_of(template: &Path) -> PathBuf {
    let folder = template.parent().unwrap_or(Path::new(""));
    let folder = if super::local::is_built(template) {
        folder.parent().and_then(Path::parent).unwrap_or(folder)
    } else {
        folder
    };
    folder.join(samconfig::FILE_NAME)
}

/// Puts together what is typed and what `samconfig.toml` says.
pub fn settle(asked: &Asked, template: &Path, ui: &Ui) -> Result<Settings, SettingsError> {
    let file = samconfig_of(template);
    let sam = read(&file, asked.config_env.as_deref(), ui)?;
    let stack_name = asked.stack_name.clone().or(sam.stack_name).ok_or(SettingsError::NoStackName)?;
    if !is_stack_name(&stack_name) {
        return Err(SettingsError::StackName(stack_name));
    }
    let on_failure = match sam.on_failure.as_deref() {
        None if sam.disable_rollback => Some(OnFailure::DoNothing),
        None => None,
        Some("ROLLBACK") => Some(OnFailure::Rollback),
        Some("DO_NOTHING") => Some(OnFailure::DoNothing),
        Some("DELETE") => Some(OnFailure::Delete),
        Some(_) => return Err(SettingsError::OnFailure { file }),
    };
    let mut regions = asked.regions.clone();
    if let Some(region) = sam.region.filter(|_| regions.is_empty()) {
        regions.push(
            region::parse(&region).map_err(|source| SettingsError::Region { file: file.clone(), source })?,
        );
    }
    let bucket = sam.s3_bucket.map(|name| name.parse::<BucketPattern>()).transpose();
    let bucket = bucket.map_err(|source| SettingsError::Bucket { file, source })?;
    let mut parameters = asked.parameters.clone();
    let is_typed = |name: &str| asked.parameters.iter().any(|(typed, _)| typed == name);
    parameters.extend(
        sam.parameters
            .into_iter()
            .filter(|(name, _)| !is_typed(name))
            .map(|(name, value)| (name, Sent::Value(value))),
    );
    let or = |typed: &[String], file: Vec<String>| if typed.is_empty() { file } else { typed.to_owned() };
    Ok(Settings {
        stack_name,
        parameters,
        capabilities: or(&asked.capabilities, sam.capabilities),
        tags: if asked.tags.is_empty() { sam.tags } else { asked.tags.clone() },
        role_arn: asked.role_arn.clone().or(sam.role_arn),
        profile: asked.profile.clone().or(sam.profile),
        regions,
        resolve_s3: sam.resolve_s3 && asked.s3_bucket.is_none(),
        s3_bucket: asked.s3_bucket.clone().or(bucket),
        s3_prefix: asked.s3_prefix.clone().or(sam.s3_prefix),
        on_failure: asked.on_failure.or(on_failure),
        goal: asked.goal.unwrap_or(if sam.no_execute_changeset { Goal::Prepare } else { Goal::Deploy }),
        confirm: asked.confirm.unwrap_or(if sam.confirm_changeset { Confirm::Yes } else { Confirm::No }),
        follow: asked.follow,
        allowed: asked.allowed,
        skip_resources: asked.skip_resources.clone(),
    })
}

fn read(file: &Path, environment: Option<&str>, ui: &Ui) -> Result<DeploySettings, SettingsError> {
    let path = || file.to_owned();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match environment {
                None => Ok(DeploySettings::default()),
                Some(name) => Err(SettingsError::NoFile { file: path(), environment: name.to_owned() }),
            };
        }
        Err(source) => return Err(SettingsError::Read { file: path(), source }),
    };
    let name = environment.unwrap_or("default");
    let found =
        deploy_settings(&text, name).map_err(|source| SettingsError::Syntax { file: path(), source })?;
    let Some(found) = found else {
        return match environment {
            None => Ok(DeploySettings::default()),
            Some(name) => Err(SettingsError::NoEnvironment { file: path(), environment: name.to_owned() }),
        };
    };
    ui.status("Reading", format!("{}, environment `{name}`", shown(file)));
    if !found.unsupported.is_empty() {
        let keys = found.unsupported.into_iter().collect();
        return Err(SettingsError::Unsupported { file: path(), keys });
    }
    if !found.wrong.is_empty() {
        return Err(SettingsError::Wrong { file: path(), keys: found.wrong.into_iter().collect() });
    }
    if !found.ignored.is_empty() {
        let keys = found.ignored.iter().cloned().collect::<Vec<_>>();
        let count = counted(keys.len(), "key");
        ui.warning(format!("nothing is done about {count} of `{}`: {}", shown(file), error::names(&keys)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_stacks_are_checked_before_anything_is_asked() {
        assert!(is_stack_name("my-Stack-1"));
        for name in ["", "1st", "a_b", "a.b", "-a", &"a".repeat(129)] {
            assert!(!is_stack_name(name), "{name}");
        }
    }

    #[test]
    fn the_samconfig_of_what_was_built_is_that_of_the_project() {
        let of = |path: &str| samconfig_of(Path::new(path)).display().to_string();
        assert_eq!(of("a/template.yaml"), "a/samconfig.toml");
        assert_eq!(of("a/.aws-sam/build/template.yaml"), "a/samconfig.toml");
        assert_eq!(of("template.yaml"), "samconfig.toml");
        assert_eq!(of(".aws-sam/build/template.yaml"), "samconfig.toml");
    }
}
