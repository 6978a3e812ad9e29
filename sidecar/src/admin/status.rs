//! `/status`: everything at a glance, as JSON. The `status` command reads the same.
//!
//! Fields may be added and none changes its meaning, so each side takes what it knows: the reader fills in the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::account::{Account, Dropped, Rejected};
use crate::engine::snapshot::{LaneView, Snapshot};
use crate::intake::Counters;
use crate::shell::Clock;
use crate::spool::Stats;

/// The whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The sidecar's version.
    pub version: String,
    /// `serving`, `disabled` or `draining`.
    pub state: String,
    /// Since it began.
    pub uptime_seconds: f64,
    /// How records came and ended.
    pub account: Accounts,
    /// Who is connected.
    pub connections: Connections,
    /// What the budget is used for.
    pub memory: Memory,
    /// The disk, where there is a spool.
    pub spool: Option<Spool>,
    /// Calls of PutLogEvents.
    pub attempts: Attempts,
    /// Where records go, by name.
    pub lanes: Vec<Lane>,
}

/// `received + recovered + generated = delivered + rejected + dropped + spooled + in_memory`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounts {
    /// Taken in from clients.
    pub received: u64,
    /// Found on disk at start.
    pub recovered: u64,
    /// Made by the sidecar: loss markers.
    pub generated: u64,
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Given up.
    pub dropped: u64,
    /// On disk, without outcome.
    pub spooled: u64,
    /// In memory, without outcome.
    pub in_memory: u64,
    /// Why records were refused; reasons that occurred.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Why records were given up; reasons that occurred.
    pub dropped_by_reason: BTreeMap<String, u64>,
    /// Losses that clients told of.
    pub lost_by_clients: u64,
    /// Sent again after an outcome that nobody knows.
    pub possible_duplicates: u64,
}

/// Connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// Of text now.
    pub text: u64,
    /// Of client libraries now.
    pub framed: u64,
    /// Accepted ever.
    pub accepted: u64,
    /// Refused or evicted at the cap.
    pub turned_away: u64,
    /// Refused because of their user.
    pub refused_users: u64,
}

/// Bytes of the budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Records that wait.
    pub chunks: u64,
    /// Request bodies.
    pub bodies: u64,
    /// Lines and frames that are not whole yet.
    pub partial: u64,
    /// Records that are back from disk.
    pub recalled: u64,
    /// What may be used in all.
    pub budget: u64,
}

/// The disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spool {
    /// Bytes of its files.
    pub bytes: u64,
    /// What they may take.
    pub max: u64,
    /// Destinations whose disk refuses: their records stay in memory.
    pub lanes_in_trouble: u64,
    /// Segments set aside because something in them could not be read.
    pub quarantined: u64,
    /// Records that CloudWatch refused and that were written to the dead letter.
    pub dead_letters: u64,
    /// Those that could not be written there.
    pub dead_letters_lost: u64,
}

/// Calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempts {
    /// Now under way.
    pub in_flight: u64,
    /// First attempts so far.
    pub first: u64,
    /// Attempts repeated so far.
    pub retries: u64,
    /// Answers that we were too fast.
    pub throttles: u64,
    /// Other failures.
    pub failures: u64,
    /// Accepted batches.
    pub batches: u64,
    /// Calls that created, or tried to.
    pub creates: u64,
    /// PutLogEvents calls a second that the sidecar allows itself now.
    pub put_rate: f64,
}

/// One destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lane {
    /// Log group.
    pub group: String,
    /// Log stream.
    pub stream: String,
    /// In a word.
    pub state: String,
    /// What went wrong last, while it is not over.
    pub trouble: Option<String>,
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Given up.
    pub dropped: u64,
    /// Records without outcome that are not on disk.
    pub in_memory: u64,
    /// Records without outcome that are on disk.
    pub spooled: u64,
    /// Bytes of memory they hold.
    pub bytes: u64,
    /// Bytes of files.
    pub spool_bytes: u64,
    /// What is wrong with the disk, while it is.
    pub spool_trouble: Option<String>,
    /// Age of the oldest of them.
    pub oldest_seconds: Option<f64>,
    /// How long a batch that is not full waits for company: more than `--linger` where CloudWatch throttles.
    pub linger_seconds: f64,
    /// Live connections.
    pub connections: u64,
    /// Attempts under way.
    pub in_flight: u64,
    /// How many there may be.
    pub in_flight_limit: u64,
}

impl Status {
    pub(super) fn of(snapshot: &Snapshot, counters: &Counters, spool: Option<&Stats>, state: &str) -> Self {
        let tally = &snapshot.tally;
        let mut lanes: Vec<Lane> = snapshot.lanes.iter().map(Lane::of).collect();
        lanes.sort_by(|a, b| (&a.group, &a.stream).cmp(&(&b.group, &b.stream)));
        let [chunks, bodies, partial, recalled] = snapshot.memory.map(|bytes| bytes as u64);
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: state.to_owned(),
            uptime_seconds: Clock::uptime(snapshot.now).as_secs_f64(),
            account: Accounts::of(snapshot),
            connections: Connections {
                text: counters.text.get(),
                framed: counters.framed.get(),
                accepted: counters.accepted.get(),
                turned_away: counters.turned_away.get(),
                refused_users: counters.refused_users.get(),
            },
            memory: Memory { chunks, bodies, partial, recalled, budget: snapshot.budget as u64 },
            spool: spool.map(|stats| Spool {
                bytes: snapshot.spool_bytes,
                max: snapshot.spool_max.unwrap_or_default(),
                lanes_in_trouble: snapshot.lanes_in_trouble(),
                quarantined: stats.quarantined,
                dead_letters: stats.dead_letters,
                dead_letters_lost: stats.dead_letters_lost + snapshot.letters_lost,
            }),
            attempts: Attempts {
                in_flight: snapshot.in_flight as u64,
                first: tally.first_attempts,
                retries: tally.retries,
                throttles: tally.throttles,
                failures: tally.failures.iter().sum(),
                batches: tally.batch_records.count(),
                creates: tally.creates,
                put_rate: snapshot.put_rate,
            },
            lanes,
        }
    }
}

impl Accounts {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let total: &Account = &snapshot.total;
        let occurred = |name: &str, records: u64| (records > 0).then(|| (name.to_owned(), records));
        Accounts {
            received: total.received,
            recovered: total.recovered,
            generated: total.generated,
            delivered: total.delivered,
            rejected: total.rejected(),
            dropped: total.dropped(),
            spooled: snapshot.spooled,
            in_memory: snapshot.in_memory,
            rejected_by_reason: Rejected::ALL
                .iter()
                .filter_map(|reason| occurred(reason.name(), total.rejected_for(*reason)))
                .collect(),
            dropped_by_reason: Dropped::ALL
                .iter()
                .filter_map(|reason| occurred(reason.name(), total.dropped_for(*reason)))
                .collect(),
            lost_by_clients: total.client_lost,
            possible_duplicates: total.possible_duplicates,
        }
    }
}

impl Lane {
    fn of(lane: &LaneView) -> Self {
        Lane {
            group: lane.destination.group().to_string(),
            stream: lane.destination.stream().to_string(),
            state: lane.state.to_owned(),
            trouble: lane.trouble.clone(),
            delivered: lane.account.delivered,
            rejected: lane.account.rejected(),
            dropped: lane.account.dropped(),
            in_memory: lane.in_memory,
            spooled: lane.spooled,
            bytes: lane.bytes as u64,
            spool_bytes: lane.spool_bytes,
            spool_trouble: lane.spool_trouble.clone(),
            oldest_seconds: lane.oldest.map(|age| age.as_secs_f64()),
            linger_seconds: lane.linger.as_secs_f64(),
            connections: lane.connections.into(),
            in_flight: lane.in_flight.0.into(),
            in_flight_limit: lane.in_flight.1.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_another_version_can_be_read() {
        let status: Status = serde_json::from_str(r#"{"version":"9.0.0","news":1,"account":{"received":3}}"#).unwrap();
        assert_eq!((status.version.as_str(), status.account.received, status.account.delivered), ("9.0.0", 3, 0));
    }
}
