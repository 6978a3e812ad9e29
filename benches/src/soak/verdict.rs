//! What growth of memory says: a leak, none, or that the run cannot tell. Pure.
//!
//! A leak goes on. Memory that was taken once, for good, makes a slope too, and so does an allocator that settles; so a leak must show
//! in each third of the run, and not much more slowly at its end.

use std::fmt;

use super::Growth;

/// Growth that is beyond doubt and yet too little to call a leak: caches and tables that still fill, in MiB an hour.
pub(super) const MARGIN: f64 = 1.0;
/// A run that could have missed a growth of more than this says nothing of use: it would fill the spare 40 MiB of a pod within
/// hours.
const RESOLVES: f64 = 8.0;
/// Each third of the run must grow by this part of what the whole does.
const STEADY: f64 = 0.5;
/// Shorter than this a line is drawn through memory that still settles, whatever its interval says, in seconds of samples.
const SHORTEST: f64 = 1_800.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// At least so much, in MiB an hour.
    Leak { least: f64 },
    /// No growth larger than this.
    NoneSeen { most: f64 },
    /// It grew, but not throughout the run.
    Unsteady { most: f64 },
    /// The run was too short.
    TooShort { seconds: f64 },
    /// Growth up to this might have gone unseen.
    Unsure { most: f64 },
}

impl Verdict {
    pub(super) fn of(growth: &Growth) -> Self {
        let seconds = growth.seconds;
        match growth.slope {
            Some(slope) if seconds >= SHORTEST => {
                let least = STEADY * slope.middle;
                let steady = growth.thirds.iter().all(|third| third.is_some_and(|third| third >= least));
                if slope.low > MARGIN && steady {
                    Self::Leak { least: slope.low }
                } else if slope.low > MARGIN {
                    Self::Unsteady { most: slope.high }
                } else if slope.high <= RESOLVES {
                    Self::NoneSeen { most: slope.high.max(0.0) }
                } else {
                    Self::Unsure { most: slope.high }
                }
            }
            _ => Self::TooShort { seconds },
        }
    }

    pub(super) fn is_leak(self) -> bool {
        matches!(self, Self::Leak { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leak { least } => write!(f, "leak: memory grew by {least:.1} MiB an hour at least"),
            Self::NoneSeen { most } => write!(f, "no slope seen larger than {most:.2} MiB an hour"),
            Self::Unsteady { most } => {
                write!(
                    f,
                    "inconclusive: it grew, by up to {most:.1} MiB an hour, but not throughout; let it run longer"
                )
            }
            Self::TooShort { seconds } => {
                write!(
                    f,
                    "inconclusive: {seconds:.0} s after the warm-up are too short to tell, {SHORTEST:.0} s needed"
                )
            }
            Self::Unsure { most } => {
                write!(f, "inconclusive: growth up to {most:.1} MiB an hour might have gone unseen; let it run longer")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::statistics::Interval;

    fn interval(middle: f64, low: f64, high: f64) -> Interval {
        Interval { low, middle, high, confidence: 0.95 }
    }

    fn of(low: f64, high: f64, seconds: f64) -> Verdict {
        let estimate = (low + high) / 2.0;
        Verdict::of(&Growth { slope: Some(interval(estimate, low, high)), thirds: [Some(estimate); 3], seconds })
    }

    #[test]
    fn a_leak_is_what_is_beyond_doubt_and_the_margin() {
        assert_eq!(of(1.5, 9.0, 3_600.0), Verdict::Leak { least: 1.5 });
        assert_eq!(of(1.0, 2.0, 3_600.0), Verdict::NoneSeen { most: 2.0 });
        assert!(of(1.1, 1.2, 1_800.0).is_leak());
    }

    #[test]
    fn what_does_not_go_on_is_no_leak() {
        let slope = Some(interval(5.0, 1.5, 8.5));
        for thirds in
            [[Some(8.0), Some(8.0), Some(0.0)], [Some(2.4), Some(9.0), Some(9.0)], [None, Some(9.0), Some(9.0)]]
        {
            let verdict = Verdict::of(&Growth { slope, thirds, seconds: 3_600.0 });
            assert_eq!(verdict, Verdict::Unsteady { most: 8.5 });
        }
    }

    #[test]
    fn none_is_what_the_run_could_have_seen() {
        assert_eq!(of(-0.5, 0.4, 3_600.0), Verdict::NoneSeen { most: 0.4 });
        assert_eq!(of(-3.0, -1.0, 3_600.0), Verdict::NoneSeen { most: 0.0 });
        assert_eq!(of(-30.0, 8.1, 3_600.0), Verdict::Unsure { most: 8.1 });
    }

    #[test]
    fn a_short_run_says_nothing_however_narrow_its_interval() {
        assert_eq!(of(5.0, 5.0, 1_799.0), Verdict::TooShort { seconds: 1_799.0 });
        let unknown = Growth { slope: None, thirds: [None; 3], seconds: 9_999.0 };
        assert_eq!(Verdict::of(&unknown), Verdict::TooShort { seconds: 9_999.0 });
        assert!(of(0.0, 0.0, 10.0).to_string().starts_with("inconclusive: 10 s"));
    }
}
