//! Small objects that change under a condition, for locks: read with their ETag, written and deleted only if they are
//! still what was read.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use template_tools::arn::Region;

use super::{CallFailure, Kind, S3Region, plain};

/// A lock is smaller than this, in bytes.
const LARGEST: i64 = 1 << 16;

/// What lies at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Small {
    /// Nothing.
    Nothing,
    /// This.
    There {
        /// Changes with each write.
        etag: String,
        /// What it says.
        text: String,
    },
    /// Nobody knows: the bucket lies in another region.
    Elsewhere(Region),
}

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only<'a> {
    /// Only if there is nothing yet.
    IfNothing,
    /// Only if it is still what was read.
    If(&'a str),
}

impl S3Region {
    /// What lies there.
    pub async fn read_small(&self, bucket: &str, key: &str) -> Result<Small, CallFailure> {
        const OPERATION: &str = "GetObject";
        let found = match self.client.get_object().bucket(bucket).key(key).send().await {
            Ok(found) => found,
            Err(error) => {
                let elsewhere = error
                    .raw_response()
                    .and_then(|response| response.headers().get("x-amz-bucket-region"))
                    .and_then(|region| region.parse::<Region>().ok())
                    .filter(|region| *region != self.region);
                if let Some(region) = elsewhere {
                    return Ok(Small::Elsewhere(region));
                }
                return match error.code() {
                    Some("NoSuchKey") => Ok(Small::Nothing),
                    _ => Err(self.failure(OPERATION, bucket, &error)),
                };
            }
        };
        if found.content_length().is_some_and(|length| length > LARGEST) {
            return Err(plain(
                OPERATION,
                Kind::Refused,
                format!("`s3://{bucket}/{key}` is too large for a lock"),
            ));
        }
        let etag = found.e_tag().unwrap_or_default().to_owned();
        let bytes = found.body.collect().await;
        let bytes = bytes.map_err(|error| plain(OPERATION, Kind::Silence, error.to_string()))?;
        let text = String::from_utf8_lossy(&bytes.into_bytes()).into_owned();
        Ok(Small::There { etag, text })
    }

    /// Writes it, under a condition; gives the ETag. [`Kind::Conflict`] and [`Kind::NotFound`] mean that the condition
    /// does not hold.
    pub async fn write_small(
        &self,
        bucket: &str,
        key: &str,
        only: Only<'_>,
        text: &str,
    ) -> Result<String, CallFailure> {
        let put = self.client.put_object().bucket(bucket).key(key).content_type("application/json");
        let put = match only {
            Only::IfNothing => put.if_none_match("*"),
            Only::If(etag) => put.if_match(etag),
        };
        let answer = put.body(ByteStream::from(text.as_bytes().to_vec())).send().await;
        let answer = answer.map_err(|error| self.failure("PutObject", bucket, &error))?;
        Ok(answer.e_tag().unwrap_or_default().to_owned())
    }

    /// Deletes it, if it is still what was read.
    pub async fn delete_small(&self, bucket: &str, key: &str, etag: &str) -> Result<(), CallFailure> {
        let answer = self.client.delete_object().bucket(bucket).key(key).if_match(etag).send().await;
        answer.map(drop).map_err(|error| self.failure("DeleteObject", bucket, &error))
    }
}
