//! The account as the writer sees it: what a flush is told, and what `stats` shows.

use super::Writer;
use crate::barriers::Answer;
use crate::flush::FlushReport;
use crate::stats::Stats;
use crate::Level;

impl Writer {
    pub(super) fn report(&self, level: Level, answer: Answer) -> FlushReport {
        let counts = self.channel.counts();
        let spooled = self.channel.spooled();
        let held = self.channel.unended() + self.state.queue.records() as u64;
        FlushReport {
            level,
            reached: answer == Answer::Reached,
            timed_out: answer == Answer::TimedOut,
            delivered: counts.delivered,
            rejected: counts.rejected,
            dropped: counts.dropped,
            lost_in_client: self.state.losses.totals().iter().sum(),
            spooled,
            pending: held - spooled,
        }
    }

    pub(super) fn publish(&self) {
        let channel = &self.channel;
        let counts = channel.counts();
        let stats = Stats {
            sequenced: channel.last(),
            unended: channel.unended(),
            sent_to: channel.sent_to(),
            admitted_to: channel.mark(Level::Admitted),
            durable_to: channel.mark(Level::Durable),
            ended_to: channel.mark(Level::Ended),
            ended: counts.total(),
            delivered: counts.delivered,
            rejected: counts.rejected,
            dropped_by_sidecar: counts.dropped,
            window_bytes: channel.window_bytes(),
            at_risk: channel.at_risk(),
            truncated: channel.truncated(),
            reconnects: self.connections.saturating_sub(1),
            connected: self.is_up(),
            ..Stats::default()
        };
        self.state.publish(stats, self.split);
    }
}
