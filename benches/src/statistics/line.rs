//! Straight lines through points: of wall time over latency, and of memory over time.
//!
//! Samples of memory that follow each other are alike, and an interval that takes them for independent is far too narrow. So the
//! samples are thinned to the means of [`BLOCKS`] stretches of time, the interval is Student's for these, and it is widened by
//! what likeness their residuals still have (as if there were fewer of them). What moves up and down more slowly than a few
//! stretches cannot be told from a slope by any method; only a longer run can.

use super::{Interval, DIFFERENCE};

/// Stretches of time whose means count; fewer where there are few samples.
const BLOCKS: usize = 20;
const LEAST_BLOCKS: usize = 6;
/// The two-sided quantile of the normal distribution at 95 %.
const Z: f64 = 1.959_964;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
}

impl Line {
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// Where it has the value `y`, if anywhere.
    pub(crate) fn reaches(&self, y: f64) -> Option<f64> {
        let x = (y - self.intercept) / self.slope;
        x.is_finite().then_some(x)
    }
}

/// The line of least squares; none through fewer than two different `x`.
pub(crate) fn fit_line(points: &[(f64, f64)]) -> Option<Line> {
    let count = points.len() as f64;
    let (mean_x, mean_y) =
        (points.iter().map(|p| p.0).sum::<f64>() / count, points.iter().map(|p| p.1).sum::<f64>() / count);
    let of = |f: fn(f64, f64) -> f64| points.iter().map(|(x, y)| f(x - mean_x, y - mean_y)).sum::<f64>();
    let slope = of(|x, y| x * y) / of(|x, _| x * x);
    slope.is_finite().then_some(Line { intercept: mean_y - slope * mean_x, slope })
}

/// The slope of samples `(time, value)` in the order of their times, with its interval at 95 %. None where there are too few.
pub(crate) fn slope(samples: &[(f64, f64)]) -> Option<Interval> {
    let blocks = BLOCKS.min(samples.len() / 2);
    if blocks < LEAST_BLOCKS {
        return None;
    }
    let means: Vec<_> = (0..blocks).map(|block| mean(block_of(samples, block, blocks))).collect();
    let (whole, thinned) = (fit_line(samples)?, fit_line(&means)?);
    let error = standard_error(&means, thinned)?;
    let reach = student(error.freedom) * error.value;
    Some(Interval { low: whole.slope - reach, middle: whole.slope, high: whole.slope + reach, confidence: DIFFERENCE })
}

fn block_of(samples: &[(f64, f64)], block: usize, blocks: usize) -> &[(f64, f64)] {
    &samples[block * samples.len() / blocks..(block + 1) * samples.len() / blocks]
}

fn mean(samples: &[(f64, f64)]) -> (f64, f64) {
    let sum = samples.iter().fold((0.0, 0.0), |sum, sample| (sum.0 + sample.0, sum.1 + sample.1));
    (sum.0 / samples.len() as f64, sum.1 / samples.len() as f64)
}

struct StandardError {
    value: f64,
    freedom: f64,
}

/// Of a slope through points whose residuals may be alike from one to the next.
fn standard_error(points: &[(f64, f64)], line: Line) -> Option<StandardError> {
    let count = points.len() as f64;
    let residuals: Vec<f64> = points.iter().map(|(x, y)| y - line.at(*x)).collect();
    let squares: f64 = residuals.iter().map(|residual| residual * residual).sum();
    let likeness = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / squares.max(f64::MIN_POSITIVE);
    // Fitting a line makes residuals look less alike than the noise is, by about so much; the tests check what it comes to.
    let likeness = (likeness + (2.0 + 4.0 * likeness) / count).clamp(0.0, 0.9);
    let effective = (count * (1.0 - likeness) / (1.0 + likeness)).max(5.0);
    let (mean_x, _) = mean(points);
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let value = (squares / (effective - 2.0) / spread).sqrt();
    value.is_finite().then_some(StandardError { value, freedom: effective - 2.0 })
}

/// Student's two-sided quantile at 95 %, by its expansion around the normal one; right to a thousandth from 3 on.
fn student(freedom: f64) -> f64 {
    let z = |power: i32| Z.powi(power);
    Z + (z(3) + Z) / (4.0 * freedom)
        + (5.0 * z(5) + 16.0 * z(3) + 3.0 * Z) / (96.0 * freedom.powi(2))
        + (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * Z) / (384.0 * freedom.powi(3))
        + (79.0 * z(9) + 776.0 * z(7) + 1_482.0 * z(5) - 1_920.0 * z(3) - 945.0 * Z) / (92_160.0 * freedom.powi(4))
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::super::tests::normal;
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let line = fit_line(&[(0.0, 1.0), (10.0, 21.0), (20.0, 41.0)]).unwrap();
        assert!((line.slope - 2.0).abs() < 1e-12 && (line.intercept - 1.0).abs() < 1e-12);
        assert!((line.at(5.0) - 11.0).abs() < 1e-12);
        assert!((line.reaches(11.0).unwrap() - 5.0).abs() < 1e-12);
        assert_eq!(fit_line(&[(1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(fit_line(&[]), None);
        assert_eq!(Line { intercept: 1.0, slope: 0.0 }.reaches(2.0), None);
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, quantile) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (18.0, 2.101), (30.0, 2.042)] {
            assert!((student(freedom) - quantile).abs() < 0.005, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn few_samples_have_no_interval() {
        let samples: Vec<_> = (0..11).map(|x| (f64::from(x), 1.0)).collect();
        assert_eq!(slope(&samples), None);
        let still: Vec<_> = (0..100).map(|x| (f64::from(x), 7.0)).collect();
        let interval = slope(&still).unwrap();
        assert!(interval.middle.abs() < 1e-12 && interval.half_width() < 1e-12);
    }

    /// How often the true slope is inside, of samples of which each is like the one before.
    fn coverage(likeness: f64, samples: usize, true_slope: f64) -> f64 {
        let mut rng = Rng::with_seed(7);
        let runs = 400;
        let inside = (0..runs).filter(|_| {
            let mut noise = normal(&mut rng) / (1.0 - likeness * likeness).sqrt();
            let points: Vec<_> = (0..samples)
                .map(|x| {
                    noise = likeness * noise + normal(&mut rng);
                    (x as f64, true_slope * x as f64 + noise)
                })
                .collect();
            slope(&points).unwrap().holds(true_slope)
        });
        inside.count() as f64 / f64::from(runs)
    }

    #[test]
    fn the_interval_holds_the_slope_as_often_as_it_says() {
        for (likeness, samples) in [(0.0, 200), (0.5, 200), (0.9, 600), (0.98, 2_000)] {
            let held = coverage(likeness, samples, 0.01);
            assert!(held >= 0.91, "likeness {likeness}, {samples} samples: {held}");
        }
    }

    #[test]
    fn a_leak_is_seen() {
        let mut rng = Rng::with_seed(3);
        let points: Vec<_> = (0..1_000).map(|x| (f64::from(x), 0.01 * f64::from(x) + normal(&mut rng))).collect();
        let interval = slope(&points).unwrap();
        assert!(interval.low > 0.008 && interval.high < 0.012, "{interval:?}");
    }
}
