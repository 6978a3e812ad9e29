//! Values over time in a bounded number of points: when they are full, every second one goes, and only every second one is taken.

use crate::results::Point;

/// More than a plot can show.
const MOST: usize = 2_000;

#[derive(Debug, Clone)]
pub(super) struct Series {
    points: Vec<Point>,
    /// One value in so many is kept.
    every: usize,
    seen: usize,
}

impl Default for Series {
    fn default() -> Self {
        Self { points: Vec::new(), every: 1, seen: 0 }
    }
}

impl Series {
    pub(super) fn push(&mut self, seconds: f64, value: f64) {
        if self.seen % self.every == 0 {
            if self.points.len() == MOST {
                let mut index = 0;
                self.points.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.every *= 2;
            }
            self.points.push(Point { seconds, value });
        }
        self.seen += 1;
    }

    pub(super) fn points(self) -> Vec<Point> {
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_whole_length() {
        let mut series = Series::default();
        (0..100_000).for_each(|second| series.push(f64::from(second), 1.0));
        let points = series.points();
        assert!((MOST / 2..=MOST).contains(&points.len()), "{}", points.len());
        assert_eq!(points[0].seconds, 0.0);
        assert!(points.last().unwrap().seconds > 99_900.0);
        let step = points[1].seconds;
        assert!(points.windows(2).all(|pair| pair[1].seconds - pair[0].seconds == step));
    }

    #[test]
    fn a_short_one_keeps_everything() {
        let mut series = Series::default();
        (0..50).for_each(|second| series.push(f64::from(second), 1.0));
        assert_eq!(series.points().len(), 50);
    }
}
