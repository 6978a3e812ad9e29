//! `/metrics`: the names that dashboards and alerts are built on, from one snapshot.
//!
//! Labels are `log_group` and `reason`, and `kind` where the kinds are fixed; streams are unbounded and stand in
//! `/status`. Every reason is there from the beginning, at 0, so that the first loss shows as an increase.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{text, DescriptorEncoder};
use prometheus_client::registry::Registry;

use super::process::Process;
use crate::config::LogGroup;
use crate::engine::account::{Account, Dropped, Failed, Rejected};
use crate::engine::snapshot::Snapshot;
use crate::intake::Counters;
use crate::spool::Stats;

mod families;
#[cfg(test)]
mod tests;

use families::{Families, Scale};

/// What one scrape shows.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) snapshot: Snapshot,
    pub(super) counters: Arc<Counters>,
    /// The sidecar's own group, shown before its first record.
    pub(super) group: Option<LogGroup>,
    pub(super) process: Process,
    /// Seconds since the epoch.
    pub(super) began: f64,
    pub(super) accepting: bool,
    /// The disk's own counts, where there is a spool.
    pub(super) spool: Option<Stats>,
}

/// The text of one scrape.
pub(super) fn encode(facts: Facts) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(facts));
    let mut out = String::with_capacity(16 * 1024);
    text::encode(&mut out, &registry)?;
    Ok(out)
}

impl Collector for Facts {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(encoder);
        self.account(&mut families)?;
        self.held(&mut families)?;
        self.spool(&mut families)?;
        self.attempts(&mut families)?;
        self.intake(&mut families)?;
        self.process(&mut families)
    }
}

/// What lanes of one group hold.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    records: u64,
    bytes: u64,
    spooled: u64,
    spool_bytes: u64,
    oldest: f64,
}

impl Facts {
    fn groups(&self) -> BTreeMap<&str, Account> {
        let own = self.group.iter().map(|group| (group.as_str(), Account::default()));
        own.chain(self.snapshot.groups.iter().map(|(group, account)| (group.as_str(), *account))).collect()
    }

    fn held_by_group(&self) -> BTreeMap<&str, Held> {
        let mut groups: BTreeMap<&str, Held> =
            self.groups().into_keys().map(|group| (group, Held::default())).collect();
        for lane in &self.snapshot.lanes {
            let held = groups.entry(lane.destination.group().as_str()).or_default();
            held.records += lane.in_memory;
            held.bytes += lane.bytes as u64;
            held.spooled += lane.spooled;
            held.spool_bytes += lane.spool_bytes;
            held.oldest = held.oldest.max(lane.oldest.map_or(0.0, |age| age.as_secs_f64()));
        }
        groups
    }

    fn account(&self, families: &mut Families<'_>) -> fmt::Result {
        let groups = self.groups();
        let mut each = |name, help, count: fn(&Account) -> u64| {
            families.counters(
                name,
                help,
                groups.iter().map(|(group, account)| ([("log_group", *group)], count(account))),
            )
        };
        each("splashdam_records_received", "Records taken in from clients", |account| account.received)?;
        each("splashdam_records_recovered", "Records found on disk at start", |account| account.recovered)?;
        each("splashdam_records_generated", "Records made by the sidecar: loss markers", |account| account.generated)?;
        each("splashdam_records_delivered", "Records accepted by CloudWatch", |account| account.delivered)?;
        each("splashdam_client_lost_records", "Records that clients said they lost", |account| account.client_lost)?;
        each(
            "splashdam_possible_duplicates",
            "Records sent again after an attempt whose outcome nobody knows",
            |account| account.possible_duplicates,
        )?;
        let rejected = Rejected::ALL.iter().map(|reason| (reason.name(), reason));
        families.counters(
            "splashdam_records_rejected",
            "Records that CloudWatch refused for good",
            rejected.flat_map(|(name, reason)| {
                groups.iter().map(move |(group, account)| {
                    ([("log_group", *group), ("reason", name)], account.rejected_for(*reason))
                })
            }),
        )?;
        let dropped = Dropped::ALL.iter().map(|reason| (reason.name(), reason));
        families.counters(
            "splashdam_records_dropped",
            "Records that the sidecar gave up",
            dropped.flat_map(|(name, reason)| {
                groups.iter().map(move |(group, account)| {
                    ([("log_group", *group), ("reason", name)], account.dropped_for(*reason))
                })
            }),
        )
    }

    fn held(&self, families: &mut Families<'_>) -> fmt::Result {
        let groups = self.held_by_group();
        let each =
            |value: fn(&Held) -> u64| groups.iter().map(move |(group, held)| ([("log_group", *group)], value(held)));
        families.gauges(
            "splashdam_in_memory_records",
            "Records without an outcome that are not on disk",
            each(|held| held.records),
        )?;
        families.gauges("splashdam_queue_bytes", "Bytes of memory that records hold", each(|held| held.bytes))?;
        families.gauges(
            "splashdam_spooled_records",
            "Records on disk without an outcome",
            each(|held| held.spooled),
        )?;
        families.gauges("splashdam_spool_bytes", "Bytes of files for them", each(|held| held.spool_bytes))?;
        let oldest = groups.iter().map(|(group, held)| ([("log_group", *group)], held.oldest));
        families.gauges(
            "splashdam_oldest_record_age_seconds",
            "Age of the oldest record without an outcome",
            oldest,
        )?;
        families.gauge("splashdam_lanes", "Destinations now", self.snapshot.lanes.len() as u64)?;
        let kinds = ["chunk", "body", "partial", "recalled"].into_iter().zip(self.snapshot.memory);
        let kinds = kinds.map(|(kind, bytes)| ([("kind", kind)], bytes as u64));
        families.gauges("splashdam_memory_bytes", "Bytes of the budget in use", kinds)?;
        families.gauge("splashdam_memory_budget_bytes", "The budget", self.snapshot.budget as u64)
    }

    /// All at 0 where there is no spool, so that dashboards need not know.
    fn spool(&self, families: &mut Families<'_>) -> fmt::Result {
        let none = Stats::default();
        let stats = self.spool.as_ref().unwrap_or(&none);
        families.gauge("splashdam_spool_used_bytes", "Bytes of all files of the spool", self.snapshot.spool_bytes)?;
        let max = self.snapshot.spool_max.unwrap_or_default();
        families.gauge("splashdam_spool_max_bytes", "Bytes that they may take, 0 without a spool", max)?;
        families.gauge(
            "splashdam_spool_refused",
            "1 where the disk refused the spool at the start: none is used until a restart",
            u64::from(self.snapshot.spool_refused),
        )?;
        families.gauge(
            "splashdam_spool_lanes_in_trouble",
            "Destinations whose records stay in memory because the disk refuses",
            self.snapshot.lanes_in_trouble(),
        )?;
        let mut each = |name, help, count: u64| families.counter(name, help, count);
        each("splashdam_spool_quarantined_segments", "Segments set aside because of damage", stats.quarantined)?;
        each("splashdam_dead_letters", "Rejected records written to the dead letter", stats.dead_letters)?;
        let lost = stats.dead_letters_lost + self.snapshot.letters_lost;
        each("splashdam_dead_letters_lost", "Rejected records that could not be written there", lost)
    }

    fn attempts(&self, families: &mut Families<'_>) -> fmt::Result {
        let tally = &self.snapshot.tally;
        families.gauge(
            "splashdam_attempts_in_flight",
            "PutLogEvents calls under way, or waiting for credentials",
            self.snapshot.in_flight as u64,
        )?;
        let kinds = [([("kind", "first")], tally.first_attempts), ([("kind", "retry")], tally.retries)];
        families.counters("splashdam_attempts", "PutLogEvents calls made", kinds)?;
        families.counter("splashdam_throttles", "Answers that said we were too fast", tally.throttles)?;
        let reasons = Failed::ALL.iter().map(|reason| ([("reason", reason.name())], tally.failures[*reason as usize]));
        families.counters("splashdam_failures", "Calls that failed in any other way, or could not be made", reasons)?;
        families.counter("splashdam_creates", "Calls that created a group or stream, or tried to", tally.creates)?;
        let rate = self.snapshot.put_rate;
        families.gauge("splashdam_put_rate", "PutLogEvents calls a second that we allow ourselves now", rate)?;
        families.histogram(
            "splashdam_put_log_events_duration_seconds",
            "From the start of a call to its outcome",
            &tally.put_seconds,
            Scale::seconds(),
        )?;
        families.histogram(
            "splashdam_delivery_latency_seconds",
            "From taking a batch's oldest record in to its acceptance",
            &tally.delivery_seconds,
            Scale::seconds(),
        )?;
        let records = Scale::thousandths(1.0, 16_384.0);
        families.histogram("splashdam_batch_records", "Records in accepted batches", &tally.batch_records, records)?;
        let bytes = Scale::thousandths(1_024.0, 1_048_576.0);
        families.histogram(
            "splashdam_batch_bytes",
            "Size of accepted batches, as AWS counts it",
            &tally.batch_bytes,
            bytes,
        )
    }

    fn intake(&self, families: &mut Families<'_>) -> fmt::Result {
        let counters = &*self.counters;
        let connected = [([("kind", "text")], counters.text.get()), ([("kind", "framed")], counters.framed.get())];
        families.gauges("splashdam_connections", "Connections now", connected)?;
        let away =
            [([("reason", "cap")], counters.turned_away.get()), ([("reason", "user")], counters.refused_users.get())];
        families.counters(
            "splashdam_connections_turned_away",
            "Connections refused, by --max-connections or --allow-uids",
            away,
        )?;
        let mut each = |name, help, count: u64| families.counter(name, help, count);
        each("splashdam_connections_accepted", "Connections accepted", counters.accepted.get())?;
        each("splashdam_read_bytes", "Bytes read from clients", counters.bytes.get())?;
        each("splashdam_empty_lines", "Empty lines skipped", counters.empty_lines.get())?;
        each("splashdam_repaired_records", "Records whose UTF-8 was repaired", counters.repaired.get())?;
        each(
            "splashdam_split_records",
            "Pieces of records that were too long, and lines cut for want of room",
            counters.split.get(),
        )?;
        each(
            "splashdam_protocol_errors",
            "Connections closed for breaking the protocol",
            counters.protocol_errors.get(),
        )?;
        each(
            "splashdam_refused_destinations",
            "Clients sent to the default destination because theirs was refused",
            counters.refused_destinations.get(),
        )?;
        families.gauge("splashdam_accepting", "1 while the socket accepts, 0 once draining", u64::from(self.accepting))
    }

    fn process(&self, families: &mut Families<'_>) -> fmt::Result {
        families.info("splashdam_build", "The sidecar's build", &[("version", env!("CARGO_PKG_VERSION"))])?;
        let process = &self.process;
        families.counter("process_cpu_seconds", "CPU time used", process.cpu_seconds)?;
        families.gauge("process_resident_memory_bytes", "Resident memory", process.resident_bytes)?;
        families.gauge("process_resident_memory_peak_bytes", "Most of it so far", process.peak_resident_bytes)?;
        families.gauge("process_virtual_memory_bytes", "Virtual memory", process.virtual_bytes)?;
        families.gauge("process_threads", "Threads", process.threads)?;
        families.gauge("process_open_fds", "File descriptors open", process.open_fds)?;
        families.gauge("process_max_fds", "File descriptors that may be open", process.max_fds)?;
        families.gauge("process_start_time_seconds", "Start, in seconds since the epoch", self.began)
    }
}
