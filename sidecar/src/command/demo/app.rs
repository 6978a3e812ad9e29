//! The app: three quarters of its records go through the client library, one quarter as lines of text.
//!
//! Both writers keep a steady pace and wait where there is no room: this app would rather be slow than lose a record.

use std::io::{BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use splashdam::{Client, Overflow};

/// How often a writer wakes to log what is due.
const STEP: Duration = Duration::from_millis(5);
/// Of four records, how many are framed.
const FRAMED: u64 = 3;
const OF: u64 = 4;

#[derive(Debug, Default)]
struct Shared {
    /// The next record's number.
    next: AtomicU64,
    framed: AtomicU64,
    text: AtomicU64,
    running: AtomicU64,
    stop: AtomicBool,
}

/// What was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) framed: u64,
    pub(super) text: u64,
}

impl Logged {
    pub(super) fn all(self) -> u64 {
        self.framed + self.text
    }
}

/// How far the app is.
#[derive(Debug)]
pub(super) struct Counts(Arc<Shared>);

impl Counts {
    pub(super) fn logged(&self) -> Logged {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Logged { framed: load(&self.0.framed), text: load(&self.0.text) }
    }

    fn are_final(&self) -> bool {
        self.0.running.load(Ordering::Acquire) == 0
    }

    /// Resolves once both writers have written what they had to.
    pub(super) async fn done(&self) {
        while !self.are_final() {
            tokio::time::sleep(STEP).await;
        }
    }
}

/// The running app.
#[derive(Debug)]
pub(super) struct App {
    shared: Arc<Shared>,
    client: Client,
    writers: Vec<JoinHandle<()>>,
}

impl App {
    pub(super) fn start(socket: &Path, rate: u64, length: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let overflow = Overflow::Block { max_wait: Duration::MAX };
        let client = Client::builder(socket).app("demo").disabled(false).overflow(overflow).build();
        let framed = (rate * FRAMED).div_ceil(OF);
        let library = Pace { rate: framed, length };
        let lines = Pace { rate: rate - framed, length };
        shared.running.store(2, Ordering::Relaxed);
        let writers = vec![
            spawn(&shared, {
                let (shared, client) = (Arc::clone(&shared), client.clone());
                move || through_library(&shared, &client, library)
            }),
            spawn(&shared, {
                let (shared, socket) = (Arc::clone(&shared), socket.to_owned());
                move || as_text(&shared, socket, lines)
            }),
        ];
        App { shared, client, writers }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts(Arc::clone(&self.shared))
    }

    /// Ends both writers and waits, `patience` at most, until what the client holds has an outcome.
    pub(super) async fn stop(self, patience: Duration) -> Logged {
        self.shared.stop.store(true, Ordering::Relaxed);
        let counts = self.counts();
        let waiting = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + patience;
            while !counts.are_final() && Instant::now() < deadline {
                std::thread::sleep(STEP);
            }
            if counts.are_final() {
                // They have told that they are done.
                self.writers.into_iter().for_each(|writer| drop(writer.join()));
            }
            self.client.close(deadline.saturating_duration_since(Instant::now()));
            counts.logged()
        });
        // It does not panic; nothing logged would show as a difference in the account.
        waiting.await.unwrap_or(Logged { framed: 0, text: 0 })
    }
}

fn spawn(shared: &Arc<Shared>, write: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        write();
        shared.running.fetch_sub(1, Ordering::Release);
    })
}

/// So many records a second, for so long.
#[derive(Clone, Copy, Debug)]
struct Pace {
    rate: u64,
    length: Duration,
}

impl Pace {
    /// How many records are due so long after the start.
    fn due(self, since: Duration) -> u64 {
        (self.rate as f64 * since.min(self.length).as_secs_f64()).round() as u64
    }

    /// Calls `write` with how many are due, until all were written, it fails, or somebody says stop.
    fn keep(self, stop: &AtomicBool, mut write: impl FnMut(u64) -> std::io::Result<()>) {
        let began = Instant::now();
        let mut written = 0;
        while !stop.load(Ordering::Relaxed) {
            let since = began.elapsed();
            let due = self.due(since);
            // Never more than a step's worth at a time that the stop flag could not interrupt.
            let now = (due - written).min(self.rate.div_ceil(20).max(1));
            if write(now).is_err() {
                return;
            }
            written += now;
            if since >= self.length && written == due {
                return;
            }
            if written == due {
                std::thread::sleep(STEP);
            }
        }
    }
}

fn through_library(shared: &Shared, client: &Client, pace: Pace) {
    pace.keep(&shared.stop, |records| {
        for _ in 0..records {
            client.log(&record(shared));
            shared.framed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
}

fn as_text(shared: &Shared, socket: PathBuf, pace: Pace) {
    let Ok(stream) = UnixStream::connect(socket) else { return };
    let mut out = BufWriter::with_capacity(64 * 1024, stream);
    pace.keep(&shared.stop, |records| {
        for _ in 0..records {
            writeln!(out, "{}", record(shared))?;
            shared.text.fetch_add(1, Ordering::Relaxed);
        }
        out.flush()
    });
}

/// A record of about 100 bytes, with its number and the time in microseconds.
fn record(shared: &Shared) -> String {
    let number = shared.next.fetch_add(1, Ordering::Relaxed);
    let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    format!(
        "n={number:010} t={micros} GET /orders/{} 200 in {} ms, {} bytes sent",
        number % 9973,
        number % 41,
        number % 8191
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_comes_to_the_whole_number() {
        let pace = Pace { rate: 333, length: Duration::from_millis(100) };
        let mut written = 0;
        pace.keep(&AtomicBool::new(false), |records| {
            written += records;
            Ok(())
        });
        assert_eq!(written, 33);
        assert_eq!(pace.due(Duration::from_secs(9)), 33);
    }

    #[test]
    fn a_stop_and_an_error_end_it() {
        let pace = Pace { rate: 1, length: Duration::from_secs(3_600) };
        pace.keep(&AtomicBool::new(true), |_| Ok(()));
        pace.keep(&AtomicBool::new(false), |_| Err(std::io::ErrorKind::BrokenPipe.into()));
    }
}
