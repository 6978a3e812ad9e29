//! The validated configuration: what the rest of the program sees. Grouped by who uses it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::allow::Pattern;
use super::check::place;
use super::choice::{Lifetime, LogFormat, LogLevel, OnLoss, Overflow, Remainder, Service, Survives, TextDelimiter};
use super::creation::CreationConfig;
use super::date::UtcDate;
use super::keys::StaticKeys;
use super::names::{Destination, LogGroup};
use super::pod::PodFacts;
use super::raw::Origin;
use super::scalars::{EndpointUrl, Region, SocketMode};
use super::template::{GroupTemplate, Peer, StreamTemplate};
use super::uids::AllowedUids;

/// Where clients find the sidecar.
pub const DEFAULT_SOCKET: &str = "/run/splashdam/splashdam.sock";
/// Where the admin interface listens.
pub const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9787);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Everything that can be configured, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether anything is shipped at all.
    pub service: Service,
    /// What this pod is called.
    pub pod: PodFacts,
    /// The socket and its clients.
    pub intake: IntakeConfig,
    /// Where records go.
    pub destinations: Destinations,
    /// Memory, batching, retry, rates.
    pub engine: EngineConfig,
    /// CloudWatch's end.
    pub delivery: DeliveryConfig,
    /// The disk behind the memory.
    pub spool: SpoolConfig,
    /// The end of the process.
    pub shutdown: ShutdownConfig,
    /// The admin listener; `None` where it is off.
    pub admin: Option<SocketAddr>,
    /// The health listener, for probes from elsewhere; `None` where it is off.
    pub health: Option<SocketAddr>,
    /// Our own diagnostics.
    pub diagnostics: DiagnosticsConfig,
    /// Threads of the runtime.
    pub workers: NonZeroU32,
    pub(crate) origins: BTreeMap<&'static str, Origin>,
}

/// What the intake needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeConfig {
    /// The socket's path.
    pub socket: PathBuf,
    /// The socket's permissions.
    pub socket_mode: SocketMode,
    /// Whose processes may connect.
    pub allow_uids: AllowedUids,
    /// What divides text records.
    pub text_delimiter: TextDelimiter,
    /// Longest record, in bytes; longer ones are split.
    pub max_record: u64,
    /// Most connections at a time.
    pub max_connections: NonZeroU32,
}

/// Which destinations there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destinations {
    /// The default log group; `None` only where the service is disabled.
    pub group: Option<LogGroup>,
    /// The default log stream.
    pub stream: StreamTemplate,
    /// What framed clients may name beside streams of the default group.
    pub allow: Vec<Pattern>,
    /// How missing groups and streams are created.
    pub create: CreationConfig,
    pub(crate) group_template: Option<GroupTemplate>,
}

impl Destinations {
    /// Where a client's records go that names no destination, or one that it may not have.
    pub fn default_for(&self, pod: &PodFacts, peer: &Peer<'_>, date: UtcDate) -> Option<Destination> {
        let group = self.group.clone()?;
        Some(Destination::new(group, self.stream.expand(pod, peer, date)))
    }

    /// Whether a framed client may name this destination.
    pub fn permits(&self, destination: &Destination) -> bool {
        self.group.as_ref() == Some(destination.group())
            || self.allow.iter().any(|pattern| pattern.matches(destination))
    }
}

/// What the engine needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// The byte budget for records and bodies.
    pub memory: u64,
    /// What a healthy lane takes (never more than its share).
    pub high_water: u64,
    /// How far beyond the ended watermark attempts may go.
    pub reach: u64,
    /// What happens where there is no room.
    pub overflow: Overflow,
    /// Most lanes at a time.
    pub max_lanes: NonZeroU32,
    /// Longest wait of a sealed chunk for company.
    pub linger: Duration,
    /// A lane this long quiet ships what it has.
    pub linger_quiet: Duration,
    /// What the linger stretches to under throttling; at least `linger`.
    pub linger_max: Duration,
    /// Attempts in flight a lane starts with.
    pub in_flight_min: NonZeroU32,
    /// Most attempts in flight a lane.
    pub in_flight_max: NonZeroU32,
    /// Most attempts in flight in all.
    pub in_flight_total: NonZeroU32,
    /// Most records in a batch.
    pub batch_max_events: NonZeroU32,
    /// PutLogEvents calls a second.
    pub put_rate: NonZeroU32,
    /// Creating calls a second.
    pub create_rate: NonZeroU32,
    /// The first backoff.
    pub backoff_min: Duration,
    /// The longest backoff.
    pub backoff_max: Duration,
}

/// What the delivery needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// Another endpoint than the region's.
    pub endpoint_url: Option<EndpointUrl>,
    /// The region, where the SDK's own sources are not to decide.
    pub region: Option<Region>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest attempt, connection included.
    pub attempt_timeout: Duration,
    /// Keys that come before those of the AWS chain: Clowder's.
    pub credentials: Option<StaticKeys>,
}

/// What the spool needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Its directory; `None`: there is no spool.
    pub dir: Option<PathBuf>,
    /// Bytes that all lanes' files may take.
    pub max: u64,
    /// What a durable ack outlives.
    pub survives: Survives,
    /// How long the directory is there.
    pub lifetime: Lifetime,
    /// What becomes of records that are spooled at the end.
    pub remainder: Remainder,
}

/// When and how the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownConfig {
    /// From the signal to the end.
    pub deadline: Duration,
    /// Text clients silent for so long count as gone; `None`: never.
    pub quiet: Option<Duration>,
    /// Whether loss shows in the exit code.
    pub on_loss: OnLoss,
    /// End if no client has come for so long since the start.
    pub if_no_client: Option<Duration>,
    /// End so long after the last client has gone.
    pub after_last_client: Option<Duration>,
}

/// Our own diagnostics, on stderr.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiagnosticsConfig {
    /// For people or machines.
    pub format: LogFormat,
    /// The least that is shown.
    pub level: LogLevel,
}

impl Config {
    /// What holds where nobody says otherwise. No log group is set.
    pub(crate) fn defaults(pod: PodFacts, memory: u64) -> Self {
        Self {
            service: Service::Enabled,
            pod,
            intake: IntakeConfig {
                socket: DEFAULT_SOCKET.into(),
                socket_mode: SocketMode::OWNER_AND_GROUP,
                allow_uids: AllowedUids::default(),
                text_delimiter: TextDelimiter::Lf,
                max_record: 256 * KIB,
                max_connections: count(4_096),
            },
            destinations: Destinations {
                group: None,
                stream: StreamTemplate::of_pod(),
                allow: Vec::new(),
                create: CreationConfig::default(),
                group_template: None,
            },
            engine: EngineConfig {
                memory,
                high_water: 8 * MIB,
                reach: 8 * MIB,
                overflow: Overflow::Block,
                max_lanes: count(4_096),
                linger: Duration::from_secs(1),
                linger_quiet: Duration::from_millis(50),
                linger_max: Duration::from_secs(30),
                in_flight_min: count(4),
                in_flight_max: count(16),
                in_flight_total: count(64),
                batch_max_events: count(10_000),
                put_rate: count(500),
                create_rate: count(10),
                backoff_min: Duration::from_millis(100),
                backoff_max: Duration::from_secs(30),
            },
            delivery: DeliveryConfig {
                endpoint_url: None,
                region: None,
                connect_timeout: Duration::from_secs(3),
                attempt_timeout: Duration::from_secs(30),
                credentials: None,
            },
            spool: SpoolConfig {
                dir: None,
                max: GIB,
                survives: Survives::ProcessCrash,
                lifetime: Lifetime::Pod,
                remainder: Remainder::Keep,
            },
            shutdown: ShutdownConfig {
                deadline: Duration::from_secs(25),
                quiet: Some(Duration::from_secs(2)),
                on_loss: OnLoss::Ignore,
                if_no_client: None,
                after_last_client: None,
            },
            admin: Some(DEFAULT_ADMIN),
            health: None,
            diagnostics: DiagnosticsConfig { format: LogFormat::Text, level: LogLevel::Info },
            workers: count(2),
            origins: BTreeMap::new(),
        }
    }

    /// Where a setting comes from; `key` as in the configuration file.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// Where it was decided that nothing is shipped.
    pub fn disabled_by(&self) -> String {
        place(self, "enabled")
    }
}

const fn count(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}
