//! The thread: waits for events, serves the connections in turn, seals what is due, and pauses where that saves work.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use mio::net::UnixListener;
use mio::{Events, Interest, Poll, Token};
use splashdam::wire::{self, ErrorCode};
use tokio::sync::oneshot;

use super::connection::{Connection, Fetched, Kind};
use super::framed::{self, Broken, Request, Sizes, Step};
use super::open::OpenChunks;
use super::pace::Pause;
use super::text::Lines;
use super::waiting::Waiting;
use super::{Counters, Mailbox, READ};
use crate::config::{AllowedUids, Destination, Destinations, PodFacts};
use crate::engine::chunk::Run;
use crate::engine::flush::{Asker, Level};
use crate::engine::marker::Loss;
use crate::engine::ConnectionId;
use crate::shell::Shell;

mod clients;
mod hello;
mod mail;
mod partial;
mod wait;

/// The token of the listener; the waker's is the next, connections follow.
const LISTENER: Token = Token(0);
/// The token of the waker.
pub const WAKER: Token = Token(1);
const FIRST: usize = 2;

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

/// How often it is said at most that a user may not connect.
const USER_AGAIN: Duration = Duration::from_secs(60);

/// Pause after running out of file descriptors or memory.
const RETRY: Duration = Duration::from_millis(20);

const DAY_MS: i64 = 86_400_000;

/// What it means that a record is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// It is on disk, or has ended.
    OnDisk,
    /// It has ended: there is no spool.
    Ended,
}

/// What the intake goes by.
#[derive(Debug, Clone)]
pub struct Options {
    /// The byte between text records.
    pub delimiter: u8,
    /// Longest record, in bytes.
    pub max_record: u32,
    /// Most connections.
    pub connections: usize,
    /// Whose processes may connect.
    pub uids: AllowedUids,
    /// Where records go.
    pub destinations: Destinations,
    /// What this pod is called.
    pub pod: PodFacts,
    /// The destination that stands for all where nothing is shipped.
    pub disabled: Option<Destination>,
    /// Random for each start.
    pub instance: [u8; 16],
    /// What it means that a record is durable.
    pub durable: Durable,
}

/// The intake's thread.
#[derive(Debug)]
pub struct Intake {
    options: Options,
    shell: Arc<Shell>,
    mailbox: Arc<Mailbox>,
    counters: Arc<Counters>,
    poll: Poll,
    listener: UnixListener,
    /// Somebody may wait to be accepted.
    listening: bool,
    /// Connections by token; taken out while they are served.
    connections: Vec<Option<Connection>>,
    by_id: HashMap<ConnectionId, usize>,
    free: Vec<usize>,
    next_id: ConnectionId,
    /// Tokens with something to do, each at most once.
    ready: VecDeque<usize>,
    queued: Vec<bool>,
    /// Tokens of connections that wait for their lane.
    waiting: Waiting,
    open: OpenChunks<Arc<Shell>>,
    scratch: Vec<u8>,
    /// Bytes that all connections together may keep of what is not taken.
    for_partial: usize,
    /// The one connection that may keep half a frame or line that nobody could pay for: so that one always gets on.
    finisher: Option<ConnectionId>,
    /// For so many bytes no line could be cut in this round; nor can one for fewer.
    uncut: usize,
    sweep_at: Option<Duration>,
    ack_at: Option<Duration>,
    /// Who waits for everything read so far to be handed over.
    seals: Vec<oneshot::Sender<()>>,
    draining: bool,
    stopping: bool,
    warned_refused: bool,
    /// When a connection was last refused because of its user, and that said.
    warned_user_at: Option<Duration>,
}

impl Intake {
    /// The intake of a listener. `poll` carries the mailbox's waker already.
    ///
    /// # Errors
    /// The kernel's, where it refuses to watch the listener.
    pub fn new(
        options: Options,
        shell: Arc<Shell>,
        mailbox: Arc<Mailbox>,
        counters: Arc<Counters>,
        poll: Poll,
        listener: StdListener,
    ) -> io::Result<Self> {
        let mut listener = UnixListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let sizes = Sizes { max_record: options.max_record, max_frame: options.max_record + wire::FRAME_OVERHEAD };
        Ok(Intake {
            open: OpenChunks::new(Arc::clone(&shell)),
            // The largest frame or line that can be pending, and a read behind it.
            scratch: vec![0; sizes.max_frame as usize + wire::FRAME_HEADER + READ],
            options,
            for_partial: shell.for_partial(),
            shell,
            mailbox,
            counters,
            poll,
            listener,
            listening: true,
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
            seals: Vec::new(),
            draining: false,
            stopping: false,
            warned_refused: false,
            warned_user_at: None,
        })
    }

    fn sizes(&self) -> Sizes {
        Sizes { max_record: self.options.max_record, max_frame: self.options.max_record + wire::FRAME_OVERHEAD }
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// The kernel's, where it can no longer wait for events.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        let mut seal_at = None;
        while !self.stopping {
            let timeout = self.timeout(seal_at);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                self.note(event);
            }
            if let Some(mail) = self.mailbox.take() {
                self.read_mail(mail);
            }
            if self.listening && !self.draining {
                self.accept();
            }
            let pause = self.serve_round();
            if !self.seals.is_empty() {
                // After a round: what was in the sockets when they asked has been read.
                self.open.seal_all();
                self.seals.drain(..).for_each(|seal| seal.send(()).unwrap_or_default());
            }
            let now = self.shell.clock().now();
            self.send_due_acks(now);
            self.sweep(now);
            seal_at = self.open.seal_aged(now);
            if let Some(pause) = pause.worth_taking() {
                std::thread::sleep(pause);
            }
        }
        Ok(())
    }

    fn timeout(&self, seal_at: Option<Duration>) -> Option<Duration> {
        if !self.ready.is_empty() || self.listening && !self.draining {
            return Some(Duration::ZERO);
        }
        let now = self.shell.clock().now().at;
        let due = seal_at.into_iter().chain(self.sweep_at).chain(self.ack_at).min()?;
        // epoll counts in milliseconds and mio rounds up.
        Some(due.saturating_sub(now))
    }

    fn note(&mut self, event: &mio::event::Event) {
        match event.token() {
            LISTENER => self.listening = true,
            WAKER => {}
            Token(token) => {
                let Some(Some(connection)) = self.connections.get_mut(token - FIRST) else { return };
                connection.closing |= event.is_read_closed() || event.is_error();
                connection.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
                connection.looked = false;
                if event.is_writable() {
                    connection.write_out();
                }
                self.enqueue(token - FIRST);
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

    /// Serves each ready connection once. Those with more to do stay in line.
    fn serve_round(&mut self) -> Pause {
        let mut pause = Pause::default();
        self.uncut = 0;
        for _ in 0..self.ready.len() {
            let Some(slot) = self.ready.pop_front() else { break };
            self.queued[slot] = false;
            let Some(mut connection) = self.connections[slot].take() else { continue };
            match self.serve(slot, &mut connection, &mut pause) {
                Ok(()) => {
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
        pause
    }

    /// One turn of one connection: at most one read, and all that can be taken of it.
    fn serve(&mut self, slot: usize, connection: &mut Connection, pause: &mut Pause) -> Result<(), End> {
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
        connection: &mut Connection,
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
                self.counters.text_read_ms.set(self.shell.clock().now().at.as_millis() as u64);
                records
            }
        };
        if fresh > 0 {
            let pace = connection.pace.after_read(fresh, records, self.shell.clock().now().at);
            // A read as long as it may be has not brought all: nothing needs to gather.
            pause.allow(if fresh == most { Some(Duration::ZERO) } else { pace });
        }
        Ok(consumed)
    }

    fn take_text(&mut self, slot: usize, connection: &mut Connection, data: &[u8], at_end: bool) -> (usize, u64) {
        let now = self.shell.clock().now();
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

    fn take_frames(
        &mut self,
        slot: usize,
        connection: &mut Connection,
        data: &[u8],
        consumed: &mut usize,
    ) -> Result<u64, End> {
        let sizes = self.sizes();
        let since = connection.partial_since.take();
        let begin = *consumed;
        let mut taken = 0;
        let mut asked = 0;
        loop {
            let rest = &data[*consumed..];
            let step = framed::step(rest, sizes, connection.channel(), &mut self.open, &self.counters);
            match step.map_err(End::Broken)? {
                Step::More => break,
                Step::Taken { consumed: bytes, records } => {
                    *consumed += bytes;
                    taken += records;
                }
                Step::Full { records } => {
                    taken += records;
                    if let Some(lane) = connection.lane() {
                        self.block_with_rest(slot, connection, lane);
                    }
                    break;
                }
                Step::Asked { consumed: bytes, request } => {
                    if self.answer(slot, connection, request)? == Answered::Later {
                        break;
                    }
                    *consumed += bytes;
                    asked += 1;
                    if asked >= wire::MAX_WAITING_FLUSHES || connection.is_clogged() {
                        // Answers take memory: the rest of its questions after it has read these.
                        connection.replay = true;
                        break;
                    }
                }
            }
        }
        // The clock of what is kept. Of frames that are kept until others are dealt with it goes on from one to the next: who
        // reads an answer now and then keeps room no longer for it.
        if *consumed < data.len() && (connection.replay || !connection.ended) {
            let since = since.filter(|_| connection.replay || *consumed == begin);
            connection.partial_since = Some(since.unwrap_or(self.shell.clock().now().at));
            self.sweep_soon();
        }
        if taken > 0 {
            self.ack_soon(connection);
        }
        connection.write_out();
        Ok(taken)
    }

    fn answer(&mut self, slot: usize, connection: &mut Connection, request: Request<'_>) -> Result<Answered, End> {
        let id = connection.id;
        match request {
            Request::Hello(hello) => return self.welcome(slot, connection, hello),
            Request::Bye => return Err(End::Left),
            Request::Lost(lost) => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let (lane, index) = (channel.lane, channel.index);
                let loss = Loss::of_client(index, lost.reason, lost.count, lost.from_ms, lost.to_ms);
                self.shell.apply(|engine, now| engine.lost(lane, index, lost.report, loss, now));
            }
            Request::Flush { ticket, level, timeout } => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let asker = Asker::Client { connection: id, channel: channel.index, ticket };
                let lane = channel.lane;
                let too_many = channel.flushes >= wire::MAX_WAITING_FLUSHES;
                channel.flushes += 1;
                self.open.seal(lane);
                self.shell.apply(|engine, now| match level {
                    wire::Level::Admitted => engine.answer_now(lane, asker, true, now),
                    _ if too_many => engine.answer_now(lane, asker, false, now),
                    wire::Level::Durable => engine.flush(lane, asker, Level::Durable, timeout, now),
                    wire::Level::Ended => engine.flush(lane, asker, Level::Ended, timeout, now),
                });
            }
        }
        Ok(Answered::Now)
    }
}

/// Whether a client's question has been dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Now,
    /// It stays where it is until its lane resumes.
    Later,
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
