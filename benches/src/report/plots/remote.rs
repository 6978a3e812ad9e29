//! What logging adds to a request, by how far away the remote is.

use super::{linear, shown};
use crate::report::headline::how;
use crate::report::plot::{Ink, Plot, Series};
use crate::report::select::{added, by_round, paired, remotes, Case};
use crate::report::words;
use crate::results::{Mode, Results, Topology};

pub(in crate::report) fn plots(results: &Results) -> Vec<Plot> {
    shown(results, &[Topology::Single]).iter().filter_map(|case| plot(results, case)).collect()
}

fn plot(results: &Results, case: &Case) -> Option<Plot> {
    let known: Vec<_> = remotes(results.api.iter().map(|run| run.remote.as_str()))
        .into_iter()
        .filter(|remote| words::fixed_ms(remote).is_some())
        .collect();
    let of = |mode: Mode| {
        let points = known.iter().filter_map(|remote| point(results, case, mode, remote)).collect();
        Series::new(words::mode(case.app, mode), Ink::of(mode), points)
    };
    let shipping = Mode::ALL.into_iter().filter(|mode| mode.ships());
    let series: Vec<_> = shipping.map(of).filter(|series| series.points.len() > 1).collect();
    let caption = format!(
        "Added to the median of a request, over the same with its records formatted and thrown away, by the latency of a \
         call to CloudWatch. A line that stays flat does not make the request wait for the remote. {} ms added to each \
         query; paired by round, medians.",
        words::tick(case.query_ms)
    );
    let title = format!("{}: overhead by remote latency", case.title());
    Plot::of((title, caption), (&linear("latency of the remote, ms"), &linear("added to p50, ms")), series, Vec::new())
}

fn point(results: &Results, case: &Case, mode: Mode, remote: &str) -> Option<(f64, f64)> {
    let there = Case { remote: remote.to_owned(), ..case.clone() };
    let how = how(results, &there)?;
    let rounds = |mode| by_round(there.driven(results, mode, how), |run| run.round, |run| run.latency.p50 as f64);
    let added = added(&paired(&rounds(Mode::Null), &rounds(mode)), results.seed)?;
    Some((words::fixed_ms(remote)?, added.by.middle / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn sync_rises_with_the_remote_and_splashdam_does_not() {
        let plots = plots(&sample::results());
        let plot = plots.iter().find(|plot| plot.title.starts_with("Django, sysconfig")).unwrap();
        let last = |name: &str| plot.series.iter().find(|series| series.name == name).unwrap().points.last().unwrap().1;
        assert!(last("Watchtower sync") > 55.0 && last("splashdam") < 1.0, "{:?}", plot.series);
    }
}
