//! Every input that is kept, on stable and without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

mod seeds;

fn folder(kind: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(kind).join(target)
}

/// Runs a target over its corpus and over what was once found; a failure names the file first.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let mut inputs: Vec<_> = ["corpus", "regressions"].iter().flat_map(|kind| files(&folder(kind, target))).collect();
    inputs.sort();
    assert!(inputs.len() >= 5, "{target} has {} inputs", inputs.len());
    for input in inputs {
        let data = fs::read(&input).unwrap();
        eprintln!("{}", input.display());
        run(&data);
        // Some damage for good measure, the same at every run.
        for at in (0..data.len()).step_by(data.len() / 6 + 1) {
            let mut flipped = data.clone();
            flipped[at] ^= 0x55;
            run(&flipped);
            run(&data[..at]);
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn frames_hold_for_every_kept_input() {
    replay("frames", super::frames::run);
}

#[test]
fn lines_hold_for_every_kept_input() {
    replay("lines", super::lines::run);
}

#[test]
fn segments_hold_for_every_kept_input() {
    let dir = tempfile::tempdir().unwrap();
    replay("segments", |data| super::segments::run(dir.path(), data));
}

#[test]
fn config_holds_for_every_kept_input() {
    let dir = tempfile::tempdir().unwrap();
    replay("config", |data| super::config::run(dir.path(), data));
}

#[test]
fn answers_hold_for_every_kept_input() {
    replay("answer", super::answer::run);
}
