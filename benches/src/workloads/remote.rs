//! How far away the remote is, in words that the results keep: `10`, `lognormal:20,0.8`, `10+throttle`.

use std::fmt;
use std::str::FromStr;

use serde_json::json;

use crate::endpoint::Behaviour;

/// Of a hundred PutLogEvents calls, so many are throttled where any are.
const THROTTLED_SHARE: f64 = 0.1;
const THROTTLE: &str = "+throttle";

/// The remote's latency in the emulator's words, and whether it throttles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    latency: String,
    throttles: bool,
}

impl Remote {
    /// Always so many milliseconds away.
    pub(crate) fn fixed(ms: u32) -> Self {
        Self { latency: ms.to_string(), throttles: false }
    }

    /// A median of 20 ms and a tail: one call in a hundred takes 129 ms, one in a thousand 237 ms.
    pub(crate) fn long_tail() -> Self {
        Self { latency: "lognormal:20,0.8".to_owned(), throttles: false }
    }

    /// The same, but one call in ten is throttled.
    pub(crate) fn throttling(self) -> Self {
        Self { throttles: true, ..self }
    }

    /// What a call takes at the median, in seconds; what a run takes is guessed from it.
    pub(crate) fn typical_seconds(&self) -> f64 {
        let shape = self.latency.rsplit(':').next().unwrap_or_default();
        let first = shape.split([',', '.']).next().unwrap_or_default();
        first.parse::<f64>().unwrap_or(20.0) / 1e3
    }

    /// `seed` is of the tail and the throttling.
    pub(crate) fn behaviour(&self, numbers: u64, seed: u64) -> Behaviour {
        let mut faults = vec![json!({ "kind": "latency", "latency": self.latency }).to_string()];
        if self.throttles {
            let throttle = json!({ "kind": "throttle", "operation": "PutLogEvents", "probability": THROTTLED_SHARE });
            faults.push(throttle.to_string());
        }
        Behaviour { faults, numbers, seed: Some(seed), ..Behaviour::default() }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.latency, if self.throttles { THROTTLE } else { "" })
    }
}

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (latency, throttles) = match text.strip_suffix(THROTTLE) {
            Some(latency) => (latency, true),
            None => (text, false),
        };
        let numbers =
            latency.strip_prefix("lognormal:").or_else(|| latency.strip_prefix("uniform:")).unwrap_or(latency);
        let known = !numbers.is_empty() && numbers.chars().all(|c| c.is_ascii_digit() || ".,".contains(c));
        match known {
            true => Ok(Self { latency: latency.to_owned(), throttles }),
            false => Err(format!("`{text}` is not `10`, `uniform:10..30` or `lognormal:20,0.8` (milliseconds), `+throttle` behind it or not")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_both_ways() {
        for text in ["0", "10", "lognormal:20,0.8", "uniform:10..30", "10+throttle"] {
            assert_eq!(text.parse::<Remote>().unwrap().to_string(), text);
        }
        for bad in ["", "x", "+throttle", "lognormal:", "10+slow", "-1"] {
            assert!(bad.parse::<Remote>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_middle_of_a_distribution_is_its_typical_distance() {
        assert_eq!(Remote::fixed(10).typical_seconds(), 0.01);
        assert_eq!(Remote::long_tail().typical_seconds(), 0.02);
        assert_eq!("uniform:10..30".parse::<Remote>().unwrap().typical_seconds(), 0.01);
    }

    #[test]
    fn throttling_is_a_second_fault() {
        assert_eq!(Remote::fixed(10).behaviour(1, 0).faults.len(), 1);
        assert!(Remote::fixed(10).throttling().behaviour(1, 0).faults[1].contains("throttle"));
    }
}
