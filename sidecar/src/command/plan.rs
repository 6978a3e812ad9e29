//! `plan`: from a rate of records to requests, limits, disk, calls and cost, now and for twelve months.
//!
//! | module | what it is |
//! |---|---|
//! | [`coefficients`] | what was measured, and what Amazon allows |
//! | [`prices`] | a dated price list, ours or a file's |
//! | [`model`] | what goes in, what comes out |
//! | `flow` | records → calls and chunks |
//! | `sidecar`, `fleet` | what one needs; what all do to the account |
//! | `warn` | what will not do |
//! | `show` | the plan as Markdown |
//!
//! [`make`] is a pure function. Where nothing was measured it takes the nearest bound that was; more records never need less.
//! Absent: any look at this machine, a running sidecar or AWS.

pub mod coefficients;
mod fleet;
mod flow;
pub mod model;
pub mod prices;
mod show;
mod sidecar;
mod warn;

#[cfg(test)]
mod tests;

use super::out;
use crate::cli::{Exit, PlanArgs};
use coefficients::{Coefficients, CPU_FACTOR, MEASURED};
use flow::Flow;
use model::{Growing, Input, Month, Plan};
use prices::Prices;

/// How far ahead.
const MONTHS: u32 = 12;

/// Prints the plan.
#[must_use]
pub fn plan(args: &PlanArgs) -> Exit {
    let prices = match args.prices.as_deref().map_or_else(|| Ok(Prices::built_in()), Prices::read) {
        Ok(prices) => prices,
        Err(what) => {
            out::tell(&what);
            return Exit::Configuration;
        }
    };
    let plan = make(args.input(), &MEASURED, &prices);
    out::print(&if args.json { json(&plan) } else { show::show(&plan) });
    Exit::Success
}

/// What is needed now and in each of the next twelve months.
#[must_use]
pub fn make(input: Input, measured: &Coefficients, prices: &Prices) -> Plan {
    let settings = flow::settings();
    let month = |month| {
        let grown = (1.0 + input.growth_per_month).powf(f64::from(month));
        let (records, pods) = match input.growing {
            Growing::Records => (grown, input.pods),
            Growing::Pods => (1.0, sidecar::whole(sidecar::steps(input.pods as f64 * grown, 1.0)).max(1)),
        };
        let records_per_second = input.records_per_second * records;
        let flow = Flow::of(&input, records_per_second);
        Month {
            month,
            pods,
            records_per_second,
            sidecar: sidecar::sidecar(&input, &flow, pods, measured, &settings),
            fleet: fleet::fleet(&input, &flow, pods, prices, &settings),
        }
    };
    let months: Vec<Month> = (0..=MONTHS).map(month).collect();
    let warnings = warn::warnings(&input, &months, measured, &settings);
    Plan { input, months, warnings, coefficients: *measured, cpu_factor: CPU_FACTOR, prices: prices.clone() }
}

fn json(plan: &Plan) -> String {
    // Finite numbers and strings alone: that cannot fail.
    let mut text = serde_json::to_string_pretty(plan).unwrap_or_default();
    text.push('\n');
    text
}
