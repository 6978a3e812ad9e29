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
    /// Records that have not ended.
    pub in_memory: u64,
    /// Bytes paid for: chunks, bodies, partial lines and frames.
    pub memory: [usize; 3],
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
    /// Records that have not ended.
    pub in_memory: u64,
    /// Bytes paid for.
    pub bytes: usize,
    /// Age of the oldest record that has not ended.
    pub oldest: Option<Duration>,
    /// Live connections.
    pub connections: u32,
    /// Attempts in flight, and how many may be.
    pub in_flight: (u32, u32),
    /// State in a word.
    pub state: &'static str,
    /// What went wrong last, while it is not over.
    pub trouble: Option<String>,
}

impl Snapshot {
    /// Whether `received + recovered + generated = delivered + rejected + dropped + spooled + in memory`,
    /// for each lane and in all.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let lane = |lane: &LaneView| lane.account.came() == lane.account.ended() + lane.in_memory;
        self.lanes.iter().all(lane) && self.total.came() == self.total.ended() + self.in_memory
    }
}

impl Engine {
    /// The view at this moment.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
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
                bytes: lane.held,
                oldest: lane.oldest().map(|arrived| now.at.saturating_sub(arrived)),
                connections: lane.connections,
                in_flight: (lane.in_flight, lane.limit),
                state: lane.state(),
                trouble: lane.trouble.clone(),
            });
        }
        let mut total = Account::default();
        groups.values().for_each(|account| total += account);
        Snapshot {
            now,
            in_memory: lanes.iter().map(|lane| lane.in_memory).sum(),
            lanes,
            groups,
            total,
            memory: [Kind::Chunk, Kind::Body, Kind::Partial].map(|kind| self.budget.used_for(kind)),
            budget: self.budget.total(),
            in_flight: self.in_flight.len(),
            put_rate: self.puts.rate(),
            tally: self.tally.clone(),
        }
    }
}
