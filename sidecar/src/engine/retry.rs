//! The one retry policy: backoff with full jitter, and one rate for all lanes that yields to throttling.
//!
//! The rate is governor's, on the engine's clock: a changed rate is a new limiter.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Most that a Retry-After is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// How a throttled rate finds its level: it falls by the share that was refused, at most by half, and rises by 0.3 calls a
/// second each second, so that all who share a quota come to the same rate whatever they had. After a while without a refusal it
/// rises by a tenth instead, if that is more.
const LEAST_KEPT: f64 = 0.5;
const RISE: f64 = 0.3;
const RISE_WHEN_QUIET: f64 = 1.1;
const QUIET: Duration = Duration::from_secs(10);

/// A first refusal finds a rate that is far above what is used: it falls from there, but from no less than this.
const USED_LEAST: f64 = 10.0;

/// Of a longer silence than so many seconds no more counts: nobody knows what we would have been told.
const RISES_AT_ONCE: u64 = 10;

/// Least time between two changes of the rate in one direction: the answers of one burst are one piece of news.
const CHANGE_EVERY: Duration = Duration::from_secs(1);

/// A small generator (splitmix64) for jitter; its seed is given at construction.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// A generator that always gives the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Jitter(seed)
    }

    /// A number in 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Waits between attempts: uniform between nothing and `least` doubled for each try, at most `most`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Longest wait after the first failure.
    pub least: Duration,
    /// Longest wait ever.
    pub most: Duration,
}

impl Backoff {
    /// The wait after `tries` failures (1 for the first). `retry_after` is obeyed up to five minutes.
    pub fn wait(&self, tries: u32, retry_after: Option<Duration>, jitter: &mut Jitter) -> Duration {
        let doublings = tries.saturating_sub(1).min(20);
        let ceiling = self.least.saturating_mul(1 << doublings).min(self.most);
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        asked + ceiling.mul_f64(jitter.unit())
    }
}

/// The waits of one engine: jittered, and short once everything is to go.
#[derive(Debug)]
pub struct Waits {
    jitter: Jitter,
    longest: Duration,
}

impl Waits {
    /// Waits whose jitter is the same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Waits { jitter: Jitter::new(seed), longest: Duration::MAX }
    }

    /// The wait after `tries` failures.
    pub fn after(&mut self, backoff: Backoff, tries: u32, retry_after: Option<Duration>) -> Duration {
        let backoff = Backoff { most: backoff.most.min(self.longest), ..backoff };
        backoff.wait(tries, retry_after, &mut self.jitter).min(self.longest)
    }

    /// From now on nothing waits longer than this; the end comes sooner than what was asked for.
    pub fn hurry(&mut self, longest: Duration) {
        self.longest = longest;
    }

    /// A moment within the longest wait.
    pub fn soon(&mut self) -> Duration {
        self.longest.mul_f64(self.jitter.unit())
    }
}

/// The engine's clock as governor sees it: it stands still between events.
#[derive(Clone, Debug, Default)]
struct EventClock(Arc<AtomicU64>);

impl Clock for EventClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.load(Ordering::Relaxed).into()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, EventClock, NoOpMiddleware<Nanos>>;

/// A token rate on the engine's clock.
#[derive(Debug)]
pub struct Pacer {
    clock: EventClock,
    limiter: Limiter,
    most: f64,
    rate: f64,
    fell_at: Option<Duration>,
    rose_at: Option<Duration>,
    recent: Recent,
}

/// Calls of the present second and of the one before.
#[derive(Debug, Default)]
struct Recent {
    second: u64,
    accepted: [u32; 2],
    refused: [u32; 2],
}

impl Recent {
    fn count(&mut self, accepted: bool, now: Duration) {
        match now.as_secs().saturating_sub(self.second) {
            0 => {}
            1 => (self.accepted, self.refused) = ([0, self.accepted[0]], [0, self.refused[0]]),
            _ => (self.accepted, self.refused) = ([0; 2], [0; 2]),
        }
        self.second = now.as_secs();
        let count = if accepted { &mut self.accepted[0] } else { &mut self.refused[0] };
        *count = count.saturating_add(1);
    }

    /// Part of them that was refused.
    fn refused(&self) -> f64 {
        let sum = |counts: [u32; 2]| f64::from(counts[0]) + f64::from(counts[1]);
        sum(self.refused) / (sum(self.refused) + sum(self.accepted)).max(1.0)
    }

    /// Calls a second, as far as two seconds tell.
    fn used(&self) -> f64 {
        let of = |second: usize| f64::from(self.accepted[second]) + f64::from(self.refused[second]);
        of(0).max(of(1))
    }
}

impl Pacer {
    /// At most `per_second` a second (at least 1), in bursts of up to a fifth of a second's worth.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let clock = EventClock::default();
        let rate = f64::from(per_second.max(1));
        Pacer {
            limiter: limiter(rate, &clock),
            clock,
            most: rate,
            rate,
            fell_at: None,
            rose_at: None,
            recent: Recent::default(),
        }
    }

    /// Takes a token, or says when there will be one.
    ///
    /// # Errors
    /// The moment of the next token.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.clock.0.store(nanos(now), Ordering::Relaxed);
        self.limiter.check().map_err(|not_until| {
            let wait = not_until.earliest_possible().duration_since(nanos(now).into());
            now + Duration::from_nanos(wait.as_u64().max(1))
        })
    }

    /// Tokens a second at present.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// CloudWatch throttled us: slow down.
    pub fn throttled(&mut self, now: Duration) {
        self.recent.count(false, now);
        if is_over(self.fell_at, now) {
            self.fell_at = Some(now);
            let used = self.rate.min(self.recent.used().max(USED_LEAST));
            self.change(now, (used * (1.0 - self.recent.refused()).max(LEAST_KEPT)).max(1.0));
        }
    }

    /// A call went well: find the way up again. Who calls seldom rises as fast as who calls often.
    pub fn went_well(&mut self, now: Duration) {
        self.recent.count(true, now);
        let Some(fell_at) = self.fell_at.filter(|_| self.rate < self.most) else { return };
        if !is_over(self.rose_at, now) {
            return;
        }
        let since = self.rose_at.map_or(fell_at, |rose_at| rose_at.max(fell_at));
        let seconds = now.saturating_sub(since).as_secs().clamp(1, RISES_AT_ONCE) as f64;
        let steps = self.rate + RISE * seconds;
        let quiet = now >= fell_at + QUIET;
        let tenths = if quiet { self.rate * RISE_WHEN_QUIET.powf(seconds) } else { 0.0 };
        self.rose_at = Some(now);
        self.change(now, steps.max(tenths).min(self.most));
    }

    fn change(&mut self, now: Duration, rate: f64) {
        self.rate = rate;
        self.clock.0.store(nanos(now), Ordering::Relaxed);
        self.limiter = limiter(rate, &self.clock);
    }
}

/// Whether a change is long enough ago for another one.
fn is_over(changed_at: Option<Duration>, now: Duration) -> bool {
    changed_at.is_none_or(|at| now >= at + CHANGE_EVERY)
}

fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}

fn limiter(rate: f64, clock: &EventClock) -> Limiter {
    let burst = NonZeroU32::new((rate / 5.0) as u32).unwrap_or(NonZeroU32::MIN);
    let period = Duration::from_secs_f64(1.0 / rate.max(1.0));
    let quota = Quota::with_period(period).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN));
    RateLimiter::direct_with_clock(quota.allow_burst(burst), clock.clone())
}

#[cfg(test)]
mod tests;
