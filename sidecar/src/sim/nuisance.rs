//! Clients as nobody wants them. What they do costs nobody else anything.

use std::time::Duration;

use splashdam::wire::{self, ClientFrame, Hello, Level, RecordsFrame};

use super::agenda::Sleeper;
use super::outside::Outside;

/// What is wrong with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It connects and is silent.
    Silent,
    /// It says that it speaks in frames, and no more.
    NoHello,
    /// It says half of a hello.
    HalfAHello,
    /// It says half of a frame.
    HalfAFrame,
    /// It prints a line without an end.
    EndlessLine,
    /// It asks and asks, and never reads an answer.
    Deaf,
    /// It breaks the protocol.
    Rude,
}

impl Manner {
    pub(super) const ALL: [Self; 7] =
        [Self::Silent, Self::NoHello, Self::HalfAHello, Self::HalfAFrame, Self::EndlessLine, Self::Deaf, Self::Rude];

    /// What it says first.
    fn greeting(self, client: u8, stream: &str) -> Vec<u8> {
        let mut said = wire::MAGIC.to_vec();
        let hello = Hello {
            min_version: wire::MIN_VERSION,
            max_version: wire::MAX_VERSION,
            client_id: [client; 16],
            pid: 1,
            oldest: 1,
            app: "nuisance",
            group: "",
            stream,
        };
        match self {
            Manner::Silent => said.clear(),
            Manner::NoHello => {}
            Manner::Rude => said.extend(b"\x05\0\0\0\x7fwhat"),
            Manner::EndlessLine => said = vec![b'x'; 100],
            Manner::HalfAHello => {
                ClientFrame::Hello(hello).encode_into(&mut said);
                said.truncate(said.len() / 2);
            }
            Manner::HalfAFrame => {
                ClientFrame::Hello(hello).encode_into(&mut said);
                let mut frame = RecordsFrame::with_capacity(0);
                frame.push(0, &[b'x'; 10_000]);
                said.extend(&frame.finish(1)[..5_000]);
            }
            Manner::Deaf => ClientFrame::Hello(hello).encode_into(&mut said),
        }
        said
    }

    /// What it says then, again and again.
    fn more(self) -> Vec<u8> {
        let mut said = Vec::new();
        match self {
            Manner::EndlessLine => said = vec![b'x'; 3_000],
            Manner::Deaf => {
                for ticket in 0..20 {
                    ClientFrame::Flush { ticket, level: Level::Admitted, timeout_ms: 0 }.encode_into(&mut said);
                }
            }
            _ => {}
        }
        said
    }
}

/// Such a client.
#[derive(Debug)]
pub(super) struct Nuisance {
    index: usize,
    manner: Manner,
    stream: usize,
    socket: Option<usize>,
    /// What it has said and found no room for.
    unsaid: Vec<u8>,
    /// It does nothing before this moment, whatever it is told.
    again: Duration,
}

impl Nuisance {
    pub(super) fn new(index: usize, manner: Manner, stream: usize) -> Self {
        Nuisance { index, manner, stream, socket: None, unsaid: Vec::new(), again: Duration::ZERO }
    }

    /// It is at it until then. `accepts`: a sidecar listens.
    pub(super) fn turn(&mut self, accepts: bool, until: Duration, out: &mut Outside) {
        if out.at < self.again {
            return out.agenda.wake(Sleeper::Nuisance(self.index), self.again);
        }
        if let Some(socket) = self.socket.filter(|socket| out.at >= until || !out.kernel.socket(*socket).sidecar_open) {
            out.kernel.socket(socket).leave(0);
            self.socket = None;
        }
        let at = out.soon();
        out.agenda.wake(Sleeper::Intake, at);
        if out.at >= until {
            return;
        }
        self.again = out.at + out.chance.millis(20, 1_500);
        out.agenda.wake(Sleeper::Nuisance(self.index), self.again);
        let socket = match self.socket {
            Some(socket) => socket,
            None if !accepts => return,
            None => {
                self.unsaid = self.manner.greeting(0xE0 + self.index as u8, &format!("s{}", self.stream));
                *self.socket.insert(out.connect(Sleeper::Nuisance(self.index)))
            }
        };
        if self.unsaid.is_empty() {
            self.unsaid = self.manner.more();
        }
        let said = out.kernel.socket(socket).write(&self.unsaid).unwrap_or(0);
        self.unsaid.drain(..said);
    }
}
