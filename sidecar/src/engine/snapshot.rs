//! One consistent view of the account and the lanes, for whoever shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::account::Account;
use super::budget::Kind;
use super::time::Now;
use super::{Engine, Tally};
use crate::config::{Destination, LogGroup};

/// Everything that metrics and `/status` show, taken at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment.
    pub now: Now,
    /// Each lane.
    pub lanes: Vec<LaneView>,
    /// Counts by group, with lanes that are gone.
    pub groups: BTreeMap<LogGroup, Account>,
    /// The sum of all groups.
    pub total: Account,
    /// Records that have not ended and are not on disk.
    pub in_memory: u64,
    /// Records that have not ended and are on disk.
    pub spooled: u64,
    /// Bytes of all files of the spool.
    pub spool_bytes: u64,
    /// Bytes that they may take; `None` where there is no spool.
    pub spool_max: Option<u64>,
    /// The disk refused the spool at the start, so that there is none; set by whoever opened it.
    pub spool_refused: bool,
    /// Rejected records that got no dead letter because the disk was not well.
    pub letters_lost: u64,
    /// Bytes paid for: chunks, bodies, partial lines and frames, records back from disk.
    pub memory: [usize; 4],
    /// The budget.
    pub budget: usize,
    /// Attempts in flight.
    pub in_flight: usize,
    /// PutLogEvents calls a second that we allow ourselves now.
    pub put_rate: f64,
    /// What happened so far.
    pub tally: Tally,
}

/// One lane at that moment.
#[derive(Clone, Debug)]
pub struct LaneView {
    /// Where its records go.
    pub destination: Destination,
    /// How its records came and ended.
    pub account: Account,
    /// Records that have not ended and are not on disk.
    pub in_memory: u64,
    /// Records that have not ended and are on disk.
    pub spooled: u64,
    /// Bytes paid for.
    pub bytes: usize,
    /// Bytes of its files on disk.
    pub spool_bytes: u64,
    /// What is wrong with the disk, while it is.
    pub spool_trouble: Option<String>,
    /// Age of the oldest record that has not ended.
    pub oldest: Option<Duration>,
    /// Live connections.
    pub connections: u32,
    /// Attempts in flight, and how many may be.
    pub in_flight: (u32, u32),
    /// How long it waits for company before it sends a batch that is not full.
    pub linger: Duration,
    /// State in a word.
    pub state: &'static str,
    /// What went wrong last, while it is not over.
    pub trouble: Option<String>,
}

impl Snapshot {
    /// How many lanes go on in memory because the disk refuses.
    #[must_use]
    pub fn lanes_in_trouble(&self) -> u64 {
        self.lanes.iter().filter(|lane| lane.spool_trouble.is_some()).count() as u64
    }

    /// Whether `received + recovered + generated = delivered + rejected + dropped + spooled + in memory`,
    /// for each lane and in all.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let lane = |lane: &LaneView| lane.account.came() == lane.account.ended() + lane.spooled + lane.in_memory;
        let total = self.total.ended() + self.spooled + self.in_memory;
        self.lanes.iter().all(lane) && self.total.came() == total
    }
}

impl Engine {
    /// The view at this moment.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let pressure = self.pressure();
        let mut groups: BTreeMap<LogGroup, Account> = BTreeMap::new();
        for (group, account) in &self.retired {
            *groups.entry(group.clone()).or_default() += account;
        }
        let mut lanes = Vec::with_capacity(self.lanes.len());
        for (_, lane) in self.lanes.iter() {
            *groups.entry(lane.destination.group().clone()).or_default() += &lane.account;
            lanes.push(LaneView {
                destination: lane.destination.clone(),
                account: lane.account,
                in_memory: lane.in_memory(),
                spooled: lane.spooled(),
                bytes: lane.held,
                spool_bytes: lane.disk.as_ref().map_or(0, |disk| disk.bytes),
                spool_trouble: lane.disk.as_ref().and_then(|disk| disk.trouble.clone()),
                oldest: lane.oldest().map(|arrived| now.at.saturating_sub(arrived)),
                connections: lane.connections,
                in_flight: (lane.in_flight, lane.limit),
                linger: lane.linger(&self.settings, pressure),
                state: lane.state(),
                trouble: lane.trouble.clone(),
            });
        }
        let mut total = Account::default();
        groups.values().for_each(|account| total += account);
        Snapshot {
            now,
            in_memory: lanes.iter().map(|lane| lane.in_memory).sum(),
            spooled: lanes.iter().map(|lane| lane.spooled).sum(),
            spool_bytes: self.space.used,
            spool_max: self.settings.spool.map(|spool| spool.max),
            spool_refused: false,
            letters_lost: self.letters_lost
                + self
                    .lanes
                    .iter()
                    .filter_map(|(_, lane)| lane.disk.as_ref())
                    .map(|disk| disk.letters_lost)
                    .sum::<u64>(),
            lanes,
            groups,
            total,
            memory: [Kind::Chunk, Kind::Body, Kind::Partial, Kind::Recalled].map(|kind| self.budget.used_for(kind)),
            budget: self.budget.total(),
            in_flight: self.in_flight.len(),
            put_rate: self.puts.rate(),
            tally: self.tally.clone(),
        }
    }
}
