//! `chaos` as its users run it, short: whole processes killed under a failing remote, every number accounted for. The long form is
//! `make chaos`. That the checks find lies is tested beside them (`chaos::verdict::tests`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[path = "support/programs.rs"]
mod programs;
use programs::{programs, BENCH};

/// On a disk, as spools must be.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

fn chaos(flags: &str) -> Output {
    Command::new(BENCH).arg("chaos").args(flags.split_ascii_whitespace()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn kills_and_a_failing_remote_lose_nothing() {
    programs();
    let json = Path::new(DISK).join("chaos.json");
    let flags = "--seed 11 --minutes 0.4 --kills 8 --rate 3000";
    let output = chaos(&format!("{flags} --spool-in {DISK} --json {}", json.display()));
    assert!(output.status.success(), "{}", text(&output));
    let run: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let facts = &run["facts"];
    let count = |list: &str| facts[list].as_array().unwrap().len();
    // Sixteen that stay, one with old timestamps; eight kills, two ends by SIGTERM and the last one.
    assert_eq!((count("closed"), count("incarnations")), (17, 11), "{}", text(&output));
    assert!(count("gone") >= 4 && count("text") >= 16, "{}", text(&output));
    assert!(run["findings"].as_array().unwrap().iter().all(|finding| finding["holds"] == true));
    assert_eq!(facts["left_in_spool"], 0);
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let plan = |seed: u32| text(&chaos(&format!("--seed {seed} --minutes 5 --plan")));
    let first = plan(7);
    assert_eq!(first, plan(7));
    assert_ne!(first, plan(8));
    let kills = first.lines().filter(|line| line.ends_with("kill -9")).count();
    assert_eq!(kills, 100, "{first}");
}
