//! What is going to happen, in the order of its time; and a trace of what has.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use crate::engine::create::{Created, Target};
use crate::engine::lane::LaneId;
use crate::engine::spool::{Indexed, ReadBack, Stored};

/// Who wants to be woken. Each has one alarm, the earliest asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sleeper {
    App(usize),
    Text(usize),
    Nuisance(usize),
    Intake,
    Engine,
    Writer(usize),
}

/// How far an orderly end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The intake stops, what is here is shipped.
    Drain,
    /// In the last quarter nothing waits long.
    Hurry,
    /// Attempts are cancelled.
    GiveUp,
    /// What is not on disk is dropped, and the process ends.
    Exit,
}

/// Something that is to happen.
#[derive(Debug)]
pub(super) enum Event {
    /// The plan's act with this index.
    Act(usize),
    /// The disk is well again, unless it was made unwell once more.
    DiskHeals(u64),
    /// A process is started, unless one runs.
    Start,
    Wake(Sleeper),
    /// The batch of a flight reaches CloudWatch.
    Arrive(u64),
    /// Something of the process with this number; nobody hears of it if that one has ended.
    Of(u32, OfProcess),
}

#[derive(Debug)]
pub(super) enum OfProcess {
    Answer(u64),
    Create(LaneId, Target, usize),
    Created(LaneId, Target, Created),
    Order(usize),
    Stored(Box<Stored>),
    Read,
    Back(Box<ReadBack>),
    Found(Box<Indexed>),
    End(Stage),
}

struct Entry {
    key: (Duration, u64),
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// The agenda.
#[derive(Default)]
pub(super) struct Agenda {
    entries: BinaryHeap<Reverse<Entry>>,
    noted: u64,
    alarms: BTreeMap<Sleeper, Duration>,
}

impl Agenda {
    pub(super) fn note(&mut self, at: Duration, event: Event) {
        self.noted += 1;
        self.entries.push(Reverse(Entry { key: (at, self.noted), event }));
    }

    /// Wakes somebody at that moment, unless that is to happen earlier anyway.
    pub(super) fn wake(&mut self, who: Sleeper, at: Duration) {
        if self.alarms.get(&who).is_none_or(|set| *set > at) {
            self.alarms.insert(who, at);
            self.note(at, Event::Wake(who));
        }
    }

    /// Nobody wakes these any more.
    pub(super) fn silence(&mut self, which: impl Fn(&Sleeper) -> bool) {
        self.alarms.retain(|who, _| !which(who));
    }

    /// What comes next.
    pub(super) fn next(&mut self) -> Option<(Duration, Event)> {
        while let Some(Reverse(Entry { key: (at, _), event })) = self.entries.pop() {
            if let Event::Wake(who) = event {
                if self.alarms.get(&who) != Some(&at) {
                    continue;
                }
                self.alarms.remove(&who);
            }
            return Some((at, event));
        }
        None
    }
}

/// Most entries that are kept for people.
const KEPT: usize = 4000;

/// What has happened: a sum of all, and the last of it.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) sum: u64,
    pub(super) events: u64,
    last: VecDeque<(Duration, &'static str, u64, u64)>,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { sum: 0xcbf2_9ce4_8422_2325, events: 0, last: VecDeque::with_capacity(KEPT) }
    }
}

impl Trace {
    pub(super) fn note(&mut self, at: Duration, what: &'static str, first: u64, second: u64) {
        self.events += 1;
        for part in [at.as_nanos() as u64, what.len() as u64, first, second] {
            self.sum = (self.sum ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back((at, what, first, second));
    }

    /// The last events, a line each.
    pub(super) fn tail(&self, most: usize) -> String {
        let line = |(at, what, first, second): &(Duration, &str, u64, u64)| {
            format!("  {:>12.6} s  {what} {first} {second}\n", at.as_secs_f64())
        };
        self.last.iter().skip(self.last.len().saturating_sub(most)).map(line).collect()
    }
}
