//! The books of whoever watches: what clients were told, what processes that are gone had counted, and what may be lost or come
//! twice. Each check panics with what is wrong.

use std::collections::BTreeMap;

use splashdam::wire::{Ack, Welcome};

use super::agenda::Sleeper;
use super::app::App;
use super::plan::Plan;
use super::record::Fate;
use super::remote::Remote;
use crate::engine::account::{Account, Dropped};
use crate::engine::snapshot::Snapshot;
use crate::engine::Overflow;

/// The books.
#[derive(Debug)]
pub(super) struct Ledger {
    on_disk: bool,
    blocks: bool,
    refuses_all: bool,
    breaks_disk: bool,
    /// A lane's files could not be looked at for so long that it went on without them: it knows nobody.
    pub(super) blind: bool,
    /// What each app was told last by the present process.
    told: BTreeMap<Sleeper, Ack>,
    /// What each app was ever told to be durable.
    durable: BTreeMap<Sleeper, u64>,
    /// The oldest record that each client held when it said hello.
    greeted: BTreeMap<Sleeper, u64>,
    /// The sum of what ended processes had counted.
    ended: Account,
    /// Copies that nobody can count: accepted, but its process died before it could say so.
    pub(super) duplicates_slack: u64,
    /// The power was lost: cursors are not synced, so that more than was in flight may come twice.
    pub(super) power_lost: bool,
    /// Lines that no promise covers.
    pub(super) text_slack: u64,
    /// Processes that ended without a word.
    pub(super) kills: u64,
    /// Processes that ended at all.
    pub(super) ends: u64,
}

impl Ledger {
    pub(super) fn new(plan: &Plan) -> Self {
        Ledger {
            on_disk: plan.spool.is_some(),
            blocks: plan.overflow == Overflow::Block,
            refuses_all: plan.refuses_all(),
            breaks_disk: plan.breaks_disk() || plan.spool.is_some_and(|spool| spool.millis > 0),
            blind: false,
            told: BTreeMap::new(),
            durable: BTreeMap::new(),
            greeted: BTreeMap::new(),
            ended: Account::default(),
            duplicates_slack: 0,
            power_lost: false,
            text_slack: 0,
            kills: 0,
            ends: 0,
        }
    }

    /// A client says hello, and what it still holds.
    pub(super) fn greets(&mut self, peer: Sleeper, oldest: u64) {
        self.greeted.insert(peer, oldest);
    }

    /// A client was told where the sidecar goes on.
    pub(super) fn welcomed(&mut self, peer: Sleeper, welcome: &Welcome) {
        let durable = self.durable.get(&peer).copied().unwrap_or(0);
        let oldest = self.greeted.get(&peer).copied().unwrap_or(1);
        let known = welcome.resume.max(oldest - 1);
        assert!(
            !self.on_disk || self.blind || known >= durable,
            "{peer:?}: {durable} were durable, now it has {known} ({welcome:?})"
        );
    }

    /// A client was told how far its channel is.
    pub(super) fn acknowledged(&mut self, peer: Sleeper, ack: &Ack) {
        let before = self.told.insert(peer, *ack).unwrap_or_default();
        assert_eq!(before.latest(*ack), *ack, "{peer:?}: an ack went back from {before:?}");
        assert!(ack.ended_to <= ack.durable_to && ack.durable_to <= ack.admitted_to, "{peer:?}: {ack:?}");
        if ack.durable_to > ack.ended_to {
            let durable = self.durable.entry(peer).or_default();
            *durable = (*durable).max(ack.durable_to);
        }
    }

    /// What an app was told last by the present process.
    pub(super) fn told(&self, app: usize) -> Option<&Ack> {
        self.told.get(&Sleeper::App(app))
    }

    /// A client was told that everything up to `through` has ended: so it has, and but for what was given up with a count it is
    /// there.
    pub(super) fn flushed(&self, app: &App, through: u64, remote: &Remote) {
        let counts = app.channel.counts();
        let known = counts.delivered + counts.rejected + counts.dropped + app.given_up + app.unknown;
        let may_be_given_up = !self.blocks || self.refuses_all;
        // The word how a record ended that was given up before it was written may be lost with the process.
        let unknown = if self.ends > 0 && may_be_given_up { app.unknown + through.saturating_sub(known) } else { 0 };
        let told = counts.dropped + app.given_up + unknown + if self.refuses_all { counts.rejected } else { 0 };
        let missing = lost(app, through, remote);
        assert!(
            missing <= told,
            "app {}: {missing} of {through} flushed records have not arrived, {told} told",
            app.index
        );
    }

    /// What must hold at every moment of a process.
    pub(super) fn check(&self, snapshot: &Snapshot, used: usize, remote: &Remote) {
        assert!(snapshot.adds_up(), "the account does not add up: {:?}", snapshot.total);
        assert!(used <= snapshot.budget, "{used} bytes of {} are used", snapshot.budget);
        let delivered = self.ended.delivered + snapshot.total.delivered;
        assert!(delivered <= remote.total, "{delivered} counted as delivered, {} accepted", remote.total);
    }

    /// A process has ended. What it had counted stays in the books.
    pub(super) fn process_ended(&mut self, snapshot: &Snapshot) {
        self.ended += &snapshot.total;
        if self.power_lost {
            self.duplicates_slack += snapshot.total.recovered;
        }
        self.ends += 1;
        self.told.clear();
    }

    /// At the very end: what every process has counted.
    pub(super) fn total(&self, snapshot: &Snapshot) -> Account {
        let mut total = self.ended;
        total += &snapshot.total;
        total
    }

    /// Each record of an app has ended, in a way that was told to it.
    pub(super) fn check_app(&self, app: &App, total: &Account, remote: &Remote) {
        let (last, counts) = (app.channel.last(), app.channel.counts());
        if app.dead {
            // What was said to be safe is, though nobody is left to ask for it.
            let missing = lost(app, app.promised, remote);
            let told =
                app.given_up + app.unknown + total.dropped() + if self.refuses_all { total.rejected() } else { 0 };
            assert!(
                missing <= told,
                "app {} was killed: {missing} of {} safe records are lost",
                app.index,
                app.promised
            );
            return;
        }
        let ended = counts.delivered + counts.rejected + counts.dropped + app.given_up + app.unknown;
        // Where a lane's files could not be looked at for long, what is found in the end was given up before.
        assert!(
            ended == last || self.blind && ended > last,
            "app {}: {ended} of {last} ended, {counts:?}, {} given up, {} unknown",
            app.index,
            app.given_up,
            app.unknown
        );
        // Who was killed may not have noted any more how a record ended.
        let exact = self.kills == 0 && !self.breaks_disk;
        assert!(app.unknown == 0 || !exact, "app {}: nobody knows how {} ended", app.index, app.unknown);
        let arrived = (1..=last).filter(|number| arrived(app, *number, remote)).count() as u64;
        assert!(
            counts.delivered <= arrived || self.blind,
            "app {}: {arrived} of {last} arrived, {counts:?}",
            app.index
        );
        if !self.on_disk || self.blind {
            let (lost, told) = (last - arrived, counts.rejected + counts.dropped + app.given_up + app.unknown);
            assert!(lost <= told, "app {}: {lost} of {last} records are lost, {told} told: {counts:?}", app.index);
            return;
        }
        self.check_spooled(app, total, remote);
    }

    /// With a spool nothing that CloudWatch would take is missing but for what was dropped with a count, and nothing is counted
    /// twice.
    fn check_spooled(&self, app: &App, total: &Account, remote: &Remote) {
        let (last, counts) = (app.channel.last(), app.channel.counts());
        let (rejected, dropped) = (counts.rejected, counts.dropped);
        assert_eq!(app.given_up, 0, "app {}: a sidecar with a spool has forgotten something", app.index);
        let told = total.dropped() + if self.refuses_all { total.rejected() } else { 0 };
        let lost = lost(app, last, remote);
        assert!(lost <= told, "app {}: {lost} of {last} good records are lost, {told} told: {counts:?}", app.index);
        let bad = app.fates[1..].iter().filter(|fate| **fate != Fate::Accepted).count() as u64;
        assert!(rejected <= bad || self.refuses_all, "app {}: {counts:?}, and {bad} could be rejected", app.index);
        assert!(rejected + dropped + app.unknown >= bad, "app {}: {counts:?}, and {bad} must be rejected", app.index);
        let may_drop = !self.blocks || total.dropped_for(Dropped::Shutdown) > 0;
        assert!(dropped == 0 || may_drop, "app {}: {dropped} were dropped", app.index);
    }

    /// No more has come twice than was said to be possible.
    pub(super) fn check_duplicates(&self, total: &Account, remote: &Remote) {
        let copies = remote.copies;
        let possible = total.possible_duplicates + self.duplicates_slack;
        assert!(copies <= possible, "{copies} records came twice, {possible} were counted as possible");
    }

    /// Text is lost only where nothing was promised.
    pub(super) fn check_text(&self, printed: usize, total: &Account, remote: &Remote) {
        let arrived: usize = remote.text.iter().flatten().filter(|(times, _)| *times > 0).count();
        let lost = printed.saturating_sub(arrived) as u64;
        let told = self.text_slack + total.dropped() + total.rejected();
        assert!(lost <= told, "{lost} of {printed} lines are lost, {told} may be");
    }
}

fn arrived(app: &App, number: u64, remote: &Remote) -> bool {
    let records = remote.framed.get(app.index);
    records.and_then(|records| records.get(number as usize)).is_some_and(|(times, _)| *times > 0)
}

/// Records up to `through` that CloudWatch would take, and never did.
fn lost(app: &App, through: u64, remote: &Remote) -> u64 {
    let good = |number: &u64| app.fates[*number as usize] == Fate::Accepted;
    (1..=through).filter(good).filter(|number| !arrived(app, *number, remote)).count() as u64
}
