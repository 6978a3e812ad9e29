//! The credentials that calls are signed with now, and how long they are good for. Pure but for its lock: the time is given.

use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::provider::{error::CredentialsError, future};
use aws_sdk_cloudwatchlogs::config::{Credentials, ProvideCredentials};

/// Renewed so long before they expire, or in the last quarter of their life if that is shorter.
const EARLY: Duration = Duration::from_secs(300);
/// Credentials that come expired are used so long before others are asked for: where the instance's metadata is in trouble it
/// gives out old ones, and AWS then accepts them (its "static stability"). If not, CloudWatch says so.
const EXPIRED: Duration = Duration::from_secs(60);
/// After a refusal others are asked for at once, but not again within this time.
const BETWEEN_REFUSALS: Duration = Duration::from_secs(10);

/// What is to be done before a call; with the generation of what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    Fresh(u64),
    /// They are good, and it is time to renew them.
    Due(u64),
    /// There are none, or they have expired, or were refused.
    Over,
}

/// The credentials of the moment; none at first.
#[derive(Default)]
pub(super) struct Held(RwLock<Slot>);

#[derive(Default)]
struct Slot {
    credentials: Option<Credentials>,
    /// How many there have been.
    generation: u64,
    /// From when on they are due, and over; never if they do not expire.
    renew_at: Option<SystemTime>,
    over_at: Option<SystemTime>,
    refused: bool,
    last_refusal: Option<Instant>,
}

impl Held {
    pub(super) fn state(&self, now: SystemTime) -> State {
        let slot = self.read();
        let over = slot.credentials.is_none() || slot.refused;
        if over || slot.over_at.is_some_and(|at| at <= now) {
            State::Over
        } else if slot.renew_at.is_some_and(|at| at <= now) {
            State::Due(slot.generation)
        } else {
            State::Fresh(slot.generation)
        }
    }

    /// How long they are good for yet; nothing if they are over, the longest time where they do not expire.
    pub(super) fn left(&self, now: SystemTime) -> Option<Duration> {
        if self.state(now) == State::Over {
            return None;
        }
        Some(self.read().over_at.map_or(Duration::MAX, |at| at.duration_since(now).unwrap_or_default()))
    }

    /// Holds these from now on; returns their generation.
    /// They are renewed by `chance` (0 to 1) up to a tenth of their life earlier than they must: many sidecars' end at one moment.
    pub(super) fn put(&self, credentials: Credentials, now: SystemTime, chance: f64) -> u64 {
        let mut slot = self.write();
        slot.over_at = credentials.expiry().map(|expiry| if expiry > now { expiry } else { now + EXPIRED });
        slot.renew_at = slot.over_at.map(|at| {
            let life = at.duration_since(now).unwrap_or_default();
            at - EARLY.min(life / 4) - (life / 10).mul_f64(chance)
        });
        (slot.credentials, slot.refused) = (Some(credentials), false);
        slot.generation += 1;
        slot.generation
    }

    /// CloudWatch wants others than those of this generation.
    pub(super) fn refuse(&self, generation: u64) {
        let mut slot = self.write();
        let recent = slot.last_refusal.is_some_and(|at| at.elapsed() < BETWEEN_REFUSALS);
        if generation == slot.generation && !slot.refused && !recent {
            (slot.refused, slot.last_refusal) = (true, Some(Instant::now()));
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.read().refused
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Slot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Slot> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("generation", &self.read().generation).finish_non_exhaustive()
    }
}

impl ProvideCredentials for Held {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let none = || CredentialsError::not_loaded("none are held");
        future::ProvideCredentials::ready(self.read().credentials.clone().ok_or_else(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn credentials(expiry: Option<SystemTime>) -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "hush", Some("token".to_owned()), expiry, "test")
    }

    #[test]
    fn they_are_due_in_their_last_minutes_and_over_at_their_end() {
        let (held, now) = (Held::default(), SystemTime::now());
        assert_eq!((held.state(now), held.left(now)), (State::Over, None));
        held.put(credentials(Some(now + HOUR)), now, 0.0);
        let second = Duration::from_secs(1);
        assert_eq!(held.state(now + HOUR - EARLY - second), State::Fresh(1));
        assert_eq!(held.state(now + HOUR - EARLY), State::Due(1));
        assert_eq!(held.left(now + HOUR - second), Some(second));
        assert_eq!((held.state(now + HOUR), held.left(now + HOUR)), (State::Over, None));
        held.put(credentials(Some(now + 8 * second)), now, 0.0);
        assert_eq!(held.state(now + 5 * second), State::Fresh(2));
        assert_eq!(held.state(now + 6 * second), State::Due(2), "the last quarter of a short life");
    }

    #[test]
    fn chance_renews_them_earlier_and_never_later() {
        let (held, now) = (Held::default(), SystemTime::now());
        let due = |chance: f64| {
            held.put(credentials(Some(now + HOUR)), now, chance);
            (0..3_600).find(|s| matches!(held.state(now + Duration::from_secs(*s)), State::Due(_)))
        };
        assert_eq!((due(0.0), due(0.5), due(1.0)), (Some(3_300), Some(3_120), Some(2_940)));
    }

    #[test]
    fn those_that_come_expired_are_tried_for_a_while() {
        let (held, now) = (Held::default(), SystemTime::now());
        held.put(credentials(Some(now - HOUR)), now, 0.0);
        assert_eq!((held.state(now), held.left(now)), (State::Fresh(1), Some(EXPIRED)));
        assert_eq!(held.state(now + EXPIRED), State::Over);
    }

    #[test]
    fn those_without_an_end_are_never_due() {
        let (held, now) = (Held::default(), SystemTime::now());
        held.put(credentials(None), now, 0.0);
        assert_eq!(held.state(now + 1_000 * HOUR), State::Fresh(1));
        assert!(!format!("{held:?}").contains("hush"));
    }

    #[test]
    fn only_the_present_ones_can_be_refused_and_not_all_the_time() {
        let (held, now) = (Held::default(), SystemTime::now());
        held.put(credentials(None), now, 0.0);
        held.put(credentials(None), now, 0.0);
        held.refuse(1);
        assert_eq!(held.state(now), State::Fresh(2), "a late answer to the ones before");
        held.refuse(2);
        assert_eq!((held.state(now), held.is_refused()), (State::Over, true));
        held.put(credentials(None), now, 0.0);
        held.refuse(3);
        assert_eq!(held.state(now), State::Fresh(3), "so soon it would be no use");
    }
}
