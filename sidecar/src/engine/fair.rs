//! Who may take how much of the budget.
//!
//! A lane takes room only while it holds less than twice what is still free, so a stuck lane can never take the
//! last block: with n greedy lanes a part of about 1/(2n + 1) stays free. Each lane has a floor that it gets whatever the
//! others do. A healthy lane stops at its high-water mark; what it would take beyond adds latency and no throughput.

use super::budget::{Budget, Kind};
use super::limits::BATCH_BYTES;

/// How many times the free bytes one lane may hold.
const SHARE: usize = 2;

/// The part of the budget set aside for request bodies: a third, so that what is full can be emptied. It holds the worst body
/// of one record, as the configuration makes sure.
const BODY_SHARE: usize = 3;

/// Largest part for partial lines and frames: an eighth.
const PARTIAL_SHARE: usize = 8;

/// What a lane asks, and how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Bytes wanted.
    pub bytes: usize,
    /// Bytes the lane holds already.
    pub held: usize,
    /// Its high-water mark now, or `usize::MAX` where it may fill its share.
    pub mark: usize,
}

/// The part set aside for records that come back from disk: a sixteenth. It is never lent, so that a memory full of records
/// that cannot go to disk can still be emptied of older ones that can only come from there. It holds the largest record, as
/// the configuration makes sure (a body of it, six times as large, fits a third).
const RECALL_SHARE: usize = 16;

/// Whether part of the budget is set aside for records that come back from disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// There is a spool.
    SetAside,
    /// There is none.
    Nothing,
}

/// Bytes the lanes may still take, keeping back what bodies, partial lines and frames, and records from disk are owed.
#[must_use]
pub fn free_for_chunks(budget: &Budget, recall: Recall) -> usize {
    let owed = |part: usize, kind| (budget.total() / part).saturating_sub(budget.used_for(kind));
    let mut owed = owed(BODY_SHARE, Kind::Body) + owed(PARTIAL_SHARE, Kind::Partial);
    if recall == Recall::SetAside {
        owed += recall_reserve(budget.total()).saturating_sub(budget.used_for(Kind::Recalled));
    }
    budget.total().saturating_sub(budget.used() + owed)
}

/// Bytes that all lanes together can hold at most, of a budget of `total` with a spool.
#[must_use]
pub fn room_for_chunks(total: usize) -> usize {
    total - total / BODY_SHARE - total / PARTIAL_SHARE - recall_reserve(total)
}

/// Bytes of a budget of `total` that are set aside for records that come back from disk.
#[must_use]
pub fn recall_reserve(total: usize) -> usize {
    total.div_ceil(RECALL_SHARE)
}

/// Whether the lane may take it now.
#[must_use]
pub fn may_take(request: Request, free: usize, floor: usize) -> bool {
    let after = request.held + request.bytes;
    request.bytes <= free && (after <= floor || after <= request.mark && request.held < SHARE.saturating_mul(free))
}

/// What every lane gets, however many there are: the smaller of a block's claim and half the budget divided by lanes.
#[must_use]
pub fn floor(total: usize, lanes: usize) -> usize {
    (total / 2 / lanes.max(1)).min(super::chunk::CHUNK_CLAIM)
}

/// Where a healthy lane stops: twice what its attempts carry, and never less than `configured`.
#[must_use]
pub fn high_water(configured: usize, in_flight_limit: usize) -> usize {
    configured.max(2 * in_flight_limit * BATCH_BYTES as usize)
}

/// Whether `bytes` of records may come back from disk out of the part set aside for that.
#[must_use]
pub fn may_recall(budget: &Budget, bytes: usize) -> bool {
    budget.used_for(Kind::Recalled) + bytes <= recall_reserve(budget.total())
}

/// Bytes that bodies may still take.
#[must_use]
pub fn free_for_bodies(budget: &Budget) -> usize {
    let share = (budget.total() / BODY_SHARE).saturating_sub(budget.used_for(Kind::Body));
    share.min(budget.total().saturating_sub(budget.used()))
}

/// Bytes that partial lines and frames may take in all.
#[must_use]
pub fn for_partial(budget: &Budget) -> usize {
    budget.total() / PARTIAL_SHARE
}

/// Whether partial lines and frames may take `bytes` more.
#[must_use]
pub fn may_hold_partial(budget: &Budget, bytes: usize) -> bool {
    budget.used_for(Kind::Partial) + bytes <= for_partial(budget)
}

#[cfg(test)]
mod tests {
    use super::super::budget::Payment;
    use super::super::chunk::CHUNK_CLAIM;
    use super::*;

    #[test]
    fn one_greedy_lane_stops_at_two_thirds() {
        let (total, step) = (900usize, 10usize);
        let mut held = 0;
        while may_take(Request { bytes: step, held, mark: usize::MAX }, total - held, 0) {
            held += step;
        }
        assert_eq!(held, 600);
    }

    #[test]
    fn greedy_lanes_leave_something_for_the_next_one() {
        let (total, step) = (64 << 20, 64 << 10);
        let mut held = [0usize; 20];
        let mut moved = true;
        while std::mem::take(&mut moved) {
            for lane in 0..held.len() {
                let free = total - held.iter().sum::<usize>();
                if may_take(Request { bytes: step, held: held[lane], mark: usize::MAX }, free, 0) {
                    held[lane] += step;
                    moved = true;
                }
            }
        }
        let free = total - held.iter().sum::<usize>();
        assert!(free >= total / 50, "free {free}");
        assert!(may_take(Request { bytes: step, held: 0, mark: usize::MAX }, free, 0));
    }

    #[test]
    fn the_floor_holds_where_the_share_is_used_up() {
        let request = Request { bytes: 100, held: 900, mark: 0 };
        assert!(may_take(request, 100, 1000));
        assert!(!may_take(request, 99, 1000), "but never what is not there");
        assert!(!may_take(Request { held: 901, ..request }, 100, 1000));
    }

    #[test]
    fn a_healthy_lane_stops_at_its_mark() {
        let request = Request { bytes: 10, held: 91, mark: 100 };
        assert!(!may_take(request, usize::MAX, 0));
        assert!(may_take(Request { held: 90, ..request }, usize::MAX, 0));
    }

    /// A third of it is for bodies (160), an eighth for partial lines (60), a sixteenth for records from disk (30).
    const TOTAL: usize = 480;

    /// The budget with so much taken, and the payments.
    fn with(taken: &[(Kind, usize)]) -> (std::sync::Arc<Budget>, Vec<Payment>) {
        let budget = Budget::new(TOTAL);
        let payments = taken.iter().map(|(kind, bytes)| budget.claim(*kind, *bytes).unwrap()).collect();
        (budget, payments)
    }

    #[test]
    fn lanes_may_take_what_is_free_but_for_what_the_other_kinds_are_owed() {
        let cases: [(&[(Kind, usize)], usize); 10] = [
            (&[], 230),
            (&[(Kind::Chunk, 50)], 180),
            (&[(Kind::Chunk, 230)], 0),
            (&[(Kind::Chunk, 400)], 0),
            // What a kind takes of its own share costs the lanes nothing; what it takes beyond it does.
            (&[(Kind::Body, 160)], 230),
            (&[(Kind::Body, 170)], 220),
            (&[(Kind::Partial, 60)], 230),
            (&[(Kind::Partial, 70)], 220),
            (&[(Kind::Recalled, 30)], 230),
            (&[(Kind::Recalled, 50)], 210),
        ];
        for (taken, free) in cases {
            let (budget, _payments) = with(taken);
            assert_eq!(free_for_chunks(&budget, Recall::SetAside), free, "{taken:?}");
        }
        assert_eq!(free_for_chunks(&with(&[]).0, Recall::Nothing), 260, "without a spool nothing comes from there");
        assert_eq!(room_for_chunks(TOTAL), 230);
    }

    #[test]
    fn records_from_disk_have_a_sixteenth_to_themselves() {
        assert_eq!([480, 481, 496, 497].map(recall_reserve), [30, 31, 31, 32]);
        let (budget, _payments) = with(&[(Kind::Recalled, 20), (Kind::Chunk, 400)]);
        assert!(may_recall(&budget, 10) && !may_recall(&budget, 11));
    }

    #[test]
    fn bodies_have_a_third_as_far_as_it_is_free() {
        let cases: [(&[(Kind, usize)], usize); 5] = [
            (&[], 160),
            (&[(Kind::Body, 60)], 100),
            (&[(Kind::Body, 170)], 0),
            (&[(Kind::Chunk, 400)], 80),
            (&[(Kind::Body, 60), (Kind::Chunk, 400)], 20),
        ];
        for (taken, free) in cases {
            let (budget, _payments) = with(taken);
            assert_eq!(free_for_bodies(&budget), free, "{taken:?}");
        }
    }

    #[test]
    fn lines_that_are_not_whole_have_an_eighth() {
        let (budget, _payments) = with(&[(Kind::Partial, 50), (Kind::Chunk, 100)]);
        assert_eq!(for_partial(&budget), 60);
        assert!(may_hold_partial(&budget, 10) && !may_hold_partial(&budget, 11));
    }

    #[test]
    fn half_the_budget_is_shared_out_as_floors_of_a_block_at_most() {
        for (total, lanes, each) in
            [(1_000, 0, 500), (1_000, 1, 500), (1_000, 2, 250), (1_000, 7, 71), (64 << 20, 100, CHUNK_CLAIM)]
        {
            assert_eq!(floor(total, lanes), each, "{lanes} lanes");
        }
    }

    #[test]
    fn a_healthy_lane_stops_at_two_batches_for_each_attempt_it_may_have() {
        let batch = BATCH_BYTES as usize;
        for (configured, limit, mark) in
            [(0, 1, 2 * batch), (0, 16, 32 * batch), (8 * batch, 3, 8 * batch), (8 * batch, 5, 10 * batch)]
        {
            assert_eq!(high_water(configured, limit), mark);
        }
    }
}
