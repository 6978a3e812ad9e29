//! Who waits for room in a lane, and whose turn it is. Pure: connections are numbers here.
//!
//! A connection that was read further than its lane had room for keeps what was not taken. Until that is taken nobody else of
//! the lane is read: everybody else's bytes stay in the kernel. So what waiting connections keep does not grow with their number,
//! and the room for lines and frames that are not whole stays theirs.

use std::collections::BTreeMap;

use crate::engine::lane::LaneId;

/// Those who wait, by lane.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    lanes: BTreeMap<LaneId, Line>,
}

/// Those who wait for one lane.
#[derive(Debug, Default)]
struct Line {
    /// They keep bytes that found no room. They stay here until those are taken, also while they are served. One, but for those
    /// whose lane was not known yet when they were read.
    first: Vec<usize>,
    /// They keep nothing that the lane could take, and wait in turn.
    others: Vec<usize>,
}

impl Waiting {
    /// Whether somebody else has to get on first.
    pub(crate) fn must_wait(&self, lane: LaneId, slot: usize) -> bool {
        let first = self.lanes.get(&lane).map_or(&[][..], |line| &line.first);
        !first.is_empty() && !first.contains(&slot)
    }

    /// It waits and keeps bytes that found no room.
    pub(crate) fn keeps(&mut self, lane: LaneId, slot: usize) {
        let line = self.lanes.entry(lane).or_default();
        if !line.first.contains(&slot) {
            line.first.push(slot);
        }
    }

    /// It waits, and has not been read.
    pub(crate) fn waits(&mut self, lane: LaneId, slot: usize) {
        let line = self.lanes.entry(lane).or_default();
        if !line.first.contains(&slot) {
            line.others.push(slot);
        }
    }

    /// The lane has room again: who may go on.
    #[must_use]
    pub(crate) fn resume(&mut self, lane: LaneId) -> Vec<usize> {
        match self.lanes.get(&lane) {
            Some(line) if !line.first.is_empty() => line.first.clone(),
            _ => self.lanes.remove(&lane).map(|line| line.others).unwrap_or_default(),
        }
    }

    /// What it kept for this lane is taken, or it is gone: who may go on now.
    #[must_use]
    pub(crate) fn done(&mut self, lane: LaneId, slot: usize) -> Vec<usize> {
        let Some(line) = self.lanes.get_mut(&lane) else { return Vec::new() };
        let before = line.first.len();
        line.first.retain(|first| *first != slot);
        line.others.retain(|other| *other != slot);
        if line.first.is_empty() && (before > 0 || line.others.is_empty()) {
            return self.resume(lane);
        }
        Vec::new()
    }

    /// A connection is gone: who may go on now.
    #[must_use]
    pub(crate) fn gone(&mut self, slot: usize) -> Vec<usize> {
        let is_there = |line: &Line| line.first.contains(&slot) || line.others.contains(&slot);
        let lanes: Vec<LaneId> = self.lanes.iter().filter(|(_, line)| is_there(line)).map(|(lane, _)| *lane).collect();
        lanes.into_iter().flat_map(|lane| self.done(lane, slot)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LANE: LaneId = 3;

    #[test]
    fn who_keeps_bytes_gets_on_before_the_others() {
        let mut waiting = Waiting::default();
        waiting.waits(LANE, 1);
        waiting.keeps(LANE, 2);
        waiting.waits(LANE, 3);
        assert!(waiting.must_wait(LANE, 1) && waiting.must_wait(LANE, 4) && !waiting.must_wait(LANE, 2));
        assert!(!waiting.must_wait(LANE + 1, 1), "another lane is no concern of theirs");
        assert_eq!(waiting.resume(LANE), [2]);
        assert!(waiting.must_wait(LANE, 1), "it is awake and not done");
        // It finds no room once more, with or without having taken some.
        waiting.waits(LANE, 2);
        waiting.keeps(LANE, 2);
        assert_eq!(waiting.resume(LANE), [2]);
        assert_eq!(waiting.done(LANE, 2), [1, 3]);
        assert!(!waiting.must_wait(LANE, 1) && waiting.lanes.is_empty());
    }

    #[test]
    fn whoever_goes_holds_up_nobody() {
        let mut waiting = Waiting::default();
        waiting.keeps(LANE, 2);
        waiting.waits(LANE, 1);
        waiting.waits(LANE, 3);
        assert!(waiting.gone(1).is_empty());
        assert_eq!(waiting.gone(2), [3]);
        waiting.waits(LANE, 3);
        assert!(waiting.gone(4).is_empty(), "nobody had to wait for it");
        assert!(waiting.gone(3).is_empty() && waiting.lanes.is_empty());
    }

    /// A lane of which so many connections have endless text to write.
    struct Rig {
        waiting: Waiting,
        room: usize,
        kept: [usize; CONNECTIONS],
        blocked: [bool; CONNECTIONS],
        served: [usize; CONNECTIONS],
    }

    const CONNECTIONS: usize = 8;
    const READ: usize = 10;

    impl Rig {
        fn let_on(&mut self, slots: Vec<usize>) {
            slots.into_iter().for_each(|slot| self.blocked[slot] = false);
        }

        /// One turn, as the intake does it.
        fn serve(&mut self, slot: usize) {
            if self.blocked[slot] {
                return;
            }
            if self.waiting.must_wait(LANE, slot) || self.room == 0 {
                self.blocked[slot] = true;
                self.waiting.waits(LANE, slot);
                return;
            }
            let kept = if self.kept[slot] > 0 { self.kept[slot] } else { READ };
            let taken = kept.min(self.room);
            self.room -= taken;
            self.served[slot] += taken;
            self.kept[slot] = kept - taken;
            if self.kept[slot] > 0 {
                self.blocked[slot] = true;
                self.waiting.keeps(LANE, slot);
            } else {
                let slots = self.waiting.done(LANE, slot);
                self.let_on(slots);
            }
        }
    }

    proptest! {
        /// Whoever is served when, and however room comes: one read at most is kept, and nobody is forgotten.
        #[test]
        fn one_connection_of_a_lane_keeps_bytes_and_all_get_on(
            steps in prop::collection::vec((0..CONNECTIONS, prop::option::weighted(0.3, 1usize..25)), 1..200),
        ) {
            let mut rig = Rig {
                waiting: Waiting::default(),
                room: 15,
                kept: [0; CONNECTIONS],
                blocked: [false; CONNECTIONS],
                served: [0; CONNECTIONS],
            };
            for (slot, room) in steps {
                if let Some(room) = room {
                    rig.room += room;
                    let slots = rig.waiting.resume(LANE);
                    rig.let_on(slots);
                }
                rig.serve(slot);
                prop_assert!(rig.kept.iter().filter(|kept| **kept > 0).count() <= 1);
                prop_assert!(rig.kept.iter().sum::<usize>() < READ);
            }
            // Room for all, told once: the one that keeps bytes is woken by it, the others by that one.
            let before = rig.served;
            rig.room += 2 * CONNECTIONS * READ;
            let slots = rig.waiting.resume(LANE);
            rig.let_on(slots);
            (0..2).for_each(|_| (0..CONNECTIONS).for_each(|slot| rig.serve(slot)));
            prop_assert!(rig.served.iter().zip(before).all(|(after, before)| *after > before));
        }
    }
}
