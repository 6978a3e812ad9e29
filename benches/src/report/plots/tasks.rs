//! Task workload: wall time of a request by mode and remote latency, and where `sync` shows the document's ratio.

use super::{linear, log};
use crate::report::document;
use crate::report::plot::{Guide, Ink, Plot, Series};
use crate::report::select::{by_round, mean_seconds, paired, remotes, task_cases, TaskCase};
use crate::report::stats::{fit_line, median, ratio_of_medians, Line};
use crate::report::words;
use crate::results::{Mode, Results, Shape};

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    task_cases(results).iter().flat_map(|case| [durations(results, case), ratios(results, case)]).flatten().collect()
}

fn latencies(results: &Results) -> Vec<&str> {
    let all = remotes(results.tasks.iter().map(|run| run.remote.as_str()));
    all.into_iter().filter(|remote| words::fixed_ms(remote).is_some()).collect()
}

fn durations(results: &Results, case: &TaskCase) -> Option<Plot> {
    let point = |mode, remote: &&str| {
        let seconds: Vec<f64> = case.runs(results, mode, remote).iter().map(|run| mean_seconds(run)).collect();
        Some((words::fixed_ms(remote)?, median(&seconds)?))
    };
    let of = |mode: Mode| {
        let points = latencies(results).iter().filter_map(|remote| point(mode, remote)).collect();
        Series::new(words::mode(case.app, mode), Ink::of(mode), points).high()
    };
    let series = Mode::ALL.into_iter().map(of).collect();
    let guides = if document::is_its(&case.shape) {
        vec![
            Guide::Across { y: document::WITH_SYNC.average, label: "the document, with sync: 166.1 s".to_owned() },
            Guide::Across { y: document::WITHOUT.average, label: "the document, without: 15.0 s".to_owned() },
        ]
    } else {
        Vec::new()
    };
    let caption = format!(
        "Mean wall time of a request, from its sending to its last task's end, by the latency of a call to CloudWatch; \
         {} workers, {} ms of other work a task, {} bytes a record. Modes that ship nothing do not depend on it.",
        case.shape.workers,
        words::tick(case.shape.task_ms),
        case.shape.bytes
    );
    Plot::of((case.title(), caption), (&linear("latency of the remote, ms"), &log("seconds a request")), series, guides)
}

/// How `sync` stands to no logging at all, as a line over the remote's latency.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct RatioLine {
    pub(in crate::report) points: Vec<(f64, f64)>,
    line: Line,
    pub(in crate::report) farthest_ms: f64,
}

impl RatioLine {
    /// The latency at which the line reaches a ratio.
    pub(in crate::report) fn at(&self, ratio: f64) -> Option<f64> {
        self.line.reaches(ratio).filter(|at| *at >= 0.0)
    }
}

pub(in crate::report) fn ratio_line(results: &Results, case: &TaskCase) -> Option<RatioLine> {
    let point = |remote: &&str| {
        let rounds = |mode| by_round(case.runs(results, mode, remote), |run| run.round, mean_seconds);
        let ratio = ratio_of_medians(&paired(&rounds(Mode::None), &rounds(Mode::Sync)), results.seed)?;
        Some((words::fixed_ms(remote)?, ratio.middle))
    };
    let points: Vec<(f64, f64)> = latencies(results).iter().filter_map(point).collect();
    let line = fit_line(&points)?;
    let farthest_ms = points.iter().map(|point| point.0).fold(0.0, f64::max);
    Some(RatioLine { points, line, farthest_ms })
}

/// Where the document's ratio appears, in words.
pub(in crate::report) fn eleven(line: &RatioLine, shape: &Shape) -> String {
    let found = match line.at(document::TIMES) {
        Some(at) if at > line.farthest_ms => format!(
            "At the line through these points, the document's 11 × appears at {} ms a call, beyond the {} ms measured",
            words::number(at),
            words::tick(line.farthest_ms)
        ),
        Some(at) => format!("The document's 11 × appears at {} ms a call", words::number(at)),
        None => "The document's 11 × appears at no latency: sync does not grow with it here".to_owned(),
    };
    let arithmetic = document::times_at_ms(shape).map_or(String::new(), |(apart, serial)| {
        let [apart, serial] = [apart, serial].map(words::number);
        format!(" (by arithmetic at {apart} ms where workers wait apart, {serial} ms where they wait for each other)")
    });
    format!("{found}{arithmetic}.")
}

fn ratios(results: &Results, case: &TaskCase) -> Option<Plot> {
    let line = ratio_line(results, case)?;
    let mut series = vec![Series::new(words::mode(case.app, Mode::Sync), Ink::of(Mode::Sync), line.points.clone())];
    let mut guides = vec![Guide::Across { y: document::TIMES, label: "the document: 11 ×".to_owned() }];
    if let Some(at) = line.at(document::TIMES) {
        guides.push(Guide::Up { x: at, label: format!("{} ms", words::number(at)) });
        let from = (0.0, line.line.intercept);
        series.push(
            Series::new("fitted line", Ink::of(Mode::Sync).dashed(), vec![from, (at, document::TIMES)]).unmarked(),
        );
    }
    let splashdam = |remote: &&str| {
        let rounds = |mode| by_round(case.runs(results, mode, remote), |run| run.round, mean_seconds);
        let ratio = ratio_of_medians(&paired(&rounds(Mode::None), &rounds(Mode::Splashdam)), results.seed)?;
        Some((words::fixed_ms(remote)?, ratio.middle))
    };
    let ours = latencies(results).iter().filter_map(splashdam).collect();
    series.push(Series::new("splashdam", Ink::of(Mode::Splashdam), ours));
    let caption = format!(
        "How many times as long a request takes as without any logging. {} Paired by round.",
        eleven(&line, &case.shape)
    );
    let title = format!("{}: × none", case.title());
    Plot::of((title, caption), (&linear("latency of the remote, ms"), &linear("times as long as none")), series, guides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_latency_of_the_ratio_is_read_from_the_line() {
        let line = RatioLine { points: vec![], line: Line { intercept: 1.0, slope: 0.07 }, farthest_ms: 20.0 };
        assert!((line.at(11.0).unwrap() - 142.857).abs() < 0.01);
        let shape = Shape { tasks: 671, records: 2_117, bytes: 207, task_ms: 44.7, workers: 2 };
        let said = eleven(&line, &shape);
        assert!(said.contains("143 ms a call, beyond the 20 ms measured (by arithmetic at 142 ms"), "{said}");
        let flat = RatioLine { line: Line { intercept: 1.0, slope: 0.0 }, ..line };
        assert!(flat.at(11.0).is_none() && eleven(&flat, &shape).contains("no latency"));
    }

    #[test]
    fn each_shape_has_durations_and_ratios() {
        let plots = plots(&sample::results());
        assert_eq!(plots.len(), 4, "{:?}", plots.iter().map(|plot| &plot.title).collect::<Vec<_>>());
        assert!(plots[0].guides.len() == 2 && plots[1].caption.contains("11 ×"));
    }
}
