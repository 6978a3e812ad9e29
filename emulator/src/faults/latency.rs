//! How long an answer takes.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::FaultError;

/// No answer is held back longer than this; the tail of a log-normal has no end of its own.
const LONGEST_MS: f64 = 300_000.0;

/// A distribution of delays in milliseconds. As text: `20`, `uniform:10..30`, `lognormal:20,0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Latency {
    /// Always the same.
    Fixed(f64),
    /// Anything from the first to the second, equally likely.
    Uniform(f64, f64),
    /// Log-normal with this median, and this standard deviation of the logarithm.
    LogNormal(f64, f64),
}

impl Latency {
    pub(crate) fn draw(self, random: &mut fastrand::Rng) -> Duration {
        let millis = match self {
            Self::Fixed(millis) => millis,
            Self::Uniform(from, to) => from + (to - from) * random.f64(),
            Self::LogNormal(median, sigma) => median * (sigma * normal(random)).exp(),
        };
        Duration::from_secs_f64(millis.clamp(0.0, LONGEST_MS) / 1_000.0)
    }
}

/// One draw of the standard normal distribution (Box and Muller).
fn normal(random: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(millis) => write!(f, "{millis}"),
            Self::Uniform(from, to) => write!(f, "uniform:{from}..{to}"),
            Self::LogNormal(median, sigma) => write!(f, "lognormal:{median},{sigma}"),
        }
    }
}

impl FromStr for Latency {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = || {
            let why = format!("`{text}` is not `20`, `uniform:10..30` or `lognormal:20,0.5` (milliseconds)");
            FaultError::new("latency", why)
        };
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok()?;
            (number.is_finite() && number >= 0.0).then_some(number)
        };
        let pair = |text: &str, between: &str| {
            let (a, b) = text.split_once(between)?;
            Some((number(a)?, number(b)?))
        };
        let latency = if let Some(range) = text.strip_prefix("uniform:") {
            pair(range, "..").filter(|(from, to)| from <= to).map(|(from, to)| Self::Uniform(from, to))
        } else if let Some(shape) = text.strip_prefix("lognormal:") {
            pair(shape, ",").map(|(median, sigma)| Self::LogNormal(median, sigma))
        } else {
            number(text).map(Self::Fixed)
        };
        latency.ok_or_else(wrong)
    }
}

impl TryFrom<String> for Latency {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl From<Latency> for String {
    fn from(latency: Latency) -> Self {
        latency.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(latency: &str) -> Vec<f64> {
        let mut random = fastrand::Rng::with_seed(7);
        let latency: Latency = latency.parse().unwrap();
        let mut drawn: Vec<_> = (0..10_001).map(|_| latency.draw(&mut random).as_secs_f64() * 1_000.0).collect();
        drawn.sort_by(f64::total_cmp);
        drawn
    }

    #[test]
    fn each_shape_is_what_it_says() {
        assert!(sorted("20").iter().all(|ms| (ms - 20.0).abs() < 0.001));
        let uniform = sorted("uniform:10..30");
        assert!(uniform[0] >= 10.0 && uniform[10_000] <= 30.0 && (uniform[5_000] - 20.0).abs() < 0.5);
        let lognormal = sorted("lognormal:20,0.5");
        assert!((lognormal[5_000] - 20.0).abs() < 1.0);
        // One standard deviation above the median.
        assert!((lognormal[8_413] - 20.0 * 0.5_f64.exp()).abs() < 2.0);
    }

    #[test]
    fn text_goes_both_ways() {
        for text in ["20", "uniform:10..30", "lognormal:20,0.5"] {
            assert_eq!(text.parse::<Latency>().unwrap().to_string(), text);
        }
        for bad in ["", "x", "-1", "uniform:30..10", "uniform:1", "lognormal:1", "NaN", "inf"] {
            assert!(bad.parse::<Latency>().is_err(), "{bad}");
        }
    }
}
