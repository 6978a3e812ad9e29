//! What has to hold of a chaos run: pure, from what clients, kernel, sidecars and endpoint said, so that it can be tested with lies.

use std::collections::BTreeMap;

use serde::Serialize;

use super::client::Told;
use super::crowd::Mortal;
use super::lives::{Fate, Incarnation};
use super::text::Segment;

/// Later than the deadline by more than this is too late, seconds.
const LATE: f64 = 1.0;
/// Of the kills so many in a hundred must have hit a sidecar with records that had not ended, else the run proves nothing.
const HITS: usize = 90;
/// A run of so many seconds meets every trouble.
const LONG: f64 = 120.0;
/// The most of the last third of sidecars may exceed the most of the first third by so many: connections come and go by chance.
const MORE_DESCRIPTORS: usize = 16;
const MORE_THREADS: usize = 4;

/// One client that closed in order: what it was told, and what of its records the endpoint has.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Closed {
    pub(crate) told: Told,
    pub(crate) arrived: u64,
}

/// One client that was killed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Gone {
    pub(crate) mortal: Mortal,
    /// Of what it knew to be safe,
    pub(crate) safe_arrived: u64,
    /// and of all it may have logged.
    pub(crate) arrived: u64,
}

/// One text connection.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Line {
    pub(crate) segment: Segment,
    /// Lines before this number were written to a sidecar that read them and ended in order, or is the last.
    pub(crate) promised_to: u64,
    pub(crate) promised_arrived: u64,
    pub(crate) arrived: u64,
}

/// What the endpoint says in the end.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Endpoint {
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    /// Without a good number, or beyond all numbers.
    pub(crate) strange: u64,
    /// Records that it took and could not, or was told not to, confirm.
    pub(crate) unconfirmed: u64,
    pub(crate) too_old: u64,
    pub(crate) violations: u64,
}

/// What the run was made with.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Bounds {
    /// Memory that a sidecar may take: its budget and what is documented beside it.
    pub(crate) memory_mib: f64,
    /// Of a shutdown, seconds.
    pub(crate) deadline: f64,
    /// The most records that one call can carry.
    pub(crate) batch: u64,
    pub(crate) kills: usize,
    /// How long the plan is.
    pub(crate) seconds: f64,
}

/// Everything that was seen.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    pub(crate) bounds: Bounds,
    pub(crate) closed: Vec<Closed>,
    pub(crate) gone: Vec<Gone>,
    pub(crate) text: Vec<Line>,
    pub(crate) incarnations: Vec<Incarnation>,
    pub(crate) endpoint: Endpoint,
    /// How often each trouble was met; by the endpoint's count or the sidecars'.
    pub(crate) met: BTreeMap<String, u64>,
    /// Troubles that this machine does not allow, and why.
    pub(crate) skipped: Vec<String>,
    /// Records in the spool after the last end, as `splashdam spool ls` says.
    pub(crate) left_in_spool: u64,
}

/// One thing that was to hold.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Finding {
    pub(crate) holds: bool,
    pub(crate) what: String,
}

fn finding(holds: bool, what: String) -> Finding {
    Finding { holds, what }
}

/// All that has to hold, each said to or not.
pub(crate) fn findings(facts: &Facts) -> Vec<Finding> {
    let all = [nothing_lost, clients_told, safe_arrived, text_arrived, doubled, counted, strange, hits, accounts];
    let rest = [memory, descriptors, threads, shutdowns, last_end, met];
    all.iter().chain(&rest).map(|check| check(facts)).collect()
}

impl Facts {
    pub(crate) fn killed(&self) -> impl Iterator<Item = &Incarnation> {
        self.incarnations.iter().filter(|one| matches!(one.fate, Fate::Killed { .. }))
    }

    /// Records that the closed clients logged.
    pub(crate) fn logged(&self) -> u64 {
        self.closed.iter().map(|client| client.told.logged).sum()
    }

    /// Lines that are not there, of those that nobody had promised.
    pub(crate) fn unpromised_lost(&self) -> u64 {
        self.text.iter().map(|line| line.segment.end - line.segment.first - line.arrived).sum::<u64>()
            - self.promised_lost()
    }

    fn promised_lost(&self) -> u64 {
        self.text.iter().map(|line| line.promised_to - line.segment.first - line.promised_arrived).sum()
    }
}

/// Every framed record is at the endpoint, or was refused by it.
fn nothing_lost(facts: &Facts) -> Finding {
    let lost = |client: &Closed| client.told.logged.saturating_sub(client.arrived + client.told.too_old);
    let sum: u64 = facts.closed.iter().map(lost).sum();
    let (logged, rejected) = (facts.logged(), facts.closed.iter().map(|client| client.told.too_old).sum::<u64>());
    let what = format!(
        "framed: {sum} of {logged} lost; {rejected} too old for the remote, which refused {} of them at least",
        facts.endpoint.too_old
    );
    finding(sum == 0 && logged > 0 && facts.endpoint.too_old >= rejected, what)
}

/// What each was told is what the endpoint has.
fn clients_told(facts: &Facts) -> Finding {
    let right = |client: &&Closed| {
        let told = &client.told;
        let counts = (told.delivered, told.rejected, told.dropped, told.lost);
        told.reached && counts == (client.arrived, told.too_old, 0, 0)
    };
    let wrong = facts.closed.iter().find(|client| !right(client));
    let reconnects: u64 = facts.closed.iter().map(|client| client.told.reconnects).sum();
    let count = facts.closed.iter().filter(right).count();
    let what = format!(
        "framed: {count} of {} clients were told what the endpoint has; {reconnects} reconnects",
        facts.closed.len()
    );
    finding(wrong.is_none(), wrong.map_or(what.clone(), |wrong| format!("{what}; not so: {wrong:?}")))
}

/// What a client knew to be durable outlives it.
fn safe_arrived(facts: &Facts) -> Finding {
    let gone = &facts.gone;
    let missing: u64 = gone.iter().map(|gone| gone.mortal.safe - gone.safe_arrived).sum();
    let safe: u64 = gone.iter().map(|gone| gone.mortal.safe).sum();
    let beyond: u64 = gone.iter().map(|gone| gone.arrived - gone.safe_arrived).sum();
    let flushed = gone.iter().filter(|gone| gone.mortal.after_flush).count();
    let lost: u64 = gone.iter().map(|gone| gone.mortal.lost).sum();
    let what = format!(
        "clients killed: {}, {flushed} of them right after a flush; {missing} lost of {safe} records they knew to be durable ({beyond} more arrived)",
        gone.len()
    );
    finding(missing + lost == 0 && safe > 0 && flushed > 0, what)
}

fn text_arrived(facts: &Facts) -> Finding {
    let promised: u64 = facts.text.iter().map(|line| line.promised_to - line.segment.first).sum();
    let written: u64 = facts.text.iter().map(|line| line.segment.end - line.segment.first).sum();
    let (lost, beyond) = (facts.promised_lost(), facts.unpromised_lost());
    let what = format!(
        "text: {lost} lost of {promised} lines that no kill could touch; not promised: {beyond} lost of {} others",
        written - promised
    );
    finding(lost == 0 && promised > 0, what)
}

/// A record arrives twice only where the remote could not confirm it, or a kill came before the sidecar had noted the answer.
fn doubled(facts: &Facts) -> Finding {
    let Endpoint { doubled, unconfirmed, .. } = facts.endpoint;
    let calls: u64 = facts.killed().map(|killed| killed.in_flight).sum();
    let at_kills = calls * facts.bounds.batch;
    let beyond = doubled.saturating_sub(unconfirmed);
    let what = format!(
        "{doubled} doubled, {unconfirmed} taken without a good answer; {beyond} beyond these, where {calls} calls in flight at kills may make {at_kills}"
    );
    finding(doubled <= unconfirmed + at_kills, what)
}

/// The sidecars knew: each counted what it might send twice, before it did.
fn counted(facts: &Facts) -> Finding {
    let counted: u64 = facts.incarnations.iter().map(|one| one.counted).sum();
    let doubled = facts.endpoint.doubled;
    finding(doubled <= counted, format!("{doubled} doubled, {counted} counted as possible duplicates"))
}

fn strange(facts: &Facts) -> Finding {
    let Endpoint { strange, violations, .. } = facts.endpoint;
    let what = format!("{strange} records at the endpoint are none of ours, {violations} calls broke a limit");
    finding(strange + violations == 0, what)
}

/// A kill that finds nothing unended proves nothing. One that came before the first answer found what the one before had left.
fn hits(facts: &Facts) -> Finding {
    let mut before = 0;
    let (mut killed, mut hit) = (0, 0);
    for one in &facts.incarnations {
        let unended = one.unended.unwrap_or(before);
        before = unended;
        if matches!(one.fate, Fate::Killed { .. }) {
            killed += 1;
            hit += usize::from(unended > 0);
        }
    }
    let what = format!("{hit} of {killed} kills found records unended ({} were planned)", facts.bounds.kills);
    finding(hit * 100 >= killed * HITS && killed >= facts.bounds.kills, what)
}

fn accounts(facts: &Facts) -> Finding {
    let (scrapes, wrong) = facts.incarnations.iter().fold((0, 0), |(s, w), one| (s + one.scrapes, w + one.wrong));
    let first = facts.incarnations.iter().find_map(|one| one.first_wrong.as_deref());
    let what = format!("the account adds up at each of {scrapes} scrapes of {} sidecars", facts.incarnations.len());
    finding(wrong == 0 && scrapes > 0, first.map_or(what.clone(), |first| format!("{what}: {wrong} do not: {first}")))
}

fn memory(facts: &Facts) -> Finding {
    let peak = facts.incarnations.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
    let bound = facts.bounds.memory_mib;
    finding(peak > 0.0 && peak <= bound, format!("memory: {peak:.1} MiB at most, {bound:.0} MiB allowed"))
}

fn descriptors(facts: &Facts) -> Finding {
    grows(facts, "descriptors", MORE_DESCRIPTORS, |one| one.descriptors)
}

fn threads(facts: &Facts) -> Finding {
    grows(facts, "threads", MORE_THREADS, |one| one.threads)
}

/// The most of the late third of sidecars against the most of the early third.
fn grows(facts: &Facts, name: &str, allowed: usize, of: fn(&Incarnation) -> usize) -> Finding {
    let all = &facts.incarnations;
    let third = all.len().div_ceil(3);
    let most = |part: &[Incarnation]| part.iter().map(of).max().unwrap_or(0);
    let (early, late) = (most(&all[..third]), most(&all[all.len() - third..]));
    let what = format!("{name}: {early} at most in the first third of sidecars, {late} in the last");
    finding(early > 0 && late <= early + allowed, what)
}

/// Every end that was asked for came in time and in order; with the remote away, too.
fn shutdowns(facts: &Facts) -> Finding {
    let (mut ends, mut away, mut latest, mut bad) = (0, 0, 0.0_f64, None);
    for one in &facts.incarnations {
        let Fate::Ended { outage, took, code, last_line, .. } = &one.fate else { continue };
        ends += 1;
        away += usize::from(*outage);
        latest = latest.max(*took);
        let in_order = *code == Some(0) && last_line.contains(" in_memory=0 ") && last_line.contains(" dropped=0 ");
        if !in_order || *took > facts.bounds.deadline + LATE {
            bad = Some(format!("{took:.2} s, exit code {code:?}, {last_line}"));
        }
    }
    let what = format!(
        "{ends} ends by SIGTERM ({away} with the remote away), the slowest after {latest:.2} s of {:.0} s allowed",
        facts.bounds.deadline
    );
    let holds = bad.is_none() && away > 0 && ends > away;
    finding(holds, bad.map_or(what.clone(), |bad| format!("{what}; not in order: {bad}")))
}

/// All healed: the last one delivered what there was and left nothing behind.
fn last_end(facts: &Facts) -> Finding {
    let last = facts.incarnations.last().map(|one| &one.fate);
    let line = match last {
        Some(Fate::Ended { last_line, .. }) => last_line.as_str(),
        _ => "killed",
    };
    let what = format!("the last one: {line}; {} records left in its spool", facts.left_in_spool);
    finding(line.contains(" spooled=0 ") && facts.left_in_spool == 0, what)
}

/// A remote that never misbehaved would prove nothing. In a short run chance may leave out some, at most half.
fn met(facts: &Facts) -> Finding {
    let list: Vec<_> = facts.met.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let skipped: Vec<_> = facts.skipped.iter().map(|why| format!("; SKIPPED {why}")).collect();
    let what = format!("troubles met: {}{}", list.join(", "), skipped.concat());
    let missed = facts.met.values().filter(|count| **count == 0).count();
    finding(missed == 0 || facts.bounds.seconds < LONG && missed * 2 <= facts.met.len(), what)
}

#[cfg(test)]
mod tests;
