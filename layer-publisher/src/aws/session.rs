//! Who calls, and how: profile, credentials, HTTP client, timeouts. Asks STS who that is, once.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_lambda::config::SharedHttpClient;
use aws_smithy_http_client::pool::{Client, ConnectionPool};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use template_tools::arn::{AccountId, Partition, Region};
use thiserror::Error;
use tokio::sync::Semaphore;

use super::cloudformation::CloudFormationRegion;
use super::failure::{Advice, CallFailure, Kind};
use super::gate::Gate;
use super::lambda::{LambdaRegion, UPLOAD_MEMORY};
use super::pace::{Paces, paced};
use super::profiles::Profiles;
use super::s3::{PARTS_AT_ONCE, S3Region};
use super::ssm::SsmRegion;
use crate::called::CalledAs;
use crate::clocks::Clocks;
use crate::config::{meant, nearest};

/// Tries of a call that changes nothing.
const TRIES: u32 = 6;
/// The longest wait between two of them.
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);
/// How many regions are asked who we are, if the first does not know.
const REGIONS_ASKED: usize = 3;

/// Credentials and a client, ready for any region.
#[derive(Clone, Debug)]
pub struct Session {
    config: SdkConfig,
    clocks: Clocks,
    advice: Advice,
    uploads: Arc<Semaphore>,
    parts: Arc<Semaphore>,
    http: SharedHttpClient,
    paces: Paces,
    gate: Arc<Gate>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The partition of the account.
    pub partition: Partition,
    /// The account.
    pub account: AccountId,
}

/// The credentials are for another account than the one that is meant.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{target} belongs to account {wanted}, and these credentials to account {found}")]
pub struct OtherAccount {
    /// What was asked for.
    pub target: String,
    /// As `layers.toml` says.
    pub wanted: AccountId,
    /// As STS says.
    pub found: AccountId,
}

impl OtherAccount {
    /// What to type next.
    pub fn hint(&self) -> String {
        "name a profile of that account with `-p PROFILE`, or a role of it with `role-arn`".to_owned()
    }
}

impl Caller {
    /// The account must be the one that is meant, before anything is written.
    pub fn must_be(&self, wanted: Option<&AccountId>, target: Option<&str>) -> Result<(), OtherAccount> {
        match wanted {
            Some(wanted) if *wanted != self.account => Err(OtherAccount {
                target: target.map_or_else(|| "the layer".to_owned(), |name| format!("target `{name}`")),
                wanted: wanted.clone(),
                found: self.account.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// Why there is no session.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The profile is not defined.
    #[error("there is no profile `{name}` in {files}{}", meant(nearest.as_deref()))]
    UnknownProfile {
        /// What was asked for.
        name: String,
        /// Where it was looked for, in backticks.
        files: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// All that are there.
        known: Vec<String>,
    },
    /// No HTTP client, for example because the certificates cannot be read.
    #[error("failed to prepare encrypted connections: {0}")]
    Client(String),
    /// AWS does not say who we are.
    #[error("failed to ask AWS whose credentials these are")]
    Caller {
        /// What it said.
        source: Box<CallFailure>,
        /// What helps the hint.
        advice: Box<Advice>,
    },
    /// AWS says something that we do not understand.
    #[error("AWS says that we are `{0}`, which names no account")]
    Identity(String),
}

impl SessionError {
    /// What to type next.
    pub fn hint(&self, called: &CalledAs) -> Option<String> {
        match self {
            Self::UnknownProfile { known, name, .. } if known.is_empty() => {
                Some(format!("define it with `aws configure --profile {name}`"))
            }
            Self::UnknownProfile { known, .. } => Some(format!("profiles there are: {}", known.join(", "))),
            Self::Caller { source, advice } => source.hint(advice, called),
            Self::Client(_) => Some("check `SSL_CERT_FILE`, if it is set".to_owned()),
            Self::Identity(_) => None,
        }
    }
}

impl Session {
    /// Prepares calls with the credentials of `profile`, or with those that the SDK finds, taking on `role` with
    /// them if there is one. Asks nothing yet.
    pub async fn open(
        profile: Option<&str>,
        role: Option<&str>,
        wanted: &[Region],
        clocks: Clocks,
    ) -> Result<Self, SessionError> {
        let profiles = Profiles::from_environment();
        let from_environment =
            std::env::var("AWS_PROFILE").ok().filter(|_| std::env::var_os("AWS_ACCESS_KEY_ID").is_none());
        let name = profile.map(str::to_owned).or(from_environment).filter(|name| !name.is_empty());
        if let Some(name) = &name {
            must_exist(&profiles, name)?;
        }

        let http = http_client()?;
        let configured = configured_region(name.as_deref(), wanted, &http).await;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .region(configured.clone())
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(TRIES)
                    .with_initial_backoff(clocks.backoff)
                    .with_max_backoff(LONGEST_BACKOFF),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(clocks.connect)
                    .operation_attempt_timeout(clocks.answer)
                    .operation_timeout(clocks.call)
                    .build(),
            )
            // It has broken slow uploads and quiet answers; we have timeouts.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(name) = profile {
            // As in the AWS CLI, a profile that is named outranks keys in the environment; in the SDK's own chain it
            // does not, and would send the layer to another account.
            let provider =
                ProviderConfig::without_region().with_region(configured).with_http_client(http.clone());
            let credentials =
                ProfileFileCredentialsProvider::builder().configure(&provider).profile_name(name);
            loader = loader.profile_name(name).credentials_provider(credentials.build());
        }
        let mut config = loader.load().await;
        if let Some(role) = role {
            let provider = AssumeRoleProvider::builder(role)
                .session_name("layer-publisher")
                .configure(&config)
                .build()
                .await;
            let provider = SharedCredentialsProvider::new(provider);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let login = profiles.login(name.as_deref().unwrap_or("default"));
        let advice = Advice { profile: name, login, endpoint: config.endpoint_url().map(str::to_owned) };
        let uploads = Arc::new(Semaphore::new(UPLOAD_MEMORY as usize));
        Ok(Self {
            config,
            clocks,
            advice,
            uploads,
            parts: Arc::new(Semaphore::new(PARTS_AT_ONCE)),
            http,
            paces: Paces::default(),
            gate: Arc::default(),
        })
    }

    /// The region that the user has set for everything, if there is one.
    pub fn default_region(&self) -> Option<Region> {
        self.config.region().and_then(|region| Region::new(region.as_ref()).ok())
    }

    /// What a hint about these credentials needs to know.
    pub fn advice(&self) -> &Advice {
        &self.advice
    }

    /// What every call that changes something has to pass.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Asks STS who we are, in the first of these regions that answers: one that is dead or not enabled must not stop
    /// the others.
    pub async fn caller(&self, regions: &[Region]) -> Result<Caller, SessionError> {
        let mut first_failure = None;
        // Where there is nowhere else to ask, it is worth asking again.
        let tries = if regions.len() > 1 { 2 } else { 3 };
        for region in regions.iter().take(REGIONS_ASKED) {
            let failure = match self.caller_in(region, tries).await {
                Ok(caller) => return caller,
                Err(failure) => failure,
            };
            let elsewhere_it_may_work =
                matches!(failure.kind, Kind::Silence | Kind::UnknownKey | Kind::Throttled);
            first_failure.get_or_insert(failure);
            if !elsewhere_it_may_work {
                break;
            }
        }
        let nobody = || CallFailure {
            operation: "GetCallerIdentity",
            kind: Kind::Silence,
            message: "there is no region to ask in".to_owned(),
            code: None,
            request_id: None,
        };
        let source = Box::new(first_failure.unwrap_or_else(nobody));
        Err(SessionError::Caller { source, advice: Box::new(self.advice.clone()) })
    }

    async fn caller_in(
        &self,
        region: &Region,
        tries: u32,
    ) -> Result<Result<Caller, SessionError>, CallFailure> {
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .region(SdkRegion::new(region.to_string()))
            .retry_config(
                RetryConfig::standard().with_max_attempts(tries).with_initial_backoff(self.clocks.backoff),
            )
            .build();
        let client = aws_sdk_sts::Client::from_conf(config);
        let mut said = String::new();
        // Half an answer is none, and the SDK does not notice: XML that breaks off is read as far as it goes.
        for _ in 0..2 {
            let answer = client.get_caller_identity().send().await;
            let answer = answer.map_err(|error| CallFailure::new("GetCallerIdentity", &error))?;
            let arn = answer.arn().unwrap_or_default();
            let partition = arn.split(':').nth(1).and_then(|partition| Partition::new(partition).ok());
            let account = answer.account().and_then(|account| AccountId::new(account).ok());
            if let (Some(partition), Some(account)) = (partition, account) {
                return Ok(Ok(Caller { partition, account }));
            }
            arn.clone_into(&mut said);
        }
        Ok(Err(SessionError::Identity(said)))
    }

    /// CloudFormation in one region, at that region's pace.
    pub fn cloudformation(&self, region: &Region) -> CloudFormationRegion {
        CloudFormationRegion::new(&self.config, self.paced("cloudformation", region), region)
    }

    /// Systems Manager in one region.
    pub fn ssm(&self, region: &Region) -> SsmRegion {
        SsmRegion::new(&self.config, region, Arc::clone(&self.gate))
    }

    /// S3 in one region.
    pub fn s3(&self, region: &Region) -> S3Region {
        S3Region::new(&self.config, region, self.clocks, Arc::clone(&self.parts))
    }

    /// The client that keeps the pace of a service in a region.
    fn paced(&self, service: &'static str, region: &Region) -> SharedHttpClient {
        paced(self.http.clone(), self.paces.of(service, region, self.clocks.second))
    }

    /// Lambda in one region, at that region's pace.
    pub fn lambda(&self, region: &Region) -> LambdaRegion {
        let http = self.paced("lambda", region);
        let uploads = Arc::clone(&self.uploads);
        LambdaRegion::new(&self.config, http, region, self.clocks, uploads, Arc::clone(&self.gate))
    }
}

fn must_exist(profiles: &Profiles, name: &str) -> Result<(), SessionError> {
    if name == "default" || profiles.contains(name) {
        return Ok(());
    }
    let files = profiles.files().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>();
    Err(SessionError::UnknownProfile {
        name: name.to_owned(),
        files: files.join(" and "),
        nearest: nearest(name, profiles.names()),
        known: profiles.names().map(|name| format!("`{name}`")).collect(),
    })
}

/// The environment's region, then the profile's, then the first that is wanted. The machine itself (IMDS) is asked
/// only if all of them are silent: away from EC2 that takes seconds.
async fn configured_region(
    profile: Option<&str>,
    wanted: &[Region],
    http: &SharedHttpClient,
) -> Option<SdkRegion> {
    let mut from_profile = ProfileFileRegionProvider::builder();
    if let Some(name) = profile {
        from_profile = from_profile.profile_name(name);
    }
    let first = wanted.first().map(|region| SdkRegion::new(region.to_string()));
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(from_profile.build())
        .or_else(first);
    let machine = ProviderConfig::without_region().with_http_client(http.clone());
    chain.or_else(ImdsRegionProvider::builder().configure(&machine).build()).region().await
}

/// rustls with ring, the system's certificates or those that `SSL_CERT_FILE` names, and the proxies of `HTTPS_PROXY`,
/// `HTTP_PROXY` and `NO_PROXY`.
fn http_client() -> Result<SharedHttpClient, SessionError> {
    let pool = ConnectionPool::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
        .map_err(|error| SessionError::Client(error.to_string()))?;
    let client = Client::new(&pool).map_err(|error| SessionError::Client(error.to_string()))?;
    Ok(SharedHttpClient::new(client))
}
