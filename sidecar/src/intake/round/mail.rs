//! What the rest of the process asks of the intake: acks and answers to pass on, lanes that have room again, the drain.

use splashdam::wire::SidecarFrame;

use super::Intake;
use crate::engine::account::Dropped;
use crate::engine::chunk::Run;
use crate::engine::time::Now;
use crate::engine::ConnectionId;
use crate::intake::connection::{Connection, Kind};
use crate::intake::mailbox::{Drain, Mail};
use crate::intake::open::Pushed;
use crate::intake::sockets::Sockets;
use crate::intake::text::Lines;
use crate::intake::Host;

impl<H: Host, S: Sockets> Intake<H, S> {
    pub(super) fn read_mail(&mut self, mail: Mail) {
        for ping in mail.pings {
            // Whoever asked may have given up.
            let _ = ping.send(());
        }
        self.seals.extend(mail.seals);
        for lane in mail.resumed {
            self.resume(lane);
        }
        let now = self.host.now();
        for (id, ack) in mail.acks {
            if let Some(connection) = self.find(id) {
                if let Some(channel) = connection.channel() {
                    channel.ack = channel.ack.latest(ack);
                    connection.say_ack(now.at);
                    connection.write_out();
                }
            }
        }
        for (id, ticket, flushed) in mail.flushed {
            if let Some(connection) = self.find(id) {
                if let Some(channel) = connection.channel() {
                    channel.flushes = channel.flushes.saturating_sub(1);
                }
                connection.say_flushed(ticket, flushed);
                connection.write_out();
            }
        }
        if let Some(drain) = mail.drain {
            self.begin_drain(drain, now);
        }
        self.stopping |= mail.stop;
    }

    fn find(&mut self, id: ConnectionId) -> Option<&mut Connection<S::Stream>> {
        let slot = *self.by_id.get(&id)?;
        self.connections.get_mut(slot)?.as_mut()
    }

    fn begin_drain(&mut self, drain: Drain, now: Now) {
        self.draining = true;
        for slot in 0..self.connections.len() {
            self.take_last_words(slot);
        }
        self.open.seal_all();
        let left = drain.deadline.saturating_sub(now.at).as_millis();
        let deadline_ms = u32::try_from(left).unwrap_or(u32::MAX);
        for connection in self.connections.iter_mut().flatten() {
            if matches!(connection.kind, Kind::Framed(_)) {
                connection.say(&SidecarFrame::Draining { deadline_ms });
                connection.write_out();
            }
        }
        // The shell waits for this before it drains the engine.
        let _ = drain.done.send(());
    }

    /// What a text client has written and we have read is ours: it is taken, or dropped and counted, but never forgotten.
    fn take_last_words(&mut self, slot: usize) {
        let Some(mut connection) = self.connections[slot].take() else { return };
        let rest = std::mem::take(&mut connection.rest);
        if matches!(connection.kind, Kind::Unknown) && !rest.is_empty() && self.begin_text(&mut connection).is_err() {
            tracing::warn!(bytes = rest.len(), "no lane is free for what a client wrote last");
        }
        if let Kind::Text { lane, .. } = connection.kind {
            let taken = self.take_text(slot, &mut connection, &rest, true).0;
            let lines = Lines { delimiter: self.options.delimiter, max_record: self.options.max_record as usize };
            let open = &mut self.open;
            lines.take(&rest[taken..], true, |_| {
                open.push_ended(lane, Run::of_text(1), Dropped::Shutdown);
                Pushed::Taken
            });
        } else {
            connection.rest = rest;
        }
        self.connections[slot] = Some(connection);
    }
}
