//! All that is not the sidecar: time, chance, the kernel's sockets, CloudWatch, and the books of whoever watches.

use std::time::Duration;

use super::agenda::{Agenda, Sleeper, Trace};
use super::chance::Chance;
use super::kernel::Kernel;
use super::ledger::Ledger;
use super::plan::Plan;
use super::remote::Remote;

/// When it all begins, in milliseconds since 1970-01-01.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// The world around a sidecar.
pub(super) struct Outside {
    pub(super) at: Duration,
    /// By how much the machine's clock is wrong.
    pub(super) skew_ms: i64,
    pub(super) agenda: Agenda,
    pub(super) chance: Chance,
    pub(super) trace: Trace,
    pub(super) remote: Remote,
    pub(super) kernel: Kernel,
    pub(super) ledger: Ledger,
    socket_bytes: usize,
    /// The disk is slow by so much.
    pub(super) disk_takes: Duration,
    pub(super) app_streams: Vec<usize>,
    text_streams: Vec<usize>,
    streams: usize,
}

impl Outside {
    pub(super) fn new(plan: &Plan) -> Self {
        Outside {
            at: Duration::ZERO,
            skew_ms: 0,
            agenda: Agenda::default(),
            chance: Chance::new(plan.seed ^ 0x0075),
            trace: Trace::default(),
            remote: Remote::new(plan.seed, plan.streams, plan.streams_exist, plan.retention),
            kernel: Kernel::default(),
            ledger: Ledger::new(plan),
            socket_bytes: plan.socket_bytes,
            disk_takes: Duration::ZERO,
            app_streams: plan.apps.clone(),
            text_streams: plan.texts.clone(),
            streams: plan.streams,
        }
    }

    /// The true time, in milliseconds since 1970-01-01.
    pub(super) fn wall_ms(&self) -> i64 {
        EPOCH_MS + self.at.as_millis() as i64
    }

    /// A moment so near that the scheduler of a busy machine might choose it.
    pub(super) fn soon(&mut self) -> Duration {
        self.at + self.chance.micros(10, 2_000)
    }

    /// A client connects. Its user is as many as its stream, by which the sidecar tells where text goes.
    pub(super) fn connect(&mut self, peer: Sleeper) -> usize {
        self.kernel.connect(peer, self.stream_of(peer) as u32, self.socket_bytes)
    }

    fn stream_of(&self, peer: Sleeper) -> usize {
        match peer {
            Sleeper::App(app) => self.app_streams[app],
            Sleeper::Text(writer) => self.text_streams[writer],
            Sleeper::Nuisance(index) => index % self.streams,
            _ => 0,
        }
    }
}
