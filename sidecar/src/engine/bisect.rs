//! Poison isolation: which event makes CloudWatch refuse a whole call?
//!
//! A refused batch is halved until single records remain. A single record that is refused is *rejected* only after a sibling
//! of the same bisection was accepted: then the fault is the record's. What was refused before is sent once more, alone, since
//! the lane may have been at fault until then. If all pieces are refused the fault is the lane's (or ours), nothing is rejected
//! and everything waits. Calls are capped at [`MOST_CALLS`] a bisection; each single record may take one more.

use super::batch::Batch;
use super::sabotage::{self, Sabotage};

/// Most attempts one bisection may make: enough for three poison records among 10,000.
pub const MOST_CALLS: u32 = 64;

/// What to do with a refused batch.
#[derive(Debug)]
pub enum Verdict {
    /// Send both halves.
    Halve(Batch, Batch),
    /// These records are refused for good.
    Reject(Vec<Batch>),
    /// Nothing is known yet: another piece is still out.
    Wait,
    /// The lane is at fault: these records wait and are batched anew.
    LaneAtFault(Vec<Batch>),
}

#[derive(Debug)]
struct Trial {
    id: u32,
    accepted: bool,
    calls: u32,
    out: u32,
    refused: Vec<Batch>,
}

/// The bisections of one lane.
#[derive(Debug, Default)]
pub struct Trials {
    trials: Vec<Trial>,
    next: u32,
}

impl Trials {
    /// CloudWatch refused `batch` as a whole.
    pub fn refused(&mut self, mut batch: Batch) -> Verdict {
        let index = match batch.trial.and_then(|id| self.trials.iter().position(|trial| trial.id == id)) {
            Some(index) => index,
            None => {
                self.next = self.next.wrapping_add(1);
                batch.trial = Some(self.next);
                self.trials.push(Trial { id: self.next, accepted: false, calls: 0, out: 1, refused: Vec::new() });
                self.trials.len() - 1
            }
        };
        let trial = &mut self.trials[index];
        trial.calls += 1;
        if batch.records > 1 && trial.calls < MOST_CALLS {
            trial.out += 1;
            let (left, right) = batch.halve();
            return Verdict::Halve(left, right);
        }
        trial.out -= 1;
        if batch.records > 1 {
            // The cap: too many culprits to be told apart. What is left is for the lane to send again later.
            return self.settle_with(index, batch);
        }
        trial.refused.push(batch);
        self.settle(index)
    }

    /// CloudWatch accepted a piece of a bisection. Returns the single records that were refused before: each is to be sent once
    /// more, and is rejected if it is refused again.
    pub fn accepted(&mut self, id: u32) -> Vec<Batch> {
        let Some(index) = self.trials.iter().position(|trial| trial.id == id) else { return Vec::new() };
        let trial = &mut self.trials[index];
        trial.accepted = true;
        trial.out -= 1;
        let suspects = std::mem::take(&mut trial.refused);
        trial.out += suspects.len() as u32;
        if trial.out == 0 {
            self.trials.swap_remove(index);
        }
        suspects
    }

    /// A piece of a bisection was halved for another reason: one more is out.
    pub fn split(&mut self, id: Option<u32>) {
        if let Some(trial) = self.trials.iter_mut().find(|trial| Some(trial.id) == id) {
            trial.out += 1;
        }
    }

    /// A piece of a bisection was given up. If it was the last one out, returns those that then wait in vain for a verdict.
    pub fn gone(&mut self, id: Option<u32>) -> Vec<Batch> {
        let Some(index) = self.trials.iter().position(|trial| Some(trial.id) == id) else { return Vec::new() };
        self.trials[index].out -= 1;
        if self.trials[index].out > 0 {
            return Vec::new();
        }
        self.trials.swap_remove(index).refused
    }

    /// Everything that waits for a verdict.
    pub fn take_all(&mut self) -> Vec<Batch> {
        self.trials.iter_mut().flat_map(|trial| std::mem::take(&mut trial.refused)).collect()
    }

    fn settle_with(&mut self, index: usize, batch: Batch) -> Verdict {
        let trial = &mut self.trials[index];
        let mut back = vec![batch];
        if !trial.accepted {
            back.append(&mut trial.refused);
        }
        if trial.out == 0 {
            self.trials.swap_remove(index);
        }
        Verdict::LaneAtFault(back)
    }

    fn settle(&mut self, index: usize) -> Verdict {
        let trial = &mut self.trials[index];
        let accepted = trial.accepted || sabotage::on(Sabotage::RejectsWithoutProof);
        let done = trial.out == 0;
        let refused = if accepted || done { std::mem::take(&mut trial.refused) } else { Vec::new() };
        if done {
            self.trials.swap_remove(index);
        }
        match (accepted, done) {
            (true, _) => Verdict::Reject(refused),
            (false, true) => Verdict::LaneAtFault(refused),
            (false, false) => Verdict::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{cut, Bounds, Queued};
    use super::super::budget::Budget;
    use super::super::chunk::tests::chunk_of;
    use super::*;

    fn batch_of(count: u32) -> Batch {
        let budget = Budget::new(1 << 24);
        let records: Vec<_> = (0..count).map(|i| (i64::from(i), "x")).collect();
        let mut queue = [Queued::new(0, chunk_of(&budget, &records))].into();
        cut(&mut queue, Bounds { reach: usize::MAX, growth: 1.0, body: usize::MAX, events: u32::MAX }).unwrap()
    }

    /// Plays CloudWatch: refuses every call that holds a poison record. Returns (accepted, rejected, waiting, calls).
    fn play(count: u32, poison: &[u32]) -> (u32, Vec<u32>, u32, u32) {
        let mut trials = Trials::default();
        let (mut accepted, mut rejected, mut waiting, mut calls) = (0, Vec::new(), 0, 0);
        let mut todo = vec![batch_of(count)];
        let index = |batch: &Batch| batch.parts[0].records.start;
        while let Some(batch) = todo.pop() {
            calls += 1;
            if batch.parts.iter().any(|part| poison.iter().any(|p| part.records.contains(p))) {
                match trials.refused(batch) {
                    Verdict::Halve(left, right) => todo.extend([left, right]),
                    Verdict::Reject(all) => rejected.extend(all.iter().map(index)),
                    Verdict::LaneAtFault(all) => waiting += all.iter().map(|b| b.records).sum::<u32>(),
                    Verdict::Wait => {}
                }
            } else {
                accepted += batch.records;
                if let Some(id) = batch.trial {
                    todo.extend(trials.accepted(id));
                }
            }
        }
        assert!(trials.trials.is_empty());
        rejected.sort_unstable();
        (accepted, rejected, waiting, calls)
    }

    #[test]
    fn one_poison_record_costs_itself_only() {
        for at in [0, 1, 499, 998, 999] {
            let (accepted, rejected, waiting, calls) = play(1000, &[at]);
            assert_eq!((accepted, rejected, waiting), (999, vec![at], 0));
            assert!(calls <= 21, "{calls} calls");
        }
    }

    #[test]
    fn two_poison_records_cost_themselves_only() {
        let (accepted, rejected, waiting, _) = play(1000, &[3, 700]);
        assert_eq!((accepted, rejected, waiting), (998, vec![3, 700], 0));
    }

    #[test]
    fn what_was_refused_while_the_lane_was_at_fault_is_no_culprit() {
        let mut trials = Trials::default();
        let Verdict::Halve(left, right) = trials.refused(batch_of(4)) else { panic!("halves") };
        let Verdict::Halve(bad, good) = trials.refused(left) else { panic!("halves") };
        assert!(matches!(trials.refused(bad), Verdict::Wait));
        assert!(matches!(trials.refused(good), Verdict::Wait));
        // From here on CloudWatch takes the lane's records, but for the first.
        let mut suspects = trials.accepted(right.trial.unwrap());
        assert_eq!(suspects.iter().map(|batch| batch.parts[0].records.start).collect::<Vec<_>>(), [0, 1]);
        assert!(trials.accepted(suspects.pop().unwrap().trial.unwrap()).is_empty());
        assert!(matches!(trials.refused(suspects.pop().unwrap()), Verdict::Reject(all) if all.len() == 1));
        assert!(trials.trials.is_empty());
    }

    #[test]
    fn where_all_is_refused_nothing_is_rejected() {
        let all: Vec<u32> = (0..8).collect();
        let (accepted, rejected, waiting, _) = play(8, &all);
        assert_eq!((accepted, rejected, waiting), (0, vec![], 8));
        assert_eq!(play(1, &[0]).2, 1);
    }

    #[test]
    fn a_piece_that_is_given_up_leaves_nobody_waiting() {
        let mut trials = Trials::default();
        let Verdict::Halve(left, right) = trials.refused(batch_of(2)) else { panic!("halves") };
        assert!(matches!(trials.refused(left), Verdict::Wait));
        assert_eq!(trials.gone(right.trial).len(), 1);
        assert!(trials.trials.is_empty());
        assert!(trials.gone(None).is_empty());
    }

    #[test]
    fn calls_are_capped() {
        let all: Vec<u32> = (0..1000).collect();
        let (accepted, rejected, waiting, calls) = play(1000, &all);
        assert_eq!((accepted, rejected.len(), waiting), (0, 0, 1000));
        assert!(calls <= 2 * MOST_CALLS + 2, "{calls} calls");
    }

    #[test]
    fn a_piece_that_is_halved_for_its_size_has_two_verdicts_to_wait_for() {
        let mut trials = Trials::default();
        let Verdict::Halve(two, one) = trials.refused(batch_of(3)) else { panic!("halves") };
        // Another bisection of the lane has nothing to do with it.
        let Verdict::Halve(..) = trials.refused(batch_of(2)) else { panic!("halves") };
        trials.split(two.trial);
        let (left, right) = two.halve();
        assert!(matches!(trials.refused(left), Verdict::Wait));
        assert!(trials.gone(one.trial).is_empty(), "another piece is still out");
        assert_eq!(trials.take_all().len(), 1, "what waits for a verdict");
        assert!(matches!(trials.refused(right), Verdict::LaneAtFault(all) if all.len() == 1));
        assert_eq!(trials.trials.len(), 1);
    }

    #[test]
    fn a_bisection_has_so_many_calls_and_no_more() {
        // Whatever is refused: always the larger piece next, so that there is something to halve to the last.
        let mut trials = Trials::default();
        let (mut pieces, mut calls) = (vec![batch_of(1000)], 0);
        loop {
            pieces.sort_by_key(|batch| batch.records);
            let Some(batch) = pieces.pop() else { panic!("halved to the end") };
            calls += 1;
            match trials.refused(batch) {
                Verdict::Halve(left, right) => pieces.extend([left, right]),
                Verdict::LaneAtFault(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(calls, MOST_CALLS);
    }
}
