//! The intake of a simulated sidecar: what ships takes frames and lines, and keeps the open chunks and whose turn it is; the sockets
//! are simulated, and so is what the intake's thread does around them.

use std::collections::BTreeMap;
use std::time::Duration;

use splashdam::wire::{self, Ack, ErrorCode, FlushDone, FlushStatus, SidecarFrame};

use super::agenda::Sleeper;
use super::outside::Outside;
use super::process::Host;
use crate::engine::account::Dropped;
use crate::engine::chunk::Run;
use crate::engine::flush::{Asker, Flushed, Level};
use crate::engine::lane::LaneId;
use crate::engine::{self, ConnectionId};
use crate::intake::framed::{self, Channel, Request, Sizes, Step};
use crate::intake::open::{Host as _, OpenChunks, Pushed};
use crate::intake::waiting::Waiting;
use crate::intake::{Counters, Lines};

/// An ack of what was admitted waits so long for more to tell, and is repeated so often.
const ACK_DELAY: Duration = Duration::from_millis(10);
const ACK_AGAIN: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_millis(500);

pub(super) const MAX_RECORD: u32 = 16 * 1024;
const SIZES: Sizes = Sizes { max_record: MAX_RECORD, max_frame: MAX_RECORD + wire::FRAME_OVERHEAD };
const LINES: Lines = Lines { delimiter: b'\n', max_record: MAX_RECORD as usize };

enum Kind {
    Unknown,
    Text(LaneId),
    Framed(Option<Box<Channel>>),
}

struct Connection {
    id: ConnectionId,
    socket: usize,
    kind: Kind,
    rest: Vec<u8>,
    replay: bool,
    ended: bool,
    blocked: bool,
    first_for: Option<LaneId>,
}

impl Connection {
    fn channel(&mut self) -> Option<&mut Channel> {
        match &mut self.kind {
            Kind::Framed(channel) => channel.as_deref_mut(),
            _ => None,
        }
    }

    fn lane(&self) -> Option<LaneId> {
        match &self.kind {
            Kind::Text(lane) => Some(*lane),
            Kind::Framed(Some(channel)) => Some(channel.lane),
            _ => None,
        }
    }
}

/// Whether a client's question has been dealt with, or stays where it is until its lane resumes.
#[derive(PartialEq)]
enum Answered {
    Now,
    Later,
}

/// The connection is over.
struct Over;

/// The intake.
pub(super) struct Intake {
    host: Host,
    open: OpenChunks<Host>,
    waiting: Waiting,
    counters: Counters,
    connections: BTreeMap<ConnectionId, Connection>,
    next_id: ConnectionId,
    pub(super) draining: bool,
    instance: u8,
    on_disk: bool,
}

impl Intake {
    pub(super) fn new(host: Host, instance: u8, on_disk: bool) -> Self {
        Intake {
            open: OpenChunks::new(host.clone()),
            host,
            waiting: Waiting::default(),
            counters: Counters::default(),
            connections: BTreeMap::new(),
            next_id: 0,
            draining: false,
            instance,
            on_disk,
        }
    }

    /// One round: whoever waits is accepted, each connection has a turn, what is due is sealed and said.
    pub(super) fn serve(&mut self, out: &mut Outside) {
        if !self.draining {
            while let Some(socket) = out.backlog.pop_front() {
                self.next_id += 1;
                let (id, kind, rest, first_for) = (self.next_id, Kind::Unknown, Vec::new(), None);
                let connection =
                    Connection { id, socket, kind, rest, replay: false, ended: false, blocked: false, first_for };
                self.connections.insert(id, connection);
            }
        }
        let mut more = false;
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            let Some(mut connection) = self.connections.remove(&id) else { continue };
            match self.turn(&mut connection, out) {
                Ok(moved) => {
                    more |= moved;
                    self.let_others_on(&mut connection);
                    self.connections.insert(id, connection);
                }
                Err(Over) => self.close(connection, out),
            }
        }
        let now = self.host.now();
        let due = self.say_due_acks(out, now.at);
        let seal_at = self.open.seal_aged(now);
        let again = more.then_some(now.at + Duration::from_micros(100));
        if let Some(at) = [due, seal_at, again].into_iter().flatten().min() {
            let at = self.host.world_time(at).max(out.at);
            out.agenda.wake(Sleeper::Intake, at);
        }
    }

    /// One read at most, and all that can be taken of it. True if there may be more.
    fn turn(&mut self, connection: &mut Connection, out: &mut Outside) -> Result<bool, Over> {
        let socket = &mut out.sockets[connection.socket];
        if self.draining || connection.blocked {
            return Ok(false);
        }
        let readable = !socket.up.is_empty() || !socket.client_open;
        if !readable && !connection.replay && !connection.ended {
            return Ok(false);
        }
        if let Some(lane) = connection.lane() {
            let slot = connection.id as usize;
            if self.waiting.must_wait(lane, slot) || !self.open.has_room(lane) {
                self.block(connection, lane);
                return Ok(false);
            }
        }
        let mut data = std::mem::take(&mut connection.rest);
        if !connection.replay {
            let most = if matches!(connection.kind, Kind::Unknown) { 256 } else { 1 + out.chance.below(20_000) };
            let bytes = most.min(socket.up.len());
            connection.ended |= bytes == 0 && !socket.client_open;
            data.extend(socket.up.drain(..bytes));
            if std::mem::take(&mut socket.full) {
                let peer = socket.peer;
                let at = out.soon();
                out.agenda.wake(peer, at);
            }
        }
        let consumed = self.take(connection, &data, out)?;
        data.drain(..consumed);
        connection.rest = data;
        if connection.ended && !connection.blocked && !connection.replay {
            return Err(Over);
        }
        let socket = &out.sockets[connection.socket];
        Ok(!connection.blocked && (!socket.up.is_empty() || !socket.client_open || connection.replay))
    }

    fn take(&mut self, connection: &mut Connection, data: &[u8], out: &mut Outside) -> Result<usize, Over> {
        connection.replay = false;
        let mut consumed = 0;
        if matches!(connection.kind, Kind::Unknown) {
            match wire::first_bytes(data) {
                _ if data.is_empty() => return Ok(0),
                wire::Kind::NeedMore if !connection.ended => return Ok(0),
                wire::Kind::Framed => {
                    connection.kind = Kind::Framed(None);
                    consumed = wire::MAGIC.len();
                }
                _ => self.begin_text(connection, out)?,
            }
        }
        if let Kind::Text(lane) = connection.kind {
            return Ok(consumed + self.take_text(connection, lane, &data[consumed..], connection.ended));
        }
        self.take_frames(connection, data, &mut consumed, out)?;
        Ok(consumed)
    }

    fn begin_text(&mut self, connection: &mut Connection, out: &Outside) -> Result<(), Over> {
        let lane = self.connect(out.stream_of(out.sockets[connection.socket].peer)).ok_or(Over)?;
        connection.kind = Kind::Text(lane);
        Ok(())
    }

    fn connect(&self, stream: usize) -> Option<LaneId> {
        self.host.apply(|engine, now| {
            let lane = engine.open_lane(&super::destination(stream), now)?;
            engine.connected(lane);
            Some(lane)
        })
    }

    fn take_text(&mut self, connection: &mut Connection, lane: LaneId, data: &[u8], at_end: bool) -> usize {
        let now = self.host.now();
        let open = &mut self.open;
        let taken = LINES.take(data, at_end, |text| open.push(lane, now.wall_ms, text, Run::of_text(1)));
        if taken.full {
            self.block_with_rest(connection, lane);
        }
        taken.consumed
    }

    fn take_frames(
        &mut self,
        connection: &mut Connection,
        data: &[u8],
        consumed: &mut usize,
        out: &mut Outside,
    ) -> Result<(), Over> {
        let mut taken = 0;
        loop {
            let rest = &data[*consumed..];
            let step = framed::step(rest, SIZES, connection.channel(), &mut self.open, &self.counters);
            match step.unwrap_or_else(|broken| panic!("a client broke the protocol: {}", broken.text)) {
                Step::More => break,
                Step::Taken { consumed: bytes, records } => {
                    *consumed += bytes;
                    taken += records;
                }
                Step::Full { records } => {
                    taken += records;
                    if let Some(lane) = connection.lane() {
                        self.block_with_rest(connection, lane);
                    }
                    break;
                }
                Step::Asked { consumed: bytes, request } => {
                    if self.answer(connection, request, out)? == Answered::Later {
                        break;
                    }
                    *consumed += bytes;
                }
            }
        }
        if taken > 0 {
            let now = self.host.now();
            if let Some(channel) = connection.channel() {
                channel.ack_due.get_or_insert(now.at + ACK_DELAY);
            }
        }
        Ok(())
    }

    fn answer(
        &mut self,
        connection: &mut Connection,
        request: Request<'_>,
        out: &mut Outside,
    ) -> Result<Answered, Over> {
        let id = connection.id;
        match request {
            Request::Hello(hello) => return self.welcome(connection, &hello, out),
            Request::Bye => return Err(Over),
            Request::Lost(lost) => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let (lane, index) = (channel.lane, channel.index);
                let loss = engine::marker::Loss::of_client(index, lost.reason, lost.count, lost.from_ms, lost.to_ms);
                self.host.apply(|engine, now| engine.lost(lane, index, lost.report, loss, now));
            }
            Request::Flush { ticket, level, timeout } => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let asker = Asker::Client { connection: id, channel: channel.index, ticket };
                let lane = channel.lane;
                self.open.seal(lane);
                self.host.apply(|engine, now| match level {
                    wire::Level::Admitted => engine.answer_now(lane, asker, true, now),
                    wire::Level::Durable => engine.flush(lane, asker, Level::Durable, timeout, now),
                    wire::Level::Ended => engine.flush(lane, asker, Level::Ended, timeout, now),
                });
            }
        }
        Ok(Answered::Now)
    }

    fn welcome(
        &mut self,
        connection: &mut Connection,
        hello: &wire::Hello<'_>,
        out: &mut Outside,
    ) -> Result<Answered, Over> {
        let peer = out.sockets[connection.socket].peer;
        let lane = self.connect(out.stream_of(peer)).ok_or(Over)?;
        self.open.seal(lane);
        let id = connection.id;
        let answer = self.host.apply(|engine, now| engine.hello(lane, hello.client_id, hello.oldest, id, now));
        let welcome = match answer {
            engine::Hello::Welcome(welcome) => welcome,
            engine::Hello::Later => {
                self.host.apply(|engine, now| engine.gone(lane, None, id, now));
                self.block_with_rest(connection, lane);
                return Ok(Answered::Later);
            }
            engine::Hello::Full | engine::Hello::Fenced => {
                self.host.apply(|engine, now| engine.gone(lane, None, id, now));
                say(connection.socket, &SidecarFrame::Error { code: ErrorCode::FENCED, text: "fenced" }, out);
                return Err(Over);
            }
        };
        out.ledger.welcomed(peer, hello.oldest, &welcome);
        let at = self.host.now().at;
        connection.kind = Kind::Framed(Some(Box::new(Channel {
            lane,
            index: welcome.channel,
            next: welcome.ack.admitted_to + 1,
            piece: 0,
            ack: welcome.ack,
            ack_due: None,
            acked_at: at,
            flushes: 0,
        })));
        let flags = [(self.on_disk, wire::FLAG_DURABLE_IS_DISK), (welcome.known, wire::FLAG_KNOWN_CHANNEL)];
        let told = wire::Welcome {
            version: wire::MAX_VERSION,
            flags: flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum(),
            instance: [self.instance; 16],
            resume: welcome.resume,
            max_record: SIZES.max_record,
            max_frame: SIZES.max_frame,
        };
        say(connection.socket, &SidecarFrame::Welcome(told), out);
        say_ack(connection, at, out);
        if let Some(fenced) = welcome.fenced.and_then(|older| self.connections.remove(&older)) {
            say(fenced.socket, &SidecarFrame::Error { code: ErrorCode::FENCED, text: "fenced" }, out);
            self.close(fenced, out);
        }
        Ok(Answered::Now)
    }

    /// The engine tells how far a channel is.
    pub(super) fn acknowledge(&mut self, id: ConnectionId, ack: Ack, out: &mut Outside) {
        let at = self.host.now().at;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(channel) = connection.channel() {
            channel.ack = channel.ack.latest(ack);
            say_ack(connection, at, out);
        }
    }

    /// The engine answers a flush.
    pub(super) fn flushed(&mut self, id: ConnectionId, ticket: u64, flushed: Flushed, out: &mut Outside) {
        let Some(connection) = self.connections.get(&id) else { return };
        let status = if flushed.reached { FlushStatus::Reached } else { FlushStatus::TimedOut };
        let Flushed { delivered, rejected, dropped, spooled, pending, .. } = flushed;
        let done = FlushDone { ticket, status, delivered, rejected, dropped, spooled, pending };
        say(connection.socket, &SidecarFrame::FlushDone(done), out);
    }

    /// Says what is due; when the next is.
    fn say_due_acks(&mut self, out: &mut Outside, now: Duration) -> Option<Duration> {
        let mut next: Option<Duration> = None;
        for connection in self.connections.values_mut() {
            let blocked = connection.blocked;
            let Some(channel) = connection.channel() else { continue };
            let unended = blocked || channel.ack.ended_to + 1 < channel.next;
            let due = channel.ack_due.is_some_and(|due| due <= now);
            if due || unended && channel.acked_at + ACK_AGAIN <= now {
                say_ack(connection, now, out);
            }
            let Some(channel) = connection.channel() else { continue };
            let at = channel.ack_due.or(unended.then_some(now + SWEEP));
            next = next.into_iter().chain(at).min();
        }
        next
    }

    fn close(&mut self, connection: Connection, out: &mut Outside) {
        let socket = &mut out.sockets[connection.socket];
        socket.sidecar_open = false;
        socket.up.clear();
        let (peer, at) = (socket.peer, out.soon());
        out.agenda.wake(peer, at);
        if let Some(lane) = connection.lane() {
            self.open.seal(lane);
            let (id, mut connection) = (connection.id, connection);
            let channel = connection.channel().map(|channel| channel.index);
            self.host.apply(|engine, now| engine.gone(lane, channel, id, now));
            let slots = self.waiting.gone(id as usize);
            self.unblock(&slots);
        } else {
            let slots = self.waiting.gone(connection.id as usize);
            self.unblock(&slots);
        }
    }

    fn block(&mut self, connection: &mut Connection, lane: LaneId) {
        if !std::mem::replace(&mut connection.blocked, true) {
            self.waiting.waits(lane, connection.id as usize);
        }
    }

    fn block_with_rest(&mut self, connection: &mut Connection, lane: LaneId) {
        connection.replay = true;
        connection.first_for = Some(lane);
        self.waiting.keeps(lane, connection.id as usize);
        self.block(connection, lane);
    }

    fn let_others_on(&mut self, connection: &mut Connection) {
        if !connection.blocked {
            if let Some(lane) = connection.first_for.take() {
                let slots = self.waiting.done(lane, connection.id as usize);
                self.unblock(&slots);
            }
        }
    }

    /// The lane has room again.
    pub(super) fn resume(&mut self, lane: LaneId, out: &mut Outside) {
        let slots = self.waiting.resume(lane);
        self.unblock(&slots);
        let at = out.at;
        out.agenda.wake(Sleeper::Intake, at);
    }

    fn unblock(&mut self, slots: &[usize]) {
        for slot in slots {
            if let Some(connection) = self.connections.get_mut(&(*slot as ConnectionId)) {
                connection.blocked = false;
            }
        }
    }

    /// No more is read. What text clients wrote and was read is taken, or dropped and counted.
    pub(super) fn drain(&mut self, deadline: Duration, out: &mut Outside) {
        self.draining = true;
        for id in self.connections.keys().copied().collect::<Vec<_>>() {
            let Some(mut connection) = self.connections.remove(&id) else { continue };
            if matches!(connection.kind, Kind::Unknown) && !connection.rest.is_empty() {
                let _ = self.begin_text(&mut connection, out);
            }
            if let Kind::Text(lane) = connection.kind {
                let rest = std::mem::take(&mut connection.rest);
                let taken = self.take_text(&mut connection, lane, &rest, true);
                let open = &mut self.open;
                LINES.take(&rest[taken..], true, |_| {
                    open.push_ended(lane, Run::of_text(1), Dropped::Shutdown);
                    Pushed::Taken
                });
            }
            self.connections.insert(id, connection);
        }
        self.open.seal_all();
        let deadline_ms = u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX);
        for connection in self.connections.values().filter(|connection| matches!(connection.kind, Kind::Framed(_))) {
            say(connection.socket, &SidecarFrame::Draining { deadline_ms }, out);
        }
    }

    /// Text that was read and is in no chunk that the engine has: lost if the process is killed.
    pub(super) fn text_at_risk(&self, out: &Outside) -> u64 {
        let lines = |bytes: &mut dyn Iterator<Item = &u8>| bytes.filter(|byte| **byte == b'\n').count() as u64;
        let text = self.connections.values().filter(|connection| !matches!(connection.kind, Kind::Framed(_)));
        let read: u64 = text.map(|connection| lines(&mut connection.rest.iter())).sum();
        let sockets = out.sockets.iter().filter(|socket| matches!(socket.peer, Sleeper::Text(_)));
        read + sockets.map(|socket| lines(&mut socket.up.iter()) + 1).sum::<u64>() + self.open.records()
    }
}

/// Writes a frame to a client; it is woken for that.
fn say(socket: usize, frame: &SidecarFrame<'_>, out: &mut Outside) {
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    let socket = &mut out.sockets[socket];
    if socket.client_open {
        socket.down.extend(bytes);
        let peer = socket.peer;
        let at = out.soon();
        out.agenda.wake(peer, at);
    }
}

fn say_ack(connection: &mut Connection, now: Duration, out: &mut Outside) {
    let socket = connection.socket;
    let Some(channel) = connection.channel() else { return };
    channel.ack_due = None;
    channel.acked_at = now;
    let ack = Ack { admitted_to: channel.next.saturating_sub(1), ..channel.ack };
    let peer = out.sockets[socket].peer;
    out.ledger.acknowledged(peer, &ack);
    say(socket, &SidecarFrame::Ack(ack), out);
}
