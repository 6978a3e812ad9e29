//! How fast something grows over time, and how sure that is. Pure.
//!
//! A straight line is fitted through the means of [`BLOCKS`] blocks of equal length, not through the samples: memory a second ago
//! says nearly all of what it is now, and an interval that took samples for independent would be far too narrow. Means of blocks
//! much longer than such memory are nearly independent; what correlation the residuals of neighbouring blocks still show widens
//! the interval (as a first-order process would have it). The interval is Student's.
//!
//! Absent: models of growth other than a line. A single step is told apart from a line by its residuals alone, which hang together.

/// Blocks, of which two parameters are estimated.
const BLOCKS: usize = 20;
/// Fewer samples in a block would be noise themselves.
const LEAST_IN_BLOCK: usize = 3;
/// Student's t for 95 %, two-sided, at `BLOCKS - 2` degrees of freedom.
const STUDENT: f64 = 2.101;
/// Correlation beyond this would make any interval endless.
const MOST_CORRELATED: f64 = 0.95;

/// Growth for a unit of time, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Slope {
    /// Of samples (time, value) in the order of time; nothing where there are too few.
    pub(crate) fn of(samples: &[(f64, f64)]) -> Option<Self> {
        let each = samples.len() / BLOCKS;
        if each < LEAST_IN_BLOCK {
            return None;
        }
        // What does not fill a block is left out at the beginning, where things still settle.
        let kept = &samples[samples.len() - each * BLOCKS..];
        let blocks: Vec<_> = kept.chunks_exact(each).map(mean).collect();
        let (middle, level) = mean(&blocks);
        let spread: f64 = blocks.iter().map(|(time, _)| (time - middle).powi(2)).sum();
        if spread <= 0.0 {
            return None;
        }
        let together: f64 = blocks.iter().map(|(time, value)| (time - middle) * (value - level)).sum();
        let estimate = together / spread;
        let residuals: Vec<_> = blocks.iter().map(|(time, value)| value - level - estimate * (time - middle)).collect();
        let half = STUDENT * (variance(&residuals) / spread).sqrt();
        Some(Self { estimate, low: estimate - half, high: estimate + half })
    }
}

fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let (times, values) = points.iter().fold((0.0, 0.0), |(times, values), (t, v)| (times + t, values + v));
    (times / points.len() as f64, values / points.len() as f64)
}

/// Of the residuals, widened by how much each says of the next.
fn variance(residuals: &[f64]) -> f64 {
    let squares: f64 = residuals.iter().map(|residual| residual.powi(2)).sum();
    if squares <= 0.0 {
        return 0.0;
    }
    let neighbours: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    // A fitted line takes some of the correlation along: about so much is added back.
    let correlation = (neighbours / squares + 2.0 / BLOCKS as f64).clamp(0.0, MOST_CORRELATED);
    squares / (BLOCKS - 2) as f64 * (1.0 + correlation) / (1.0 - correlation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(count: usize, of: impl FnMut(usize) -> f64) -> Vec<(f64, f64)> {
        let mut of = of;
        (0..count).map(|second| (second as f64, of(second))).collect()
    }

    /// Noise in which a value keeps `memory` of the one before.
    fn noise(seed: u64, memory: f64) -> impl FnMut() -> f64 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut state = 0.0;
        move || {
            // A sum of twelve is normal enough.
            let fresh: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
            state = memory * state + (1.0_f64 - memory * memory).sqrt() * fresh;
            state
        }
    }

    #[test]
    fn a_line_is_found_exactly() {
        let slope = Slope::of(&series(200, |second| 3.0 + 0.5 * second as f64)).unwrap();
        assert!((slope.estimate - 0.5).abs() < 1e-9 && (slope.high - slope.low) < 1e-6, "{slope:?}");
        let flat = Slope::of(&series(60, |_| 7.0)).unwrap();
        assert_eq!((flat.estimate, flat.low, flat.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn too_few_say_nothing() {
        assert_eq!(Slope::of(&series(59, |_| 1.0)), None);
        assert_eq!(Slope::of(&[(5.0, 1.0); 100]), None);
        assert_eq!(Slope::of(&[]), None);
    }

    /// An interval of 95 % holds the truth in 95 % of runs, also where samples hang together for a minute.
    #[test]
    fn the_interval_holds_what_it_promises() {
        for memory in [0.0, 0.9, 0.98] {
            let truth = 0.001;
            let holds = |seed: &u64| {
                let mut noise = noise(*seed, memory);
                let slope = Slope::of(&series(3_600, |second| truth * second as f64 + noise())).unwrap();
                (slope.low..=slope.high).contains(&truth)
            };
            let held = (0..400).filter(holds).count();
            assert!((368..=396).contains(&held), "{held} of 400 at {memory}");
        }
    }

    #[test]
    fn growth_well_above_the_noise_is_found() {
        let mut noise = noise(1, 0.95);
        let slope = Slope::of(&series(3_600, |second| second as f64 / 600.0 + noise())).unwrap();
        assert!(slope.low > 0.0 && slope.high < 2.0 / 600.0, "{slope:?}");
    }

    /// A cache that is filled once is no leak: its interval is many times as wide as one that took the blocks for independent.
    #[test]
    fn a_single_step_is_less_sure_than_a_line() {
        let step = Slope::of(&series(2_000, |second| if second < 1_000 { 0.0 } else { 1.0 })).unwrap();
        assert!((step.high - step.low) > step.estimate, "{step:?}");
    }
}
