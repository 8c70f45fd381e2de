//! What goes through S3 on its way to a stack: files of this machine, and templates that are too large for a request.

use template_tools::arn::{Partition, Region};
use template_tools::ledger::Content as Place;
use template_tools::template::local::{Purpose, with_places};

use super::change_set::{LARGEST_BODY, TemplateSource};
use super::error::StackError;
use super::region::InRegion;
use super::settings::Goal;
use super::template::{LARGE, Template, as_object, bucket_for};
use crate::publish::staging::S3Object;

impl InRegion {
    /// The bucket for what has to go through S3.
    async fn bucket(&self, needed_for: &str) -> Result<String, StackError> {
        let settings = &self.common.settings;
        if let Some(pattern) = &settings.s3_bucket {
            return Ok(pattern.fill(self.account(), &self.region));
        }
        if settings.resolve_s3 {
            return self.managed_bucket().await;
        }
        Err(StackError::NoBucket(needed_for.to_owned()))
    }

    /// The template's text, with what lies on this machine sent to S3.
    pub(super) async fn staged(&self, template: &Template) -> Result<String, StackError> {
        let mut places = Vec::new();
        for packed in &template.packed {
            let local = &packed.local;
            let bucket = self.bucket(&bucket_for(local)).await?;
            let folder = match local.purpose {
                Purpose::LayerContent => "lambda-layers",
                Purpose::FunctionCode | Purpose::Other => "lambda-functions",
            };
            let key = match &self.common.settings.s3_prefix {
                Some(prefix) => format!("{}/{}.zip", prefix.trim_matches('/'), packed.sha256),
                None => format!("{folder}/{}/{}.zip", local.resource, packed.sha256),
            };
            let s3 = self.common.session.s3(&self.region);
            let what = || format!("send `{}` to bucket `{bucket}` in {}", local.path, self.region);
            let failed = |failure| StackError::call(what(), failure);
            let S3Object { bucket, key, version } = if self.common.settings.goal == Goal::Show {
                // What would be sent has no version yet; a change set does not look whether it is there.
                let there = s3.look(&bucket, &key, packed.size).await.map_err(failed)?;
                if there.is_none() {
                    self.status("Would stage", format!("{} to s3://{bucket}/{key}", local.path));
                }
                there.unwrap_or(S3Object { bucket, key, version: None })
            } else {
                let sent = s3.bring(&bucket, &key, &packed.zip, packed.size, &packed.code_sha256).await;
                let object = sent.map_err(failed)?;
                self.status("Staged", format!("{} to s3://{}/{}", local.path, object.bucket, object.key));
                object
            };
            places.push((local, Place { bucket, key, version }));
        }
        if places.is_empty() {
            return Ok(template.text.clone());
        }
        with_places(&template.parsed(), &places)
            .map_err(|source| StackError::Places { path: template.path.clone(), source })
    }

    /// The text of a template as it is sent: in the request, or where it is too large for that, from S3. `name` is what
    /// it is called in errors.
    pub(super) async fn source(&self, name: &str, text: String) -> Result<TemplateSource, StackError> {
        if text.len() <= LARGEST_BODY {
            return Ok(TemplateSource::Body(text));
        }
        let bucket = self.bucket(LARGE).await?;
        let (zip, size, sha256, code_sha256) = as_object(&text);
        let prefix = self.common.settings.s3_prefix.as_deref().map(|prefix| prefix.trim_matches('/'));
        let prefix = prefix.unwrap_or("cloudformation-templates");
        let key = format!("{prefix}/{sha256}.template");
        let sent = self.common.session.s3(&self.region).bring(&bucket, &key, &zip, size, &code_sha256).await;
        let what = || format!("send `{name}` to bucket `{bucket}` in {}", self.region);
        let object = sent.map_err(|failure| StackError::call(what(), failure))?;
        self.status("Staged", format!("the template to s3://{}/{}", object.bucket, object.key));
        Ok(TemplateSource::Url(template_url(&self.common.caller.partition, &self.region, &object)))
    }
}

/// Where CloudFormation reads a template: the address of an object, the bucket in the path.
fn template_url(partition: &Partition, region: &Region, object: &S3Object) -> String {
    // As the SDK's rules for endpoints have them.
    let suffix = match partition.as_str() {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    };
    let mut url = format!("https://s3.{region}.{suffix}/{}/{}", object.bucket, percent_encoded(&object.key));
    if let Some(version) = &object.version {
        url.push_str(&format!("?versionId={}", percent_encoded(version)));
    }
    url
}

/// With everything but slashes and RFC 3986's unreserved characters as percent and two digits.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_where_its_partition_has_it() {
        let url = |partition: &str, region: &str, key: &str, version: Option<&str>| {
            let object =
                S3Object { bucket: "b".to_owned(), key: key.to_owned(), version: version.map(str::to_owned) };
            template_url(&Partition::new(partition).unwrap(), &Region::new(region).unwrap(), &object)
        };
        assert_eq!(
            url("aws", "eu-west-1", "a/b.template", None),
            "https://s3.eu-west-1.amazonaws.com/b/a/b.template"
        );
        assert_eq!(
            url("aws-cn", "cn-north-1", "k", Some("v+1")),
            "https://s3.cn-north-1.amazonaws.com.cn/b/k?versionId=v%2B1"
        );
        assert_eq!(
            url("aws-eusc", "eusc-de-east-1", "k", None),
            "https://s3.eusc-de-east-1.amazonaws.eu/b/k"
        );
        assert_eq!(
            url("aws", "eu-west-1", "my app/ü#1", None),
            "https://s3.eu-west-1.amazonaws.com/b/my%20app/%C3%BC%231"
        );
    }
}
