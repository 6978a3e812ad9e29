//! The engine's books against what they are about, after every step of every test: sums kept along the way are counted anew,
//! and a list that somebody is to be woken from has everybody that waits, once.

use super::*;
use crate::engine::batch::Queued;
use crate::engine::lane::Lane;

/// Beyond so many chunks only every so manieth step is looked at.
const MANY: usize = 400;

/// What a test did itself, to be compared with what the engine counted.
#[derive(Default)]
pub(super) struct Did {
    pub(super) calls: u64,
    pub(super) accepted: u64,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) throttled: u64,
    pub(super) created: u64,
    steps: usize,
}

impl World {
    pub(super) fn check_books(&mut self) {
        self.did.steps += 1;
        let chunks: usize = self.engine.lanes.iter().map(|(_, lane)| lane.queue.len()).sum();
        if chunks > MANY && !self.did.steps.is_multiple_of(64) {
            return;
        }
        for (id, lane) in self.engine.lanes.iter() {
            check_chunks(lane);
            self.check_in_flight(id, lane);
        }
        self.check_lists();
        self.check_tally();
    }

    fn check_in_flight(&self, id: LaneId, lane: &Lane) {
        let mine = || self.engine.in_flight.values().filter(|flight| flight.lane == id);
        assert_eq!(lane.in_flight as usize, mine().count(), "attempts in flight");
        assert_eq!(lane.early_in_flight as usize, mine().filter(|flight| flight.early).count(), "early ones");
    }

    fn check_lists(&self) {
        let engine = &self.engine;
        let lanes: Vec<_> = engine.lanes.iter().collect();
        let those = |is: &dyn Fn(&Lane) -> bool| -> Vec<LaneId> {
            lanes.iter().filter(|(_, lane)| is(lane)).map(|(id, _)| *id).collect()
        };
        let sorted = |list: &VecDeque<LaneId>| {
            let mut list: Vec<_> = list.iter().copied().collect();
            list.sort_unstable();
            list
        };
        let on_disk = |lane: &Lane, is: &dyn Fn(&lane::disk::Disk) -> bool| lane.disk.as_deref().is_some_and(is);
        assert_eq!(sorted(&engine.ready), those(&|lane| lane.marked), "lanes to look at");
        assert_eq!(sorted(&engine.waiting), those(&|lane| lane.waiting_since.is_some()), "lanes that wait for room");
        assert_eq!(
            sorted(&engine.hungry),
            those(&|lane| on_disk(lane, &|disk| disk.hungry)),
            "lanes that wait to read"
        );
        assert_eq!(sorted(&engine.short), those(&|lane| on_disk(lane, &|disk| disk.short)), "lanes that wait for disk");
        let timers: BTreeSet<_> = lanes.iter().filter_map(|(id, lane)| Some((lane.timer?, *id))).collect();
        assert_eq!(engine.timers, timers, "timers");
    }

    fn check_tally(&self) {
        let (tally, did) = (&self.engine.tally, &self.did);
        assert_eq!(tally.first_attempts + tally.retries, did.calls, "calls");
        assert_eq!((tally.throttles, tally.creates), (did.throttled, did.created), "throttles and creations");
        let sums = [&tally.put_seconds, &tally.batch_records, &tally.batch_bytes, &tally.delivery_seconds];
        let counts = sums.map(|histogram| histogram.count());
        assert_eq!(counts, [did.calls, did.accepted, did.accepted, did.accepted], "observations");
        let thousandths = [&tally.batch_records, &tally.batch_bytes].map(|sum| (sum.sum() * 1000.0).round() as u64);
        assert_eq!(thousandths, [did.records, did.bytes], "records and bytes of what was accepted");
    }
}

/// Chunks follow each other without a gap, and the lane's sums are theirs.
fn check_chunks(lane: &Lane) {
    let all: Vec<&Queued> = lane.queue.iter().collect();
    assert!(all.windows(2).all(|pair| pair[0].end() == pair[1].first), "a gap between chunks");
    for queued in &all {
        let todo: u32 = queued.todo.iter().map(|range| range.end - range.start).sum();
        let done: u32 = queued.done.iter().map(|range| range.end - range.start).sum();
        assert!(todo <= queued.unended && queued.unended + done <= queued.chunk.records, "{queued:?}");
    }
    let tail = lane.disk.as_ref().map_or(0, |disk| disk.tail().map(|queued| queued.chunk.paid()).sum());
    let queue: usize = all.iter().map(|queued| queued.chunk.paid()).sum();
    assert_eq!(lane.held, queue + tail, "bytes held");
    assert_eq!(lane.disk.as_ref().map_or(0, |disk| disk.tail_held), tail, "bytes of the tail");
    let unsent = |queued: &&Queued| queued.todo.iter().map(|range| u64::from(range.end - range.start)).sum::<u64>();
    assert_eq!(lane.unsent_records, all.iter().map(unsent).sum::<u64>(), "records not sent");
    let cost = |queued: &&Queued| -> u64 {
        let of = |range| u64::from(batch::cost_of(&queued.chunk, range));
        if queued.is_untouched() {
            queued.chunk.cost().into()
        } else {
            queued.todo.iter().map(of).sum()
        }
    };
    assert_eq!(lane.unsent_cost, all.iter().map(cost).sum::<u64>(), "their cost");
}
