//! What is varied: its values, and what the load of each is. Pure.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::Options;

/// Bytes of a record, unless that is what varies.
const SIZE: u64 = 200;
/// Of `batch-events`: ten thousand of these fit the megabyte of a batch (each counts 26 more), so that their number bounds it.
const SIZE_IN_BATCHES: u64 = 75;
const CONNECTIONS: u64 = 2;
/// Fewer than so many would be over before anything is in its stride.
const LEAST_RECORDS: u64 = 1_000;
/// The pipeline document's writers: each of ten writes a thousand messages.
const WRITERS: u64 = 10;
const EACH_WRITER: u64 = 1_000;
/// And its hosts: each of a thousand writes ten.
const HOSTS: u64 = 1_000;
const EACH_HOST: u64 = 10;
/// CloudWatch's own quota of PutLogEvents calls a second, for an account and region.
const ACCOUNT_QUOTA: u64 = 5_000;
/// A paced point lasts at least so long, and so many lingers.
const LEAST_PACED: Duration = Duration::from_secs(5);
const LINGERS: u32 = 4;
/// What a point at full speed takes, roughly: for the time left alone.
const FLOOD: Duration = Duration::from_secs(3);
const BURST: Duration = Duration::from_millis(80);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Parameter {
    /// Bytes of a record, the payload in all the same
    RecordBytes,
    /// Most records of a batch
    BatchEvents,
    /// Connections that write at once
    Connections,
    /// Ten writers of a thousand records each, again and again
    Writers,
    /// A thousand hosts, each with a stream of its own and ten records, one a second
    Hosts,
    /// Longest wait for a fuller batch, at a steady rate
    LingerMs,
}

/// One value of one parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) parameter: Parameter,
    pub(super) value: u64,
}

/// What is sent at a point, and to what sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) feeding: Feeding,
    pub(super) size: u64,
    /// Of the sidecar, beyond its defaults.
    pub(super) flags: Vec<String>,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feeding {
    /// Lines as fast as they are taken.
    Flood { connections: u64, records: u64 },
    /// A line when it is due.
    Paced { rate: u64, records: u64 },
    /// Framed writers at once, all of which wait until their records have ended; then again.
    Bursts { writers: u64, each: u64, bursts: u64 },
    /// A framed connection for each stream, a record a second on each.
    Hosts { hosts: u64, each: u64 },
}

impl Parameter {
    pub(super) const ALL: [Self; 6] =
        [Self::RecordBytes, Self::BatchEvents, Self::Connections, Self::Writers, Self::Hosts, Self::LingerMs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RecordBytes => "record-bytes",
            Self::BatchEvents => "batch-events",
            Self::Connections => "connections",
            Self::Writers => "writers",
            Self::Hosts => "hosts",
            Self::LingerMs => "linger-ms",
        }
    }

    pub(super) fn values(self) -> &'static [u64] {
        match self {
            Self::RecordBytes => &[50, 100, 200, 500, 1_000, 5_000, 10_000, 50_000, 100_000],
            Self::BatchEvents => &[100, 500, 1_000, 5_000, 10_000],
            Self::Connections => &[1, 10, 100, 1_000],
            Self::Writers => &[WRITERS],
            Self::Hosts => &[HOSTS],
            Self::LingerMs => &[5, 50, 200, 1_000, 5_000],
        }
    }
}

impl Point {
    pub(super) fn load(self, options: &Options) -> Load {
        let Self { parameter, value } = self;
        let flood = |connections, records| Feeding::Flood { connections, records };
        let plain = |feeding| Load { feeding, size: SIZE, flags: Vec::new() };
        match parameter {
            Parameter::RecordBytes => {
                let records = (options.records * SIZE / value).max(LEAST_RECORDS);
                Load { size: value, ..plain(flood(CONNECTIONS, records)) }
            }
            Parameter::BatchEvents => {
                // As shipped the sidecar keeps to a tenth of the quota; with small batches that alone would be measured.
                let flags = [("--batch-max-events", value), ("--put-rate", ACCOUNT_QUOTA)];
                let flags = flags.map(|(flag, value)| [flag.to_owned(), value.to_string()]).concat();
                Load { flags, size: SIZE_IN_BATCHES, ..plain(flood(CONNECTIONS, options.records)) }
            }
            Parameter::Connections => plain(flood(value, options.records)),
            Parameter::Writers => {
                let bursts = (options.records / (WRITERS * EACH_WRITER)).clamp(1, 1_000);
                plain(Feeding::Bursts { writers: value, each: EACH_WRITER, bursts })
            }
            Parameter::Hosts => plain(Feeding::Hosts { hosts: value, each: EACH_HOST }),
            Parameter::LingerMs => {
                let lasts = LEAST_PACED.max(Duration::from_millis(value) * LINGERS);
                let records = (options.rate as f64 * lasts.as_secs_f64()) as u64;
                let feeding = Feeding::Paced { rate: options.rate, records: records.clamp(1, options.records) };
                Load { flags: vec!["--linger".to_owned(), format!("{value}ms")], ..plain(feeding) }
            }
        }
    }
}

impl Load {
    pub(super) fn records(&self) -> u64 {
        match self.feeding {
            Feeding::Flood { records, .. } | Feeding::Paced { records, .. } => records,
            Feeding::Bursts { writers, each, bursts } => writers * each * bursts,
            Feeding::Hosts { hosts, each } => hosts * each,
        }
    }

    /// How long it is likely to take.
    pub(super) fn expected(&self) -> Duration {
        match self.feeding {
            Feeding::Flood { .. } => FLOOD,
            Feeding::Paced { rate, records } => Duration::from_secs_f64(records as f64 / rate as f64),
            Feeding::Bursts { bursts, .. } => BURST * u32::try_from(bursts).unwrap_or(u32::MAX),
            Feeding::Hosts { each, .. } => Duration::from_secs(each),
        }
    }

    /// For people: flags of the sidecar and how it is fed.
    pub(super) fn note(&self) -> String {
        let fed = match self.feeding {
            Feeding::Flood { connections, .. } => format!("text over {connections}, up to 64 KiB a write"),
            Feeding::Paced { rate, .. } => format!("text over 1, {rate}/s, a write each"),
            Feeding::Bursts { writers, each, bursts } => {
                format!("framed, {writers} writers x {each} records, {bursts} times, each awaited")
            }
            Feeding::Hosts { hosts, each } => format!("framed, {hosts} streams x {each} records, 1/s each"),
        };
        [self.flags.join(" "), fed].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.parameter.name(), self.value)
    }
}
