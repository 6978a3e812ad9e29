//! A plot before it is drawn: axes, series, guides, what is said of it. `draw` turns it into SVG, and decides nothing.

mod axis;
mod draw;
mod ink;
mod labels;

pub(crate) use axis::Axis;
pub(crate) use draw::svg;
pub(crate) use ink::Ink;

/// One line of a plot.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(super) name: String,
    pub(super) ink: Ink,
    pub(super) points: Vec<(f64, f64)>,
    /// Measured points are marked; curves of many points are not.
    pub(super) marks: bool,
}

/// A value to compare with, drawn across the plot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Guide {
    Across { y: f64, label: String },
    Up { x: f64, label: String },
}

#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(super) title: String,
    /// What is to be seen, and how it was measured.
    pub(super) caption: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    pub(super) guides: Vec<Guide>,
}

/// How the axes are chosen.
pub(crate) type MakeAxis<'a> = &'a dyn Fn(&[f64]) -> Axis;

impl Plot {
    /// Axes are made to hold every point and guide. None where nothing is left to draw.
    pub(crate) fn of(
        (title, caption): (String, String),
        (x, y): (MakeAxis<'_>, MakeAxis<'_>),
        series: Vec<Series>,
        guides: Vec<Guide>,
    ) -> Option<Self> {
        let series: Vec<_> = series.into_iter().filter(|series| !series.points.is_empty()).collect();
        let points = || series.iter().flat_map(|series| &series.points);
        points().next()?;
        let mut xs: Vec<f64> = points().map(|point| point.0).collect();
        let mut ys: Vec<f64> = points().map(|point| point.1).collect();
        for guide in &guides {
            match guide {
                Guide::Across { y, .. } => ys.push(*y),
                Guide::Up { x, .. } => xs.push(*x),
            }
        }
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let (x, y) = (x(&xs).padded(least(&xs)), y(&ys).padded(least(&ys)));
        Some(Self { title, caption, x, y, series, guides })
    }
}

impl Series {
    /// Drops what no axis could show.
    pub(crate) fn new(name: impl ToString, ink: Ink, points: Vec<(f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        Self { name: name.to_string(), ink, points, marks: true }
    }

    pub(crate) fn unmarked(self) -> Self {
        Self { marks: false, ..self }
    }

    /// For logarithmic axes.
    pub(super) fn positive(mut self) -> Self {
        self.points.retain(|(x, y)| *x > 0.0 && *y > 0.0);
        self
    }

    /// For a logarithmic height alone.
    pub(super) fn high(mut self) -> Self {
        self.points.retain(|(_, y)| *y > 0.0);
        self
    }
}
