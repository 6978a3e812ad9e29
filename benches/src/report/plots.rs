//! Which plots there are: each module takes runs and returns descriptions, in which a line is a mode or a shipper. Nothing
//! here draws.

pub(super) mod closed;
pub(super) mod ladder;
pub(super) mod latency;
pub(super) mod outage;
pub(super) mod recovery;
pub(super) mod remote;
pub(super) mod soak;
pub(super) mod sweeps;
pub(super) mod tasks;
pub(super) mod throughput;

use super::plot::Axis;
use super::select::{headline_remote, usual_query_ms, Case};
use crate::results::{App, Operation, Results, Topology};

/// Cases whose plots are shown: at the headline's remote and the usual service time.
fn shown(results: &Results, topologies: &[Topology]) -> Vec<Case> {
    let Some(remote) = headline_remote(results) else { return Vec::new() };
    let query_ms = usual_query_ms(results);
    let mut all = Vec::new();
    for topology in topologies {
        for app in [App::Python, App::Rust] {
            for operation in
                [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown, Operation::Noop]
            {
                // A service without a database knows no service time.
                let query_ms = if operation == Operation::Noop { noop_query_ms(results, query_ms) } else { query_ms };
                all.push(Case { app, operation, topology: *topology, query_ms, remote: remote.clone() });
            }
        }
    }
    all
}

fn noop_query_ms(results: &Results, usual: f64) -> f64 {
    let mut noops = results.api.iter().filter(|run| run.operation == Operation::Noop).map(|run| run.query_ms);
    let first = noops.next();
    if noops.any(|ms| ms == usual) {
        return usual;
    }
    first.unwrap_or(usual)
}

fn linear(title: &'static str) -> impl Fn(&[f64]) -> Axis {
    move |values| Axis::linear(title, values)
}

fn log(title: &'static str) -> impl Fn(&[f64]) -> Axis {
    move |values| Axis::log(title, values)
}
