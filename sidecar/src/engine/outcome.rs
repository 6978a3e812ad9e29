//! Events from delivery: what became of attempts and creations, and the one consequence of each class.

use std::time::Duration;

use super::account::{Dropped, End, Failed, Rejected};
use super::batch::Batch;
use super::bisect::Verdict;
use super::command::{Outcome, RejectedRange, Report};
use super::create::{Created, Creation, Target};
use super::failing::Failing;
use super::lane::{LaneId, Retry};
use super::retry::Backoff;
use super::sabotage::{self, Sabotage};
use super::time::Now;
use super::{Engine, Phase};

/// A batch over which the engine retries: how it failed.
struct Failure {
    what: String,
    ambiguous: bool,
    retry_after: Option<Duration>,
    backoff: Backoff,
}

/// So many refusals in a row of one lane are news for all.
const REFUSALS_FOR_ALL: u32 = 3;

impl Engine {
    /// An attempt has ended.
    pub fn attempt_ended(&mut self, report: Report, now: Now) {
        let Some(flight) = self.in_flight.remove(&report.id) else { return };
        let id = flight.lane;
        if let Some(took) = report.took {
            self.tally.put_seconds.observe(took.as_secs_f64());
            let calls = if flight.retry { &mut self.tally.retries } else { &mut self.tally.first_attempts };
            *calls += 1;
        }
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.in_flight -= 1;
            lane.early_in_flight -= u32::from(flight.early);
            if let Some(growth) = report.growth {
                lane.learn_growth(growth);
            }
        }
        let Report { batch, outcome, took, .. } = report;
        let sent = took.is_some();
        self.tell_failure(id, &outcome, now);
        match outcome {
            Outcome::Accepted { rejected } => {
                self.accepted(id, &batch, &rejected, took.unwrap_or_default(), now);
                // Before others are told of room: these chunks are that room.
                drop(batch);
            }
            outcome if self.phase > Phase::Draining => {
                let unknown = matches!(outcome, Outcome::Cancelled | Outcome::Unavailable { ambiguous: true, .. });
                if let Some(lane) = self.lanes.get_mut(id) {
                    // Counted as dropped, or sent again after the next start, though it may have arrived.
                    lane.account.possible_duplicates += if sent && unknown { u64::from(batch.records) } else { 0 };
                    lane.uncut(batch);
                    if lane.disk.is_none() || self.phase == Phase::Abandoned {
                        lane.drop_unwritten(Dropped::Shutdown);
                    }
                }
            }
            outcome => self.failed(id, batch, outcome, sent, now),
        }
        self.after_end(id, now);
        self.mark(id);
        self.pump(now);
    }

    fn accepted(&mut self, id: LaneId, batch: &Batch, rejected: &[RejectedRange], took: Duration, now: Now) {
        self.puts.went_well(now.at);
        self.tally.batch_records.observe(f64::from(batch.records) / 1000.0);
        self.tally.batch_bytes.observe(f64::from(batch.cost) / 1000.0);
        self.tally.delivery_seconds.observe(now.at.saturating_sub(batch.arrived).as_secs_f64());
        let Some(lane) = self.lanes.get_mut(id) else { return };
        (lane.failures, lane.trouble, lane.confirmed, lane.creations) = (0, None, true, 0);
        lane.failing.iter_mut().for_each(Failing::over);
        lane.stretch.went_well(now.at);
        lane.adapt(took, &self.settings);
        for (index, part) in batch.parts.iter().enumerate() {
            let mut start = part.records.start;
            for range in rejected.iter().filter(|range| range.part == index) {
                lane.end(part.first, start..range.records.start, End::Delivered);
                lane.reject(part, range.records.clone(), range.reason, now);
                start = range.records.end;
            }
            lane.end(part.first, start..part.records.end, End::Delivered);
        }
        if let Some(trial) = batch.trial {
            for suspect in lane.trials.accepted(trial) {
                lane.retries.push(Retry { batch: suspect, at: now.at, ambiguous: false });
            }
        }
    }

    fn failed(&mut self, id: LaneId, batch: Batch, outcome: Outcome, sent: bool, now: Now) {
        match outcome {
            Outcome::Throttled { retry_after } => {
                let what = "throttled by CloudWatch".to_owned();
                let backoff = self.throttled(id, now);
                self.retry(id, batch, Failure { what, ambiguous: false, retry_after, backoff }, now);
            }
            Outcome::Unavailable { ambiguous: true, .. } if sabotage::on(Sabotage::AmbiguousIsDelivered) => {
                self.accepted(id, &batch, &[], Duration::ZERO, now);
            }
            Outcome::Unavailable { what, ambiguous, retry_after } => {
                self.tally.failed(Failed::Unavailable);
                let backoff = self.settings.backoff;
                self.retry(id, batch, Failure { what, ambiguous, retry_after, backoff }, now);
            }
            Outcome::Unsigned { what } => {
                self.tally.failed(Failed::Credentials);
                let backoff = self.settings.backoff;
                self.retry(id, batch, Failure { what, ambiguous: false, retry_after: None, backoff }, now);
            }
            Outcome::Forbidden { what } => {
                self.tally.failed(Failed::Forbidden);
                let backoff = self.forbidden();
                self.retry(id, batch, Failure { what, ambiguous: false, retry_after: None, backoff }, now);
            }
            Outcome::Missing => self.missing(id, batch, now),
            Outcome::Refused { what } => self.refused(id, batch, what, now),
            Outcome::TooLarge => self.too_large(id, batch, now),
            // Only ever asked for by `give_up`; should it come otherwise, nothing is lost.
            Outcome::Cancelled | Outcome::Accepted { .. } => self.again(id, batch, now.at, sent),
        }
    }

    /// All slow down a little, this lane lingers longer, and its batch waits accordingly.
    fn throttled(&mut self, id: LaneId, now: Now) -> Backoff {
        self.tally.throttles += 1;
        let (linger, usual) = (self.pressure().linger, self.settings.backoff);
        self.lanes.get_mut(id).map_or(usual, |lane| {
            // A lane that is refused again and again slows down by itself; it must not slow down the others for ever.
            if lane.failures < REFUSALS_FOR_ALL {
                self.puts.throttled(now.at);
            }
            lane.stretch.throttled(linger, usual.most, now.at);
            lane.stretch.backoff(usual)
        })
    }

    /// Waits where we may not write.
    fn forbidden(&self) -> Backoff {
        Backoff { least: self.settings.forbidden / 8, most: self.settings.forbidden }
    }

    fn again(&mut self, id: LaneId, batch: Batch, at: Duration, ambiguous: bool) {
        if let Some(lane) = self.lanes.get_mut(id) {
            lane.retries.push(Retry { batch, at, ambiguous });
        }
    }

    fn retry(&mut self, id: LaneId, mut batch: Batch, failure: Failure, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.failures += 1;
        batch.tries += 1;
        if sabotage::on(Sabotage::RetryGivesUp) && batch.tries > 4 {
            return lane.end_batch(&batch, End::Dropped(Dropped::Overflow));
        }
        lane.trouble = Some(failure.what);
        let wait = self.waits.after(failure.backoff, batch.tries.max(lane.failures), failure.retry_after);
        if lane.failures > 1 {
            // The lane is in trouble, not just this batch: nothing else goes meanwhile.
            lane.not_before = now.at + wait;
        }
        lane.retries.push(Retry { batch, at: now.at + wait, ambiguous: failure.ambiguous });
        if sabotage::on(Sabotage::BackoffStopsAll) {
            for id in self.lanes.ids() {
                self.lanes
                    .get_mut(id)
                    .into_iter()
                    .for_each(|lane| lane.not_before = lane.not_before.max(now.at + wait));
            }
        }
    }

    fn missing(&mut self, id: LaneId, batch: Batch, now: Now) {
        if !self.settings.create_stream {
            self.tally.failed(Failed::Forbidden);
            let what = "the log stream does not exist, and create_stream is off".to_owned();
            let backoff = self.forbidden();
            return self.retry(id, batch, Failure { what, ambiguous: false, retry_after: None, backoff }, now);
        }
        let Some(lane) = self.lanes.get_mut(id) else { return };
        if lane.creation == Creation::Unneeded {
            lane.confirmed = false;
            lane.creation = Creation::Wanted { what: Target::Stream, at: now.at };
        }
        if lane.creations > 0 {
            // It was created and is missing all the same: no use in doing so as fast as we can.
            let wait = self.waits.after(self.settings.backoff, lane.creations + 2, None);
            lane.creation = Creation::Wanted { what: Target::Stream, at: now.at + wait };
            lane.trouble = Some("the log stream is missing although it was created".to_owned());
            lane.failures += 1;
        }
        self.again(id, batch, now.at, false);
    }

    fn refused(&mut self, id: LaneId, batch: Batch, what: String, now: Now) {
        self.tally.failed(Failed::Refused);
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.trouble = Some(what.clone());
        match lane.trials.refused(batch) {
            Verdict::Halve(left, right) => {
                self.again(id, left, now.at, false);
                self.again(id, right, now.at, false);
            }
            Verdict::Reject(batches) => {
                for batch in batches {
                    lane.reject_batch(&batch, Rejected::Invalid, now);
                }
            }
            Verdict::Wait => {}
            Verdict::LaneAtFault(batches) => {
                for batch in batches {
                    lane.uncut(batch);
                }
                lane.failures = lane.failures.saturating_add(2);
                let backoff = Backoff { least: self.settings.forbidden / 8, most: self.settings.forbidden };
                lane.not_before = now.at + self.waits.after(backoff, lane.failures, None);
                lane.trouble = Some(format!("every record is refused: {what}"));
            }
        }
    }

    /// The body outgrew its room: the lane's texts need more than it has shown so far.
    fn too_large(&mut self, id: LaneId, batch: Batch, now: Now) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        lane.learn_growth(lane.growth * 2.0);
        if batch.records <= 1 {
            // Alone, and there was no memory for it: other attempts will leave some.
            let what = "no memory for the body of one record".to_owned();
            let backoff = self.settings.backoff;
            return self.retry(id, batch, Failure { what, ambiguous: false, retry_after: None, backoff }, now);
        }
        lane.trials.split(batch.trial);
        let (left, right) = batch.halve();
        self.again(id, left, now.at, false);
        self.again(id, right, now.at, false);
    }

    /// A creation has ended.
    pub fn created(&mut self, id: LaneId, what: Target, created: Created, now: Now) {
        let waiting = match (what, self.lanes.get(id)) {
            (Target::Group, Some(lane)) => {
                let group = lane.destination.group().clone();
                self.groups.end(&group)
            }
            _ => Vec::new(),
        };
        self.count_creation(&created);
        for id in waiting.into_iter().chain([id]) {
            self.creation_ended(id, what, &created, now);
            self.mark(id);
        }
        self.pump(now);
    }

    /// One call is one failure, however many lanes waited for it.
    fn count_creation(&mut self, created: &Created) {
        self.tally.creates += u64::from(!matches!(created, Created::Unsigned(_)));
        match created {
            Created::GroupMissing if !self.settings.create_group => self.tally.failed(Failed::Forbidden),
            Created::Exists | Created::GroupMissing => {}
            Created::Forbidden(_) => self.tally.failed(Failed::Forbidden),
            Created::Failed { throttled: true, .. } => self.tally.throttles += 1,
            Created::Failed { .. } => self.tally.failed(Failed::Unavailable),
            Created::Unsigned(_) => self.tally.failed(Failed::Credentials),
        }
    }

    fn creation_ended(&mut self, id: LaneId, what: Target, created: &Created, now: Now) {
        let forbidden = self.settings.forbidden;
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let (trouble, wait) = match created {
            Created::Exists if what == Target::Group => {
                lane.creation = Creation::Wanted { what: Target::Stream, at: now.at };
                return;
            }
            Created::Exists => {
                self.creates.went_well(now.at);
                lane.creation = Creation::Unneeded;
                lane.creations = lane.creations.saturating_add(1);
                return;
            }
            Created::GroupMissing if self.settings.create_group => {
                lane.creation = Creation::Wanted { what: Target::Group, at: now.at };
                return;
            }
            Created::GroupMissing => {
                let what = "the log group does not exist, and create_group is off".to_owned();
                (what, self.waits.after(Backoff { least: forbidden / 8, most: forbidden }, 3, None))
            }
            Created::Forbidden(why) => {
                let wait = self.waits.after(Backoff { least: forbidden / 8, most: forbidden }, 3, None);
                (why.clone(), wait)
            }
            Created::Unsigned(why) => (why.clone(), self.waits.after(self.settings.backoff, lane.failures + 1, None)),
            Created::Failed { what, throttled, retry_after } => {
                if *throttled {
                    self.creates.throttled(now.at);
                }
                let wait = self.waits.after(self.settings.backoff, lane.failures + 1, *retry_after);
                (what.clone(), wait)
            }
        };
        // Then put again: perhaps somebody else has created it meanwhile, or permission was given.
        lane.creation = Creation::Unneeded;
        lane.failures += 1;
        lane.trouble = Some(trouble);
        lane.not_before = now.at + wait;
    }
}
