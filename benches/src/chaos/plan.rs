//! What is to happen and when, drawn from a seed. Pure: the same seed and length give the same plan, always.
//!
//! Two clocks. *Weather* (what is wrong with the remote) runs on the run's own clock. *Ends* (of the sidecar) are drawn uniformly over
//! the time in which a sidecar is starting or at work; while one shuts down in order that clock stands still, so that a shutdown is
//! seen to its end unless the plan itself kills it in its midst.

use fastrand::Rng;
use serde::Serialize;

/// What may be wrong with the remote. Partial rejects are no weather: one client's old timestamps bring them all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    /// Half of the calls are throttled.
    Throttle,
    /// 503 for three calls in ten.
    Unavailable,
    /// Connections are reset before, within and after the body.
    Reset,
    /// One call in ten is never answered; half of these take effect.
    Hang,
    /// Three calls in ten take effect, and the connection breaks instead of an answer.
    CommitThenDrop,
    /// Three calls in ten are answered with a 200 that has no request id; half of these took effect.
    NoRequestId,
    /// The keys have expired, and the new ones are late.
    ExpiredKeys,
    /// The remote's name does not resolve.
    Dns,
    /// Every connection is reset and none accepted.
    Outage,
    /// The same for longer than any time-out of the sidecar.
    LongOutage,
}

impl Trouble {
    pub(crate) const ALL: [Self; 10] = [
        Self::Throttle,
        Self::Unavailable,
        Self::Reset,
        Self::Hang,
        Self::CommitThenDrop,
        Self::NoRequestId,
        Self::ExpiredKeys,
        Self::Dns,
        Self::Outage,
        Self::LongOutage,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttling 50 %",
            Self::Unavailable => "503 30 %",
            Self::Reset => "resets",
            Self::Hang => "hang",
            Self::CommitThenDrop => "commit, then drop",
            Self::NoRequestId => "200 without request id",
            Self::ExpiredKeys => "expired keys",
            Self::Dns => "name does not resolve",
            Self::Outage => "outage",
            Self::LongOutage => "long outage",
        }
    }
}

/// Something is wrong with the remote for a while. Seconds from the start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Window {
    pub(crate) trouble: Trouble,
    pub(crate) from: f64,
    pub(crate) until: f64,
}

/// How a sidecar ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Kill,
    /// SIGTERM; with `outage` nothing of the remote answers from then on until after the deadline.
    Term {
        outage: bool,
        killed_after: Option<f64>,
    },
}

/// One end: so many seconds of sidecars' lives after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ending {
    pub(crate) after: f64,
    pub(crate) end: End,
}

/// One life of a client process that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Life {
    pub(crate) seconds: f64,
    /// It is killed right after a flush has returned, else in the midst of whatever it does.
    pub(crate) after_flush: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) seconds: f64,
    pub(crate) ends: Vec<Ending>,
    pub(crate) weather: Vec<Window>,
    /// Of each place for clients that are killed, one life after the other.
    pub(crate) mortals: Vec<Vec<Life>>,
}

/// How long and how often; see [`Plan::draw`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) seconds: f64,
    pub(crate) kills: u32,
    /// Of a SIGTERM, seconds.
    pub(crate) deadline: f64,
    /// The sidecar's longest time-out, seconds.
    pub(crate) time_out: f64,
}

/// Places for clients that are killed.
const MORTALS: usize = 2;
/// Nothing goes wrong before, so that all is under way.
const CALM: f64 = 1.0;

impl Plan {
    pub(crate) fn draw(seed: u64, scale: Scale) -> Self {
        // Each part has a source of its own: a change of one leaves the others as they were.
        let source = |part: u64| Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(part));
        Self {
            seed,
            seconds: scale.seconds,
            ends: ends(&mut source(1), scale),
            weather: weather(&mut source(2), scale),
            mortals: (0..MORTALS as u64).map(|place| lives(&mut source(3 + place), scale.seconds)).collect(),
        }
    }

    pub(crate) fn kills(&self) -> usize {
        self.ends.iter().filter(|ending| ending.end == End::Kill).count()
    }

    /// What is wrong at a moment.
    pub(crate) fn troubles(&self, at: f64) -> Vec<Trouble> {
        let now = self.weather.iter().filter(|window| (window.from..window.until).contains(&at));
        let mut troubles: Vec<_> = now.map(|window| window.trouble).collect();
        troubles.sort_unstable();
        troubles.dedup();
        troubles
    }
}

/// Kills and SIGTERMs at uniform moments; an eighth as many SIGTERMs as kills, of both kinds one at least.
fn ends(random: &mut Rng, scale: Scale) -> Vec<Ending> {
    let terms = (scale.kills / 8).max(2);
    let lives = (scale.seconds - f64::from(terms) * scale.deadline - CALM).max(scale.seconds / 2.0);
    let mut what: Vec<_> = (0..scale.kills).map(|_| End::Kill).collect();
    what.extend((0..terms).map(|index| End::Term {
        outage: index % 2 == 0,
        // The first of each kind is seen to its end.
        killed_after: (index > 1 && random.f64() < 0.25).then(|| random.f64() * scale.deadline),
    }));
    random.shuffle(&mut what);
    let mut moments: Vec<_> = what.iter().map(|_| random.f64() * lives).collect();
    moments.sort_unstable_by(f64::total_cmp);
    let mut before = -CALM;
    let ending = |(end, at): (End, f64)| Ending { after: at - std::mem::replace(&mut before, at), end };
    what.into_iter().zip(moments).map(ending).collect()
}

/// Windows at uniform moments, every trouble in turn, about two at a time.
fn weather(random: &mut Rng, scale: Scale) -> Vec<Window> {
    const MEAN: f64 = 2.5;
    let mut kinds = Trouble::ALL.to_vec();
    let count = ((scale.seconds / MEAN) as usize * 2 / 3).max(kinds.len());
    let mut windows = Vec::with_capacity(count);
    // One long outage is enough, and takes its time.
    let long = scale.time_out * (1.5 + random.f64());
    while windows.len() < count {
        random.shuffle(&mut kinds);
        for trouble in kinds.iter().copied().take(count - windows.len()) {
            let seconds = match trouble {
                Trouble::LongOutage => long,
                Trouble::Outage => 0.3 + 2.0 * random.f64(),
                _ => 1.0 + 2.0 * (MEAN - 1.0) * random.f64(),
            };
            let from = CALM + random.f64() * (scale.seconds - CALM - seconds).max(0.0);
            windows.push(Window { trouble, from, until: from + seconds });
        }
        kinds.retain(|kind| *kind != Trouble::LongOutage);
    }
    windows.sort_unstable_by(|a, b| a.from.total_cmp(&b.from));
    windows
}

fn lives(random: &mut Rng, seconds: f64) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut at = 0.0;
    while at < seconds {
        let life = Life { seconds: 1.0 + 5.0 * random.f64(), after_flush: random.bool() };
        at += life.seconds;
        lives.push(life);
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Scale = Scale { seconds: 420.0, kills: 100, deadline: 2.0, time_out: 2.0 };
    const SHORT: Scale = Scale { seconds: 24.0, kills: 8, deadline: 2.0, time_out: 2.0 };

    #[test]
    fn the_same_seed_gives_the_same_plan_and_another_another() {
        assert_eq!(Plan::draw(7, LONG), Plan::draw(7, LONG));
        assert_ne!(Plan::draw(7, LONG).ends, Plan::draw(8, LONG).ends);
        assert_ne!(Plan::draw(7, LONG).weather, Plan::draw(8, LONG).weather);
    }

    #[test]
    fn every_plan_has_every_trouble_and_every_end() {
        for (seed, scale) in (0..200).flat_map(|seed| [(seed, LONG), (seed, SHORT)]) {
            let plan = Plan::draw(seed, scale);
            assert_eq!(plan.kills(), scale.kills as usize);
            for trouble in Trouble::ALL {
                let window = plan.weather.iter().find(|window| window.trouble == trouble).unwrap();
                assert!(window.from >= CALM && window.until > window.from + 0.25, "{window:?}");
                assert!(trouble != Trouble::LongOutage || window.until - window.from > scale.time_out);
            }
            for wanted in [true, false] {
                let seen = |end: &End| matches!(end, End::Term { outage, killed_after: None } if *outage == wanted);
                assert!(plan.ends.iter().any(|ending| seen(&ending.end)), "seed {seed}: {:?}", plan.ends);
            }
            let lived: f64 = plan.ends.iter().map(|ending| ending.after).sum();
            assert!(plan.ends.iter().all(|ending| ending.after >= 0.0) && lived <= scale.seconds + CALM);
        }
    }

    #[test]
    fn moments_of_kills_are_uniform() {
        let mut tenths = [0; 10];
        for seed in 0..50 {
            let plan = Plan::draw(seed, LONG);
            let mut at = -CALM;
            for ending in &plan.ends {
                at += ending.after;
                tenths[((at / 395.0 * 10.0) as usize).min(9)] += 1;
            }
        }
        assert!(tenths.iter().all(|count| (450..700).contains(count)), "{tenths:?}");
    }

    #[test]
    fn troubles_overlap() {
        let plan = Plan::draw(1, LONG);
        let at_once = (0..4200).map(|tenth| plan.troubles(f64::from(tenth) / 10.0).len());
        assert!(at_once.clone().any(|count| count == 0) && at_once.max() >= Some(3));
    }
}
