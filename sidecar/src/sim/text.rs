//! A program that prints lines to the socket: no acks, nothing is sent twice.

use std::collections::VecDeque;

use super::agenda::Sleeper;
use super::outside::Outside;
use super::record::{self, Fate, Key};

/// The program.
#[derive(Debug)]
pub(super) struct TextWriter {
    pub(super) index: usize,
    queue: VecDeque<Vec<u8>>,
    /// How much of the first line is written.
    line_at: usize,
    socket: Option<usize>,
    /// Lines printed so far.
    pub(super) printed: usize,
}

impl TextWriter {
    pub(super) fn new(index: usize) -> Self {
        TextWriter { index, queue: VecDeque::new(), line_at: 0, socket: None, printed: 0 }
    }

    pub(super) fn print(&mut self, size: usize) {
        self.printed += 1;
        let key = Key { framed: false, client: self.index, number: self.printed, fate: Fate::Accepted };
        let mut line = record::text(key, size);
        line.push(b'\n');
        self.queue.push_back(line);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.queue.is_empty()
    }

    /// Its connection breaks; lines that were not wholly written are gone.
    pub(super) fn cut(&mut self, out: &mut Outside) {
        let Some(socket) = self.socket.take() else { return };
        let unwritten = if out.chance.percent(50) { out.chance.below(200) } else { 0 };
        let mut socket = out.kernel.socket(socket);
        let kept = socket.up.len().saturating_sub(unwritten);
        let lines = socket.up.iter().skip(kept).filter(|byte| **byte == b'\n').count() as u64;
        socket.leave(unwritten);
        drop(socket);
        out.ledger.text_slack += lines + 1;
        let at = out.soon();
        out.agenda.wake(Sleeper::Intake, at);
        self.line_at = 0;
    }

    /// Writes as much as the socket takes. `accepts`: a sidecar listens.
    pub(super) fn turn(&mut self, accepts: bool, out: &mut Outside) {
        if self.socket.is_some_and(|socket| !out.kernel.socket(socket).sidecar_open) {
            if let Some(socket) = self.socket.take() {
                out.kernel.socket(socket).leave(0);
            }
            self.line_at = 0;
        }
        if self.queue.is_empty() {
            return;
        }
        let again = out.at + out.chance.millis(100, 500);
        out.agenda.wake(Sleeper::Text(self.index), again);
        if self.socket.is_none() && accepts {
            self.socket = Some(out.connect(Sleeper::Text(self.index)));
        }
        let Some(socket) = self.socket else { return };
        while let Some(line) = self.queue.front() {
            let Some(taken) = out.kernel.socket(socket).write(&line[self.line_at..]) else { break };
            self.line_at += taken;
            if self.line_at < line.len() {
                break;
            }
            self.queue.pop_front();
            self.line_at = 0;
        }
        let at = out.soon();
        out.agenda.wake(Sleeper::Intake, at);
    }
}
