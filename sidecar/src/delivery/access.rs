//! What calls are signed with: credentials, found before a call is made, renewed before they expire.
//!
//! The SDK's chain finds them; when it is asked, and what happens where it finds nothing, is decided here:
//! - **Early.** In the last five minutes (or quarter) of their life they are renewed beside the calls, which go on with what there is.
//! - **In time.** Expired ones are renewed before the next call; so nothing is sent that cannot be accepted.
//! - **When refused.** Where CloudWatch says that they are expired or unknown, the whole chain is built anew, profile files
//!   included, whatever the clock says.
//! - **Without a flood.** One asks for all; after a failure nobody asks for 1 s, doubling to 15 s. It is said once, and once more when
//!   the last ones have ended.
//!
//! The client itself is made once: it knows the clock's skew and must not forget it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::config::{Credentials, IdentityCache, ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_cloudwatchlogs::Client;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Mutex;

use super::outcome::{bounded, Class, Failure};
use super::setup::Parts;

mod held;
mod source;

use held::{Held, State};

/// How the text of every failure begins that kept a call from being made at all. It is said here, once, and not by lane.
const CANNOT_SIGN: &str = "cannot sign calls";

/// Shortest and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// A failure that lasts is said again so often.
const REMIND: Duration = Duration::from_secs(600);

/// Most bytes of a failure's text in a lane's trouble.
const TEXT: usize = 400;

/// Codes by which CloudWatch says that other credentials are wanted. (A bad signature may also be the clock's fault: then a look
/// at the sources is no use, and does no harm.)
const WANT_OTHERS: [&str; 7] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
];

/// The client, and whatever it takes that it can sign.
#[derive(Debug)]
pub(super) struct Access {
    parts: Parts,
    client: OnceLock<Client>,
    held: Arc<Held>,
    renewal: Arc<Mutex<Renewal>>,
    /// Longest search for credentials.
    patience: Duration,
}

/// A client to make one call with, whose credentials are good as far as we know.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) client: Client,
    /// Which credentials these are.
    generation: u64,
}

/// The search for credentials; whoever holds it searches.
#[derive(Debug, Default)]
struct Renewal {
    /// What the chain was built with; kept as long as it finds something.
    config: Option<SdkConfig>,
    failures: u32,
    not_before: Option<Instant>,
    /// When the failure was said, and whether nothing could be signed then.
    said: Option<(Instant, bool)>,
    last: String,
}

impl Access {
    pub(super) fn new(parts: Parts, patience: Duration) -> Arc<Self> {
        let (held, renewal) = Default::default();
        Arc::new(Access { parts, client: OnceLock::new(), held, renewal, patience })
    }

    /// The AWS configuration, loaded anew.
    pub(super) async fn load(&self) -> SdkConfig {
        self.parts.load().await
    }

    /// A client that can sign.
    ///
    /// # Errors
    /// There are no credentials, or no region; nothing was sent to CloudWatch.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, Failure> {
        match self.held.state(SystemTime::now()) {
            State::Fresh(generation) => return self.leased(generation),
            State::Due(generation) => {
                self.renew_beside();
                return self.leased(generation);
            }
            State::Over => {}
        }
        let mut renewal = self.renewal.lock().await;
        // Whoever was first may have found some.
        if let State::Fresh(generation) | State::Due(generation) = self.held.state(SystemTime::now()) {
            return self.leased(generation);
        }
        let generation = self.renew(&mut renewal).await?;
        self.leased(generation)
    }

    fn leased(&self, generation: u64) -> Result<Lease, Failure> {
        // It is made before the first credentials are held.
        let client = self.client.get().ok_or_else(|| failure("no client"))?;
        Ok(Lease { client: client.clone(), generation })
    }

    /// Looks whether CloudWatch wants other credentials.
    pub(super) fn learn(&self, lease: &Lease, error: &impl ProvideErrorMetadata) {
        if error.code().is_some_and(|code| WANT_OTHERS.contains(&code)) {
            self.held.refuse(lease.generation);
        }
    }

    /// Renews while calls go on; nothing to do if somebody does already.
    fn renew_beside(self: &Arc<Self>) {
        let Ok(mut renewal) = Arc::clone(&self.renewal).try_lock_owned() else { return };
        if renewal.pauses() {
            return;
        }
        let access = Arc::clone(self);
        tokio::spawn(async move {
            // Said there; what is held is good still.
            let _ = access.renew(&mut renewal).await;
        });
    }

    async fn renew(&self, renewal: &mut Renewal) -> Result<u64, Failure> {
        if renewal.pauses() {
            return Err(failure(&renewal.last));
        }
        if self.held.is_refused() {
            renewal.config = None;
        }
        let found = tokio::time::timeout(self.patience, self.find(renewal)).await;
        let found = found.unwrap_or_else(|_| Err(format!("no credentials: no answer within {:?}", self.patience)));
        found.map(|credentials| self.take(renewal, credentials)).map_err(|error| {
            renewal.failed(&error, self.held.left(SystemTime::now()));
            failure(&error)
        })
    }

    /// Asks the chain, built anew unless it found something the last time.
    async fn find(&self, renewal: &mut Renewal) -> Result<Credentials, String> {
        let config = match renewal.config.take() {
            Some(config) => config,
            None => self.load().await,
        };
        let credentials = source::ask(&config).await?;
        self.client.get_or_init(|| self.client(&config));
        renewal.config = Some(config);
        Ok(credentials)
    }

    fn client(&self, config: &SdkConfig) -> Client {
        let held: Arc<dyn ProvideCredentials> = Arc::clone(&self.held) as _;
        let held = SharedCredentialsProvider::new(held);
        let config = aws_sdk_cloudwatchlogs::config::Builder::from(config)
            .credentials_provider(held)
            .identity_cache(IdentityCache::no_cache())
            .build();
        Client::from_conf(config)
    }

    fn take(&self, renewal: &mut Renewal, credentials: Credentials) -> u64 {
        let region = renewal.config.as_ref().and_then(SdkConfig::region).map_or("none", AsRef::as_ref);
        let told = format!("{}, for region {region}", source::describe(&credentials));
        let generation = self.held.put(credentials, SystemTime::now());
        if generation == 1 || renewal.failures > 0 {
            tracing::info!("calls are signed with credentials {told}");
        } else {
            tracing::debug!("renewed: credentials {told}");
        }
        (renewal.failures, renewal.not_before, renewal.said) = (0, None, None);
        generation
    }
}

impl Renewal {
    /// The last search failed so recently that another one would be no use.
    fn pauses(&self) -> bool {
        self.not_before.is_some_and(|at| Instant::now() < at)
    }

    fn failed(&mut self, error: &str, left: Option<Duration>) {
        let now = Instant::now();
        self.failures = self.failures.saturating_add(1);
        let pause = PAUSE.0.saturating_mul(1 << (self.failures - 1).min(8)).min(PAUSE.1);
        (self.not_before, self.last) = (Some(now + pause), error.to_owned());
        let over = left.is_none();
        if self.said.is_some_and(|(at, was_over)| was_over == over && now.duration_since(at) < REMIND) {
            return tracing::debug!(error, "still cannot sign calls");
        }
        self.said = Some((now, over));
        match left {
            Some(left) => {
                tracing::warn!(error, good_for = ?left, "credentials cannot be renewed; the present ones go on, will retry")
            }
            None => tracing::warn!(error, "{CANNOT_SIGN}; records are kept, will retry"),
        }
    }
}

/// Nothing was sent. Every lane keeps the text, so it is shorter than what the log says.
fn failure(error: &str) -> Failure {
    let what = bounded(format!("{CANNOT_SIGN}: {error}"), TEXT);
    Failure { class: Class::Unsigned, what, retry_after: None }
}
