//! What has to hold of a chaos run: pure, from what clients, kernel, sidecars and endpoint said, so that it can be tested with lies.

use serde::Serialize;

use super::lives::{Fate, Held, Incarnation};

mod facts;

pub(crate) use facts::{Bounds, Closed, Endpoint, Facts, Gone, Line};

/// Later than the deadline by more than this is too late, seconds.
const LATE: f64 = 1.0;
/// Of the kills so many in a hundred must have hit a sidecar with records that had not ended, else the run proves nothing.
const HITS: usize = 90;
/// Duplicates that no call without an answer explains may be so many in a hundred of what was logged, whatever was under way: a sidecar
/// that noted its answers a second late would send more again at kills three seconds apart.
const BEYOND: u64 = 10;
/// A run of so many seconds meets every trouble.
const LONG: f64 = 120.0;
/// The most of the last third of a life may exceed the most of its first third by so many: calls come and go by chance.
const MORE_DESCRIPTORS: usize = 16;
const MORE_THREADS: usize = 4;

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

/// A record arrives twice only where the remote could not confirm it, or a kill came before the sidecar had noted the answer: its call
/// was under way or had just ended. Of a sidecar that was killed before its first answer all that it had found may have been.
fn doubled(facts: &Facts) -> Finding {
    let Endpoint { doubled, unconfirmed, .. } = facts.endpoint;
    let (mut before, mut at_kills) = (0, 0);
    for one in &facts.incarnations {
        let in_doubt = one.unended.map_or(before, |_| one.under_way + one.just_ended);
        at_kills += if matches!(one.fate, Fate::Killed { .. }) { in_doubt } else { 0 };
        before = one.unended.map_or(before, |unended| u64::try_from(unended).unwrap_or(0));
    }
    let beyond = doubled.saturating_sub(unconfirmed);
    let what = format!(
        "{doubled} doubled, {unconfirmed} taken without a good answer; {beyond} beyond these, where {at_kills} were under way or had just ended at {} kills",
        facts.killed().count()
    );
    finding(beyond <= at_kills && beyond * 100 <= facts.logged() * BEYOND, what)
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

/// A kill that finds nothing unended proves nothing. One that came before the second look found what the one before had left, too:
/// its sidecar had not looked through its spool. Of few kills one may miss.
fn hits(facts: &Facts) -> Finding {
    let mut before = 0;
    let (mut killed, mut hit) = (0, 0);
    for one in &facts.incarnations {
        let left = if one.scrapes > 1 { 0 } else { before };
        let unended = one.unended.map_or(before, |unended| unended.max(left));
        before = unended;
        if matches!(one.fate, Fate::Killed { .. }) {
            killed += 1;
            hit += usize::from(unended > 0);
        }
    }
    let what = format!("{hit} of {killed} kills found records unended ({} were planned)", facts.bounds.kills);
    finding(hit >= killed * HITS / 100 && killed >= facts.bounds.kills, what)
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
    grows(facts, "descriptors", facts.bounds.descriptors, MORE_DESCRIPTORS, |held| held.descriptors)
}

fn threads(facts: &Facts) -> Finding {
    grows(facts, "threads", facts.bounds.threads, MORE_THREADS, |held| held.threads)
}

/// No sidecar has more than its clients and calls explain; and the one that lived longest has no more in the end than in the beginning.
fn grows(facts: &Facts, name: &str, bound: usize, more: usize, of: fn(&Held) -> usize) -> Finding {
    let all = &facts.incarnations;
    let most = all.iter().map(|one| of(&one.most)).max().unwrap_or(0);
    let lived = |one: &Incarnation| one.until - one.from;
    let Some(longest) = all.iter().max_by(|one, other| lived(one).total_cmp(&lived(other))) else {
        return finding(false, format!("{name}: no sidecar was seen"));
    };
    let (early, late) = (of(&longest.early), of(&longest.late));
    let what = format!(
        "{name}: {most} at most, {bound} allowed; of the sidecar that lived longest ({:.0} s) {early} in its first third, {late} in its last",
        lived(longest)
    );
    finding(early > 0 && most <= bound && late <= early + more, what)
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
