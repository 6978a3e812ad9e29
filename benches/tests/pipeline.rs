//! The commands that measure the pipeline, small: whole processes, and what they write as JSON.
//!
//! Nothing is said of how fast anything was, only that it was measured, counted and told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

#[path = "support/programs.rs"]
mod programs;
use programs::{programs, BENCH};

/// On a disk, as spools must be.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

/// Runs a command to its end; what it printed, and its JSON.
fn measured(name: &str, flags: &str) -> (Output, Value) {
    programs();
    let json: PathBuf = Path::new(DISK).join(format!("{name}.json"));
    let _ = std::fs::remove_file(&json);
    let output =
        Command::new(BENCH).arg(name).args(flags.split_ascii_whitespace()).arg("--json").arg(&json).output().unwrap();
    let text = std::fs::read_to_string(&json).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output, serde_json::from_str(&text).unwrap())
}

fn counts(run: &Value) -> [u64; 4] {
    ["emitted", "delivered", "doubled", "lost"].map(|name| run["account"][name].as_u64().unwrap())
}

#[test]
fn each_point_of_a_sweep_is_counted() {
    let flags = "--records 2000 --value 5 --value 10 --value 50 --value 100 --parameter record-bytes \
                 --parameter batch-events --parameter connections --parameter writers --parameter linger-ms";
    let (output, results) = measured("sweep", flags);
    let runs = results["sweeps"].as_array().unwrap();
    let named = |name: &str| runs.iter().filter(|run| run["parameter"] == name).collect::<Vec<_>>();
    let points = ["record-bytes", "batch-events", "connections", "writers", "linger-ms"].map(|name| named(name).len());
    assert_eq!(points, [2, 1, 2, 1, 2], "{output:?}");
    for run in runs {
        let records = run["records"].as_u64().unwrap();
        assert_eq!(counts(run), [records, records, 0, 0], "{run}");
        assert_eq!(run["faults"], serde_json::json!([]), "{run}");
        assert!(run["per_second"].as_f64().unwrap() > 0.0 && run["peak_mib"].as_f64().unwrap() > 0.0, "{run}");
    }
    // The sidecar was really told: twenty batches of a hundred and not one.
    assert!(named("batch-events")[0]["batches"].as_u64().unwrap() >= 20, "{results}");
    assert!(named("linger-ms").iter().all(|run| run["end_to_end"]["count"] == 2_000), "{results}");
    assert_eq!(named("writers")[0]["end_to_end"]["count"], 10);
    assert_eq!((&results["complete"], &results["skipped"]), (&Value::Bool(true), &serde_json::json!([])));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("record-bytes") && table.contains("--linger 5ms"), "{table}");
    assert!(output.status.success());
}

#[test]
fn a_value_that_no_parameter_has_is_refused() {
    programs();
    let output = Command::new(BENCH).args(["sweep", "--parameter", "hosts", "--value", "7"]).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && words.contains("no value 7: hosts has [1000]"), "{words}");
}

#[test]
fn what_a_killed_sidecar_left_is_recovered() {
    let (output, results) = measured("recovery", &format!("--gib 0.005 --spool-in {DISK}"));
    let run = &results["recoveries"][0];
    let records = run["records"].as_u64().unwrap();
    // One more comes after the start.
    assert_eq!(counts(run), [records + 1, records + 1, 0, 0], "{output:?}");
    assert_eq!(run["faults"], serde_json::json!([]), "{run}");
    let left = run["spool_gib"].as_f64().unwrap() / 0.005;
    assert!((0.9..1.5).contains(&left), "{run}");
    for field in ["first_record_seconds", "first_send_seconds", "peak_until_first_send_mib", "peak_mib"] {
        assert!(run[field].as_f64().unwrap() > 0.0, "{field}: {run}");
    }
    assert!(run["all_delivered_seconds"].as_f64() >= run["first_send_seconds"].as_f64(), "{run}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("25 minutes"));
    assert!(output.status.success());
}

#[test]
fn a_short_soak_counts_everything_and_claims_nothing() {
    let (output, results) = measured("soak", &format!("--seconds 4 --rate 500 --spool-in {DISK}"));
    let run = &results["soaks"][0];
    assert_eq!(counts(run), [2_000, 2_000, 0, 0], "{output:?}");
    assert!(run["verdict"].as_str().unwrap().starts_with("inconclusive"), "{run}");
    assert!((1..=2_000).contains(&run["memory"].as_array().unwrap().len()), "{run}");
    assert!(run["scrapes"].as_u64().unwrap() > 0, "{run}");
    assert_eq!((&run["end_to_end"]["count"], &run["spool"]), (&Value::from(2_000), &Value::Bool(true)));
    assert!(String::from_utf8(output.stdout).unwrap().contains("inconclusive"));
}
