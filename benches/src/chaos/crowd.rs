//! The framed clients' processes: those that stay, and those that are killed one after the other.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::client::{Safe, Told};
use super::plan::Life;
use crate::error::{io, wrong, Result};
use crate::host::process::Process;

/// A flush that has not returned after so long is not waited for any more; its client is killed all the same.
const FLUSH: Duration = Duration::from_secs(20);
/// Numbers for this much more time than a client is to live.
const SPARE_SECONDS: f64 = 40.0;

/// What a process of clients is to do.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    pub(crate) kind: &'static str,
    pub(crate) clients: u64,
    pub(crate) first: u64,
    /// Numbers of each client.
    pub(crate) most: u64,
    /// Records a second of each client.
    pub(crate) rate: f64,
    pub(crate) size: usize,
    pub(crate) streams: &'static [&'static str],
}

impl Crew {
    fn command(&self, socket: &Path) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().map_err(io("find", "this program"))?);
        command.arg("chaos-client").arg("--socket").arg(socket).args(["--kind", self.kind]);
        let numbers = [("--clients", self.clients), ("--first", self.first), ("--most", self.most)];
        command.args(numbers.iter().flat_map(|(flag, number)| [(*flag).to_owned(), number.to_string()]));
        command.args(["--rate", &self.rate.to_string(), "--size", &self.size.to_string()]);
        command.args(self.streams.iter().map(|stream| format!("--stream={stream}")));
        Ok(command)
    }

    pub(crate) fn start(&self, socket: &Path) -> Result<Process> {
        Process::spawn("a process of clients", &mut self.command(socket)?)
    }
}

/// What a process that has ended said of its clients.
pub(crate) fn told(process: &mut Process) -> Result<Vec<Told>> {
    let output = process.output();
    let parse = |line: &str| serde_json::from_str(line).map_err(|error| wrong("what a client said", error));
    output.lines().map(parse).collect()
}

/// A client that was killed.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Mortal {
    pub(crate) first: u64,
    /// So many from there on were durable, it was told.
    pub(crate) safe: u64,
    /// Its numbers end here.
    pub(crate) end: u64,
    pub(crate) lost: u64,
    /// It was killed as soon as it had said so.
    pub(crate) after_flush: bool,
}

/// A place for clients that are killed.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) lives: &'a [Life],
    pub(crate) first: u64,
    pub(crate) rate: f64,
    pub(crate) size: usize,
    pub(crate) socket: &'a Path,
}

impl Place<'_> {
    /// Numbers that it needs for all of its lives.
    pub(crate) fn numbers(lives: &[Life], rate: f64) -> u64 {
        lives.iter().map(|life| numbers(*life, rate)).sum()
    }

    /// One life after the other.
    pub(crate) fn run(&self, over: &dyn Fn() -> bool) -> Result<Vec<Mortal>> {
        let (mut first, mut mortals) = (self.first, Vec::new());
        for life in self.lives {
            if over() {
                break;
            }
            let most = numbers(*life, self.rate);
            let crew =
                Crew { kind: "mortal", clients: 1, first, most, rate: self.rate, size: self.size, streams: &[""] };
            mortals.push(self.live(&crew, *life, over)?);
            first += most;
        }
        Ok(mortals)
    }

    fn live(&self, crew: &Crew, life: Life, over: &dyn Fn() -> bool) -> Result<Mortal> {
        let mut process = Process::spawn_piped("a client", &mut crew.command(self.socket)?)?;
        let said = listen(&mut process)?;
        let begin = Instant::now();
        while begin.elapsed().as_secs_f64() < life.seconds && !over() {
            thread::sleep(Duration::from_millis(5));
        }
        let mut safe = said.try_iter().last().unwrap_or_default();
        let flushed = life.after_flush.then(|| said.recv_timeout(FLUSH).ok()).flatten();
        process.kill()?;
        // What it said while it was being killed counts, too.
        safe = said.iter().last().or(flushed).unwrap_or(safe);
        Ok(Mortal {
            first: crew.first,
            safe: safe.safe,
            end: crew.first + crew.most,
            lost: safe.lost,
            after_flush: flushed.is_some(),
        })
    }
}

fn numbers(life: Life, rate: f64) -> u64 {
    ((life.seconds + SPARE_SECONDS) * rate) as u64
}

/// Reads what a client says until its end.
fn listen(process: &mut Process) -> Result<Receiver<Safe>> {
    let stdout = process.stdout().ok_or_else(|| wrong("a client", "has no standard output"))?;
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(std::result::Result::ok);
        for safe in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
            if sender.send(safe).is_err() {
                return;
            }
        }
    });
    Ok(said)
}
