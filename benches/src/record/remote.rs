//! How far away the endpoint is: what the emulator is told, and what of it can be added to a record's age.

use std::str::FromStr;
use std::time::Duration;

/// `10`, `uniform:5..20`, `lognormal:20,0.5`: milliseconds, as the emulator takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote(String);

impl FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0);
        let pair = |text: &str, between: &str| text.split_once(between).is_some_and(|(a, b)| number(a) && number(b));
        let good = match text.split_once(':') {
            None => number(text),
            Some(("uniform", range)) => pair(range, ".."),
            Some(("lognormal", shape)) => pair(shape, ","),
            Some(_) => false,
        };
        let how = "expected milliseconds: `10`, `uniform:5..20`, or `lognormal:20,0.5` (median, sigma)";
        good.then(|| Self(text.to_owned())).ok_or_else(|| how.to_owned())
    }
}

impl Remote {
    /// For the emulator; none where it is to answer at once.
    pub(crate) fn latency(&self) -> Option<&str> {
        (self.fixed() != Some(Duration::ZERO)).then_some(self.0.as_str())
    }

    /// As a fault that stands from the start.
    pub(crate) fn fault(&self) -> Option<String> {
        Some(format!("latency,latency={}", self.latency()?))
    }

    /// The latency, where it is the same for every call.
    pub(crate) fn fixed(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.0.parse::<f64>().ok()?.min(86_400_000.0) / 1e3))
    }

    /// As results have it.
    pub(crate) fn name(&self) -> String {
        match self.fixed() {
            Some(_) => format!("{} ms", self.0),
            None => format!("{} ms", self.0.replacen(':', " ", 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_emulator_takes_is_taken() {
        let fixed: Remote = "2.5".parse().unwrap();
        assert_eq!((fixed.latency(), fixed.fixed()), (Some("2.5"), Some(Duration::from_micros(2_500))));
        assert_eq!(fixed.name(), "2.5 ms");
        let none: Remote = "0".parse().unwrap();
        assert_eq!((none.latency(), none.fault(), none.name()), (None, None, "0 ms".to_owned()));
        let tail: Remote = "lognormal:20,0.5".parse().unwrap();
        assert_eq!(tail.fault().unwrap(), "latency,latency=lognormal:20,0.5");
        assert_eq!((tail.fixed(), tail.name()), (None, "lognormal 20,0.5 ms".to_owned()));
        assert!("uniform:5..20".parse::<Remote>().is_ok());
    }

    #[test]
    fn nonsense_is_not() {
        for bad in ["", "-1", "ten", "inf", "uniform:5", "lognormal:20", "normal:1,2", "lognormal:a,b"] {
            assert!(bad.parse::<Remote>().unwrap_err().contains("milliseconds"), "{bad}");
        }
    }
}
