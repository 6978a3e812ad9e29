//! An app with a framed client: the channel that ships, and around it what the client's writer does.

use std::collections::VecDeque;
use std::time::Duration;

use splashdam::simulation::{Channel, Counts};
use splashdam::wire::{self, ClientFrame, FlushStatus, Hello, Level, Lost, SidecarFrame};

use super::agenda::Sleeper;
use super::outside::Outside;
use super::record::{self, Fate, Key};

/// A sidecar that owes an answer and is silent for so long is taken for hung.
const HUNG_AFTER: Duration = Duration::from_secs(30);
/// An app that has something to do looks up at least this often.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Greeting,
    Up,
    Draining,
}

/// A flush that waits.
#[derive(Debug)]
struct Flush {
    ticket: u64,
    level: Level,
    deadline: Duration,
    /// How many records must have been taken from the queue, then the sequence it waits for.
    taken: u64,
    through: Option<u64>,
    sent: bool,
}

/// What is to be logged once there is room in the window.
#[derive(Clone, Copy, Debug)]
struct Pending {
    size: usize,
    fate: Fate,
    stamp_ms: i64,
}

/// The connection as the client has it.
#[derive(Debug)]
struct Link {
    socket: usize,
    phase: Phase,
    control: VecDeque<u8>,
    /// How much of the present frame is written.
    frame_at: usize,
    received: Vec<u8>,
    heard: Duration,
}

/// The app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) index: usize,
    pub(super) stream: usize,
    pub(super) channel: Channel,
    queue: VecDeque<Pending>,
    taken: u64,
    /// What each record is to become, by sequence from 1.
    pub(super) fates: Vec<Fate>,
    link: Option<Link>,
    retry_at: Duration,
    failures: u32,
    flushes: Vec<Flush>,
    tickets: u64,
    /// Records that the channel gave up for lost or unconfirmed.
    pub(super) given_up: u64,
    /// Records that have ended, the sidecar cannot say how.
    pub(super) unknown: u64,
    /// What it has to report, what is on its way, and the number of that.
    untold: u64,
    report: Option<(u64, u64, bool)>,
    reports: u64,
    pub(super) dead: bool,
    /// Whatever else happens: everything up to here was said to be safe.
    pub(super) promised: u64,
    /// The last moment at which it logged something.
    pub(super) logged: Vec<Duration>,
}

impl App {
    pub(super) fn new(index: usize, stream: usize, window: usize) -> Self {
        App {
            index,
            stream,
            channel: Channel::new(window),
            queue: VecDeque::new(),
            taken: 0,
            fates: vec![Fate::Accepted],
            link: None,
            retry_at: Duration::ZERO,
            failures: 0,
            flushes: Vec::new(),
            tickets: 0,
            given_up: 0,
            unknown: 0,
            untold: 0,
            report: None,
            reports: 0,
            dead: false,
            promised: 0,
            logged: vec![Duration::ZERO],
        }
    }

    fn id(&self) -> [u8; 16] {
        let mut id = [0xA5; 16];
        id[..8].copy_from_slice(&(self.index as u64).to_le_bytes());
        id
    }

    pub(super) fn log(&mut self, size: usize, fate: Fate, stamp_ms: i64, at: Duration) {
        self.queue.push_back(Pending { size, fate, stamp_ms });
        self.logged.push(at);
    }

    pub(super) fn flush(&mut self, level: Level, timeout: Duration, at: Duration) {
        self.tickets += 1;
        let (ticket, taken) = (self.tickets, self.taken + self.queue.len() as u64);
        self.flushes.push(Flush { ticket, level, deadline: at + timeout, taken, through: None, sent: false });
    }

    /// It had to drop some itself.
    pub(super) fn lose(&mut self, count: u64) {
        self.untold += count;
    }

    /// Everything it logged has ended, and it has nothing to say.
    pub(super) fn is_quiet(&self) -> bool {
        self.dead || !self.has_business()
    }

    fn has_business(&self) -> bool {
        let unended = self.channel.unended() > 0;
        !self.queue.is_empty() || unended || !self.flushes.is_empty() || self.untold > 0 || self.report.is_some()
    }

    /// Its connection breaks; of what it wrote last some bytes may never have been written.
    pub(super) fn cut(&mut self, out: &mut Outside) {
        let Some(link) = self.link.take() else { return };
        let unwritten = if out.chance.percent(50) { out.chance.below(200) } else { 0 };
        out.kernel.socket(link.socket).leave(unwritten);
        let at = out.soon();
        out.agenda.wake(Sleeper::Intake, at);
        self.disconnected(out);
    }

    /// `SIGKILL`.
    pub(super) fn kill(&mut self, out: &mut Outside) {
        self.cut(out);
        self.dead = true;
    }

    fn disconnected(&mut self, out: &mut Outside) {
        self.link = None;
        let ceiling = (50u64 << self.failures.min(7)).min(5_000);
        self.failures += 1;
        self.retry_at = out.at + out.chance.millis(5, ceiling.max(6));
        self.flushes.iter_mut().for_each(|flush| flush.sent = false);
        if let Some(report) = &mut self.report {
            report.2 = false;
        }
    }

    /// One turn of its writer. `accepts`: a sidecar listens.
    pub(super) fn turn(&mut self, accepts: bool, out: &mut Outside) {
        if self.dead {
            return;
        }
        self.connect(accepts, out);
        self.read(out);
        self.take_records();
        self.write(out);
        self.look_for_silence(out);
        self.answer(out);
        if self.has_business() {
            let soon = if self.link.is_none() { self.retry_at.max(out.at) } else { out.at + LOOK };
            out.agenda.wake(Sleeper::App(self.index), soon.max(out.at + Duration::from_micros(200)));
        }
    }

    fn connect(&mut self, accepts: bool, out: &mut Outside) {
        if self.link.is_some() || out.at < self.retry_at || !self.has_business() {
            return;
        }
        if !accepts {
            return self.disconnected(out);
        }
        let stream = format!("s{}", self.stream);
        let hello = Hello {
            min_version: wire::MIN_VERSION,
            max_version: wire::MAX_VERSION,
            client_id: self.id(),
            pid: 1,
            oldest: self.channel.oldest(),
            app: "app",
            group: "",
            stream: &stream,
        };
        let mut control = wire::MAGIC.to_vec();
        ClientFrame::Hello(hello).encode_into(&mut control);
        let socket = out.connect(Sleeper::App(self.index));
        out.ledger.greets(Sleeper::App(self.index), self.channel.oldest());
        let (received, heard) = (Vec::new(), out.at);
        self.link =
            Some(Link { socket, phase: Phase::Greeting, control: control.into(), frame_at: 0, received, heard });
    }

    fn read(&mut self, out: &mut Outside) {
        let Some(link) = &mut self.link else { return };
        let (news, open) = {
            let mut socket = out.kernel.socket(link.socket);
            (socket.read(), socket.sidecar_open)
        };
        if !news.is_empty() {
            link.heard = out.at;
            link.received.extend(news);
            let at = out.soon();
            out.agenda.wake(Sleeper::Intake, at);
        }
        let received = std::mem::take(&mut link.received);
        let mut at = 0;
        while let Some((kind, payload, consumed)) = wire::frame(&received[at..], 1 << 20)
            .unwrap_or_else(|error| panic!("the sidecar broke the protocol: {error}"))
        {
            let frame = SidecarFrame::decode(kind, payload);
            self.hear(frame.unwrap_or_else(|error| panic!("the sidecar broke the protocol: {error}")), out);
            at += consumed;
        }
        if let Some(link) = &mut self.link {
            link.received = received[at..].to_vec();
            if !open {
                out.kernel.socket(link.socket).leave(0);
                self.disconnected(out);
            }
        }
    }

    fn hear(&mut self, frame: SidecarFrame<'_>, out: &mut Outside) {
        match frame {
            SidecarFrame::Welcome(welcome) => {
                if let Some(link) = &mut self.link {
                    link.phase = Phase::Up;
                }
                let gone = self.channel.welcome(&welcome);
                self.given_up += gone.lost + gone.unconfirmed;
                self.untold += gone.lost + gone.unconfirmed;
                if gone.lost + gone.unconfirmed > 0 {
                    out.trace.note(out.at, "app gives up", gone.lost, gone.unconfirmed);
                }
            }
            SidecarFrame::Ack(ack) => {
                self.failures = 0;
                let unknown = self.channel.ack(&ack).unconfirmed;
                self.unknown += unknown;
                self.untold += unknown;
                if self.report.is_some_and(|(number, _, sent)| sent && number <= ack.lost_to) {
                    self.report = None;
                }
            }
            SidecarFrame::FlushDone(done) => {
                self.channel.count(Counts {
                    delivered: done.delivered,
                    rejected: done.rejected,
                    dropped: done.dropped,
                });
                if done.status == FlushStatus::Reached {
                    if let Some(at) = self.flushes.iter().position(|flush| flush.ticket == done.ticket) {
                        let flush = self.flushes.remove(at);
                        self.reached(&flush, out);
                    }
                }
            }
            SidecarFrame::Draining { .. } => {
                if let Some(link) = &mut self.link {
                    link.phase = Phase::Draining;
                }
            }
            SidecarFrame::Error { .. } => self.cut(out),
        }
    }

    /// A flush says that all before it has come so far.
    fn reached(&mut self, flush: &Flush, out: &mut Outside) {
        let Some(through) = flush.through else { return };
        if flush.level != Level::Admitted {
            self.promised = self.promised.max(through);
        }
        if flush.level == Level::Ended {
            out.ledger.flushed(self, through, &out.remote);
        }
    }

    fn take_records(&mut self) {
        if self.link.as_ref().is_none_or(|link| link.phase != Phase::Up) {
            return;
        }
        while !self.queue.is_empty() && self.channel.make_room() {
            for _ in 0..20 {
                let Some(Pending { size, fate, stamp_ms }) = self.queue.pop_front() else { break };
                let number = self.channel.last() as usize + 1;
                let key = Key { framed: true, client: self.index, number, fate };
                self.channel.append(stamp_ms, &record::text(key, size));
                self.fates.push(fate);
                self.taken += 1;
            }
            self.channel.seal();
        }
        let (taken, last) = (self.taken, self.channel.last());
        for flush in self.flushes.iter_mut().filter(|flush| flush.through.is_none() && flush.taken <= taken) {
            flush.through = Some(last);
        }
    }

    fn write(&mut self, out: &mut Outside) {
        if self.try_write(out).is_none() {
            self.read(out);
            if let Some(link) = &self.link {
                out.kernel.socket(link.socket).leave(0);
                self.disconnected(out);
            }
        }
    }

    /// `None`: nobody reads any more.
    fn try_write(&mut self, out: &mut Outside) -> Option<()> {
        let Some(link) = &mut self.link else { return Some(()) };
        let up = link.phase == Phase::Up;
        let mut wrote = false;
        while link.phase != Phase::Draining {
            if link.frame_at == 0 {
                if up {
                    say_report(&mut self.report, &mut self.untold, &mut self.reports, &mut link.control);
                    let sent_to = self.channel.sent_to();
                    let due = |flush: &&mut Flush| !flush.sent && flush.through.is_some_and(|to| to <= sent_to);
                    for flush in self.flushes.iter_mut().filter(due) {
                        let left = flush.deadline.saturating_sub(out.at).as_millis();
                        let timeout_ms = u32::try_from(left).unwrap_or(u32::MAX);
                        let (ticket, level) = (flush.ticket, flush.level);
                        let mut bytes = Vec::new();
                        ClientFrame::Flush { ticket, level, timeout_ms }.encode_into(&mut bytes);
                        link.control.extend(bytes);
                        flush.sent = true;
                    }
                }
                let taken = out.kernel.socket(link.socket).write(link.control.make_contiguous())?;
                wrote |= taken > 0;
                link.control.drain(..taken);
                if !link.control.is_empty() {
                    break;
                }
            }
            let Some(frame) = self.channel.unsent().filter(|_| up) else { break };
            let taken = out.kernel.socket(link.socket).write(&frame[link.frame_at..])?;
            wrote |= taken > 0;
            link.frame_at += taken;
            if link.frame_at < frame.len() {
                break;
            }
            link.frame_at = 0;
            self.channel.mark_sent();
        }
        if wrote {
            let at = out.soon();
            out.agenda.wake(Sleeper::Intake, at);
        }
        Some(())
    }

    fn look_for_silence(&mut self, out: &mut Outside) {
        let owed = self.channel.unended() > 0 || self.report.is_some() || !self.flushes.is_empty();
        let Some(link) = &mut self.link else { return };
        if !owed && link.phase == Phase::Up {
            link.heard = out.at;
        }
        if out.at.saturating_sub(link.heard) >= HUNG_AFTER {
            self.cut(out);
        }
    }

    fn answer(&mut self, out: &mut Outside) {
        let channel = &self.channel;
        let passed = |flush: &Flush| flush.through.is_some_and(|through| through <= channel.mark(flush.level));
        let (passed, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.flushes).into_iter().partition(passed);
        self.flushes = waiting.into_iter().filter(|flush| flush.deadline > out.at).collect();
        for flush in passed {
            self.reached(&flush, out);
        }
        if !self.dead {
            self.promised = self.promised.max(self.channel.mark(Level::Durable).min(self.channel.last()));
        }
    }
}

/// What the client lost itself is told, one report after the other.
fn say_report(report: &mut Option<(u64, u64, bool)>, untold: &mut u64, reports: &mut u64, control: &mut VecDeque<u8>) {
    if report.is_none() && *untold > 0 {
        *reports += 1;
        *report = Some((*reports, std::mem::take(untold), false));
    }
    if let Some((number, count, sent)) = report.as_mut().filter(|report| !report.2) {
        let mut bytes = Vec::new();
        let lost = Lost { report: *number, count: *count, from_ms: 0, to_ms: 0, reason: "queue_full" };
        ClientFrame::Lost(lost).encode_into(&mut bytes);
        control.extend(bytes);
        *sent = true;
    }
}
