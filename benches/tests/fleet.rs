//! `fleet` as its users run it: a small fleet with the pressure of a large one, the same output for the same seed, and checks
//! that find what is broken. Time is virtual: nothing here depends on how fast the machine is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_splashdam-bench");

/// A hundred sidecars with as much of the quota for each as 50,000 have.
const CROWDED: &str = "--sidecars 100 --quota-scale 0.002";

fn fleet(flags: &str) -> Output {
    Command::new(BENCH).arg("fleet").args(flags.split_ascii_whitespace()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What does not hold, each by the beginning of its line.
fn broken(output: &Output) -> Vec<String> {
    let text = text(output);
    let lines = text.lines().filter(|line| line.ends_with("DOES NOT HOLD"));
    lines.map(|line| line.trim().split("  ").next().unwrap().to_owned()).collect()
}

#[test]
fn a_crowded_fleet_lives_within_the_quota_and_nobody_starves() {
    for scenario in ["outage", "noisy"] {
        let output = fleet(&format!("{CROWDED} --scenario {scenario}"));
        assert!(output.status.success(), "{}", text(&output));
        assert!(broken(&output).is_empty() && text(&output).matches("  holds\n").count() >= 7, "{}", text(&output));
    }
}

#[test]
fn a_deploy_of_all_at_once_spreads_its_creating_calls() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("fleet.json");
    let flags = format!("--quota-scale 0.2 --scenario deploy --json {}", json.display());
    let output = fleet(&flags);
    assert!(output.status.success(), "{}", text(&output));
    let runs: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let summary = &runs[0]["summary"];
    assert_eq!((&summary["lost"], &summary["received"]), (&Value::from(0), &summary["delivered"]));
    // 300 streams at ten a second, the first ten at once.
    let all_exist = summary["all_exist"].as_f64().unwrap();
    assert!((29.0..67.5).contains(&all_exist), "{all_exist}");
    let created: u64 = runs[0]["seconds"].as_array().unwrap().iter().map(|s| s["created"].as_u64().unwrap()).sum();
    assert_eq!(created, 300, "each stream once");
}

#[test]
fn the_same_seed_gives_the_same_output() {
    let folder = tempfile::tempdir().unwrap();
    let run = |seed: u32, name: &str| {
        let json = folder.path().join(name);
        let flags =
            format!("--sidecars 30 --quota-scale 0.0006 --scenario outage --seed {seed} --json {}", json.display());
        (text(&fleet(&flags)), std::fs::read(json).unwrap())
    };
    let first = run(7, "a");
    assert_eq!(first, run(7, "b"));
    assert_ne!(first.1, run(8, "c").1);
}

#[test]
fn the_checks_find_what_is_broken() {
    let find = |flags: &str, what: &str| {
        let output = fleet(flags);
        assert_eq!(output.status.code(), Some(1), "{flags}: {}", text(&output));
        assert!(broken(&output).iter().any(|broken| broken == what), "{flags}: {}", text(&output));
    };
    find(&format!("{CROWDED} --scenario outage --sabotage no-yield"), "of the calls throttled");
    find(&format!("{CROWDED} --scenario noisy --sabotage no-yield"), "fairness (Jain)");
    find(&format!("{CROWDED} --scenario noisy --sabotage no-backoff"), "calls a second, median");
    // Only where nothing was throttled before have all drawn as many numbers when the outage ends.
    find("--sidecars 100 --scenario outage --sabotage same-jitter", "of the fleet back in the same second");
}

#[test]
fn plots_are_written_where_they_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let plots = folder.path().join("plots");
    let output = fleet(&format!("--sidecars 10 --scenario noisy --svg {}", plots.display()));
    let drawing = |name: &str| std::fs::read_to_string(Path::new(&plots).join(name)).unwrap();
    assert!(
        drawing("noisy-calls.svg").contains("noisy app") && drawing("noisy-age.svg").contains("oldest"),
        "{output:?}"
    );
}
