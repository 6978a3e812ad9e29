//! What people are told of a destination that cannot be delivered to: the words when they change, the same ones once a minute.

use std::time::Duration;

use super::command::{Command, Outcome};
use super::lane::LaneId;
use super::time::Now;
use super::Engine;

/// The same words are said again so often.
const REMIND: Duration = Duration::from_secs(60);

/// What was said of a lane.
#[derive(Debug)]
pub(super) struct Failing {
    /// Since when nothing went well; nothing once something did.
    since: Option<Duration>,
    told: Duration,
    what: String,
}

impl Failing {
    /// Something was accepted.
    pub(super) fn over(&mut self) {
        self.since = None;
    }
}

impl Engine {
    /// Tells of a failed attempt, unless that was said just now. What keeps all lanes from signing is said elsewhere.
    pub(super) fn tell_failure(&mut self, id: LaneId, outcome: &Outcome, now: Now) {
        let (Outcome::Unavailable { what, .. } | Outcome::Forbidden { what } | Outcome::Refused { what }) = outcome
        else {
            return;
        };
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let before = lane.failing.take();
        let since = before.as_ref().and_then(|before| before.since).unwrap_or(now.at);
        let told =
            before.filter(|before| before.what == *what && now.at < before.told + REMIND).map(|before| before.told);
        lane.failing = Some(Failing { since: Some(since), told: told.unwrap_or(now.at), what: what.clone() });
        if told.is_none() {
            let (destination, what) = (lane.destination.clone(), what.clone());
            let (lasted, waiting) = (now.at.saturating_sub(since), lane.in_memory() + lane.spooled());
            self.commands.push(Command::Failing { destination, what, lasted, waiting });
        }
    }
}
