//! Bytes that were read and are not a whole record or frame: who pays for them, and who must give way.

use super::{End, Intake, RETRY};
use crate::engine::budget::Payment;
use crate::intake::connection::{Connection, Fetched, Kind};
use crate::intake::pace::Pause;
use crate::intake::sockets::Sockets;
use crate::intake::Host;

impl<H: Host, S: Sockets> Intake<H, S> {
    /// Pays for what the connection may have to keep.
    pub(super) fn pay(&mut self, connection: &mut Connection<S::Stream>, bytes: usize) -> bool {
        let paid = connection.paid.as_ref().map_or(0, Payment::bytes);
        if paid >= bytes {
            return true;
        }
        if self.claim(connection, bytes - paid) || self.cut_a_line(bytes) && self.claim(connection, bytes - paid) {
            return true;
        }
        if self.finisher.is_none() {
            self.finisher = Some(connection.id);
        }
        self.finisher == Some(connection.id)
    }

    /// Takes what is whole of a connection that can keep nothing: what is not stays in the kernel, and costs no room. So whoever
    /// sends what we can take gets on, however much others keep. `buffer` begins with what the connection has kept. False if
    /// the kernel has nothing, or the end.
    pub(super) fn take_whole(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        buffer: &mut [u8],
        pause: &mut Pause,
    ) -> Result<bool, End> {
        if connection.looked {
            self.starve(connection);
            return Ok(true);
        }
        let Fetched::Bytes(seen) = connection.look(buffer) else { return Ok(false) };
        let kept = connection.rest.len();
        let consumed = self.take_records(slot, connection, &buffer[..kept + seen], seen, pause)?;
        if consumed < kept {
            self.keep(connection, &buffer[consumed..kept]);
        } else {
            connection.skip(&mut buffer[..consumed - kept]);
            self.counters.bytes.add((consumed - kept) as u64);
            self.keep(connection, &[]);
        }
        if consumed == 0 {
            connection.looked = true;
            self.starve(connection);
        }
        Ok(true)
    }

    /// Nobody can keep more half lines and half frames now: others have to finish first.
    fn starve(&mut self, connection: &mut Connection<S::Stream>) {
        connection.starved = true;
        self.sweep_within(RETRY);
    }

    fn claim(&self, connection: &mut Connection<S::Stream>, bytes: usize) -> bool {
        let more = self.host.claim_partial(bytes);
        let claimed = more.is_some();
        match (&mut connection.paid, more) {
            (Some(paid), Some(more)) => paid.merge(more),
            (paid, Some(more)) => *paid = Some(more),
            (_, None) => {}
        }
        claimed
    }

    /// Keeps the bytes that were not taken, and gives back what was paid beyond them.
    pub(super) fn keep(&mut self, connection: &mut Connection<S::Stream>, rest: &[u8]) {
        if rest.is_empty() {
            connection.paid = None;
            connection.rest = Vec::new();
            if !connection.owes_hello() {
                connection.partial_since = None;
            }
            if self.finisher == Some(connection.id) {
                self.finisher = None;
            }
            return;
        }
        connection.rest.clear();
        connection.rest.reserve_exact(rest.len());
        connection.rest.extend_from_slice(rest);
        if connection.rest.capacity() > 2 * rest.len() {
            connection.rest.shrink_to_fit();
        }
        let capacity = connection.rest.capacity();
        if let Some(paid) = &mut connection.paid {
            paid.shrink_to(capacity);
        }
        if self.finisher == Some(connection.id) && matches!(connection.kind, Kind::Text { .. }) {
            // There was no room for a whole read. Usually there is for the end of a line that is left of it; then it is
            // somebody else's turn, and nobody has to cut this line for that.
            let paid = connection.paid.as_ref().map_or(0, Payment::bytes);
            if paid >= capacity || self.claim(connection, capacity - paid) {
                self.finisher = None;
            }
        }
    }

    /// When there is no room to keep `bytes`, a line is taken as it is, a record that is split: the largest where lines alone
    /// take the room, else the one that nobody could pay for. Where others take it a cut would free next to nothing.
    fn cut_a_line(&mut self, bytes: usize) -> bool {
        if bytes <= self.uncut {
            return false;
        }
        let cut = self.cut_one(bytes);
        if !cut {
            // Who asks for a cut, and in vain, may be one of thousands in this round: one look at all connections is enough.
            self.uncut = bytes;
        }
        cut
    }

    fn cut_one(&mut self, bytes: usize) -> bool {
        let is_line =
            |c: &Connection<S::Stream>| matches!(c.kind, Kind::Text { .. }) && !c.replay && !c.rest.is_empty();
        let lines = self.connections.iter().enumerate();
        let lines = lines.filter_map(|(slot, c)| c.as_ref().filter(|c| is_line(c)).map(|c| (slot, c)));
        let kept: usize = lines.clone().map(|(_, c)| c.rest.capacity()).sum();
        let lines = lines.filter(|(_, c)| !c.blocked);
        let line = if kept + bytes > self.for_partial {
            lines.max_by_key(|(_, c)| c.rest.len())
        } else {
            lines.into_iter().find(|(_, c)| self.finisher == Some(c.id))
        };
        let Some(slot) = line.map(|(slot, _)| slot) else { return false };
        let Some(mut connection) = self.connections[slot].take() else { return false };
        let rest = std::mem::take(&mut connection.rest);
        let consumed = self.take_text(slot, &mut connection, &rest, true).0;
        self.counters.split.add(u64::from(consumed > 0));
        self.keep(&mut connection, &rest[consumed..]);
        self.connections[slot] = Some(connection);
        consumed > 0
    }
}
