//! What is to be said about a row: what happened in it, and what of it cannot be so.

use super::row::Facts;
use super::sums::offered;
use crate::account::Account;

/// In words, for whoever reads the row; empty where nothing is to be said.
pub(super) fn comment(facts: &Facts<'_>) -> String {
    let (seen, feed) = (&facts.seen, &facts.seen.feed);
    let mut words = Vec::new();
    let mut say = |holds: bool, what: String| {
        if holds {
            words.push(what);
        }
    };
    let gather = facts.rung.gather();
    say(!gather.is_zero(), format!("lines due within {} ms in one write", gather.as_millis()));
    say(seen.interrupted, format!("interrupted after {:.1} s", feed.due as f64 / facts.rung.per_second()));
    let unwritten = offered(facts).saturating_sub(feed.records);
    say(unwritten > 0, format!("{unwritten} lines that were due were never written: the socket took no more"));
    let late = feed.late_max_micros as f64 / 1e6;
    say(late >= 0.5, format!("lines were written up to {late:.1} s late"));
    if let Some(away) = seen.outage.filter(|_| seen.caught_up.is_none()) {
        say(true, format!("not caught up after the outage of {:.1} s", away.as_secs_f64()));
    }
    if let Some(how) = &seen.died {
        say(true, format!("the shipper {how}"));
    }
    if let Some(account) = last_account(facts).filter(|_| seen.died.is_none()) {
        let (memory, spool) = (account.in_memory, account.spooled);
        say(memory + spool > 0, format!("{memory} records were in memory and {spool} in the spool when time was up"));
    }
    if let Some(what) = &facts.stopped {
        say(true, format!("at its end: {what}"));
    }
    if let Some(why) = &facts.unlimited {
        say(true, format!("no memory limit: {why}"));
    }
    say(facts.options.remote.fixed().is_none(), "end-to-end without the remote's latency".to_owned());
    words.join("; ")
}

fn last_account(facts: &Facts<'_>) -> Option<Account> {
    Some(facts.account.as_ref().filter(|seen| seen.scrapes > 0)?.latest.account())
}

/// Why the row's figures are not to be believed; empty for a sound one. That records were lost is a figure, not a fault, except
/// where the sidecar lost them while it lived.
pub(super) fn faults(facts: &Facts<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let (feed, marks, violations) = (&facts.seen.feed, &facts.report.marks, &facts.report.violations);
    let most = feed.records + feed.cut;
    expect(marks.unique <= most, format!("{} records arrived, {most} were written", marks.unique));
    expect(marks.out_of_range == 0, format!("{} records have numbers that none was given", marks.out_of_range));
    expect(violations.total == 0, format!("{} limits violated: {:?}", violations.total, violations.list.first()));
    if facts.options.shipper.is_none() {
        faults.extend(own_faults(facts));
    }
    faults
}

/// Those that only our sidecar's account can show.
fn own_faults(facts: &Facts<'_>) -> Vec<String> {
    let Some(seen) = facts.account.as_ref().filter(|seen| seen.scrapes > 0) else {
        // Interrupted before the first look: then there is nothing to check.
        if facts.seen.interrupted && facts.seen.feed.records == 0 && facts.report.marks.unique == 0 {
            return Vec::new();
        }
        return vec!["its account could not be checked: /metrics never answered".to_owned()];
    };
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let (account, marks, feed) = (seen.latest.account(), &facts.report.marks, &facts.seen.feed);
    let counted = seen.latest.sum("splashdam_possible_duplicates_total", "") as u64;
    expect(seen.wrong == 0, format!("{} scrapes do not add up: {:?}", seen.wrong, seen.first_wrong));
    expect(marks.doubled <= counted, format!("{} doubled, {counted} allowed", marks.doubled));
    // One that was killed has told of less than it did. That the kernel did so at the limit is a result.
    if let Some(how) = &facts.seen.died {
        expect(facts.kills > 0, format!("the sidecar {how}"));
        return faults;
    }
    let came = account.received;
    let (least, most) = (if feed.gave_up { 0 } else { feed.records as i64 }, (feed.records + feed.cut) as i64);
    expect((least..=most).contains(&came), format!("it received {came}, {} were written", feed.records));
    let strange = marks.unmarked.saturating_sub(account.generated as u64 + feed.cut);
    expect(strange == 0, format!("{strange} records without a number"));
    let accepted = (marks.unique + marks.doubled + marks.unmarked) as i64;
    if account.in_memory + account.spooled == 0 && counted == 0 {
        expect(
            account.delivered == accepted,
            format!("it says {} delivered, the endpoint {accepted}", account.delivered),
        );
    }
    let waiting = (account.in_memory + account.spooled) as u64;
    let lost = feed.records.saturating_sub(marks.unique);
    expect(lost <= waiting, format!("{lost} lost: {account}"));
    expect(!facts.rung.spool || seen.most_spool_bytes > 0.0, "the spool was never used".to_owned());
    faults
}
