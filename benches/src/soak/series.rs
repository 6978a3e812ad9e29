//! Samples of a run of any length, at most so many: where there are too many every second one goes. Pure.

use crate::results::Point;

/// Most points that are kept.
pub(super) const MOST: usize = 2_000;

#[derive(Debug)]
pub(super) struct Series {
    points: Vec<Point>,
    /// One sample in so many is kept.
    every: u64,
    seen: u64,
}

impl Series {
    pub(super) fn new() -> Self {
        Self { points: Vec::new(), every: 1, seen: 0 }
    }

    pub(super) fn push(&mut self, point: Point) {
        let wanted = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if !wanted {
            return;
        }
        if self.points.len() == MOST {
            self.thin();
            if !(self.seen - 1).is_multiple_of(self.every) {
                return;
            }
        }
        self.points.push(point);
    }

    fn thin(&mut self) {
        let mut index = 0;
        self.points.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.every *= 2;
    }

    pub(super) fn into_points(self) -> Vec<Point> {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: u64) -> Vec<Point> {
        let mut series = Series::new();
        for second in 0..samples {
            series.push(Point { seconds: second as f64, value: 1.0 });
        }
        series.into_points()
    }

    #[test]
    fn a_short_run_keeps_all() {
        assert_eq!(of(MOST as u64).len(), MOST);
    }

    #[test]
    fn a_long_run_keeps_some_evenly_from_its_beginning_to_its_end() {
        for samples in [2_001, 3_600, 4_001, 86_400] {
            let points = of(samples);
            assert!((MOST / 2..=MOST).contains(&points.len()), "{} of {samples}", points.len());
            let step = points[1].seconds;
            assert!(points.windows(2).all(|pair| pair[1].seconds - pair[0].seconds == step), "{samples}");
            assert_eq!(points[0].seconds, 0.0);
            assert!(points[points.len() - 1].seconds + step >= samples as f64, "{samples}");
        }
    }
}
