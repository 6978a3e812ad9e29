//! A run as pictures: calls against the quota, creating calls, the oldest record's age, each over time.

use std::path::Path;

use super::scenario::{Event, Scenario};
use super::tally::Second;
use crate::error::{io, wrong, Result};
use crate::report::plot::{svg, Axis, Guide, Ink, Plot, Series};

/// Most points of a line: of longer runs means are shown.
const POINTS: usize = 400;

/// Writes the run's plots into a folder, which is made where it is missing.
pub(super) fn write(scenario: &Scenario, seconds: &[Second], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(io("make", folder.display()))?;
    for (name, plot) in plots(scenario, seconds) {
        let Some(plot) = plot else { continue };
        let path = folder.join(format!("{}-{name}.svg", scenario.event.name()));
        let drawing = svg(&plot).map_err(|error| wrong(format!("drawing {}", path.display()), error))?;
        // Alone on a dark page the picture needs a ground of its own.
        let drawing = drawing.replacen('>', "><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>", 1);
        std::fs::write(&path, drawing + "\n").map_err(io("write", path.display()))?;
    }
    Ok(())
}

fn plots(scenario: &Scenario, seconds: &[Second]) -> Vec<(&'static str, Option<Plot>)> {
    let mut all = vec![("calls", calls(scenario, seconds)), ("age", age(scenario, seconds))];
    if scenario.event == Event::Deploy {
        all.extend([("creates", creates(scenario, seconds)), ("streams", streams(scenario, seconds))]);
    }
    all
}

fn calls(scenario: &Scenario, seconds: &[Second]) -> Option<Plot> {
    let accepted = |second: &Second| second.puts - second.throttled - second.missing - second.in_vain;
    let mut series = vec![
        line("asked", 1, seconds, &|second| f64::from(second.puts)),
        line("accepted", 0, seconds, &|second| f64::from(accepted(second))),
    ];
    if scenario.noise.is_some() {
        series.push(line("noisy app", 2, seconds, &|second| f64::from(second.noisy)));
    }
    let guides = vec![Guide::Across { y: scenario.quota.puts, label: "quota".to_owned() }];
    plot(scenario, "PutLogEvents calls a second", series, guides)
}

fn creates(scenario: &Scenario, seconds: &[Second]) -> Option<Plot> {
    let series = vec![
        line("asked", 1, seconds, &|second| f64::from(second.creates)),
        line("created", 0, seconds, &|second| f64::from(second.created)),
    ];
    let guides = vec![Guide::Across { y: scenario.quota.creates, label: "quota".to_owned() }];
    plot(scenario, "CreateLogStream calls a second", series, guides)
}

/// How many streams there are, and how many there could be.
fn streams(scenario: &Scenario, seconds: &[Second]) -> Option<Plot> {
    let mut exist = 0.0;
    let sums: Vec<f64> = seconds
        .iter()
        .map(|second| {
            exist += f64::from(second.created);
            exist
        })
        .collect();
    let span = seconds.len().div_ceil(POINTS).max(1);
    let at = |of: &dyn Fn(usize) -> f64| (0..sums.len()).step_by(span).map(|at| (at as f64, of(at))).collect();
    let allowed = |at: usize| ((at + 1) as f64 * scenario.quota.creates).min(scenario.sidecars as f64);
    let series = vec![
        Series::new("exist", Ink::step(0), at(&|at| sums[at])).unmarked(),
        Series::new("quota", Ink::step(3).dashed(), at(&allowed)).unmarked(),
    ];
    plot(scenario, "log streams", series, Vec::new())
}

fn age(scenario: &Scenario, seconds: &[Second]) -> Option<Plot> {
    let series = vec![line("oldest", 0, seconds, &|second| second.oldest)];
    plot(scenario, "age of the oldest record anywhere, seconds", series, Vec::new())
}

fn plot(scenario: &Scenario, title: &str, series: Vec<Series>, guides: Vec<Guide>) -> Option<Plot> {
    let name = format!("{}, {} sidecars", scenario.event.name(), scenario.sidecars);
    let caption = format!(
        "simulated; quota {} PutLogEvents/s and {} CreateLogStream/s",
        scenario.quota.puts, scenario.quota.creates
    );
    let x = |values: &[f64]| Axis::linear("seconds", values);
    let y = |values: &[f64]| Axis::linear(title, values);
    Plot::of((name, caption), (&x, &y), series, guides)
}

fn line(name: &str, ink: usize, seconds: &[Second], of: &dyn Fn(&Second) -> f64) -> Series {
    Series::new(name, Ink::step(ink), means(seconds, of)).unmarked()
}

/// One value a second, or the means of equal spans of seconds where there are too many.
fn means(seconds: &[Second], of: &dyn Fn(&Second) -> f64) -> Vec<(f64, f64)> {
    let span = seconds.len().div_ceil(POINTS).max(1);
    let mean = |(index, chunk): (usize, &[Second])| {
        let sum: f64 = chunk.iter().map(of).sum();
        ((index * span) as f64, sum / chunk.len() as f64)
    };
    seconds.chunks(span).enumerate().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_drawn_by_its_means() {
        let scenario = Scenario::new(Event::Deploy, 300, 1, 0.006);
        let seconds: Vec<Second> = (0..1_000).map(|_| Second { puts: 4, creates: 2, ..Second::default() }).collect();
        let folder = tempfile::tempdir().unwrap();
        write(&scenario, &seconds, folder.path()).unwrap();
        let calls = std::fs::read_to_string(folder.path().join("deploy-calls.svg")).unwrap();
        assert!(calls.starts_with("<svg") && calls.contains("quota") && calls.contains("accepted"), "{calls}");
        let points = means(&seconds, &|second| f64::from(second.puts));
        assert!(points.len() <= POINTS && points.iter().all(|(_, y)| *y == 4.0));
    }
}
