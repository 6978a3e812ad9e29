//! Framed clients as processes of their own, of the shipped client crate: `chaos-client`, which the run starts and some of which it kills.
//!
//! Every client writes its numbers in order, at a pace of its own, and waits for room as long as it takes. `steady` and `old` clients
//! go on until SIGTERM, close, and say how their records ended. A `mortal` one flushes now and then, says which number is safe, and
//! ends by being killed.

use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use splashdam::{Client, Level, Overflow};

use crate::error::{io, wrong, Result};
use crate::host::clock::unix_millis;
use crate::interrupt;

/// Longest wait of a flush or a close; the run gives up sooner.
const PATIENCE: Duration = Duration::from_secs(1_200);
const TICK: Duration = Duration::from_millis(5);
const HOUR_MS: i64 = 3_600_000;
/// CloudWatch takes records of the last fourteen days: the first kind is still taken, the second is not. They are less than a
/// day apart, so that they share batches.
const OLD_MS: i64 = (14 * 24 - 9) * HOUR_MS;
const TOO_OLD_MS: i64 = (14 * 24 + 9) * HOUR_MS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Steady,
    Old,
    Mortal,
}

/// Logs numbered records through the client library until it is told to end, or killed (started by `chaos`).
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    #[arg(long)]
    socket: PathBuf,
    #[arg(long, value_enum)]
    kind: Kind,
    /// Clients in this process, each with a channel of its own
    #[arg(long)]
    clients: u64,
    /// Number of the first client's first record
    #[arg(long)]
    first: u64,
    /// Numbers of each
    #[arg(long)]
    most: u64,
    /// Records a second of each
    #[arg(long)]
    rate: f64,
    #[arg(long)]
    size: usize,
    /// The clients take turns; an empty one is the sidecar's own
    #[arg(long)]
    stream: Vec<String>,
}

/// How a client's records ended, as it was told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Its numbers begin here,
    pub(crate) first: u64,
    /// and these it has logged.
    pub(crate) logged: u64,
    pub(crate) reached: bool,
    pub(crate) delivered: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
    /// Given up by the client itself.
    pub(crate) lost: u64,
    /// Of what it logged, records that are too old for CloudWatch.
    pub(crate) too_old: u64,
    pub(crate) reconnects: u64,
}

/// What a mortal client says after each flush.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Safe {
    /// So many of its numbers, from its first on, are durable.
    pub(crate) safe: u64,
    /// Given up meanwhile.
    pub(crate) lost: u64,
}

/// Is this number's record too old?
fn is_too_old(number: u64) -> bool {
    number % 4 == 3
}

fn timestamp(kind: Kind, number: u64) -> i64 {
    let now = unix_millis();
    match number % 4 {
        _ if kind != Kind::Old => now,
        2 => now - OLD_MS,
        3 => now - TOO_OLD_MS,
        _ => now,
    }
}

pub(crate) fn run(args: &ClientArgs) -> Result<()> {
    if !(args.rate.is_finite() && args.rate > 0.0) {
        return Err(wrong("--rate", "must be above zero"));
    }
    interrupt::install()?;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..args.clients).map(|index| scope.spawn(move || serve(args, index))).collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| wrong("a client's thread", "died"))?)
    })
}

fn serve(args: &ClientArgs, index: u64) -> Result<()> {
    let streams = args.stream.len().max(1) as u64;
    let stream = args.stream.get((index % streams) as usize).map_or("", String::as_str);
    let overflow = Overflow::Block { max_wait: Duration::MAX };
    let client = Client::builder(&args.socket).app("chaos").stream(stream).overflow(overflow).build();
    let first = args.first + index * args.most;
    let mut writer = Writer { args, client: &client, first, logged: 0, begin: Instant::now() };
    if args.kind == Kind::Mortal {
        return writer.flush_on();
    }
    while !interrupt::asked() && writer.logged < args.most {
        writer.catch_up();
        thread::sleep(TICK);
    }
    let logged = writer.logged;
    let report = client.close(PATIENCE);
    let too_old = (first..first + logged).filter(|number| args.kind == Kind::Old && is_too_old(*number)).count();
    say(&Told {
        first,
        logged,
        reached: report.reached,
        delivered: report.delivered,
        rejected: report.rejected,
        dropped: report.dropped,
        lost: report.lost_in_client,
        too_old: too_old as u64,
        reconnects: client.stats().reconnects,
    })
}

struct Writer<'a> {
    args: &'a ClientArgs,
    client: &'a Client,
    first: u64,
    logged: u64,
    begin: Instant,
}

impl Writer<'_> {
    /// Logs what has become due.
    fn catch_up(&mut self) {
        let due = (self.begin.elapsed().as_secs_f64() * self.args.rate) as u64;
        while self.logged < due.min(self.args.most) && !interrupt::asked() {
            let number = self.first + self.logged;
            self.client.log_at(timestamp(self.args.kind, number), &text(number, self.args.size));
            self.logged += 1;
        }
    }

    /// Logs and flushes, until it is killed or has no numbers left.
    fn flush_on(&mut self) -> Result<()> {
        while self.logged < self.args.most && !interrupt::asked() {
            thread::sleep(Duration::from_millis(100));
            self.catch_up();
            let report = self.client.flush(Level::Durable, PATIENCE);
            if report.reached {
                say(&Safe { safe: self.logged, lost: report.lost_in_client })?;
            }
        }
        Ok(())
    }
}

/// `n=0000000042 xxx…`
pub(crate) fn text(number: u64, size: usize) -> String {
    let mut text = format!("n={number:010} ");
    text.extend(std::iter::repeat_n('x', size.saturating_sub(text.len())));
    text
}

fn say(value: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(value).map_err(|error| wrong("what a client says", error))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(io("write to", "standard output"))
}
