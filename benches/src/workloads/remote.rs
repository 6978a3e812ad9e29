//! How far away the remote is, in words that the results keep: `10`, `lognormal:20,0.8`, `10+throttle`.

use std::fmt;

use serde_json::json;

use crate::endpoint::Behaviour;

/// Of all PutLogEvents calls, where any are throttled.
const THROTTLED_SHARE: f64 = 0.1;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distance {
    /// Always so many milliseconds.
    Fixed(u32),
    /// A median of 20 ms; one call in a hundred takes 129 ms, one in a thousand 237 ms.
    LongTail,
}

/// How far away the remote is, and whether it throttles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    distance: Distance,
    throttles: bool,
}

impl Remote {
    /// Always so many milliseconds away.
    pub(crate) fn fixed(ms: u32) -> Self {
        Self { distance: Distance::Fixed(ms), throttles: false }
    }

    /// Mostly about 20 ms away, and now and then far.
    pub(crate) fn long_tail() -> Self {
        Self { distance: Distance::LongTail, throttles: false }
    }

    /// The same, but one call in ten is throttled.
    pub(crate) fn throttling(self) -> Self {
        Self { throttles: true, ..self }
    }

    /// What a call takes at the median, in seconds; what a run takes is guessed from it.
    pub(crate) fn typical_seconds(&self) -> f64 {
        match self.distance {
            Distance::Fixed(ms) => f64::from(ms) / 1e3,
            Distance::LongTail => 0.02,
        }
    }

    /// `seed` is of the tail and the throttling.
    pub(crate) fn behaviour(&self, numbers: u64, seed: u64) -> Behaviour {
        let mut faults = vec![json!({ "kind": "latency", "latency": self.distance.to_string() }).to_string()];
        if self.throttles {
            let throttle = json!({ "kind": "throttle", "operation": "PutLogEvents", "probability": THROTTLED_SHARE });
            faults.push(throttle.to_string());
        }
        Behaviour { faults, numbers, seed: Some(seed), ..Behaviour::default() }
    }
}

/// In the emulator's words.
impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => write!(f, "{ms}"),
            Self::LongTail => f.write_str("lognormal:20,0.8"),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.distance, if self.throttles { "+throttle" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_the_load_record_read_its_words() {
        assert_eq!(Remote::fixed(10).to_string(), "10");
        assert_eq!(Remote::fixed(10).throttling().to_string(), "10+throttle");
        assert_eq!(Remote::long_tail().to_string(), "lognormal:20,0.8");
        for remote in [Remote::fixed(10), Remote::long_tail()] {
            assert!(remote.to_string().parse::<crate::record::remote::Remote>().is_ok(), "{remote}");
        }
    }

    #[test]
    fn the_middle_of_a_distribution_is_its_typical_distance() {
        assert_eq!(Remote::fixed(10).typical_seconds(), 0.01);
        assert_eq!(Remote::long_tail().typical_seconds(), 0.02);
    }

    #[test]
    fn throttling_is_a_second_fault() {
        assert_eq!(Remote::fixed(10).behaviour(1, 0).faults.len(), 1);
        assert!(Remote::fixed(10).throttling().behaviour(1, 0).faults[1].contains("throttle"));
    }
}
