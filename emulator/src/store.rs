//! Log groups, streams and their events, in memory and bounded.
//!
//! Synchronous; the clock is an argument. Its owner puts it behind one mutex.
//!
//! # Limits
//! Events beyond [`Room`] push out the oldest *arrivals*, whatever stream they are in, and are counted.
//! The number of groups and streams is bounded too, since each of them costs memory.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::refusal::Refusal;

/// Most groups, and most streams over all groups.
const MAX_NAMES: usize = 100_000;
/// What keeping an event costs beyond its text.
const KEEPING: u64 = 64;

/// How much the store may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) timestamp: i64,
    pub(crate) ingestion: i64,
    pub(crate) message: Box<str>,
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) created: i64,
    pub(crate) retention_days: Option<u32>,
    pub(crate) class: String,
    pub(crate) kms_key: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    streams: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) created: i64,
    pub(crate) first_event: Option<i64>,
    pub(crate) last_event: Option<i64>,
    pub(crate) last_ingestion: Option<i64>,
    events: VecDeque<Stored>,
}

/// What a new group is made with.
#[derive(Debug, Default)]
pub(crate) struct NewGroup {
    pub(crate) class: Option<String>,
    pub(crate) kms_key: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Everything that is kept, and how much was not.
#[derive(Debug)]
pub(crate) struct Store {
    room: Room,
    groups: BTreeMap<String, Group>,
    /// Streams by an id of their own, so that an arrival of a deleted stream names nothing.
    streams: HashMap<u64, Stream>,
    next_id: u64,
    /// What came in, oldest first: (stream, number of events).
    arrivals: VecDeque<(u64, usize)>,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) pushed_out: u64,
}

impl Store {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            groups: BTreeMap::new(),
            streams: HashMap::new(),
            next_id: 0,
            arrivals: VecDeque::new(),
            events: 0,
            bytes: 0,
            pushed_out: 0,
        }
    }

    pub(crate) fn create_group(&mut self, name: &str, new: NewGroup, now_ms: i64) -> Result<(), Refusal> {
        if self.groups.contains_key(name) {
            return Err(Refusal::group_exists());
        }
        if self.groups.len() >= MAX_NAMES {
            return Err(Refusal::too_many("Resource limit exceeded."));
        }
        let group = Group {
            created: now_ms,
            retention_days: None,
            class: new.class.unwrap_or_else(|| "STANDARD".to_owned()),
            kms_key: new.kms_key,
            tags: new.tags,
            streams: BTreeMap::new(),
        };
        self.groups.insert(name.to_owned(), group);
        Ok(())
    }

    pub(crate) fn create_stream(&mut self, group: &str, name: &str, now_ms: i64) -> Result<(), Refusal> {
        let id = self.next_id;
        let full = self.streams.len() >= MAX_NAMES;
        let group = self.group_mut(group)?;
        if group.streams.contains_key(name) {
            return Err(Refusal::stream_exists());
        }
        if full {
            return Err(Refusal::too_many("Resource limit exceeded."));
        }
        group.streams.insert(name.to_owned(), id);
        self.streams.insert(id, Stream { created: now_ms, ..Stream::default() });
        self.next_id += 1;
        Ok(())
    }

    pub(crate) fn delete_group(&mut self, name: &str) -> Result<(), Refusal> {
        let group = self.groups.remove(name).ok_or_else(Refusal::no_group)?;
        for id in group.streams.values() {
            self.forget(*id);
        }
        Ok(())
    }

    pub(crate) fn delete_stream(&mut self, group: &str, name: &str) -> Result<(), Refusal> {
        let id = self.group_mut(group)?.streams.remove(name).ok_or_else(Refusal::no_stream)?;
        self.forget(id);
        Ok(())
    }

    pub(crate) fn group(&self, name: &str) -> Result<&Group, Refusal> {
        self.groups.get(name).ok_or_else(Refusal::no_group)
    }

    pub(crate) fn group_mut(&mut self, name: &str) -> Result<&mut Group, Refusal> {
        self.groups.get_mut(name).ok_or_else(Refusal::no_group)
    }

    pub(crate) fn stream(&self, group: &str, name: &str) -> Result<&Stream, Refusal> {
        let id = self.group(group)?.streams.get(name).ok_or_else(Refusal::no_stream)?;
        self.streams.get(id).ok_or_else(Refusal::no_stream)
    }

    /// Groups whose name begins with `prefix`, by name.
    pub(crate) fn groups<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Group)> {
        self.groups
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, group)| (name.as_str(), group))
    }

    /// Streams of a group whose name begins with `prefix`, by name.
    pub(crate) fn streams<'a>(
        &'a self,
        group: &str,
        prefix: &'a str,
    ) -> Result<impl Iterator<Item = (&'a str, &'a Stream)>, Refusal> {
        let streams = &self.group(group)?.streams;
        Ok(streams
            .range(prefix.to_owned()..)
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter_map(|(name, id)| Some((name.as_str(), self.streams.get(id)?))))
    }

    /// Keeps events; the stream must exist.
    pub(crate) fn append(
        &mut self,
        group: &str,
        stream: &str,
        events: impl Iterator<Item = Stored>,
    ) -> Result<(), Refusal> {
        let id = *self.group(group)?.streams.get(stream).ok_or_else(Refusal::no_stream)?;
        let stream = self.streams.get_mut(&id).ok_or_else(Refusal::no_stream)?;
        let mut count = 0;
        for event in events {
            self.bytes += event.message.len() as u64 + KEEPING;
            stream.first_event = Some(stream.first_event.map_or(event.timestamp, |t| t.min(event.timestamp)));
            stream.last_event = stream.last_event.max(Some(event.timestamp));
            stream.last_ingestion = Some(event.ingestion);
            stream.events.push_back(event);
            count += 1;
        }
        self.events += count as u64;
        if count > 0 {
            self.arrivals.push_back((id, count));
        }
        self.make_room();
        Ok(())
    }

    fn make_room(&mut self) {
        while self.events > self.room.events || self.bytes > self.room.bytes {
            let Some((id, count)) = self.arrivals.pop_front() else { return };
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            for event in stream.events.drain(..count) {
                self.events -= 1;
                self.bytes -= event.message.len() as u64 + KEEPING;
                self.pushed_out += 1;
            }
        }
    }

    fn forget(&mut self, id: u64) {
        let Some(stream) = self.streams.remove(&id) else { return };
        self.arrivals.retain(|(owner, _)| *owner != id);
        self.events -= stream.events.len() as u64;
        self.bytes -= stream.events.iter().map(|e| e.message.len() as u64 + KEEPING).sum::<u64>();
    }
}

impl Stream {
    /// The kept events by timestamp; those of one timestamp in the order they came.
    pub(crate) fn sorted(&self) -> Vec<&Stored> {
        let mut events: Vec<_> = self.events.iter().collect();
        events.sort_by_key(|event| event.timestamp);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(events: u64, bytes: u64) -> Store {
        let mut store = Store::new(Room { events, bytes });
        store.create_group("g", NewGroup::default(), 1).unwrap();
        store.create_stream("g", "s", 1).unwrap();
        store
    }

    fn event(timestamp: i64, message: &str) -> Stored {
        Stored { timestamp, ingestion: 9, message: message.into() }
    }

    fn texts(store: &Store, stream: &str) -> Vec<String> {
        store.stream("g", stream).unwrap().sorted().iter().map(|e| e.message.to_string()).collect()
    }

    #[test]
    fn events_are_sorted_by_time_and_stable() {
        let mut store = store(10, 10_000);
        store.append("g", "s", [event(2, "a"), event(3, "b")].into_iter()).unwrap();
        store.append("g", "s", [event(1, "c"), event(2, "d")].into_iter()).unwrap();
        assert_eq!(texts(&store, "s"), ["c", "a", "d", "b"]);
        let stream = store.stream("g", "s").unwrap();
        assert_eq!((stream.first_event, stream.last_event), (Some(1), Some(3)));
    }

    #[test]
    fn the_oldest_arrivals_make_room() {
        let mut store = store(3, 10_000);
        store.create_stream("g", "t", 1).unwrap();
        store.append("g", "s", [event(1, "a"), event(1, "b")].into_iter()).unwrap();
        store.append("g", "t", [event(1, "c")].into_iter()).unwrap();
        assert_eq!(store.pushed_out, 0);
        store.append("g", "t", [event(1, "d")].into_iter()).unwrap();
        assert_eq!((store.events, store.pushed_out), (2, 2));
        assert_eq!((texts(&store, "s").len(), texts(&store, "t").len()), (0, 2));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut store = store(1_000, 2 * (KEEPING + 1));
        for _ in 0..5 {
            store.append("g", "s", [event(1, "a")].into_iter()).unwrap();
        }
        assert_eq!((store.events, store.bytes, store.pushed_out), (2, 130, 3));
    }

    #[test]
    fn what_is_deleted_frees_its_room_and_may_come_back() {
        let mut store = store(10, 10_000);
        store.append("g", "s", [event(1, "a")].into_iter()).unwrap();
        store.delete_stream("g", "s").unwrap();
        assert_eq!((store.events, store.bytes), (0, 0));
        store.create_stream("g", "s", 1).unwrap();
        assert!(texts(&store, "s").is_empty());
        store.delete_group("g").unwrap();
        assert_eq!(store.stream("g", "s").unwrap_err(), Refusal::no_group());
    }

    #[test]
    fn names_are_found_by_prefix() {
        let mut store = store(10, 10_000);
        for name in ["aa", "ab", "b"] {
            store.create_group(name, NewGroup::default(), 1).unwrap();
        }
        assert_eq!(store.groups("a").map(|(name, _)| name).collect::<Vec<_>>(), ["aa", "ab"]);
        assert_eq!(store.create_stream("g", "s", 1).unwrap_err(), Refusal::stream_exists());
        assert_eq!(store.create_stream("no", "s", 1).unwrap_err(), Refusal::no_group());
    }
}
