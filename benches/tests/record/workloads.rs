//! `workloads --shipper`: the app's records through a shipper that is not ours, beside the six modes.

use std::process::Output;

use serde_json::{json, Value};

use crate::{array, built, lossy, splashdam, told, Place};

/// The smallest set: a request of 63 records, and one before it to warm up.
const RECORDS: u64 = 2 * 63;

/// Runs parts of the smallest set with the Rust app.
fn run(place: &Place, flags: &[&str]) -> Output {
    let app = built("splashdam-bench-app", "splashdam-bench-app");
    let fixed = ["--set", "smoke", "--app", "rust", "--rust-app", app.to_str().unwrap()];
    let mut command = place.command_of("workloads", &[&fixed[..], flags].concat());
    command.args(["--spool-in", env!("CARGO_TARGET_TMPDIR")]);
    command.env(lossy::SOCKET, place.file("lossy.sock")).output().unwrap()
}

/// The one run of a mode.
fn of<'a>(results: &'a Value, mode: &str) -> &'a Value {
    let runs: Vec<_> = array(results, "tasks").iter().filter(|run| run["mode"] == mode).collect();
    assert_eq!(runs.len(), 1, "{mode}: {results}");
    runs[0]
}

fn account(delivered: u64) -> Value {
    json!({ "emitted": RECORDS, "delivered": delivered, "doubled": 0, "lost": RECORDS - delivered })
}

#[test]
fn another_shipper_stands_beside_the_six_modes() {
    let place = Place::new();
    let command = format!(
        "'{}' run --socket {{socket}} --group g --stream s --endpoint-url {{endpoint}} --admin off",
        splashdam().display()
    );
    let shipper = ["--shipper", &command, "--to", "unix:{dir}/s", "--name", "theirs", "--shipper-version", "9"];
    let output = run(&place, &[&["--part", "tasks", "--part", "load"], &shipper[..]].concat());
    let results = place.results();
    // Rows with a spool want a disk.
    assert_eq!(output.status.success(), array(&results, "skipped").is_empty(), "{}", told(&output));
    assert_eq!(array(&results, "tasks").len(), 7, "{}", told(&output));
    let (theirs, ours) = (of(&results, "shipper"), of(&results, "splashdam"));
    assert_eq!((theirs["shipper"].as_str(), &ours["shipper"]), (Some("theirs"), &Value::Null));
    for run in [theirs, ours] {
        assert_eq!((&run["account"], &run["faults"], &run["comment"]), (&account(RECORDS), &json!([]), &json!("")));
        assert_eq!(run["request_seconds"].as_array().unwrap().len(), 1, "{run}");
        assert!(run["cpu"]["sidecar_seconds"].is_f64() && run["memory"]["sidecar_mib"].as_f64() > Some(0.0), "{run}");
    }
    assert_eq!(results["versions"]["shipper theirs"], "9");

    let rows: Vec<_> = array(&results, "load").iter().filter(|run| run["shipper"] == "theirs").collect();
    assert_eq!(rows.len(), 2, "healthy and through an outage: {}", told(&output));
    assert!(rows.iter().all(|row| row["account"]["lost"] == 0 && row["spool"] == false), "{rows:?}");
    let terminal = told(&output);
    assert!(terminal.contains("Shippers side by side, Rust (threads): 20 tasks"), "{terminal}");
}

#[test]
fn what_it_loses_of_an_apps_records_is_seen() {
    let place = Place::new();
    let command =
        format!("'{}' --exact lossy::shipper --ignored --nocapture", std::env::current_exe().unwrap().display());
    let to = format!("unix:{}", place.file("lossy.sock").display());
    let output = run(&place, &["--part", "tasks", "--shipper", &command, "--to", &to, "--name", "lossy"]);
    assert!(output.status.success(), "{}", told(&output));
    let results = place.results();
    let run = of(&results, "shipper");
    // Numbers up to 125 that end with a seven.
    assert_eq!((&run["account"], &run["faults"]), (&account(RECORDS - 12), &json!([])), "{}", told(&output));
    assert!(run["comment"].as_str().unwrap().contains("signal"), "it knows nothing of an orderly end: {run}");
    assert!(told(&output).contains("12 of 126"), "{}", told(&output));
}

#[test]
fn a_shipper_that_no_part_would_use_is_refused() {
    let place = Place::new();
    let output = run(&place, &["--part", "serial", "--shipper", "cat", "--to", "unix:/s"]);
    assert!(!output.status.success() && told(&output).contains("`tasks` and `load`"), "{}", told(&output));
    assert!(!place.file("results.json").exists());
}
