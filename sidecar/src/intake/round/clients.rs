//! Clients come and go: accepting, turning away, closing, time-outs.

use std::io::{self, Write as _};
use std::time::Duration;

use splashdam::wire::{ErrorCode, SidecarFrame};

use super::{
    End, Intake, ACCEPTS, ACK_AGAIN, ACK_DELAY, FRAME_TIMEOUT, FRAME_TIMEOUT_STARVED, RETRY, SWEEP, USER_AGAIN,
};
use crate::engine::time::Now;
use crate::intake::connection::{Connection, Kind};
use crate::intake::socket::BACKLOG;
use crate::intake::sockets::{Sockets, Stream as _};
use crate::intake::Host;

impl<H: Host, S: Sockets> Intake<H, S> {
    /// Accepts those who wait, as many as one round has time for, and fewer while somebody is busy: however fast they come, they
    /// keep nobody waiting who is here.
    pub(super) fn accept(&mut self) {
        let now = self.host.now().at;
        // Who wants all to be read means them, too.
        let all = !self.seals.is_empty();
        let most = if all { usize::from(BACKLOG) } else { ACCEPTS };
        for _ in 0..most {
            if self.busy && !all && !self.callers.may_call(now) {
                self.listening = false;
                return self.sweep_within(RETRY);
            }
            match self.sockets.accept() {
                Ok(stream) => self.admit(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.listening = false;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Out of descriptors or memory: those who wait are still there in a moment.
                    self.listening = false;
                    crate::diagnostics::limited(
                        || tracing::warn!(%error, "cannot accept a connection, will try again"),
                    );
                    self.sweep_within(RETRY);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut stream: S::Stream) {
        let now = self.host.now().at;
        let peer = stream.uid();
        // First of all: nobody makes way for it, nothing of it is read and nothing kept for it.
        if !self.options.uids.permits(peer) {
            return self.refuse_user(&mut stream, peer, now);
        }
        if self.by_id.len() >= self.options.connections && !self.evict_silent() {
            self.counters.turned_away.add(1);
            crate::diagnostics::limited(|| tracing::warn!("connection refused: the limit is reached"));
            return;
        }
        self.callers.called();
        let slot = self.free.pop().unwrap_or(self.connections.len());
        if let Err(error) = self.sockets.watch(&mut stream, slot) {
            crate::diagnostics::limited(|| tracing::warn!(%error, "cannot watch a connection"));
            self.free.push(slot);
            return;
        }
        let uid = peer.unwrap_or(u32::MAX);
        self.next_id += 1;
        self.by_id.insert(self.next_id, slot);
        if slot == self.connections.len() {
            self.connections.push(None);
            self.queued.push(false);
        }
        self.connections[slot] = Some(Connection::new(self.next_id, stream, uid, now));
        self.counters.accepted.add(1);
        self.counters.connected.add(1);
        self.enqueue(slot);
    }

    /// Tells a process whose user may not connect, as far as that can be done without waiting. Its connection ends with `stream`.
    fn refuse_user(&mut self, stream: &mut S::Stream, uid: Option<u32>, now: Duration) {
        self.counters.refused_users.add(1);
        let who = uid.map_or_else(|| "a user that the kernel does not tell".to_owned(), |uid| format!("user {uid}"));
        if self.warned_user_at.is_none_or(|at| at + USER_AGAIN <= now) {
            self.warned_user_at = Some(now);
            let refused = self.counters.refused_users.get();
            tracing::warn!(
                refused,
                "connection refused: {who} is not among --allow-uids {}; add the id there if it is an app of yours \
                 (told once a minute at most)",
                self.options.uids,
            );
        }
        let mut frame = Vec::new();
        let text = format!("{who} may not connect; see the sidecar's --allow-uids");
        SidecarFrame::Error { code: ErrorCode::NOT_PERMITTED, text: &text }.encode_into(&mut frame);
        // A text client does not read it, and who has gone already does not, either.
        let _ = stream.write(&frame);
    }

    /// At the cap, the connection silent longest that never sent a byte makes way.
    fn evict_silent(&mut self) -> bool {
        let silent = self.connections.iter().enumerate();
        let silent = silent.filter_map(|(slot, c)| c.as_ref().map(|c| (slot, c)));
        let silent = silent.filter(|(_, c)| matches!(c.kind, Kind::Unknown) && c.rest.is_empty() && !c.readable);
        let Some((slot, _)) = silent.min_by_key(|(_, c)| c.accepted_at) else { return false };
        if let Some(connection) = self.connections[slot].take() {
            self.counters.turned_away.add(1);
            self.close(slot, connection, End::Left);
        }
        true
    }

    pub(super) fn watch_writes(&mut self, slot: usize, connection: &mut Connection<S::Stream>) {
        if let Err(error) = self.sockets.watch_writes(&mut connection.stream, slot) {
            crate::diagnostics::limited(|| tracing::warn!(%error, "cannot watch a connection for writing"));
        }
        // Registering anew tells the present state again.
        connection.readable = true;
    }

    /// Ends a connection. What it sent stays.
    pub(super) fn close(&mut self, slot: usize, mut connection: Connection<S::Stream>, end: End) {
        let told = match &end {
            End::Left => None,
            End::Broken(broken) => {
                self.counters.protocol_errors.add(1);
                let uid = connection.uid;
                crate::diagnostics::limited(|| tracing::warn!(uid, error = broken.text, "a client broke the protocol"));
                Some((broken.code, broken.text.as_str()))
            }
            End::Refused(code, text) => Some((*code, *text)),
        };
        if let Some((code, text)) = told {
            connection.say(&SidecarFrame::Error { code, text });
        }
        connection.write_out();
        let counted = match &connection.kind {
            Kind::Unknown => None,
            Kind::Text { .. } => Some(&self.counters.text),
            Kind::Framed(_) => Some(&self.counters.framed),
        };
        if let Some(counter) = counted {
            // In this order: whoever sees that nobody is here sees since when.
            if self.counters.text.get() + self.counters.framed.get() == 1 {
                self.counters.left_ms.set(self.host.now().at.as_millis() as u64 + 1);
            }
            counter.sub(1);
        }
        if let Some(lane) = connection.lane() {
            self.open.seal(lane);
            let (id, channel) = (connection.id, connection.channel().map(|channel| channel.index));
            self.host.apply(|engine, now| engine.gone(lane, channel, id, now));
        }
        if let Err(error) = self.sockets.forget(&mut connection.stream) {
            tracing::debug!(%error, "deregister");
        }
        if self.finisher == Some(connection.id) {
            self.finisher = None;
        }
        if connection.blocked {
            self.counters.blocked_text.sub(u64::from(matches!(connection.kind, Kind::Text { .. })));
        }
        let slots = self.waiting.gone(slot);
        self.unblock(slots);
        self.by_id.remove(&connection.id);
        self.counters.connected.sub(1);
        self.free.push(slot);
        // A descriptor has come free: whoever could not be accepted can be now.
        self.listening = true;
    }

    /// Tells a client soon what was admitted, unless an ack of what ended comes first.
    pub(super) fn ack_soon(&mut self, connection: &mut Connection<S::Stream>) {
        let now = self.host.now().at;
        if let Some(channel) = connection.channel() {
            let due = *channel.ack_due.get_or_insert(now + ACK_DELAY);
            self.ack_at = Some(self.ack_at.map_or(due, |at| at.min(due)));
        }
        self.sweep_soon();
    }

    pub(super) fn send_due_acks(&mut self, now: Now) {
        if self.ack_at.is_none_or(|at| at > now.at) {
            return;
        }
        let mut next: Option<Duration> = None;
        for connection in self.connections.iter_mut().flatten() {
            let Some(due) = connection.channel().and_then(|channel| channel.ack_due) else { continue };
            if due <= now.at {
                connection.say_ack(now.at);
                connection.write_out();
            }
            if let Some(due) = connection.channel().and_then(|channel| channel.ack_due) {
                // Its socket is full: no use in hurrying.
                let due = due.max(now.at + ACK_DELAY);
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        self.ack_at = next;
    }

    pub(super) fn sweep_soon(&mut self) {
        self.sweep_within(SWEEP);
    }

    pub(super) fn sweep_within(&mut self, time: Duration) {
        let at = self.host.now().at + time;
        self.sweep_at = Some(self.sweep_at.map_or(at, |sweep| sweep.min(at)));
    }

    /// Repeats acks and ends frames that never become whole, as long as anything has a time-out.
    pub(super) fn sweep(&mut self, now: Now) {
        if self.sweep_at.is_none_or(|at| at > now.at) {
            return;
        }
        self.sweep_at = None;
        self.listening = true;
        let mut late = Vec::new();
        let mut again = false;
        let starving = self.connections.iter().flatten().any(|connection| connection.starved);
        let patience = if starving { FRAME_TIMEOUT_STARVED } else { FRAME_TIMEOUT };
        for (slot, connection) in self.connections.iter_mut().enumerate() {
            let Some(connection) = connection else { continue };
            let starved = std::mem::take(&mut connection.starved);
            if let Some(since) = connection.partial_since {
                again = true;
                // One that waits for room keeps some itself, from others that do: it must not wait for ever. Whoever has not
                // said hello goes first.
                let patience = if starved && connection.lane().is_some() { FRAME_TIMEOUT } else { patience };
                let clogged = connection.is_clogged() && !starving;
                let unread = connection.readable && !starved && !connection.rests;
                if connection.blocked || unread || clogged {
                    // It is we who do not read: its clock stops. But who does not read its answers keeps no room from others.
                    connection.partial_since = Some(now.at);
                } else if since + patience <= now.at {
                    late.push(slot);
                }
            }
            let blocked = connection.blocked;
            if let Some(channel) = connection.channel() {
                // One that waits for room has unacked frames on its side: it must see that we are alive.
                let unended = blocked || channel.ack.ended_to + 1 < channel.next;
                again |= unended;
                if unended && channel.acked_at + ACK_AGAIN <= now.at {
                    connection.say_ack(now.at);
                    connection.write_out();
                }
            }
            if connection.readable && !connection.blocked {
                again = true;
                if !self.queued[slot] {
                    self.queued[slot] = true;
                    self.ready.push_back(slot);
                }
            }
        }
        for slot in late {
            if let Some(connection) = self.connections[slot].take() {
                let end = End::Refused(ErrorCode::FRAME_TIMEOUT, "a frame was not whole in time");
                self.close(slot, connection, end);
            }
        }
        if again {
            self.sweep_soon();
        }
    }
}
