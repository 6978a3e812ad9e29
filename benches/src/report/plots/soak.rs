//! Memory of a long steady run, and the line through it.

use super::linear;
use crate::report::plot::{Ink, Plot, Series};
use crate::report::words;
use crate::results::{Mode, Results, SoakRun};

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    results.soaks.iter().filter(|run| run.faults.is_empty()).filter_map(plot).collect()
}

fn plot(run: &SoakRun) -> Option<Plot> {
    let points: Vec<(f64, f64)> = run.memory.iter().map(|point| (point.seconds / 60.0, point.value)).collect();
    let caption = format!(
        "Resident memory at {} records a second, by the kernel. Slope after the first tenth: {} MiB an hour (95 %: {} to {}).",
        words::thousands(run.per_second),
        words::number(run.slope_mib_per_hour),
        words::number(run.slope_low),
        words::number(run.slope_high)
    );
    let title = format!("Soak of {} minutes", words::number(run.seconds / 60.0));
    let series = vec![Series::new("resident", Ink::of(Mode::Splashdam).thin(), points).unmarked()];
    Plot::of((title, caption), (&linear("minutes"), &linear("resident, MiB")), series, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_soak_tells_its_slope() {
        let plots = plots(&sample::results());
        assert!(plots[0].caption.contains("MiB an hour (95 %"), "{}", plots[0].caption);
    }
}
