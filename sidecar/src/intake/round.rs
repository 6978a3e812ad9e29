//! The intake: takes in what has come, serves the connections in turn, seals and says what is due. It does not wait: whoever
//! drives it says what has come, and when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use splashdam::wire::{self, ErrorCode};
use tokio::sync::oneshot;

use super::connection::{Connection, Fetched, Kind};
use super::framed::{Broken, Sizes};
use super::mailbox::Mail;
use super::open::OpenChunks;
use super::pace::Pause;
use super::sockets::{News, Sockets};
use super::text::Lines;
use super::waiting::Waiting;
use super::{Counters, Durable, Host, Options, READ};
use crate::engine::chunk::Run;
use crate::engine::ConnectionId;
use callers::Callers;

mod callers;
mod clients;
mod frames;
mod hello;
mod mail;
mod partial;
mod wait;

/// A frame must be whole this long after its first byte, as far as we read its connection.
const FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// The same where there is no room for what others might not send whole: whoever keeps it and is silent goes first.
const FRAME_TIMEOUT_STARVED: Duration = Duration::from_secs(1);

/// An ack is repeated this often where records have not ended.
const ACK_AGAIN: Duration = Duration::from_secs(5);

/// How long an ack of what was admitted waits for more to tell.
const ACK_DELAY: Duration = Duration::from_millis(10);

/// How often time-outs are looked at, while there is anything that has one.
const SWEEP: Duration = Duration::from_millis(500);

/// Most connections accepted before those that are here have their turn again.
const ACCEPTS: usize = 64;

/// So long after a read of very many bytes there are likely to be more.
const BUSY_FOR: Duration = Duration::from_millis(10);

/// How often it is said at most that a user may not connect.
const USER_AGAIN: Duration = Duration::from_secs(60);

/// Pause after running out of file descriptors or memory.
const RETRY: Duration = Duration::from_millis(20);

const DAY_MS: i64 = 86_400_000;

/// The intake.
#[derive(Debug)]
pub(crate) struct Intake<H, S: Sockets> {
    options: Options,
    host: H,
    sockets: S,
    counters: Arc<Counters>,
    /// Somebody may wait to be accepted.
    listening: bool,
    callers: Callers,
    /// Somebody has so much to say that the others are served with an eye to that.
    busy: bool,
    busy_until: Duration,
    /// How many others had a turn in the last round, beside any.
    others: u32,
    /// Who is left alone, and until when, the soonest first.
    resting: BinaryHeap<Reverse<(Duration, usize)>>,
    /// Connections by token; taken out while they are served.
    connections: Vec<Option<Connection<S::Stream>>>,
    by_id: HashMap<ConnectionId, usize>,
    free: Vec<usize>,
    next_id: ConnectionId,
    /// Tokens with something to do, each at most once.
    ready: VecDeque<usize>,
    queued: Vec<bool>,
    /// Tokens of connections that wait for their lane.
    waiting: Waiting,
    open: OpenChunks<H>,
    scratch: Vec<u8>,
    /// Bytes that all connections together may keep of what is not taken.
    for_partial: usize,
    /// The one connection that may keep half a frame or line that nobody could pay for: so that one always gets on.
    finisher: Option<ConnectionId>,
    /// For so many bytes no line could be cut in this round; nor can one for fewer.
    uncut: usize,
    sweep_at: Option<Duration>,
    ack_at: Option<Duration>,
    seal_at: Option<Duration>,
    /// Who waits for everything read so far to be handed over.
    seals: Vec<oneshot::Sender<()>>,
    draining: bool,
    stopping: bool,
    warned_refused: bool,
    /// When a connection was last refused because of its user, and that said.
    warned_user_at: Option<Duration>,
}

impl<H: Host + Clone, S: Sockets> Intake<H, S> {
    /// An intake that nobody has connected to.
    pub(crate) fn new(options: Options, host: H, counters: Arc<Counters>, sockets: S) -> Self {
        let sizes = Sizes { max_record: options.max_record, max_frame: options.max_record + wire::FRAME_OVERHEAD };
        Intake {
            open: OpenChunks::new(host.clone()),
            // The largest frame or line that can be pending, and a read behind it.
            scratch: vec![0; sizes.max_frame as usize + wire::FRAME_HEADER + READ],
            options,
            for_partial: host.for_partial(),
            host,
            sockets,
            counters,
            listening: true,
            callers: Callers::default(),
            busy: false,
            busy_until: Duration::ZERO,
            others: 0,
            resting: BinaryHeap::new(),
            connections: Vec::new(),
            by_id: HashMap::new(),
            free: Vec::new(),
            next_id: 0,
            ready: VecDeque::new(),
            queued: Vec::new(),
            waiting: Waiting::default(),
            finisher: None,
            uncut: 0,
            sweep_at: None,
            ack_at: None,
            seal_at: None,
            seals: Vec::new(),
            draining: false,
            stopping: false,
            warned_refused: false,
            warned_user_at: None,
        }
    }
}

impl<H: Host, S: Sockets> Intake<H, S> {
    fn sizes(&self) -> Sizes {
        Sizes { max_record: self.options.max_record, max_frame: self.options.max_record + wire::FRAME_OVERHEAD }
    }

    /// One round: what has come and what the others ask for is taken in, each connection that is ready has one turn, what is due
    /// is sealed and said. How long to let small writes gather before the next round, where that is worth it.
    pub(crate) fn round(&mut self, news: impl IntoIterator<Item = News>, mail: Option<Mail>) -> Option<Duration> {
        for one in news {
            self.note(one);
        }
        if let Some(mail) = mail {
            self.read_mail(mail);
        }
        if self.listening && !self.draining {
            self.accept();
        }
        self.wake_rested();
        let pause = self.serve_round();
        if !self.seals.is_empty() {
            // After a round: what was in the sockets when they asked has been read.
            self.open.seal_all();
            self.seals.drain(..).for_each(|seal| seal.send(()).unwrap_or_default());
        }
        let now = self.host.now();
        self.busy = now.at < self.busy_until;
        self.send_due_acks(now);
        self.sweep(now);
        self.seal_at = self.open.seal_aged(now);
        pause.worth_taking()
    }

    /// When the next round is due if nothing comes before, in monotonic time; 0 is at once.
    pub(crate) fn next_round(&self) -> Option<Duration> {
        if !self.ready.is_empty() || self.listening && !self.draining {
            return Some(Duration::ZERO);
        }
        let rested = self.resting.peek().map(|Reverse((until, _))| *until);
        [self.seal_at, self.sweep_at, self.ack_at, rested].into_iter().flatten().min()
    }

    /// Lines that were read and are in no sealed chunk.
    #[cfg(test)]
    pub(crate) fn unsealed(&self) -> u64 {
        let text = self.connections.iter().flatten().filter(|connection| !matches!(connection.kind, Kind::Framed(_)));
        let lines = text.flat_map(|connection| &connection.rest).filter(|byte| **byte == self.options.delimiter);
        lines.count() as u64 + self.open.records()
    }

    /// Whether it was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    fn note(&mut self, news: News) {
        match news {
            News::Caller => self.listening = true,
            News::Of { slot, readable, writable, closed } => {
                let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
                connection.closing |= closed;
                connection.readable |= readable || closed;
                connection.looked = false;
                if writable {
                    connection.write_out();
                }
                if !connection.rests || closed {
                    self.enqueue(slot);
                }
            }
        }
    }

    fn enqueue(&mut self, slot: usize) {
        if let Some(queued) = self.queued.get_mut(slot) {
            if !std::mem::replace(queued, true) {
                self.ready.push_back(slot);
            }
        }
    }

    /// Those who were left alone for long enough have their turn again, and all of them where somebody wants all to be read.
    fn wake_rested(&mut self) {
        if self.resting.is_empty() {
            return;
        }
        let now = self.host.now().at;
        while let Some(Reverse((until, slot))) = self.resting.pop() {
            if until > now && self.seals.is_empty() {
                return self.resting.push(Reverse((until, slot)));
            }
            if let Some(Some(connection)) = self.connections.get_mut(slot) {
                connection.rests = false;
            }
            self.enqueue(slot);
        }
    }

    /// Serves each ready connection once. Those with more to do stay in line.
    fn serve_round(&mut self) -> Pause {
        let mut pause = Pause::default();
        self.uncut = 0;
        let mut served = 0_u32;
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else { break };
            self.queued[slot] = false;
            let Some(mut connection) = self.connections[slot].take() else { continue };
            let since = (self.busy || connection.pace.is_in_parts()).then(|| self.host.now().at);
            let rests = since.filter(|_| self.seals.is_empty()).and_then(|now| connection.rests_until(now));
            if let Some(until) = rests {
                if !std::mem::replace(&mut connection.rests, true) {
                    self.resting.push(Reverse((until, slot)));
                }
                self.connections[slot] = Some(connection);
                continue;
            }
            served += 1;
            match self.serve(slot, &mut connection, &mut pause) {
                Ok(()) => {
                    if let Some(since) = since {
                        let now = self.host.now().at;
                        connection.pace.after_turn(now.saturating_sub(since), self.others, now);
                    }
                    self.let_others_on(slot, &mut connection);
                    let waits = connection.blocked || connection.starved || connection.is_clogged() || self.draining;
                    let again = !waits && (connection.readable || connection.replay);
                    self.connections[slot] = Some(connection);
                    if again {
                        self.enqueue(slot);
                    }
                }
                Err(end) => self.close(slot, connection, end),
            }
        }
        self.others = served.saturating_sub(1);
        pause
    }

    /// One turn of one connection: at most one read, and all that can be taken of it.
    fn serve(&mut self, slot: usize, connection: &mut Connection<S::Stream>, pause: &mut Pause) -> Result<(), End> {
        connection.write_out();
        if self.draining || connection.is_clogged() || connection.blocked {
            connection.readable &= !connection.is_clogged();
            return Ok(());
        }
        let has_more = connection.readable || connection.replay;
        if !has_more && !connection.ended {
            return Ok(());
        }
        if let Some(lane) = connection.lane() {
            if self.waiting.must_wait(lane, slot) || !self.open.has_room(lane) {
                self.block(slot, connection, lane);
                return Ok(());
            }
        }
        let kept = connection.rest.len();
        let mut filled = kept;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch[..kept].copy_from_slice(&connection.rest);
        let mut result = Ok(());
        if connection.readable && !connection.replay {
            let room = (scratch.len() - kept).min(connection.read_most());
            if self.pay(connection, kept + room) {
                if let Fetched::Bytes(bytes) = connection.fetch(&mut scratch[kept..kept + room]) {
                    filled += bytes;
                    self.counters.bytes.add(bytes as u64);
                }
            } else {
                let taken = self.take_whole(slot, connection, &mut scratch, pause);
                if !matches!(taken, Ok(false)) {
                    self.scratch = scratch;
                    return taken.map(drop);
                }
            }
        }
        let consumed = match self.take_records(slot, connection, &scratch[..filled], filled - kept, pause) {
            Ok(consumed) => consumed,
            Err(end) => {
                result = Err(end);
                filled
            }
        };
        self.keep(connection, &scratch[consumed..filled]);
        self.scratch = scratch;
        if result.is_ok() && connection.ended && !connection.blocked && !connection.replay {
            return Err(End::Left);
        }
        result
    }

    /// Takes what is whole out of `data`, of which the last `fresh` bytes are new. Returns how much is done with.
    fn take_records(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        data: &[u8],
        fresh: usize,
        pause: &mut Pause,
    ) -> Result<usize, End> {
        connection.replay = false;
        let most = connection.read_most();
        let mut consumed = 0;
        if matches!(connection.kind, Kind::Unknown) {
            match wire::first_bytes(data) {
                _ if data.is_empty() => return Ok(0),
                wire::Kind::NeedMore if !connection.ended => return Ok(0),
                wire::Kind::Framed => {
                    connection.kind = Kind::Framed(None);
                    consumed = wire::MAGIC.len();
                    self.counters.framed.add(1);
                    self.counters.clients.add(1);
                    self.watch_writes(slot, connection);
                }
                _ => self.begin_text(connection)?,
            }
        }
        let records = match &connection.kind {
            Kind::Framed(_) => self.take_frames(slot, connection, data, &mut consumed)?,
            _ => {
                let (taken, records) = self.take_text(slot, connection, data, connection.ended);
                consumed += taken;
                self.counters.text_read_ms.set(self.host.now().at.as_millis() as u64);
                records
            }
        };
        if fresh > 0 {
            let now = self.host.now().at;
            let pace = connection.pace.after_read(fresh, records, now);
            if connection.pace.is_bulk() {
                self.busy_until = now + BUSY_FOR;
            }
            connection.pace.after_part(consumed == 0 && fresh < most, fresh, now);
            // A read as long as it may be has not brought all: nothing needs to gather.
            pause.allow(if fresh == most { Some(Duration::ZERO) } else { pace });
        }
        Ok(consumed)
    }

    fn take_text(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        data: &[u8],
        at_end: bool,
    ) -> (usize, u64) {
        let now = self.host.now();
        let Some(lane) = self.text_lane(connection, now) else { return (data.len(), 0) };
        let lines = Lines { delimiter: self.options.delimiter, max_record: self.options.max_record as usize };
        let open = &mut self.open;
        let taken = lines.take(data, at_end, |text| open.push(lane, now.wall_ms, text, Run::of_text(1)));
        if taken.empty + taken.repaired + taken.split > 0 {
            self.counters.empty_lines.add(taken.empty);
            self.counters.repaired.add(taken.repaired);
            self.counters.split.add(taken.split);
        }
        if taken.full {
            self.block_with_rest(slot, connection, lane);
        }
        (taken.consumed, taken.records)
    }
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client has gone, and all it sent is taken.
    Left,
    /// It broke the protocol.
    Broken(Broken),
    /// We send it away.
    Refused(ErrorCode, &'static str),
}
