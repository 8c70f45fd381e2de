//! `stage`: the zip to S3, and what CloudFormation needs to make a layer of it. Publishes nothing.

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;
use template_tools::arn::LayerName;
use template_tools::starter::stack_name;
use tokio::task::JoinSet;

use super::progress::Lines;
use super::sender::Sender;
use super::staging::S3Object;
use super::{Order, Prepared, PublishError, PublishRequest, order_of, prepare};
use crate::aws::failure::CallFailure;
use crate::called::{CalledAs, Command};
use crate::ui::{Format, Ui, megabytes};

/// What is printed of one zip in one region.
#[derive(Serialize)]
struct Staged {
    layer_name: String,
    region: String,
    #[serde(rename = "S3Bucket")]
    bucket: String,
    #[serde(rename = "S3Key")]
    key: String,
    #[serde(rename = "S3ObjectVersion")]
    version: Option<String>,
    create_stack: String,
}

/// Sends what is built to S3.
pub async fn run(request: &PublishRequest, ui: &Ui, called: &CalledAs) -> Result<ExitCode, PublishError> {
    let Some((file, artifacts, start)) = order_of(request, ui)? else { return Ok(ExitCode::SUCCESS) };
    let order = Order { file: &file, artifacts, options: &request.options, start };
    let prepared = prepare(order, Command::Stage, ui, called).await?;
    let Prepared { session, caller, parcels, .. } = &prepared;
    if let Some(parcel) = parcels.iter().find(|parcel| parcel.bucket.is_none()) {
        let layer = parcel.wanted.layer_name().to_string();
        return Err(PublishError::NoBucket { layer, file: file.path.clone() });
    }

    let lines = Lines::new(ui, parcels.len() > 1);
    let mut running = JoinSet::new();
    for (index, parcel) in parcels.iter().enumerate() {
        for (position, place) in parcel.places.iter().enumerate() {
            let wanted = parcel.wanted.clone();
            let sender =
                Sender::new(session, &caller.account, &place.region, &wanted, parcel.bucket.as_ref());
            let line = lines.line(wanted.layer_name(), &place.region);
            running.spawn(async move {
                line.say(&format!("uploading {}", megabytes(wanted.size)));
                let result = sender.stage(&wanted.new).await.map(Option::<&S3Object>::cloned);
                (index, position, result)
            });
        }
    }
    let mut staged = Vec::new();
    let mut failures = Vec::<(String, CallFailure)>::new();
    while let Some(done) = running.join_next().await {
        let Ok((index, position, result)) = done else { continue };
        let parcel = &parcels[index];
        let region = &parcel.places[position].region;
        match result {
            Ok(Some(object)) => {
                ui.status("Staged", format!("{region}: s3://{}/{}", object.bucket, object.key));
                let profile = session.advice().profile.as_deref();
                staged.push((
                    index,
                    position,
                    describe(parcel.wanted.layer_name(), region.as_str(), profile, object),
                ));
            }
            Ok(None) => {}
            Err(failure) => {
                ui.failed("Failed", format!("{region}: {failure}"));
                failures.push((region.to_string(), failure));
            }
        }
    }
    staged.sort_by_key(|(index, position, _)| (*index, *position));
    let size = parcels.iter().map(|parcel| parcel.wanted.size).sum();
    let took = start.elapsed().as_secs_f64();
    ui.status("Finished", format!("{} staged, {} in {took:.2} s", staged.len(), megabytes(size)));
    if let Some((_, failure)) = failures.first()
        && let Some(hint) = failure.hint(session.advice(), called)
    {
        ui.note(hint);
    }
    print(&staged.iter().map(|(.., staged)| staged).collect::<Vec<_>>(), request.options.format, ui);
    Ok(ExitCode::from(match (failures.is_empty(), staged.is_empty()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 3,
    }))
}

fn print(staged: &[&Staged], format: Format, ui: &Ui) {
    match format {
        Format::Json => match serde_json::to_string_pretty(staged) {
            Ok(text) => ui.result(text),
            Err(error) => ui.error(&error, None),
        },
        Format::Text => {
            for staged in staged {
                let mut text = format!("S3Bucket={}\nS3Key={}\n", staged.bucket, staged.key);
                if let Some(version) = &staged.version {
                    let _ = writeln!(text, "S3ObjectVersion={version}");
                }
                ui.result(text + &staged.create_stack);
            }
        }
    }
}

/// The line makes a stack of a template whose parameters have the names of the properties that they are for, as that of
/// `new-template cloudformation` has.
fn describe(layer: &LayerName, region: &str, profile: Option<&str>, object: S3Object) -> Staged {
    let stack = stack_name(layer);
    let mut line = format!(
        "aws cloudformation create-stack --stack-name {stack} --template-body file://{layer}-layer.yaml --parameters"
    );
    let version = object.version.iter().map(|version| ("S3ObjectVersion", version));
    for (name, value) in [("S3Bucket", &object.bucket), ("S3Key", &object.key)].into_iter().chain(version) {
        let _ = write!(line, " ParameterKey={name},ParameterValue={value}");
    }
    let _ = write!(line, " --region {region}");
    if let Some(profile) = profile {
        let _ = write!(line, " --profile {profile}");
    }
    let S3Object { bucket, key, version } = object;
    let (layer_name, region) = (layer.to_string(), region.to_owned());
    Staged { layer_name, region, bucket, key, version, create_stack: line }
}
