//! S3 in one region: brings a zip to its key, once, in parts if it is large.

pub mod conditional;

use std::io::{self, Read};
use std::sync::Arc;

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use template_tools::arn::Region;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::failure::{CallFailure, Kind};
use crate::clocks::Clocks;
use crate::publish::staging::S3Object;
use crate::zip_source::ZipSource;

/// A zip above this goes in parts, in bytes.
const LARGEST_SINGLE: u64 = 16 << 20;
/// A part, in bytes. S3 wants at least 5 MiB, and at most 10,000 parts.
const PART: usize = 8 << 20;
/// So many parts are on their way at the same time, to all regions together.
pub(super) const PARTS_AT_ONCE: usize = 5;

/// S3 in one region.
#[derive(Clone, Debug)]
pub struct S3Region {
    client: Client,
    region: Region,
    clocks: Clocks,
    parts: Arc<Semaphore>,
}

impl S3Region {
    pub(super) fn new(config: &SdkConfig, region: &Region, clocks: Clocks, parts: Arc<Semaphore>) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config)
            .region(SdkRegion::new(region.to_string()))
            // We send SHA-256, and nothing besides.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), region: region.clone(), clocks, parts }
    }

    /// The object with this content, sent only if it is not there. `code_sha256` is its SHA-256 in base64.
    pub async fn bring(
        &self,
        bucket: &str,
        key: &str,
        zip: &ZipSource,
        size: u64,
        code_sha256: &str,
    ) -> Result<S3Object, CallFailure> {
        if let Some(there) = self.find(bucket, key, size).await? {
            return Ok(there);
        }
        let sent = if size <= LARGEST_SINGLE {
            self.send(bucket, key, zip, size, code_sha256).await
        } else {
            self.send_in_parts(bucket, key, zip, code_sha256).await
        };
        match sent {
            Ok(version) => Ok(S3Object { bucket: bucket.to_owned(), key: key.to_owned(), version }),
            // It is there now: somebody else has sent it, or our own answer was lost.
            Err(failure) if failure.kind == Kind::Conflict => {
                self.find(bucket, key, size).await?.ok_or(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The object with this content, if it is there; an error if there is no bucket for it. Nothing is sent.
    pub async fn look(&self, bucket: &str, key: &str, size: u64) -> Result<Option<S3Object>, CallFailure> {
        let found = self.find(bucket, key, size).await?;
        if found.is_none()
            && let Err(error) = self.client.head_bucket().bucket(bucket).send().await
        {
            let failure = self.failure("HeadBucket", bucket, &error);
            return Err(match failure.kind {
                // The answer has no body, and so no words.
                Kind::NotFound => {
                    let message = format!("there is no bucket `{bucket}` in {}", self.region);
                    CallFailure { kind: Kind::NoBucket, message, ..failure }
                }
                _ => failure,
            });
        }
        Ok(found)
    }

    async fn find(&self, bucket: &str, key: &str, size: u64) -> Result<Option<S3Object>, CallFailure> {
        const OPERATION: &str = "HeadObject";
        let found = match self.client.head_object().bucket(bucket).key(key).send().await {
            Ok(found) => found,
            Err(error) => {
                let failure = self.failure(OPERATION, bucket, &error);
                // The key or the bucket; sending tells.
                return if failure.kind == Kind::NotFound { Ok(None) } else { Err(failure) };
            }
        };
        let there = found.content_length().and_then(|length| u64::try_from(length).ok());
        if there != Some(size) {
            return Err(plain(
                OPERATION,
                Kind::Refused,
                format!(
                    "`s3://{bucket}/{key}` has {} bytes, and not {size}: something else lies there",
                    there.unwrap_or_default()
                ),
            ));
        }
        let version = found.version_id().filter(|version| *version != "null").map(str::to_owned);
        Ok(Some(S3Object { bucket: bucket.to_owned(), key: key.to_owned(), version }))
    }

    async fn send(
        &self,
        bucket: &str,
        key: &str,
        zip: &ZipSource,
        size: u64,
        code_sha256: &str,
    ) -> Result<Option<String>, CallFailure> {
        const OPERATION: &str = "PutObject";
        let _turn = self.parts.acquire_many(2).await.ok();
        let bytes = read(zip.open().map_err(|error| unreadable(OPERATION, &error))?, size as usize)
            .map_err(|error| unreadable(OPERATION, &error))?;
        let answer = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .if_none_match("*")
            .checksum_sha256(code_sha256)
            .content_type("application/zip")
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(self.patient(size))
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, bucket, &error))?;
        Ok(answer.version_id().map(str::to_owned))
    }

    async fn send_in_parts(
        &self,
        bucket: &str,
        key: &str,
        zip: &ZipSource,
        code_sha256: &str,
    ) -> Result<Option<String>, CallFailure> {
        const OPERATION: &str = "CreateMultipartUpload";
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .content_type("application/zip")
            .send()
            .await
            .map_err(|error| self.failure(OPERATION, bucket, &error))?;
        let upload = begun.upload_id().unwrap_or_default().to_owned();
        let sent = self.send_parts(bucket, key, &upload, zip, code_sha256).await;
        // Parts that stay behind cost money. After a conflict, too, they are of no use.
        if sent.is_err() {
            let abort = self.client.abort_multipart_upload().bucket(bucket).key(key).upload_id(&upload);
            drop(abort.send().await);
        }
        sent
    }

    async fn send_parts(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        zip: &ZipSource,
        code_sha256: &str,
    ) -> Result<Option<String>, CallFailure> {
        const OPERATION: &str = "CompleteMultipartUpload";
        let mut reader = zip.open().map_err(|error| unreadable(OPERATION, &error))?;
        let mut hasher = Sha256::new();
        let mut running = JoinSet::new();
        let mut parts = Vec::new();
        for number in 1.. {
            let turn = Arc::clone(&self.parts).acquire_owned().await.ok();
            let next;
            // Reading and hashing a part takes a few hundredths of a second.
            (reader, hasher, next) = tokio::task::spawn_blocking(move || {
                let part = read(&mut reader, PART);
                part.as_ref().iter().for_each(|part| hasher.update(part));
                (reader, hasher, part)
            })
            .await
            .map_err(|error| unreadable(OPERATION, &io::Error::other(error)))?;
            let part = next.map_err(|error| unreadable(OPERATION, &error))?;
            if part.is_empty() {
                break;
            }
            let (this, bucket, key, upload) =
                (self.clone(), bucket.to_owned(), key.to_owned(), upload.to_owned());
            running.spawn(async move {
                let _turn = turn;
                this.send_part(&bucket, &key, &upload, number, part).await
            });
            while let Some(done) = running.try_join_next() {
                parts
                    .push(done.unwrap_or_else(|error| Err(unreadable(OPERATION, &io::Error::other(error))))?);
            }
        }
        while let Some(done) = running.join_next().await {
            parts.push(done.unwrap_or_else(|error| Err(unreadable(OPERATION, &io::Error::other(error))))?);
        }
        if BASE64.encode(hasher.finalize()) != code_sha256 {
            let message = "the zip has changed while it was sent".to_owned();
            return Err(plain(OPERATION, Kind::Refused, message));
        }
        parts.sort_by_key(CompletedPart::part_number);
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(upload)
            .if_none_match("*")
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer.version_id().map(str::to_owned)),
            Err(error) => {
                let failure = self.failure(OPERATION, bucket, &error);
                // The upload is gone when it was completed and the answer was lost.
                let is_gone = failure.code.as_deref() == Some("NoSuchUpload");
                Err(if is_gone { CallFailure { kind: Kind::Conflict, ..failure } } else { failure })
            }
        }
    }

    async fn send_part(
        &self,
        bucket: &str,
        key: &str,
        upload: &str,
        number: i32,
        part: Vec<u8>,
    ) -> Result<CompletedPart, CallFailure> {
        let checksum = BASE64.encode(Sha256::digest(&part));
        let size = part.len() as u64;
        let answer = self
            .client
            .upload_part()
            .bucket(bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .checksum_sha256(&checksum)
            .body(ByteStream::from(part))
            .customize()
            .config_override(self.patient(size))
            .send()
            .await
            .map_err(|error| self.failure("UploadPart", bucket, &error))?;
        let part = CompletedPart::builder().part_number(number).checksum_sha256(checksum);
        Ok(part.set_e_tag(answer.e_tag().map(str::to_owned)).build())
    }

    /// Enough time for so many bytes, in each try.
    fn patient(&self, size: u64) -> aws_sdk_s3::config::Builder {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.clocks.connect)
            .operation_attempt_timeout(self.clocks.upload(size))
            .disable_operation_timeout();
        aws_sdk_s3::config::Config::builder().timeout_config(timeouts.build())
    }

    /// What S3 says, in words about the bucket.
    fn failure<E>(
        &self,
        operation: &'static str,
        bucket: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> CallFailure
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let failure = CallFailure::new(operation, error);
        let response = error.raw_response();
        let status = response.map_or(0, |response| response.status().as_u16());
        let lies_in = response.and_then(|response| response.headers().get("x-amz-bucket-region"));
        let elsewhere = lies_in.filter(|region| *region != self.region.as_str());
        let region = &self.region;
        let (kind, message) = match (status, failure.code.as_deref()) {
            (301, _) | (_, Some("PermanentRedirect" | "IllegalLocationConstraintException")) => {
                let there = elsewhere.map_or("another region", |region| region);
                (
                    Kind::NoBucket,
                    format!(
                        "bucket `{bucket}` lies in {there}, and a layer in {region} needs one in its own region"
                    ),
                )
            }
            (_, Some("NoSuchBucket")) => {
                (Kind::NoBucket, format!("there is no bucket `{bucket}` in {region}"))
            }
            (403, _) if failure.kind == Kind::Signature => (failure.kind, failure.message.clone()),
            (403, _) if !matches!(failure.kind, Kind::Expired | Kind::UnknownKey) => {
                (Kind::Denied, format!("bucket `{bucket}` may not be used, or belongs to somebody else"))
            }
            (404, _) => (Kind::NotFound, failure.message.clone()),
            (409 | 412, _) => (Kind::Conflict, failure.message.clone()),
            _ => (failure.kind, failure.message.clone()),
        };
        CallFailure { kind, message, ..failure }
    }
}

/// At most so many bytes.
fn read(reader: impl Read, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size);
    reader.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(operation: &'static str, error: &io::Error) -> CallFailure {
    plain(operation, Kind::Refused, format!("the zip cannot be read: {error}"))
}

fn plain(operation: &'static str, kind: Kind, message: String) -> CallFailure {
    CallFailure { operation, kind, message, code: None, request_id: None }
}
