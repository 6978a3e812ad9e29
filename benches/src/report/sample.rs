//! Results that were never measured, made for tests: the shape of a whole run, from a simple model and seeded noise. Also
//! the source of `tests/report/synthetic.json`, by which the page is tested in a browser.

mod api;
mod pipeline;
mod tasks;

use std::collections::BTreeMap;

use crate::results::{Latency, Machine, Mode, Results, Skipped, FORMAT};

pub(crate) use api::api_run;

const ROUNDS: u32 = 5;

pub(super) fn results() -> Results {
    let mut random = fastrand::Rng::with_seed(6);
    Results {
        format: FORMAT,
        began: "2026-01-01T00:00:00Z".to_owned(),
        seconds: 612.0,
        complete: true,
        command: "not a command: made for the test".to_owned(),
        seed: 6,
        machine: Machine {
            cpus: 2,
            model: "synthetic figures, made for the test: nothing here was measured".to_owned(),
            memory_mib: 8_192,
            kernel: "none".to_owned(),
        },
        versions: BTreeMap::from([("splashdam".to_owned(), "0.0.0 (synthetic)".to_owned())]),
        api: api::runs(&mut random),
        tasks: tasks::runs(&mut random),
        load: pipeline::load(&mut random),
        sweeps: pipeline::sweeps(&mut random),
        recoveries: pipeline::recoveries(&mut random),
        soaks: vec![pipeline::soak(&mut random)],
        skipped: vec![Skipped {
            what: "everything of the app in <script>alert(2)</script>".to_owned(),
            why: "a name like this must stay text".to_owned(),
        }],
    }
}

/// A value and a little noise, as rounds have it.
fn near(value: f64, share: f64, random: &mut fastrand::Rng) -> f64 {
    value * (1.0 + share * (random.f64() - 0.5))
}

/// `base` is what every request takes; on top comes a log-logistic with this median.
fn latency(base: f64, extra: f64, spread: f64, count: u64) -> Latency {
    let at = |share: f64| (base + extra * (share / (1.0 - share)).powf(spread)).round() as u64;
    let last = 1.0 - 1.0 / (count.max(10) as f64);
    let shares = [0.02, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    let mut told = 0;
    for share in shares.into_iter().filter(|share| *share < last).chain([last]) {
        let until = if share == last { count } else { (share * count as f64).round() as u64 };
        match buckets.last_mut() {
            Some(bucket) if bucket.0 == at(share) => bucket.1 += until - told,
            _ if until > told => buckets.push((at(share), until - told)),
            _ => {}
        }
        told = told.max(until);
    }
    Latency {
        count,
        mean: base + 1.15 * extra,
        min: at(0.5 / count.max(1) as f64),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99f64.min(last)),
        p999: at(0.999f64.min(last)),
        max: at(last),
        buckets,
    }
}

/// Milliseconds that a remote takes in the middle.
fn remote_ms(remote: &str) -> f64 {
    remote.parse().unwrap_or(20.0)
}

/// Modes of a run at another remote than the headline's.
const SHIPPING: [Mode; 3] = [Mode::Splashdam, Mode::Sync, Mode::Queue];

#[test]
fn synthetic_json_is_what_this_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/report/synthetic.json");
    let made = serde_json::to_string(&results()).unwrap();
    if std::env::var_os("RENEW_SYNTHETIC").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    let [kept, made] = [kept, made].map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
    assert!(kept == made, "renew it: RENEW_SYNTHETIC=1 cargo test -p splashdam-bench synthetic");
}
