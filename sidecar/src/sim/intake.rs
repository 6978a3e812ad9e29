//! The intake that ships, at the simulated sockets: who wakes it, and a watcher who reads along what it says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use splashdam::wire::{self, Ack, ErrorCode, SidecarFrame};
use tokio::sync::oneshot;

use super::agenda::Sleeper;
use super::kernel::Kernel;
use super::nuisance::Manner;
use super::outside::Outside;
use super::plan::Plan;
use super::process::Host;
use crate::config::{AllowedUids, CreationConfig, Destinations, PodFacts, StreamTemplate};
use crate::engine::flush::Flushed;
use crate::engine::lane::LaneId;
use crate::engine::ConnectionId;
use crate::intake::mailbox::{Drain, Mail};
use crate::intake::open::Host as _;
use crate::intake::round;
use crate::intake::{Counters, Durable, Options};

pub(super) const MAX_RECORD: u32 = 16 * 1024;

/// Rounds follow each other as quickly as on a machine that has other things to do.
const ROUND: Duration = Duration::from_micros(100);

/// The intake of a process.
pub(super) struct Intake {
    host: Host,
    kernel: Kernel,
    intake: round::Intake<Host, Kernel>,
    counters: Arc<Counters>,
    /// What the process has for it.
    mail: Option<Mail>,
    /// It sleeps to let small writes gather.
    naps_until: Duration,
    /// There is a client that does break the protocol.
    rude: bool,
    pub(super) draining: bool,
    /// What it has said to each app, as far as it is no whole frame.
    heard: BTreeMap<usize, Vec<u8>>,
}

impl Intake {
    pub(super) fn new(host: Host, instance: u8, plan: &Plan, kernel: Kernel) -> Self {
        let counters = Arc::new(Counters::default());
        let intake = round::Intake::new(
            options(instance, plan.spool.is_some()),
            host.clone(),
            Arc::clone(&counters),
            kernel.clone(),
        );
        let (mail, naps_until, heard) = (None, Duration::ZERO, BTreeMap::new());
        let rude = plan.nuisances.contains(&Manner::Rude);
        Intake { host, kernel, intake, counters, mail, naps_until, rude, draining: false, heard }
    }

    /// It is woken.
    pub(super) fn serve(&mut self, out: &mut Outside) {
        if self.naps_until > out.at {
            return out.agenda.wake(Sleeper::Intake, self.naps_until);
        }
        let pause = self.intake.round(self.kernel.news(), self.mail.take());
        self.naps_until = out.at + pause.unwrap_or_default();
        let errors = self.counters.protocol_errors.get();
        assert!(self.rude || errors == 0, "a client is said to have broken the protocol");
        self.listen(out);
        stir(&self.kernel, out);
        self.rest(out);
    }

    /// When it is woken next, unless something comes before.
    pub(super) fn rest(&self, out: &mut Outside) {
        let soon = out.at + ROUND;
        let at = if self.kernel.has_news() { Some(soon) } else { self.intake.next_round() };
        if let Some(at) = at {
            let at = self.host.world_time(at).max(soon);
            out.agenda.wake(Sleeper::Intake, at);
        }
    }

    fn post(&mut self, out: &mut Outside, write: impl FnOnce(&mut Mail)) {
        write(self.mail.get_or_insert_default());
        let at = out.soon();
        out.agenda.wake(Sleeper::Intake, at);
    }

    /// The engine tells how far a channel is.
    pub(super) fn acknowledge(&mut self, id: ConnectionId, ack: Ack, out: &mut Outside) {
        self.post(out, |mail| mail.acknowledge(id, ack));
    }

    /// The engine answers a flush.
    pub(super) fn flushed(&mut self, id: ConnectionId, ticket: u64, flushed: Flushed, out: &mut Outside) {
        self.post(out, |mail| mail.flushed.push((id, ticket, flushed)));
    }

    /// The lane has room again.
    pub(super) fn resume(&mut self, lane: LaneId, out: &mut Outside) {
        self.post(out, |mail| _ = mail.resumed.insert(lane));
    }

    /// No more is read. What text clients wrote and was read is taken, or dropped and counted.
    pub(super) fn drain(&mut self, left: Duration, out: &mut Outside) {
        self.draining = true;
        let (done, mut told) = oneshot::channel();
        let deadline = self.host.now().at + left;
        self.post(out, |mail| mail.drain = Some(Drain { deadline, done }));
        self.naps_until = Duration::ZERO;
        self.serve(out);
        assert_eq!(told.try_recv(), Ok(()), "the intake has not drained");
    }

    /// What it says to apps is read along, whether or not they ever get it.
    fn listen(&mut self, out: &mut Outside) {
        for (socket, bytes) in self.kernel.take_said() {
            let peer = self.kernel.socket(socket).peer;
            let Sleeper::App(_) = peer else { continue };
            let heard = self.heard.entry(socket).or_default();
            heard.extend(bytes);
            let mut at = 0;
            let frame = |at: usize| wire::frame(&heard[at..], 1 << 20).unwrap_or_else(|error| broken(&error));
            while let Some((kind, payload, consumed)) = frame(at) {
                match SidecarFrame::decode(kind, payload).unwrap_or_else(|error| broken(&error)) {
                    SidecarFrame::Welcome(welcome) => out.ledger.welcomed(peer, &welcome),
                    SidecarFrame::Ack(ack) => out.ledger.acknowledged(peer, &ack),
                    SidecarFrame::Error { code: ErrorCode::BAD_FRAME | ErrorCode::BAD_SEQUENCE, text } => {
                        panic!("a client is said to have broken the protocol: {text}")
                    }
                    _ => {}
                }
                at += consumed;
            }
            heard.drain(..at);
        }
    }

    /// Text that was read and is in no chunk that the engine has: lost if the process is killed.
    pub(super) fn text_at_risk(&self) -> u64 {
        let unread = |index: usize| {
            let socket = self.kernel.socket(index);
            let lines = socket.up.iter().filter(|byte| **byte == b'\n').count() as u64;
            if matches!(socket.peer, Sleeper::Text(_)) {
                lines + 1
            } else {
                0
            }
        };
        self.intake.unsealed() + (0..self.kernel.len()).map(unread).sum::<u64>()
    }
}

/// Clients that have something to see are woken.
pub(super) fn stir(kernel: &Kernel, out: &mut Outside) {
    for peer in kernel.take_stirred() {
        let at = out.soon();
        out.agenda.wake(peer, at);
    }
}

fn broken(error: &wire::WireError) -> ! {
    panic!("the sidecar broke the protocol: {error}")
}

fn options(instance: u8, on_disk: bool) -> Options {
    let stream = StreamTemplate::parse("s{uid}").unwrap_or_else(|error| panic!("{error}"));
    let text = || "simulated".to_owned();
    Options {
        delimiter: b'\n',
        max_record: MAX_RECORD,
        connections: 64,
        uids: AllowedUids::default(),
        destinations: Destinations {
            group: Some(super::destination(0).group().clone()),
            stream,
            allow: Vec::new(),
            create: CreationConfig::default(),
            group_template: None,
        },
        pod: PodFacts { hostname: text(), pod: text(), app: None, namespace: None },
        disabled: None,
        instance: [instance; 16],
        durable: if on_disk { Durable::OnDisk } else { Durable::Ended },
    }
}
