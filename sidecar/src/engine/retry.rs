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

/// How far a throttled rate falls, and how it finds its way up again.
const FALL: f64 = 0.7;
const RISE: f64 = 1.1;

/// Of a longer silence than so many seconds no more counts: nobody knows what we would have been told.
const RISES_AT_ONCE: u64 = 10;

/// It never falls below what was just accepted and a little more: so where one call in eight or fewer is refused, as at an
/// account's quota, it settles there and does not go on falling.
const MARGIN: f64 = 1.15;

/// Least time between two changes of the rate: the answers of one burst are one piece of news.
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
    accepted: Accepted,
}

/// Accepted calls of the present second and of the one before.
#[derive(Debug, Default)]
struct Accepted {
    second: u64,
    calls: [u32; 2],
}

impl Accepted {
    fn count(&mut self, now: Duration) {
        self.turn(now);
        self.calls[0] = self.calls[0].saturating_add(1);
    }

    /// Calls a second, as far as two seconds tell.
    fn rate(&mut self, now: Duration) -> f64 {
        self.turn(now);
        f64::from(self.calls[0].max(self.calls[1]))
    }

    fn turn(&mut self, now: Duration) {
        let passed = now.as_secs().saturating_sub(self.second);
        match passed {
            0 => return,
            1 => self.calls = [0, self.calls[0]],
            _ => self.calls = [0, 0],
        }
        self.second = now.as_secs();
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
            accepted: Accepted::default(),
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
        if is_over(self.fell_at, now) {
            self.fell_at = Some(now);
            let least = (self.accepted.rate(now) * MARGIN).max(1.0);
            self.change(now, (self.rate * FALL).max(least).min(self.rate));
        }
    }

    /// A call went well: find the way up again, unless another was throttled just now.
    pub fn went_well(&mut self, now: Duration) {
        self.accepted.count(now);
        if self.rate < self.most && is_over(self.fell_at, now) && is_over(self.rose_at, now) {
            // Who calls seldom rises as fast as who calls often.
            let changed_at = self.fell_at.max(self.rose_at).unwrap_or(now);
            let seconds = now.saturating_sub(changed_at).as_secs().clamp(1, RISES_AT_ONCE);
            self.rose_at = Some(now);
            self.change(now, (self.rate * RISE.powf(seconds as f64)).min(self.most));
        }
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
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds() {
        let backoff = Backoff { least: Duration::from_millis(100), most: Duration::from_secs(30) };
        let mut jitter = Jitter::new(1);
        for (tries, most) in [(1, 100), (2, 200), (5, 1_600), (9, 25_600), (10, 30_000), (4_000_000, 30_000)] {
            let waits: Vec<_> = (0..200).map(|_| backoff.wait(tries, None, &mut jitter)).collect();
            assert!(waits.iter().all(|wait| *wait <= Duration::from_millis(most)));
            assert!(waits.iter().any(|wait| *wait > Duration::from_millis(most) / 2), "jitter uses the whole range");
        }
    }

    #[test]
    fn retry_after_is_obeyed_up_to_five_minutes() {
        let backoff = Backoff { least: Duration::from_millis(1), most: Duration::from_millis(1) };
        let wait = |asked| backoff.wait(1, Some(Duration::from_secs(asked)), &mut Jitter::new(1));
        assert!(wait(7) >= Duration::from_secs(7));
        assert!(wait(86_400) <= Duration::from_secs(301));
    }

    #[test]
    fn tokens_come_at_the_rate() {
        let mut pacer = Pacer::new(100);
        let mut now = Duration::from_secs(1);
        let mut taken = 0;
        while now < Duration::from_secs(3) {
            match pacer.take(now) {
                Ok(()) => taken += 1,
                Err(next) => {
                    assert!(next > now);
                    now = next;
                }
            }
        }
        assert!((200..=221).contains(&taken), "{taken}");
    }

    #[test]
    fn a_call_that_goes_well_beside_throttled_ones_does_not_hold_the_rate_up() {
        let mut pacer = Pacer::new(100);
        for second in 5..10 {
            pacer.went_well(Duration::from_millis(second * 1_000));
            pacer.throttled(Duration::from_millis(second * 1_000 + 500));
            pacer.went_well(Duration::from_millis(second * 1_000 + 900));
        }
        assert!((pacer.rate() - 100.0 * FALL.powi(5)).abs() < 0.01, "{}", pacer.rate());
    }

    #[test]
    fn where_few_are_refused_the_rate_settles_above_what_is_accepted() {
        for refused_of in [10, 30] {
            let mut pacer = Pacer::new(500);
            // Thirty calls a second for a minute.
            for call in 0..1_800_u64 {
                let now = Duration::from_secs(5) + Duration::from_millis(call * 1_000 / 30);
                match call % refused_of {
                    0 => pacer.throttled(now),
                    _ => pacer.went_well(now),
                }
            }
            assert!(pacer.rate() >= 30.0, "one of {refused_of}: {}", pacer.rate());
        }
    }

    #[test]
    fn who_calls_seldom_rises_as_fast_as_who_calls_often() {
        let fallen = || {
            let mut pacer = Pacer::new(500);
            (0..40).for_each(|second| pacer.throttled(Duration::from_secs(second)));
            pacer
        };
        let rate_after_a_minute = |every: u64| {
            let mut pacer = fallen();
            (40..100).step_by(every as usize).for_each(|second| pacer.went_well(Duration::from_secs(second)));
            pacer.rate()
        };
        let (often, seldom) = (rate_after_a_minute(1), rate_after_a_minute(8));
        assert!(often > 100.0 && seldom > often / 3.0, "{often} {seldom}");
        let mut silent = fallen();
        silent.went_well(Duration::from_secs(10_000));
        assert!(silent.rate() < 3.0, "an hour of silence is no proof: {}", silent.rate());
    }

    #[test]
    fn the_end_shortens_every_wait() {
        let backoff = Backoff { least: Duration::from_secs(10), most: Duration::from_secs(60) };
        let mut waits = Waits::new(1);
        assert!((0..20).map(|_| waits.after(backoff, 5, None)).max() > Some(Duration::from_secs(30)));
        waits.hurry(Duration::from_secs(2));
        for asked in [None, Some(Duration::from_secs(300))] {
            assert!((0..20).all(|_| waits.after(backoff, 5, asked) <= Duration::from_secs(2)));
        }
        assert!((0..20).all(|_| waits.soon() <= Duration::from_secs(2)));
    }

    #[test]
    fn throttling_lowers_the_rate_once_a_second_and_success_raises_it() {
        let mut pacer = Pacer::new(100);
        for _ in 0..10 {
            pacer.throttled(Duration::from_secs(5));
        }
        assert!((pacer.rate() - 70.0).abs() < 0.01);
        for second in 6..60 {
            pacer.went_well(Duration::from_secs(second));
        }
        assert!((pacer.rate() - 100.0).abs() < 0.01);
        for second in 60..2_000 {
            pacer.throttled(Duration::from_secs(second));
        }
        assert!((pacer.rate() - 1.0).abs() < 0.01, "never to a standstill");
    }
}
