//! Creating groups and streams on demand: put first, create on ResourceNotFound.
//!
//! The stream is tried first, since the group nearly always exists; only where that is refused for want of the group is the
//! group created. Several lanes that miss one group cause one call: the others wait for its outcome.

use std::collections::HashMap;
use std::time::Duration;

use super::lane::LaneId;
use crate::config::LogGroup;

/// What a lane needs to have created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Creation {
    /// Nothing, as far as we know.
    #[default]
    Unneeded,
    /// Asked for, once a token is there.
    Wanted {
        /// Which of the two.
        what: Target,
        /// Not before this moment.
        at: Duration,
    },
    /// Under way, by this lane or by another one of the same group.
    Running,
}

/// What is to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The log stream.
    Stream,
    /// The log group, with retention, tags, key and class as configured.
    Group,
}

/// How a creation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It exists now, by us or by somebody else.
    Exists,
    /// The group of the stream is missing.
    GroupMissing,
    /// We may not.
    Forbidden(String),
    /// There is nothing to sign a call with, so none was made.
    Unsigned(String),
    /// It may go well later.
    Failed {
        /// What happened.
        what: String,
        /// Whether it was throttled.
        throttled: bool,
        /// How long the answer asks us to wait.
        retry_after: Option<Duration>,
    },
}

/// Groups being created, and who waits for them.
#[derive(Debug, Default)]
pub struct Groups {
    running: HashMap<LogGroup, Vec<LaneId>>,
}

impl Groups {
    /// Whether this lane is to create the group itself; otherwise it has been put among those who wait.
    pub fn begin(&mut self, group: &LogGroup, lane: LaneId) -> bool {
        match self.running.get_mut(group) {
            Some(waiting) => {
                waiting.push(lane);
                false
            }
            None => {
                self.running.insert(group.clone(), Vec::new());
                true
            }
        }
    }

    /// The creation has ended: these waited for it.
    pub fn end(&mut self, group: &LogGroup) -> Vec<LaneId> {
        self.running.remove(group).unwrap_or_default()
    }
}
