//! Where values lie on an axis, and which of them are named.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::report::words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
    /// For quantiles: each further nine takes the same room.
    Tail,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    pub(super) title: String,
    pub(super) scale: Scale,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From zero, or from the least value where that is below.
    pub(crate) fn linear(title: &str, values: &[f64]) -> Self {
        let least = values.iter().copied().fold(0.0, f64::min);
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let span = if greatest > least { greatest - least } else { 1.0 };
        let low = if least < 0.0 { least - 0.04 * span } else { 0.0 };
        let high = if greatest > 0.0 { greatest + 0.06 * span } else { least + 1.1 * span };
        Self { title: title.to_owned(), scale: Scale::Linear, low, high, ticks: named(&even(low, high)) }
    }

    /// Values that are not above zero have no place on it; the caller has dropped them.
    pub(crate) fn log(title: &str, values: &[f64]) -> Self {
        let sound = || values.iter().copied().filter(|value| *value > 0.0 && value.is_finite());
        let least = sound().fold(f64::INFINITY, f64::min);
        let greatest = sound().fold(0.0, f64::max);
        let (least, greatest) = if greatest > 0.0 { (least, greatest) } else { (1.0, 10.0) };
        // Noise of a few percent must not fill the height, so that an axis spans a factor of two at least.
        let room = ((2.0 * least / greatest).max(1.0)).sqrt();
        let (low, high) = (least / room, greatest * room);
        let margin = (high / low).powf(0.05);
        let (low, high) = (low / margin, high * margin);
        Self { title: format!("{title}, log"), scale: Scale::Log, low, high, ticks: named(&decades(low, high)) }
    }

    /// Leaves room before a value near the very start, so that its mark lies beside the axis and not on it.
    pub(super) fn padded(self, least: f64) -> Self {
        if self.scale != Scale::Linear || self.place(least) > 0.02 {
            return self;
        }
        Self { low: self.low - 0.03 * (self.high - self.low), ..self }
    }

    pub(crate) fn titled(self, title: &str) -> Self {
        let log = if self.scale == Scale::Log { ", log" } else { "" };
        Self { title: format!("{title}{log}"), ..self }
    }

    /// Quantiles that so many values can tell.
    pub(crate) fn tail(title: &str, count: u64) -> Self {
        let last = 1.0 - 1.0 / (count.max(20) as f64);
        let names = [
            (0.0, "0"),
            (0.5, "50"),
            (0.9, "90"),
            (0.99, "99"),
            (0.999, "99.9"),
            (0.9999, "99.99"),
            (0.99999, "99.999"),
        ];
        let ticks = names.iter().filter(|(at, _)| *at <= last).map(|(at, name)| (*at, format!("{name} %"))).collect();
        Self { title: title.to_owned(), scale: Scale::Tail, low: 0.0, high: last, ticks }
    }

    /// The place of a value, 0 to 1 from end to end; what lies beyond an end is put there.
    pub(super) fn place(&self, value: f64) -> f64 {
        let on = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Tail => -(1.0 - value.min(1.0 - 1e-9)).log10(),
        };
        let (low, high) = (on(self.low), on(self.high));
        ((on(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    pub(super) fn name(&self, value: f64) -> String {
        self.ticks.iter().find(|(at, _)| *at == value).map_or_else(String::new, |(_, name)| name.clone())
    }
}

fn named(ticks: &[f64]) -> Vec<(f64, String)> {
    ticks.iter().map(|at| (*at, words::tick(*at))).collect()
}

/// About six steps of 1, 2 or 5.
fn even(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// Powers of ten; with their twos and fives where there are few, even steps where there are hardly any.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let of = |factors: &[f64]| -> Vec<f64> {
        let all = (first..=last).flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
        all.filter(|at| (low..=high).contains(at)).collect()
    };
    let spans = (high / low).log10();
    let ticks = match spans {
        _ if spans > 7.0 => of(&[1.0]).into_iter().step_by(2).collect(),
        _ if spans > 3.3 => of(&[1.0]),
        _ if spans > 1.3 => of(&[1.0, 2.0, 5.0]),
        _ if spans > 0.5 => of(&[1.0, 2.0, 3.0, 5.0, 7.0]),
        _ => Vec::new(),
    };
    if ticks.len() < 2 {
        return even(low, high);
    }
    ticks
}

/// What plotters asks of a coordinate.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        from + (self.place(*value) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_holds_everything() {
        let axis = Axis::linear("ms", &[3.0, 33.0]);
        assert_eq!(names(&axis), ["0", "10", "20", "30"]);
        assert!(axis.place(0.0) == 0.0 && axis.place(33.0) < 1.0);
        let below = Axis::linear("ms", &[-0.2, 1.0]);
        assert!(below.place(-0.2) > 0.0 && below.place(1.0) < 1.0);
        assert!(Axis::linear("", &[]).place(0.5).is_finite() && Axis::linear("", &[0.0]).high > 0.0);
    }

    #[test]
    fn a_log_axis_gives_each_decade_the_same_room() {
        let axis = Axis::log("ms", &[0.1, 1_000.0]);
        assert_eq!(names(&axis), ["0.1", "1", "10", "100", "1,000"]);
        let gap = |a: f64, b: f64| axis.place(b) - axis.place(a);
        assert!((gap(1.0, 10.0) - gap(10.0, 100.0)).abs() < 1e-9);
        assert_eq!(names(&Axis::log("", &[12.0, 80.0])), ["20", "30", "50", "70"]);
    }

    #[test]
    fn nearly_equal_values_do_not_fill_a_log_axis() {
        let axis = Axis::log("ms", &[12.1, 12.3]);
        assert!(axis.high / axis.low >= 2.0 && axis.ticks.len() >= 3, "{axis:?}");
        assert!(axis.place(12.3) - axis.place(12.1) < 0.05);
    }

    #[test]
    fn a_tail_axis_ends_at_what_the_count_can_tell() {
        let axis = Axis::tail("quantile", 1_000);
        assert_eq!(names(&axis), ["0 %", "50 %", "90 %", "99 %", "99.9 %"]);
        assert!((axis.place(0.9) - axis.place(0.0) - (axis.place(0.99) - axis.place(0.9))).abs() < 1e-9);
        assert_eq!(axis.place(1.0), 1.0);
    }
}
