//! The lane's channels as the spool knows them: raised by what is appended, replaced by what a cursor says.

use std::collections::HashMap;

use crate::engine::channel::{self, ClientId};
use crate::engine::sabotage::{self, Sabotage};
use crate::engine::spool::{ChannelMark, DiskRun};

/// The client id of all text connections: they have no channel.
const TEXT: ClientId = [0; 16];

#[derive(Clone, Debug)]
struct Known {
    mark: ChannelMark,
    /// When it was last appended to or named by a cursor, as a count of such events.
    touched: u64,
    /// Appended to since the last cursor.
    fresh: bool,
}

/// At most [`channel::MOST`] channels; the one untouched longest makes way.
#[derive(Clone, Debug, Default)]
pub(super) struct Channels {
    known: HashMap<ClientId, Known>,
    clock: u64,
}

impl Channels {
    /// The channels that a header or a cursor lists, on top of what is known: of each field the higher value.
    pub(super) fn merge(&mut self, marks: &[ChannelMark]) {
        for mark in marks {
            let known = &mut self.touch(mark.client).mark;
            known.admitted = known.admitted.max(mark.admitted);
            known.ended = known.ended.max(mark.ended);
            known.delivered = known.delivered.max(mark.delivered);
            known.rejected = known.rejected.max(mark.rejected);
            known.dropped = known.dropped.max(mark.dropped);
            known.lost_to = known.lost_to.max(mark.lost_to);
        }
    }

    /// A chunk with these runs is on disk.
    pub(super) fn appended(&mut self, runs: &[DiskRun]) {
        for run in runs.iter().filter(|run| run.client != TEXT && run.sequences > 0) {
            let known = self.touch(run.client);
            known.fresh = true;
            let last = run.first_sequence.saturating_add(u64::from(run.sequences) - 1);
            known.mark.admitted = known.mark.admitted.max(last);
        }
    }

    /// What a cursor is to say, given what the engine says: `admitted` is what is on disk or has ended, never what is only in
    /// memory. The rest is taken as given. What the engine no longer names is forgotten, unless it was just appended: that is
    /// so until [`cursor_written`](Self::cursor_written).
    pub(super) fn at_cursor(&mut self, marks: &[ChannelMark]) -> Vec<ChannelMark> {
        let before = self.clock;
        for mark in marks {
            let known = self.touch(mark.client);
            let admitted = known.mark.admitted.max(mark.ended);
            known.mark = ChannelMark { admitted, ..*mark };
        }
        self.known.retain(|_, known| known.touched > before || known.fresh);
        self.marks()
    }

    /// That cursor is on disk.
    pub(super) fn cursor_written(&mut self) {
        for known in self.known.values_mut() {
            known.fresh = false;
        }
    }

    /// All channels, in the order of their ids.
    #[must_use]
    pub(super) fn marks(&self) -> Vec<ChannelMark> {
        if sabotage::on(Sabotage::ChannelTableForgotten) {
            return Vec::new();
        }
        let mut marks: Vec<_> = self.known.values().map(|known| known.mark).collect();
        marks.sort_unstable_by_key(|mark| mark.client);
        marks
    }

    fn touch(&mut self, client: ClientId) -> &mut Known {
        self.clock += 1;
        if self.known.len() >= channel::MOST && !self.known.contains_key(&client) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.touched).map(|(id, _)| *id);
            oldest.and_then(|id| self.known.remove(&id));
        }
        let mark = ChannelMark { client, ..ChannelMark::default() };
        let known = self.known.entry(client).or_insert(Known { mark, touched: 0, fresh: false });
        known.touched = self.clock;
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(client: u8, first_sequence: u64, sequences: u32) -> DiskRun {
        DiskRun { client: [client; 16], first_sequence, sequences, records: sequences.max(1) }
    }

    #[test]
    fn a_cursor_admits_what_is_on_disk_or_ended() {
        let mut channels = Channels::default();
        channels.appended(&[run(0, 0, 9), run(1, 1, 10), run(1, 11, 0), run(2, 1, 3)]);
        let said =
            |client, admitted, ended| ChannelMark { client: [client; 16], admitted, ended, ..Default::default() };
        let marks = channels.at_cursor(&[said(1, 40, 5), said(3, 40, 7)]);
        assert_eq!(marks, [said(1, 10, 5), said(2, 3, 0), said(3, 7, 7)]);
        // While that is not written it may be said again.
        assert_eq!(channels.at_cursor(&[said(1, 40, 5), said(3, 40, 7)]), marks);
        channels.cursor_written();
        // Client 2 was not appended since, and the engine does not name it: forgotten.
        assert_eq!(channels.at_cursor(&[said(1, 40, 6)]), [said(1, 10, 6)]);
    }

    #[test]
    fn the_one_untouched_longest_makes_way() {
        let mut channels = Channels::default();
        for client in 0..=channel::MOST as u64 {
            let mut id = [1; 16];
            id[..8].copy_from_slice(&client.to_le_bytes());
            channels.appended(&[DiskRun { client: id, first_sequence: 1, sequences: 1, records: 1 }]);
        }
        let marks = channels.marks();
        assert_eq!(marks.len(), channel::MOST);
        assert!(marks.iter().all(|mark| mark.client[..8] != [0; 8]));
    }
}
