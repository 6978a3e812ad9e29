//! The scenarios, each with the figures it measures. Floors and goals are those the project set itself.

use std::time::Duration;

use crate::error::Result;
use crate::figure::{Figure, Unit};
use crate::run::Outcome;
use crate::stage::Programs;

pub(crate) mod clients;
mod freshness;
mod idle;
mod load;
mod many;
mod outage;
mod quarter;
mod size;
mod spool;

/// What all scenarios need to know.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) programs: Programs,
    /// Records of a run at full speed; slower runs take a share of it.
    pub(crate) records: u64,
    /// A release binary without emulator and demo.
    pub(crate) slim: Option<std::path::PathBuf>,
    /// How long an outage, an idle and a steady run last.
    pub(crate) minute: Duration,
    /// How long the spool's outage lasts.
    pub(crate) outage: Duration,
    /// Where spools are made.
    pub(crate) spool_in: std::path::PathBuf,
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) figures: &'static [Figure],
    pub(crate) run: fn(&Bench) -> Result<Outcome>,
}

const fn per_second(what: &'static str, floor: f64, goal: f64) -> Figure {
    Figure::new(what, Unit::PerSecond, floor, goal)
}

const fn cpu(what: &'static str, floor: f64, goal: f64) -> Figure {
    Figure::new(what, Unit::SecondsPerMillion, floor, goal)
}

const fn mib(what: &'static str, floor: f64, goal: f64) -> Figure {
    Figure::new(what, Unit::MiB, floor, goal)
}

const fn ms(what: &'static str, floor: f64, goal: f64) -> Figure {
    Figure::new(what, Unit::Milliseconds, floor, goal)
}

pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "full",
        figures: &[
            per_second("full speed, text of 200 B, remote at 0 ms", 1_000_000.0, 2_200_000.0),
            cpu("  CPU per million", 0.60, 0.35),
            mib("  peak RSS, budget 64 MiB", 64.0, 32.0),
        ],
        run: load::full,
    },
    Scenario { name: "json", figures: &[cpu("JSON lines, 18 quotes: CPU per million", 0.75, 0.42)], run: load::json },
    Scenario {
        name: "tls",
        figures: &[per_second("over TLS", 800_000.0, 2_000_000.0), cpu("  CPU per million", 0.70, 0.40)],
        run: load::tls,
    },
    Scenario { name: "remote", figures: &[per_second("remote at 30 ms", 450_000.0, 1_500_000.0)], run: load::remote },
    Scenario {
        name: "single",
        figures: &[per_second("one write per record", 200_000.0, 380_000.0)],
        run: load::single,
    },
    Scenario {
        name: "steady",
        figures: &[cpu("steady 50,000/s, one write per record: CPU per million", 2.0, 1.3)],
        run: load::steady,
    },
    Scenario {
        name: "idle",
        figures: &[mib("idle: RSS", 14.0, 8.0), Figure::new("  CPU", Unit::Percent, 0.2, 0.05)],
        run: idle::run,
    },
    Scenario { name: "down", figures: &[mib("remote down for a minute: peak RSS", 100.0, 76.0)], run: outage::down },
    Scenario { name: "lanes", figures: &[mib("1,000 lanes, 1/s each: peak RSS", 100.0, 48.0)], run: many::run },
    Scenario { name: "lone", figures: &[ms("freshness p99, a lone record", 200.0, 75.0)], run: freshness::lone },
    Scenario { name: "hundred", figures: &[ms("freshness p99 at 100/s", 1_100.0, 1_020.0)], run: freshness::hundred },
    Scenario { name: "busy", figures: &[ms("freshness p99 at 20,000/s", 350.0, 270.0)], run: freshness::busy },
    Scenario {
        name: "pod",
        figures: &[
            Figure::new("pod of 64 MiB, then an outage: OOM kills", Unit::Times, 0.0, 0.0),
            mib("  peak RSS", 64.0, 52.0),
        ],
        run: outage::pod,
    },
    Scenario {
        name: "quarter",
        figures: &[
            per_second("pod of 250m and 64 MiB: full speed, text of 200 B", 200_000.0, 500_000.0),
            ms("  freshness p99 at 1,000/s, one write per record", 1_500.0, 1_100.0),
            mib("  peak RSS", 64.0, 40.0),
        ],
        run: quarter::run,
    },
    Scenario {
        name: "call",
        figures: &[
            Figure::new("client.log() at 100,000/s: p50", Unit::Nanoseconds, 400.0, 150.0),
            Figure::new("  p99.9", Unit::Nanoseconds, 20_000.0, 5_000.0),
        ],
        run: clients::call,
    },
    Scenario {
        name: "client",
        figures: &[per_second("two framed clients, ended awaited", 600_000.0, 1_500_000.0)],
        run: clients::ended,
    },
    Scenario {
        name: "spool.full",
        figures: &[
            per_second("spool on: full speed, text of 200 B, remote at 0 ms", 800_000.0, 2_000_000.0),
            cpu("  CPU per million", 0.75, 0.42),
            mib("  peak RSS, budget 64 MiB", 72.0, 36.0),
        ],
        run: spool::full,
    },
    Scenario {
        name: "spool.framed",
        figures: &[
            per_second("spool on: two framed clients, durable awaited", 600_000.0, 1_500_000.0),
            per_second("  with the remote away until all is durable", 600_000.0, 1_500_000.0),
        ],
        run: spool::framed,
    },
    Scenario {
        name: "spool.power_loss",
        figures: &[
            per_second("the same with power-loss, one client", 100_000.0, 300_000.0),
            per_second("  with the remote away until all is durable", 100_000.0, 300_000.0),
        ],
        run: spool::power_loss,
    },
    Scenario {
        name: "spool.start",
        figures: &[
            ms("start with 1 GiB of spool: first record accepted", 1_000.0, 100.0),
            ms("  first batch sent", 3_000.0, 1_000.0),
            mib("  peak RSS until then", 128.0, 64.0),
            mib("  peak RSS until all was delivered", 128.0, 64.0),
        ],
        run: spool::start,
    },
    Scenario {
        name: "spool.outage",
        figures: &[
            mib("an outage at 20,000/s, then recovery: peak RSS", 100.0, 48.0),
            Figure::new("  time to catch up, to the outage's", Unit::Ratio, 0.3, 0.03),
            ms("  freshness p99 of a healthy lane meanwhile", 2_000.0, 1_020.0),
        ],
        run: spool::outage,
    },
    Scenario {
        name: "spool.disk",
        figures: &[Figure::new("disk writes in a healthy minute at 20,000/s, of payload", Unit::Percent, 30.0, 1.0)],
        run: spool::disk,
    },
    Scenario { name: "size", figures: &[mib("stripped binary without emulator and demo", 14.0, 8.0)], run: size::run },
];
