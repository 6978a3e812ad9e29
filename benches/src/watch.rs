//! Scrapes the sidecar ten times a second during a run and checks each time that the account adds up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::account::{Account, Scrape};
use crate::sidecar::scrape;

const PERIOD: Duration = Duration::from_millis(100);
/// A sidecar at work answers sooner than this. It promises no figure; a scraper's usual patience is ten times as long.
pub(crate) const BOUND: Duration = Duration::from_secs(1);
/// Scrapes whose count of ended records is kept.
const KEPT: usize = 32;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) scrapes: u64,
    /// Scrapes that were refused or cut off.
    pub(crate) failed: u64,
    /// Scrapes whose account did not add up, and the first of these.
    pub(crate) wrong: u64,
    pub(crate) first_wrong: Option<Account>,
    pub(crate) slowest: Duration,
    /// Of [`Self::failed`] those after the first answer: before it the sidecar is starting.
    pub(crate) refused: u64,
    /// Scrapes that took longer than [`BOUND`].
    pub(crate) late: u64,
    /// The most bytes that its spool ever had.
    pub(crate) most_spool_bytes: f64,
    pub(crate) latest: Scrape,
    /// How many records had ended, at the last [`KEPT`] scrapes.
    pub(crate) ended: VecDeque<(Instant, i64)>,
}

impl Seen {
    /// Why a run that was to use a spool proves nothing, if that is so.
    pub(crate) fn never_spooled(&self) -> Option<String> {
        (self.most_spool_bytes == 0.0).then(|| "the spool was never used".to_owned())
    }
}

#[derive(Debug)]
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(admin: SocketAddr) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (stop, stopped) = mpsc::channel::<()>();
        let shared = Arc::clone(&seen);
        let thread = thread::spawn(move || loop {
            let begin = Instant::now();
            let scraped = scrape(admin);
            note(&mut shared.lock().unwrap_or_else(PoisonError::into_inner), scraped.ok(), begin.elapsed());
            let rest = PERIOD.saturating_sub(begin.elapsed());
            if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        });
        Self { seen, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the account has been seen, or so long in vain.
    pub(crate) fn wait_for_one(&self, longest: Duration) {
        let begin = Instant::now();
        while self.seen().scrapes == 0 && begin.elapsed() < longest {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops scraping.
    pub(crate) fn stop(&mut self) -> Seen {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.seen()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn note(seen: &mut Seen, scraped: Option<Scrape>, took: Duration) {
    let Some(scraped) = scraped else {
        seen.failed += 1;
        seen.refused += u64::from(seen.scrapes > 0);
        return;
    };
    seen.scrapes += 1;
    seen.slowest = seen.slowest.max(took);
    seen.late += u64::from(took > BOUND);
    let account = scraped.account();
    if seen.ended.len() == KEPT {
        seen.ended.pop_front();
    }
    seen.ended.push_back((Instant::now(), account.ended()));
    if !account.adds_up() {
        seen.wrong += 1;
        seen.first_wrong.get_or_insert(account);
    }
    seen.most_spool_bytes = seen.most_spool_bytes.max(scraped.sum("splashdam_spool_bytes", ""));
    seen.latest = scraped;
}
