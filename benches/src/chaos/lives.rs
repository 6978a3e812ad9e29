//! The sidecars, one after the other on the same spool: started, looked at, ended as the plan says.

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::cast::SIZE;
use crate::account::{Account, Scrape};
use crate::error::{wrong, Error, Result};
use crate::host::kernel;
use crate::sidecar::{scrape, Settings, Sidecar};
use crate::watch::Watch;

const POLL: Duration = Duration::from_millis(5);
/// How often the kernel is asked.
const SAMPLE: Duration = Duration::from_millis(100);
/// A sidecar that has not ended so long after SIGTERM never will.
const STUCK: Duration = Duration::from_secs(60);

/// What ended so long before a kill may be in no cursor on disk yet, and is then sent again.
const UNNOTED: Duration = Duration::from_millis(300);

/// Of a name that does not resolve, in the sidecar's diagnostics.
const NO_NAME: &str = "failed to lookup address";

/// How a sidecar ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fate {
    Killed {
        while_shutting_down: bool,
    },
    /// In order.
    Ended {
        /// The remote was away all the while.
        outage: bool,
        /// Seconds from SIGTERM to the end.
        took: f64,
        code: Option<i32>,
        last_line: String,
        /// Behind the last line that each text client had written before the signal.
        written: Vec<u64>,
    },
}

/// One sidecar's life.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Incarnation {
    pub(crate) pid: u32,
    /// Seconds since the run began.
    pub(crate) from: f64,
    pub(crate) until: f64,
    pub(crate) fate: Fate,
    /// As of its last moment; none where it was not yet answering.
    pub(crate) unended: Option<i64>,
    /// Records in calls that were under way, at most: by the bytes of their bodies.
    pub(crate) under_way: u64,
    /// Records that had ended within [`UNNOTED`] before.
    pub(crate) just_ended: u64,
    /// Records that it counted as sent twice, perhaps.
    pub(crate) counted: u64,
    pub(crate) scrapes: u64,
    pub(crate) wrong: u64,
    pub(crate) first_wrong: Option<String>,
    pub(crate) peak_mib: f64,
    /// The most that were seen.
    pub(crate) most: Held,
    /// In the first third of its life,
    pub(crate) early: Held,
    /// and in the last.
    pub(crate) late: Held,
    /// It has met a name that does not resolve.
    pub(crate) no_name: bool,
}

/// What a process holds, by the kernel's word.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl Held {
    /// The most of each.
    fn most(all: &[Self]) -> Self {
        let most = |of: fn(&Self) -> usize| all.iter().map(of).max().unwrap_or(0);
        Self { descriptors: most(|held| held.descriptors), threads: most(|held| held.threads) }
    }
}

/// How to start one.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    pub(crate) program: &'a Path,
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) folder: &'a Path,
    pub(crate) begin: Instant,
}

#[derive(Debug)]
pub(crate) struct Living {
    watch: Watch,
    pub(crate) sidecar: Sidecar,
    peak_mib: f64,
    held: Vec<Held>,
    sampled: Option<Instant>,
    began: Instant,
    from: f64,
}

/// What was seen of one just before its end.
#[derive(Debug, Default)]
struct Last {
    scrape: Option<Scrape>,
    scrapes: u64,
    wrong: u64,
    first_wrong: Option<Account>,
    /// How many had ended, some scrapes back.
    ended: VecDeque<(Instant, i64)>,
}

impl Living {
    /// Starts one and waits for nothing.
    pub(crate) fn start(start: &Start<'_>) -> Result<Self> {
        let sidecar = Sidecar::spawn(start.program, start.settings, start.folder)?;
        let watch = Watch::start(sidecar.admin);
        let from = start.begin.elapsed().as_secs_f64();
        Ok(Self { watch, sidecar, peak_mib: 0.0, held: Vec::new(), sampled: None, began: Instant::now(), from })
    }

    /// Looks on until it has lived so long; fails where it ends by itself.
    pub(crate) fn live(&mut self, seconds: f64, mut meanwhile: impl FnMut()) -> Result<()> {
        while self.began.elapsed().as_secs_f64() < seconds {
            self.sidecar.check_alive()?;
            self.look();
            meanwhile();
            let left = Duration::from_secs_f64((seconds - self.began.elapsed().as_secs_f64()).max(0.0));
            thread::sleep(POLL.min(left));
        }
        Ok(())
    }

    /// Asks the kernel, now and then.
    pub(crate) fn look(&mut self) {
        if self.sampled.is_none_or(|at| at.elapsed() >= SAMPLE) {
            self.sampled = Some(Instant::now());
            self.sample();
        }
    }

    fn sample(&mut self) {
        let pid = self.sidecar.pid();
        // While it is ending there is nothing to see.
        self.peak_mib = self.peak_mib.max(kernel::resident(pid).map_or(0.0, |resident| resident.peak));
        if let (Ok(descriptors), Ok(threads)) = (kernel::descriptors(pid), kernel::threads(pid)) {
            self.held.push(Held { descriptors, threads });
        }
    }

    /// What it says at present of records that have not ended.
    pub(crate) fn unended(&self) -> Option<i64> {
        scrape(self.sidecar.admin).ok().map(|scrape| unended(&scrape))
    }

    /// Kills it now.
    pub(crate) fn kill(mut self, while_shutting_down: bool, begin: Instant) -> Result<Incarnation> {
        let mut last = self.stop_watching();
        self.sample();
        last.look_once_more(&self.sidecar);
        self.sidecar.kill()?;
        Ok(self.over(&last, Fate::Killed { while_shutting_down }, begin))
    }

    /// Asks it to end in order and waits until it has; or kills it so long after the signal.
    pub(crate) fn terminate(
        mut self,
        outage: bool,
        killed_after: Option<Duration>,
        text: &[AtomicU64],
        begin: Instant,
    ) -> Result<Incarnation> {
        let written = text.iter().map(|written| written.load(Ordering::Acquire)).collect();
        self.sidecar.terminate();
        let signal = Instant::now();
        loop {
            if let Some(status) = self.sidecar.status()? {
                let took = signal.elapsed().as_secs_f64();
                let fate = self.ended(outage, took, status, written);
                let mut last = self.stop_watching();
                last.scrape = Some(last_account(&fate)?);
                return Ok(self.over(&last, fate, begin));
            }
            if killed_after.is_some_and(|after| signal.elapsed() >= after) {
                return self.kill(true, begin);
            }
            if signal.elapsed() > STUCK {
                return Err(Error::Late { what: "end after SIGTERM".to_owned(), seconds: STUCK.as_secs_f64() });
            }
            self.look();
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn ended(&self, outage: bool, took: f64, status: ExitStatus, written: Vec<u64>) -> Fate {
        let words = self.sidecar.last_words();
        let last_line = words.rsplit(" | ").next().unwrap_or_default().to_owned();
        Fate::Ended { outage, took, code: status.code(), last_line, written }
    }

    /// No scrape may be cut off by the end: it would look like an account that does not add up.
    fn stop_watching(&mut self) -> Last {
        let seen = self.watch.stop();
        let scrape = (seen.scrapes > 0).then_some(seen.latest);
        Last { scrape, scrapes: seen.scrapes, wrong: seen.wrong, first_wrong: seen.first_wrong, ended: seen.ended }
    }

    fn over(&self, last: &Last, fate: Fate, begin: Instant) -> Incarnation {
        let sum = |name: &str, label: &str| last.scrape.as_ref().map_or(0, |scrape| scrape.sum(name, label) as u64);
        let third = self.held.len().div_ceil(3);
        Incarnation {
            pid: self.sidecar.pid(),
            from: self.from,
            until: begin.elapsed().as_secs_f64(),
            fate,
            unended: last.scrape.as_ref().map(unended),
            under_way: sum("splashdam_memory_bytes", "kind=\"body\"") / SIZE as u64,
            just_ended: last.just_ended(),
            counted: sum("splashdam_possible_duplicates_total", ""),
            scrapes: last.scrapes,
            wrong: last.wrong,
            first_wrong: last.first_wrong.map(|account| account.to_string()),
            peak_mib: self.peak_mib,
            most: Held::most(&self.held),
            early: Held::most(&self.held[..third]),
            late: Held::most(&self.held[self.held.len() - third..]),
            no_name: self.sidecar.has_said(NO_NAME),
        }
    }
}

impl Last {
    /// As late as can be: what happens after it is in no count.
    fn look_once_more(&mut self, sidecar: &Sidecar) {
        let Ok(scrape) = scrape(sidecar.admin) else { return };
        let account = scrape.account();
        self.scrapes += 1;
        if !account.adds_up() {
            self.wrong += 1;
            self.first_wrong.get_or_insert(account);
        }
        self.scrape = Some(scrape);
    }

    /// Records that ended within [`UNNOTED`] before the last look, or a little longer: scrapes lie 100 ms apart.
    fn just_ended(&self) -> u64 {
        let Some(scrape) = &self.scrape else { return 0 };
        let now = Instant::now();
        let noted = self.ended.iter().rev().find(|(at, _)| now - *at >= UNNOTED).map_or(0, |(_, ended)| *ended);
        u64::try_from(scrape.account().ended() - noted).unwrap_or(0)
    }
}

fn unended(scrape: &Scrape) -> i64 {
    let account = scrape.account();
    account.in_memory + account.spooled
}

/// The last line's account, as if it had been scraped.
fn last_account(fate: &Fate) -> Result<Scrape> {
    let Fate::Ended { last_line, .. } = fate else { return Ok(Scrape::default()) };
    let none = || wrong("the sidecar", format!("ended without its final account: {last_line:?}"));
    let fields = last_line.split_once("final account:").ok_or_else(none)?.1;
    let sample = |field: &str| {
        let (name, value) = field.split_once('=')?;
        Some(match name {
            "in_memory" | "spooled" => format!("splashdam_{name}_records {value}\n"),
            "possible_duplicates" => format!("splashdam_{name}_total {value}\n"),
            _ => format!("splashdam_records_{name}_total {value}\n"),
        })
    };
    let text: Option<String> = fields.split_ascii_whitespace().map(sample).collect();
    let scrape = Scrape::parse(&text.ok_or_else(none)?);
    match scrape.account().adds_up() {
        true => Ok(scrape),
        false => Err(wrong("the final account", format!("does not add up: {last_line}"))),
    }
}
