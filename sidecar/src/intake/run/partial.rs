//! Bytes that were read and are not a whole record or frame: who pays for them, and who must give way.

use super::Intake;
use crate::engine::budget::Payment;
use crate::intake::connection::{Connection, Kind};

impl Intake {
    /// Pays for what the connection may have to keep.
    pub(super) fn pay(&mut self, connection: &mut Connection, bytes: usize) -> bool {
        let paid = connection.paid.as_ref().map_or(0, Payment::bytes);
        if paid >= bytes {
            return true;
        }
        for attempt in 0..2 {
            let more = self.shell.claim_partial(bytes - paid);
            if let Some(more) = more {
                match &mut connection.paid {
                    Some(payment) => payment.merge(more),
                    none => *none = Some(more),
                }
                return true;
            }
            if attempt == 0 && !self.cut_largest_line() {
                break;
            }
        }
        if self.finisher.is_none() {
            self.finisher = Some(connection.id);
        }
        self.finisher == Some(connection.id)
    }

    /// Keeps the bytes that were not taken, and gives back what was paid beyond them.
    pub(super) fn keep(&mut self, connection: &mut Connection, rest: &[u8]) {
        if rest.is_empty() {
            connection.paid = None;
            connection.rest = Vec::new();
            connection.partial_since = None;
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
    }

    /// When there is no room for partial lines, the largest is taken as it is: a record that is split.
    pub(super) fn cut_largest_line(&mut self) -> bool {
        let is_text = |c: &Connection| matches!(c.kind, Kind::Text { .. }) && !c.blocked && !c.rest.is_empty();
        let lines = self.connections.iter().enumerate();
        let lines = lines.filter_map(|(slot, c)| c.as_ref().filter(|c| is_text(c)).map(|c| (slot, c.rest.len())));
        let Some((slot, _)) = lines.max_by_key(|(_, length)| *length) else { return false };
        let Some(mut connection) = self.connections[slot].take() else { return false };
        let rest = std::mem::take(&mut connection.rest);
        let consumed = self.take_text(slot, &mut connection, &rest, true).0;
        self.counters.split.add(1);
        self.keep(&mut connection, &rest[consumed..]);
        self.connections[slot] = Some(connection);
        consumed > 0
    }
}
