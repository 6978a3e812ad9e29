//! The report's parts in their order: what each shows, and the sentence that stands in its place where nothing was run.

use super::plot::Plot;
use super::table::Table;
use super::{plots, tables};
use crate::results::Results;

pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    /// Why there is nothing, where there is nothing.
    pub(super) empty: &'static str,
    pub(super) plots: Vec<Plot>,
    pub(super) tables: Vec<Table>,
    /// Folded away on the page.
    pub(super) details: Vec<Table>,
}

impl Section {
    pub(super) fn is_empty(&self) -> bool {
        self.plots.is_empty() && self.tables.is_empty() && self.details.is_empty()
    }
}

pub(super) fn all(results: &Results) -> Vec<Section> {
    vec![
        remote(results),
        load(results),
        closed(results),
        tasks(results),
        record(results),
        sweeps(results),
        endurance(results),
        run(results),
    ]
}

fn remote(results: &Results) -> Section {
    let mut shown = plots::remote::plots(results);
    shown.extend(plots::latency::plots(results));
    Section {
        id: "request",
        title: "A request",
        intro:
            "What logging adds to a request by the distance of the remote, and how latency is distributed under load.",
        empty: "The API workload was not run.",
        plots: shown,
        tables: Vec::new(),
        details: Vec::new(),
    }
}

fn load(results: &Results) -> Section {
    Section {
        id: "throughput",
        title: "Throughput against latency",
        intro: "Requests come at a constant rate, whatever the server does. Latencies at one load are not comparable between modes \
                that reach different maxima; curves are.",
        empty: "No ladder of rates was run.",
        plots: plots::throughput::plots(results),
        tables: Vec::new(),
        details: Vec::new(),
    }
}

fn closed(results: &Results) -> Section {
    Section {
        id: "document",
        title: "Beside the document",
        intro: "The operations, loops and threads of the load test that asked for this project (cloudigrade, April 2022). Machine, \
                database and network are others; the shape is the same.",
        empty: "Neither serial requests nor closed loops were run.",
        plots: plots::closed::plots(results),
        tables: tables::api::main(results),
        details: tables::api::details(results),
    }
}

fn tasks(results: &Results) -> Section {
    Section {
        id: "tasks",
        title: "A task workload",
        intro: "One request fans out into tasks through a job queue; it is over when the last of them has ended.",
        empty: "The task workload was not run.",
        plots: plots::tasks::plots(results),
        tables: tables::task::main(results).into_iter().chain(tables::shippers::tasks(results)).collect(),
        details: Vec::new(),
    }
}

fn record(results: &Results) -> Section {
    let mut shown = plots::ladder::plots(results);
    shown.extend(plots::outage::plots(results));
    Section {
        id: "record",
        title: "Load record",
        intro: "The pipeline alone: lines offered at a rate, whatever becomes of them, with the remote well and through an outage.",
        empty: "The load record was not run.",
        plots: shown,
        tables: tables::pipeline::load(results),
        details: Vec::new(),
    }
}

fn sweeps(results: &Results) -> Section {
    Section {
        id: "sweeps",
        title: "Sweeps",
        intro: "One parameter varied, everything else as shipped.",
        empty: "No sweep was run.",
        plots: plots::sweeps::plots(results),
        tables: tables::pipeline::sweeps(results).into_iter().collect(),
        details: Vec::new(),
    }
}

fn endurance(results: &Results) -> Section {
    let mut shown = plots::recovery::plots(results);
    shown.extend(plots::soak::plots(results));
    Section {
        id: "endurance",
        title: "Recovery and soak",
        intro: "After a crash, and over time.",
        empty: "Neither recovery nor soak was run.",
        plots: shown,
        tables: tables::pipeline::recovery(results).into_iter().chain(tables::pipeline::soak(results)).collect(),
        details: Vec::new(),
    }
}

fn run(results: &Results) -> Section {
    Section {
        id: "run",
        title: "How it was run",
        intro: "App, sidecar, endpoint and driver are processes of their own on one machine; the endpoint stands for CloudWatch at the latency \
                stated, and marks the number of every record it accepts.",
        empty: "",
        plots: Vec::new(),
        tables: std::iter::once(tables::provenance::run(results)).chain(tables::provenance::left_out(results)).collect(),
        details: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_whole_run_fills_every_section_and_an_empty_one_only_the_last() {
        assert!(all(&sample::results()).iter().all(|section| !section.is_empty()));
        let empty = all(&Results::default());
        assert_eq!(
            empty.iter().filter(|section| !section.is_empty()).map(|section| section.id).collect::<Vec<_>>(),
            ["run"]
        );
        assert!(empty.iter().all(|section| section.id == "run" || !section.empty.is_empty()));
    }
}
