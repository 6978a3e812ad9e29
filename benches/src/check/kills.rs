//! Framed clients push through an outage, the sidecar is killed twice meanwhile and once while it delivers what it kept. Everything
//! is read back from the endpoint: nothing is missing, each channel is in order between milliseconds, and little is doubled.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::Finding;
use crate::account::Account;
use crate::endpoint::{Behaviour, Event};
use crate::error::{Error, Result};
use crate::host::disk::SpoolFolder;
use crate::scenarios::clients::{example, parse, Fed};
use crate::sidecar::{scrape, Settings, Spool};
use crate::stage::{Programs, Stage};
use crate::watch::Seen;

const CLIENTS: u64 = 4;
const LONGEST: Duration = Duration::from_secs(600);
/// The sidecar's own destination, by [`crate::sidecar`].
const NAME: &str = "bench";
const LATENCY_MS: u32 = 30;
/// Parts of a hundred that have come when the first two kills fall, and that have arrived at the third.
const KILLS: [u64; 3] = [30, 60, 40];

/// What was known of a sidecar just before it was killed.
#[derive(Debug)]
struct Kill {
    account: Account,
    /// Attempts that were under way: what they carried may arrive twice.
    in_flight: f64,
    seen: Seen,
}

pub(super) fn run(programs: &Programs, records: u64, spool_in: &Path) -> Result<Vec<Finding>> {
    let program = match example(&programs.examples, "feed") {
        Ok(program) => program,
        Err(why) => return Ok(vec![Finding::new(false, why)]),
    };
    let each = records / CLIENTS;
    let records = each * CLIENTS;
    let folder = SpoolFolder::new(spool_in)?;
    let behaviour = Behaviour {
        strict: true,
        keep: Some(2 * records),
        latency_ms: LATENCY_MS,
        numbers: records,
        ..Behaviour::default()
    };
    let mut settings = Settings { memory: Some("64MiB"), spool: Some(Spool::at(folder.path())), ..Settings::default() };
    let mut stage =
        Stage::set(programs, &behaviour, Settings { spool: settings.spool.clone(), ..Settings::default() })?;
    settings.endpoint.clone_from(&stage.remote()?.url);
    stage.remote()?.refuse(NAME)?;
    let feeders = (0..CLIENTS).map(|index| {
        let offset = index * each;
        stage.feed_with(&program, &format!("--count {each} --size 100 --offset {offset} --await ended --timeout 300"))
    });
    let feeders = feeders.collect::<Result<Vec<_>>>()?;

    let mut kills = Vec::new();
    for share in &KILLS[..2] {
        until(&stage, "enough records have come", |stage| Ok(came(stage) >= records * share / 100))?;
        kills.push(kill(&mut stage, programs, &settings)?);
    }
    until(&stage, "nearly all records have come", |stage| Ok(came(stage) >= records * 9 / 10))?;
    stage.remote()?.recover()?;
    until(&stage, "enough has arrived", |stage| Ok(stage.report()?.marks.unique >= records * KILLS[2] / 100))?;
    kills.push(kill(&mut stage, programs, &settings)?);

    let mut findings = Vec::new();
    for feeder in feeders {
        let fed: Fed = parse("feed", &stage.join_other(feeder, each, LONGEST)?)?;
        findings.push(Finding::new(fed.reached && fed.lost == 0, format!("a client was told {fed:?}")));
    }
    until(&stage, "all has arrived", |stage| Ok(stage.report()?.marks.unique >= records))?;
    let events = stage.remote()?.events(NAME, NAME)?;
    let finished = stage.finish()?;
    let marks = &finished.report.marks;
    let what = format!("{} of {records} delivered, the first missing: {:?}", marks.unique, marks.first_missing);
    findings.push(Finding::new(marks.unique == records && marks.unmarked == 0, what));
    findings.push(doubled(&events, records, &kills));
    findings.push(order(&events, each));
    findings.extend(kills.iter().zip(1..).map(|(kill, number)| hit(number, kill)));
    let seen = kills.iter().map(|kill| &kill.seen).chain([&finished.seen]);
    let (scrapes, bad) = seen.fold((0, 0), |(all, bad), seen| (all + seen.scrapes, bad + seen.wrong));
    let first = kills.iter().find_map(|kill| kill.seen.first_wrong).or(finished.seen.first_wrong);
    let what = format!("the account adds up at each of {scrapes} scrapes of four sidecars ({bad} do not: {first:?})");
    findings.push(Finding::new(scrapes > 0 && bad == 0, what));
    findings.push(Finding::new(true, format!("the last one says: {}", finished.last_line)));
    Ok(findings)
}

fn until(stage: &Stage, what: &str, mut holds: impl FnMut(&Stage) -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !holds(stage)? {
        if begin.elapsed() > LONGEST {
            let (account, words) = (stage.seen().latest.account(), stage.sidecar.last_words());
            let what = format!("{what} (account: {account}; it says: {words})");
            return Err(Error::Late { what, seconds: LONGEST.as_secs_f64() });
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Records that this sidecar knows of; none while it does not answer.
fn came(stage: &Stage) -> u64 {
    let account = scrape(stage.sidecar.admin).map(|scrape| scrape.account()).unwrap_or_default();
    u64::try_from(account.received + account.recovered).unwrap_or(0)
}

fn kill(stage: &mut Stage, programs: &Programs, settings: &Settings<'_>) -> Result<Kill> {
    let last = scrape(stage.sidecar.admin)?;
    let seen = stage.kill()?;
    stage.restart(programs, settings)?;
    Ok(Kill { account: last.account(), in_flight: last.sum("splashdam_attempts_in_flight", ""), seen })
}

/// A kill that finds nothing unended proves nothing.
fn hit(number: u32, kill: &Kill) -> Finding {
    let unended = kill.account.in_memory + kill.account.spooled;
    let holds = unended > 0 && kill.account.adds_up();
    let what = format!(
        "kill {number} found {unended} records unended, {} attempts in flight: {}",
        kill.in_flight, kill.account
    );
    Finding::new(holds, what)
}

/// Each kill may double what was in flight then: at most so many batches, each at most AWS's 10,000 events.
fn doubled(events: &[Event], records: u64, kills: &[Kill]) -> Finding {
    const MOST_IN_FLIGHT: u64 = 16;
    const BATCH_BYTES: u64 = 1_048_576;
    const EVENT: u64 = 100 + 26;
    let doubled = (events.len() as u64).saturating_sub(records);
    let batch = BATCH_BYTES / EVENT;
    // In the outage nothing took effect, so only the last kill counts.
    let allowed = MOST_IN_FLIGHT * batch;
    let seen: f64 = kills.last().map_or(0.0, |kill| kill.in_flight);
    let what = format!(
        "{doubled} doubled; in flight at the kill while delivering: {seen} batches of at most {batch}, at most {MOST_IN_FLIGHT}"
    );
    Finding::new(doubled <= allowed, what)
}

/// Between milliseconds a channel's numbers go up; within one they come as they come.
fn order(events: &[Event], each: u64) -> Finding {
    let mut channels: BTreeMap<u64, BTreeMap<i64, Range<u64>>> = BTreeMap::new();
    let mut odd = 0;
    for event in events {
        let Some(number) = event.message.get(2..12).and_then(|digits| digits.parse::<u64>().ok()) else {
            odd += 1;
            continue;
        };
        let of = channels.entry(number / each.max(1)).or_default().entry(event.timestamp);
        of.and_modify(|range| *range = range.start.min(number)..range.end.max(number)).or_insert(number..number);
    }
    let broken = |moments: &BTreeMap<i64, Range<u64>>| {
        let ranges: Vec<_> = moments.values().collect();
        ranges.windows(2).filter(|pair| pair[0].end >= pair[1].start).count()
    };
    let broken: usize = channels.values().map(broken).sum();
    let moments: usize = channels.values().map(BTreeMap::len).sum();
    let what = format!(
        "{} channels are in order between {moments} milliseconds ({broken} are not), {odd} records are not ours",
        channels.len()
    );
    Finding::new(channels.len() as u64 == CLIENTS && broken == 0 && odd == 0, what)
}
