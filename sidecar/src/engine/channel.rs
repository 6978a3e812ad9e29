//! Channels: what a lane remembers of each framed client, so that a resent record is taken once.
//!
//! A channel stays for an hour after its last connection ([`KEEP`]), and at most [`MOST`] are kept a lane; the one gone
//! longest makes way, but never one with records that have not ended.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use super::account::End;
use super::chunk::{ChannelIndex, Run, TEXT};
use super::spool::ChannelMark;
use super::ConnectionId;

/// Most channels a lane keeps.
pub const MOST: usize = 1_024;

/// How long a channel is kept after its last connection.
pub const KEEP: Duration = Duration::from_secs(3_600);

/// 128 random bits, new for each process incarnation of a client.
pub type ClientId = [u8; 16];

/// Records by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted by CloudWatch.
    pub delivered: u64,
    /// Refused for good.
    pub rejected: u64,
    /// Given up.
    pub dropped: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.delivered += more.delivered;
        self.rejected += more.rejected;
        self.dropped += more.dropped;
    }
}

impl Counts {
    /// Counts `records` that ended in one way.
    pub fn add(&mut self, end: End, records: u32) {
        let counter = match end {
            End::Delivered => &mut self.delivered,
            End::Rejected(_) => &mut self.rejected,
            End::Dropped(_) => &mut self.dropped,
        };
        *counter += u64::from(records);
    }
}

/// Which sequences of which channels end with `records`, by index in a chunk with these `runs`: the first and how many. Text has
/// none.
pub fn sequences<'a>(runs: &'a [Run], records: &'a Range<u32>) -> impl Iterator<Item = (ChannelIndex, u64, u32)> + 'a {
    let mut start = 0;
    let of = move |run: &Run| {
        let stop = start + run.records;
        let overlap = stop.min(records.end).saturating_sub(start.max(records.start));
        let before = records.start.saturating_sub(start);
        start = stop;
        // Of a split record only the last piece counts: sequences, not pieces, are what a client knows.
        let pieces = run.records - run.sequences;
        let count = if pieces == 0 { overlap } else { u32::from(records.end >= stop && overlap > 0) * run.sequences };
        let first = run.first_sequence + if pieces == 0 { u64::from(before) } else { 0 };
        (run.channel, first, count)
    };
    runs.iter().map(of).filter(|(channel, ..)| *channel != TEXT)
}

/// What is known of one channel.
#[derive(Debug, Default, Clone)]
pub struct Channel {
    client: ClientId,
    /// Last contiguous sequence taken in.
    pub admitted: u64,
    /// Every sequence up to this one is on disk.
    pub durable: u64,
    /// Every sequence up to this one has ended.
    pub ended: u64,
    /// How its records have ended so far.
    pub counts: Counts,
    /// Its client was told that it was not known, and has settled every sequence up to this one by itself.
    settled: u64,
    /// Last loss report taken in.
    pub lost_to: u64,
    /// The live connection, if any.
    pub connection: Option<ConnectionId>,
    /// Offset behind its last record in the lane.
    pub last_offset: u64,
    gone_at: Option<Duration>,
}

impl Channel {
    /// Whose it is.
    #[must_use]
    pub fn client(&self) -> ClientId {
        self.client
    }

    /// How many sequences before this one its client is told the outcome of.
    fn told_by(&self, sequence: u64) -> u32 {
        u32::try_from(sequence.saturating_sub(self.settled + 1)).unwrap_or(u32::MAX)
    }

    fn is_idle(&self) -> bool {
        self.connection.is_none() && self.ended == self.admitted
    }
}

/// The channels of one lane. Index 0 is the text connections' and never in the table.
#[derive(Debug, Default)]
pub struct Channels {
    slots: Vec<Option<Channel>>,
    by_client: HashMap<ClientId, ChannelIndex>,
}

impl Channels {
    /// Whether `client` has a channel.
    #[must_use]
    pub fn knows(&self, client: &ClientId) -> bool {
        self.by_client.contains_key(client)
    }

    /// Finds or makes the channel of `client`, whose oldest held sequence is `oldest`. `None`: the table is full of
    /// channels that are alive.
    pub fn open(&mut self, client: ClientId, oldest: u64, now: Duration) -> Option<ChannelIndex> {
        if let Some(index) = self.by_client.get(&client) {
            return Some(*index);
        }
        self.expire(now);
        if self.by_client.len() >= MOST && !self.evict_longest_gone() {
            return None;
        }
        let before = oldest.saturating_sub(1);
        let channel = Channel { client, admitted: before, ended: before, settled: before, ..Channel::default() };
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(channel);
        // At most MOST slots ever exist, so the index fits.
        let index = slot as ChannelIndex + 1;
        self.by_client.insert(client, index);
        Some(index)
    }

    /// Takes a channel over from what an earlier process left on disk. `last_offset` lies behind all of its records.
    pub fn restore(&mut self, mark: &ChannelMark, last_offset: u64, now: Duration) {
        let known = self.knows(&mark.client);
        let Some(index) = self.open(mark.client, 1, now) else { return };
        let Some(channel) = self.get_mut(index) else { return };
        if !known {
            channel.gone_at = Some(now);
            channel.counts = Counts { delivered: mark.delivered, rejected: mark.rejected, dropped: mark.dropped };
        }
        // Nothing falls: the lane may have gone on in memory before its files could be looked at. What was counted before is not
        // told to a client that has been told that it was not known.
        channel.admitted = channel.admitted.max(mark.admitted);
        channel.durable = channel.durable.max(mark.admitted);
        channel.ended = channel.ended.max(mark.ended);
        channel.lost_to = channel.lost_to.max(mark.lost_to);
        channel.last_offset = last_offset;
    }

    /// The lane, which is empty, goes on at another offset.
    pub fn renumber(&mut self, next: u64) {
        for channel in self.slots.iter_mut().flatten() {
            channel.last_offset = channel.last_offset.min(next);
        }
    }

    /// What is to be remembered of each on disk; `beyond` is what of its counts is not, since it will be counted anew.
    #[must_use]
    pub fn marks(&self, beyond: &BTreeMap<ChannelIndex, Counts>) -> Vec<ChannelMark> {
        let mark = |(slot, channel): (usize, &Option<Channel>)| {
            let channel = channel.as_ref()?;
            let less = beyond.get(&(slot as ChannelIndex + 1)).copied().unwrap_or_default();
            Some(ChannelMark {
                client: channel.client,
                admitted: channel.durable.max(channel.ended),
                ended: channel.ended,
                delivered: channel.counts.delivered.saturating_sub(less.delivered),
                rejected: channel.counts.rejected.saturating_sub(less.rejected),
                dropped: channel.counts.dropped.saturating_sub(less.dropped),
                lost_to: channel.lost_to,
            })
        };
        self.slots.iter().enumerate().filter_map(mark).collect()
    }

    /// The index of a client's channel.
    #[must_use]
    pub fn find(&self, client: &ClientId) -> Option<ChannelIndex> {
        self.by_client.get(client).copied()
    }

    /// The channel at `index`, if it still exists.
    pub fn get_mut(&mut self, index: ChannelIndex) -> Option<&mut Channel> {
        self.slots.get_mut((index as usize).checked_sub(1)?)?.as_mut()
    }

    /// The channel at `index`, if it still exists.
    #[must_use]
    pub fn get(&self, index: ChannelIndex) -> Option<&Channel> {
        self.slots.get((index as usize).checked_sub(1)?)?.as_ref()
    }

    /// How many channels are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_client.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_client.is_empty()
    }

    /// Notes that `connection` has gone, unless a newer one has taken the channel over.
    pub fn gone(&mut self, index: ChannelIndex, connection: ConnectionId, now: Duration) {
        if let Some(channel) = self.get_mut(index) {
            if channel.connection == Some(connection) {
                channel.connection = None;
                channel.gone_at = Some(now);
            }
        }
    }

    /// Counts for each channel how `records` (by index in a chunk with these `runs`) ended.
    pub fn count(&mut self, runs: &[Run], records: &Range<u32>, end: End) {
        for (index, first, count) in sequences(runs, records) {
            if let Some(channel) = self.get_mut(index) {
                channel.counts.add(end, count.min(channel.told_by(first + u64::from(count))));
            }
        }
    }

    /// What lies below `watermark` has ended, also where nobody can say any more which sequences that was.
    pub fn settle(&mut self, watermark: u64) {
        let gone = |channel: &&mut Channel| channel.connection.is_none() && channel.last_offset <= watermark;
        for channel in self.slots.iter_mut().flatten().filter(gone) {
            channel.ended = channel.admitted;
        }
    }

    /// Forgets channels whose time is over.
    pub fn expire(&mut self, now: Duration) {
        for slot in &mut self.slots {
            let over = |channel: &Channel| channel.is_idle() && channel.gone_at.is_some_and(|gone| gone + KEEP <= now);
            if slot.as_ref().is_some_and(over) {
                if let Some(channel) = slot.take() {
                    self.by_client.remove(&channel.client);
                }
            }
        }
    }

    fn evict_longest_gone(&mut self) -> bool {
        let idle = self.slots.iter_mut().filter(|slot| slot.as_ref().is_some_and(Channel::is_idle));
        let Some(slot) = idle.min_by_key(|slot| slot.as_ref().and_then(|channel| channel.gone_at)) else {
            return false;
        };
        if let Some(channel) = slot.take() {
            self.by_client.remove(&channel.client);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = KEEP;

    fn client(number: u16) -> ClientId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_le_bytes());
        id
    }

    #[test]
    fn a_known_client_finds_its_channel_again() {
        let mut channels = Channels::default();
        let index = channels.open(client(7), 1, Duration::ZERO).unwrap();
        channels.get_mut(index).unwrap().admitted = 40;
        assert_eq!(channels.open(client(7), 30, Duration::ZERO), Some(index));
        assert_eq!(channels.get(index).unwrap().admitted, 40);
    }

    #[test]
    fn an_unknown_client_goes_on_from_what_it_holds() {
        let mut channels = Channels::default();
        let index = channels.open(client(7), 57, Duration::ZERO).unwrap();
        let channel = channels.get(index).unwrap();
        assert_eq!((channel.admitted, channel.ended), (56, 56));
    }

    #[test]
    fn a_channel_expires_an_hour_after_its_last_connection() {
        let mut channels = Channels::default();
        let index = channels.open(client(1), 1, Duration::ZERO).unwrap();
        channels.get_mut(index).unwrap().connection = Some(3);
        channels.gone(index, 4, Duration::ZERO);
        assert!(channels.get(index).unwrap().connection.is_some(), "an older connection does not end a newer one");
        channels.gone(index, 3, Duration::ZERO);
        channels.expire(HOUR - Duration::from_nanos(1));
        assert_eq!(channels.len(), 1);
        channels.expire(HOUR);
        assert!(channels.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_never_forgets_the_living() {
        let mut channels = Channels::default();
        for number in 0..MOST as u16 {
            let index = channels.open(client(number), 1, Duration::ZERO).unwrap();
            channels.get_mut(index).unwrap().connection = Some(u64::from(number));
        }
        assert_eq!(channels.open(client(60_000), 1, HOUR), None);
        channels.gone(5, 4, HOUR);
        assert_eq!(channels.open(client(60_000), 1, HOUR), Some(5));
        assert_eq!(channels.len(), MOST);
    }

    #[test]
    fn a_client_that_was_not_known_is_told_of_nothing_that_it_has_settled() {
        let mut channels = Channels::default();
        let index = channels.open(client(1), 11, Duration::ZERO).unwrap();
        let mark =
            |client| ChannelMark { client, admitted: 12, ended: 4, delivered: 3, rejected: 1, dropped: 0, lost_to: 0 };
        // Its lane's files could be looked at only now.
        channels.restore(&mark(client(1)), 12, Duration::ZERO);
        let known = channels.find(&client(1)).filter(|known| *known == index);
        let runs = |channel| [Run { channel, first_sequence: 5, sequences: 8, records: 8 }];
        channels.count(&runs(known.unwrap()), &(0..4), End::Delivered);
        assert_eq!(channels.get(index).unwrap().counts, Counts::default());
        channels.count(&runs(index), &(4..8), End::Delivered);
        assert_eq!(channels.get(index).unwrap().counts.delivered, 2, "11 and 12");
        // Of one that nobody has said anything to yet the counts go on.
        channels.restore(&mark(client(2)), 12, Duration::ZERO);
        let other = channels.find(&client(2)).unwrap();
        channels.count(&runs(other), &(0..8), End::Delivered);
        let counts = channels.get(other).unwrap().counts;
        assert_eq!((counts.delivered, counts.rejected, counts.dropped), (11, 1, 0));
    }

    #[test]
    fn a_split_record_counts_once() {
        let mut channels = Channels::default();
        let index = channels.open(client(1), 1, Duration::ZERO).unwrap();
        let runs = [
            Run { channel: TEXT, first_sequence: 0, sequences: 2, records: 2 },
            Run { channel: index, first_sequence: 1, sequences: 3, records: 3 },
            Run { channel: index, first_sequence: 4, sequences: 1, records: 4 },
        ];
        channels.count(&runs, &(1..4), End::Delivered);
        assert_eq!(channels.get(index).unwrap().counts.delivered, 2);
        channels.count(&runs, &(4..8), End::Delivered);
        assert_eq!(channels.get(index).unwrap().counts.delivered, 3);
        channels.count(&runs, &(8..9), End::Delivered);
        assert_eq!(channels.get(index).unwrap().counts.delivered, 4);
    }
}
