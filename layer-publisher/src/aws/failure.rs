//! A call that failed, in words: what AWS said, whether that answers the question, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use super::profiles::Login;
use crate::called::{CalledAs, Command};

/// What an answer means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No answer, or one that does not tell whether the request was carried out: a lost connection, a timeout, a 5xx,
    /// something that is not Lambda's.
    Silence,
    /// Too many requests: later, please.
    Throttled,
    /// The key is not known in this region, which for a valid key means that the region is not enabled.
    UnknownKey,
    /// The credentials have expired.
    Expired,
    /// There are no credentials, or they could not be had. The request never left.
    NoCredentials,
    /// The signature is not right: the clock of this machine is wrong, or the secret key.
    Signature,
    /// Not allowed.
    Denied,
    /// The account's code storage is full.
    StorageExceeded,
    /// The request is too large.
    TooLarge,
    /// What was asked for does not exist.
    NotFound,
    /// Somebody else has changed it meanwhile, or it is there already.
    Conflict,
    /// Others may write now, and we must not.
    LockLost,
    /// Ctrl-C came before it was sent.
    Interrupted,
    /// There is no such bucket where one is needed.
    NoBucket,
    /// Refused for another reason, which the message tells.
    Refused,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallFailure {
    /// The operation, as AWS names it.
    pub operation: &'static str,
    /// What the answer means for us.
    pub kind: Kind,
    /// What was said, or what happened on the way.
    pub message: String,
    /// AWS's name of the error.
    pub code: Option<String>,
    /// AWS's name of the request.
    pub request_id: Option<String>,
}

/// What a hint needs to know about the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// The profile in use, if one was named.
    pub profile: Option<String>,
    /// How one logs in to it.
    pub login: Login,
    /// Where `AWS_ENDPOINT_URL` points.
    pub endpoint: Option<String>,
}

impl CallFailure {
    /// No answer within the time that there is for everything in one region.
    pub fn too_late(operation: &'static str, after: Duration) -> Self {
        let message = format!("no answer within {} s", after.as_secs());
        Self { operation, kind: Kind::Silence, message, code: None, request_id: None }
    }

    /// Whether the request may have been carried out all the same.
    pub fn says_nothing(&self) -> bool {
        self.kind == Kind::Silence
    }

    /// What to do about it, in words that can be typed.
    pub fn hint(&self, advice: &Advice, called: &CalledAs) -> Option<String> {
        let profile = advice.profile.as_ref().map(|name| format!(" --profile {name}")).unwrap_or_default();
        Some(match (self.kind, &advice.endpoint) {
            (Kind::NoCredentials | Kind::Expired, _) => match advice.login {
                Login::Sso => format!("log in with `aws sso login{profile}`"),
                Login::Aws => format!("log in with `aws login{profile}`"),
                Login::Unknown if advice.profile.is_none() => {
                    "name a profile with `-p PROFILE`, or log in with `aws login`".to_owned()
                }
                Login::Unknown => format!("set its keys with `aws configure{profile}`"),
            },
            (Kind::Signature, _) if self.is_about_time() => {
                "set the clock of this machine, for example with `sudo timedatectl set-ntp true`".to_owned()
            }
            (Kind::Signature, _) => format!(
                "check the secret key with `aws sts get-caller-identity{profile}`, and the clock of this machine"
            ),
            (Kind::UnknownKey, None) => {
                format!("check the keys with `aws sts get-caller-identity{profile}`")
            }
            (Kind::Silence, Some(endpoint)) => {
                format!("`{endpoint}` is what `AWS_ENDPOINT_URL` names; unset it to reach AWS itself")
            }
            (Kind::Silence | Kind::Throttled | Kind::LockLost, _) => {
                format!("run `{}` again later", called.typed())
            }
            (Kind::Interrupted, _) => {
                format!("run `{}` again: it does what is missing", called.typed())
            }
            (Kind::NoBucket, _) => {
                "make one there with `aws s3 mb`, or name another one with `--s3-bucket`; `{account}` and `{region}` in its name are filled in".to_owned()
            }
            (Kind::StorageExceeded, _) => {
                format!("remove versions that nothing uses with `{} LAYER --keep 5`", called.words(Command::Prune))
            }
            (Kind::Denied, _) => {
                format!(
                    "see who asks with `aws sts get-caller-identity{profile}`, and allow it `{}`",
                    self.action()
                )
            }
            _ => return None,
        })
    }

    /// Whether it is the time of the signature that AWS does not like.
    fn is_about_time(&self) -> bool {
        matches!(self.code.as_deref(), Some("RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture"))
            || ["expired", "not yet current"]
                .iter()
                .any(|word| self.message.to_ascii_lowercase().contains(word))
    }

    /// What a policy has to allow for this call.
    fn action(&self) -> String {
        match self.operation {
            "HeadBucket" | "HeadObject" | "GetObject" => "s3:GetObject` and `s3:ListBucket".to_owned(),
            "DeleteObject" => "s3:DeleteObject".to_owned(),
            "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
                "s3:PutObject".to_owned()
            }
            "CreateChangeSet"
            | "DescribeChangeSet"
            | "ExecuteChangeSet"
            | "DeleteChangeSet"
            | "DescribeStacks"
            | "DescribeStackEvents"
            | "ListStackResources"
            | "GetTemplate"
            | "ContinueUpdateRollback"
            | "ListChangeSets"
            | "RollbackStack"
            | "DeleteStack" => format!("cloudformation:{}", self.operation),
            "GetParameter" | "PutParameter" => format!("ssm:{}", self.operation),
            "GetCallerIdentity" | "AssumeRole" => format!("sts:{}", self.operation),
            // There is no action of its own name.
            "GetLayerVersionByArn" => "lambda:GetLayerVersion".to_owned(),
            operation => format!("lambda:{operation}"),
        }
    }

    pub(super) fn new<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        let response = error.raw_response();
        let status = response.map(|response| response.status().as_u16());
        let header = |name| response.and_then(|response| response.headers().get(name)).map(str::to_owned);
        let code = error.code().map(str::to_owned);
        let request_id = header("x-amzn-requestid").filter(|_| error.as_service_error().is_some());
        let credentials = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
        let (kind, message) = match (error, credentials) {
            (_, Some(CredentialsError::CredentialsNotLoaded(_))) => {
                (Kind::NoCredentials, NOT_FOUND.to_owned())
            }
            (_, Some(error)) => (Kind::NoCredentials, innermost(error)),
            (SdkError::ServiceError(_), _) => {
                let kind = kind_of(code.as_deref(), status);
                let said = error.message().map(str::to_owned).filter(|message| !message.is_empty());
                (kind, said.unwrap_or_else(|| not_from_aws(status)))
            }
            (SdkError::ConstructionFailure(_), _) => (Kind::Refused, innermost(error)),
            (SdkError::TimeoutError(_), _) => (Kind::Silence, "no answer in time".to_owned()),
            (SdkError::ResponseError(_), _) => (Kind::Silence, not_from_aws(status)),
            _ => (Kind::Silence, innermost(error)),
        };
        Self { operation, kind, message, code, request_id }
    }
}

/// An answer that lacks what it must have is none.
pub(super) fn incomplete(operation: &'static str, what: &str) -> CallFailure {
    CallFailure {
        operation,
        kind: Kind::Silence,
        message: format!("an answer without {what}"),
        code: None,
        request_id: None,
    }
}

/// Where the next page of a list begins, if there is one. A page that leads to itself would never end, and without it the
/// list is not whole.
pub(super) fn next_page(
    operation: &'static str,
    at: Option<&str>,
    next: Option<&str>,
) -> Result<Option<String>, CallFailure> {
    match next.filter(|next| !next.is_empty()) {
        Some(next) if at == Some(next) => Err(CallFailure {
            operation,
            kind: Kind::Silence,
            message: "a page of the list that leads to itself".to_owned(),
            code: None,
            request_id: None,
        }),
        next => Ok(next.map(str::to_owned)),
    }
}

/// The SDK's own words list every place where it has looked, one a line.
const NOT_FOUND: &str = "none were found in the environment, in the profiles, or on this machine";

fn kind_of(code: Option<&str>, status: Option<u16>) -> Kind {
    match (code, status) {
        (_, Some(500..)) => Kind::Silence,
        (Some("TooManyRequestsException" | "ThrottlingException" | "Throttling"), _) | (None, Some(429)) => {
            Kind::Throttled
        }
        (Some("UnrecognizedClientException" | "InvalidClientTokenId"), _) => Kind::UnknownKey,
        (Some("ExpiredToken" | "ExpiredTokenException"), _) => Kind::Expired,
        (
            Some(
                "SignatureDoesNotMatch"
                | "InvalidSignatureException"
                | "InvalidSignature"
                | "RequestTimeTooSkewed"
                | "RequestExpired"
                | "RequestInTheFuture",
            ),
            _,
        ) => Kind::Signature,
        (Some("AccessDeniedException" | "AccessDenied"), _) => Kind::Denied,
        (Some("CodeStorageExceededException"), _) => Kind::StorageExceeded,
        (Some("RequestEntityTooLargeException"), _) | (None, Some(413)) => Kind::TooLarge,
        (Some("ResourceNotFoundException"), _) => Kind::NotFound,
        (Some("ResourceConflictException" | "PreconditionFailedException"), _) => Kind::Conflict,
        (Some(_), Some(400..=499)) => Kind::Refused,
        // Without a name it is not Lambda that speaks, but something on the way.
        _ => Kind::Silence,
    }
}

fn not_from_aws(status: Option<u16>) -> String {
    match status {
        Some(status) => format!("an answer with status {status} that does not come from AWS"),
        None => "an answer that does not come from AWS".to_owned(),
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| (*error).source())
}

/// The last cause: the others say no more than "dispatch failure".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::NoCredentials {
            return write!(f, "there are no valid credentials: {}", self.message);
        }
        let said = match self.kind {
            Kind::Signature if self.is_about_time() => "the clock of this machine is too far off for AWS",
            Kind::StorageExceeded => "the account's layers and functions exceed the storage quota",
            _ => self.message.trim_end_matches('.'),
        };
        write!(f, "{said} (")?;
        if let Some(code) = &self.code {
            write!(f, "{code}, ")?;
        }
        f.write_str(self.operation)?;
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        f.write_str(")")
    }
}

impl StdError for CallFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_that_aws_names_is_a_refusal() {
        assert_eq!(kind_of(Some("TooManyRequestsException"), Some(429)), Kind::Throttled);
        assert_eq!(kind_of(Some("InvalidParameterValueException"), Some(400)), Kind::Refused);
        assert_eq!(kind_of(Some("AccessDeniedException"), Some(403)), Kind::Denied);
        // Whatever a 5xx calls itself, the request may have been carried out.
        assert_eq!(kind_of(Some("ServiceException"), Some(500)), Kind::Silence);
        assert_eq!(kind_of(Some("TooManyRequestsException"), Some(503)), Kind::Silence);
        // Somebody on the way, who may have spoken after Lambda has acted.
        assert_eq!(kind_of(None, Some(403)), Kind::Silence);
        assert_eq!(kind_of(None, Some(200)), Kind::Silence);
        assert_eq!(kind_of(None, None), Kind::Silence);
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let failure = |code: &str, message: &str| CallFailure {
            operation: "ListLayerVersions",
            kind: kind_of(Some(code), Some(403)),
            message: message.to_owned(),
            code: Some(code.to_owned()),
            request_id: None,
        };
        let hint = |failure: &CallFailure| {
            failure.hint(&Advice::default(), &CalledAs::default()).unwrap_or_default()
        };
        for (code, message) in [
            (
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            (
                "SignatureDoesNotMatch",
                "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
            ),
            (
                "InvalidSignatureException",
                "Signature not yet current: 20260101T001000Z is still later than now",
            ),
            ("RequestExpired", "Request has expired."),
        ] {
            let failure = failure(code, message);
            assert!(failure.to_string().starts_with("the clock of this machine is too far off"), "{failure}");
            assert!(hint(&failure).starts_with("set the clock"), "{}", hint(&failure));
        }
        let wrong = failure("SignatureDoesNotMatch", "The request signature we calculated does not match.");
        assert!(wrong.to_string().starts_with("The request signature"), "{wrong}");
        assert!(hint(&wrong).starts_with("check the secret key"), "{}", hint(&wrong));
    }

    #[test]
    fn a_page_that_leads_to_itself_is_no_end_of_a_list() {
        assert_eq!(next_page("ListFunctions", None, Some("2")).unwrap().as_deref(), Some("2"));
        assert_eq!(next_page("ListFunctions", Some("2"), None).unwrap(), None);
        assert_eq!(next_page("ListFunctions", Some("2"), Some("")).unwrap(), None);
        assert!(next_page("ListFunctions", Some("2"), Some("2")).is_err());
    }

    #[test]
    fn hints_name_the_profile_and_the_way_to_log_in() {
        let failure = |kind| CallFailure {
            operation: "PublishLayerVersion",
            kind,
            message: "no.".to_owned(),
            code: Some("Code".to_owned()),
            request_id: Some("4f1c".to_owned()),
        };
        let advice = |login, profile: Option<&str>| Advice {
            login,
            profile: profile.map(str::to_owned),
            endpoint: None,
        };
        let hint =
            |kind, advice: &Advice| failure(kind).hint(advice, &CalledAs::default()).unwrap_or_default();
        assert_eq!(
            hint(Kind::Expired, &advice(Login::Sso, Some("dev"))),
            "log in with `aws sso login --profile dev`"
        );
        assert_eq!(hint(Kind::NoCredentials, &advice(Login::Aws, None)), "log in with `aws login`");
        assert!(hint(Kind::Denied, &advice(Login::Unknown, None)).contains("`lambda:PublishLayerVersion`"));
        assert_eq!(failure(Kind::Refused).to_string(), "no (Code, PublishLayerVersion, request 4f1c)");
    }
}
