//! `record` as its users run it: small ladders with the real sidecar, the real emulator, and shippers that are not ours; and these
//! in the workloads.

// Clippy knows tests by their attribute; the helpers beside them have none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

mod lossy;
mod workloads;

const BENCH: &str = env!("CARGO_BIN_EXE_splashdam-bench");
/// How long anything may take that is not itself about time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program beside the one under test; built if it is not there, which is so where only this crate is tested.
fn built(program: &str, package: &str) -> PathBuf {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let path = Path::new(BENCH).with_file_name(program);
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if !path.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", package, "--bins", "--all-features"]);
        let folder = path.parent().unwrap();
        build.args(folder.ends_with("release").then_some("--release"));
        build.arg("--target-dir").arg(folder.parent().unwrap());
        assert!(build.status().unwrap().success(), "{package} could not be built");
    }
    assert!(path.exists(), "{} is not there", path.display());
    path
}

fn splashdam() -> PathBuf {
    built("splashdam", "splashdam-sidecar")
}

/// A run's files.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, flags: &[&str]) -> Command {
        self.command_of("record", flags)
    }

    fn command_of(&self, name: &str, flags: &[&str]) -> Command {
        let mut command = Command::new(BENCH);
        command.arg(name).args(flags).arg("--json").arg(self.file("results.json"));
        command.arg("--splashdam").arg(splashdam());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, flags: &[&str]) -> Output {
        self.command(flags).output().unwrap()
    }

    fn results(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file("results.json")).unwrap()).unwrap()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn array<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap()
}

/// What holds for every sound row in which nothing was lost.
fn assert_whole(row: &Value, records: u64) {
    assert_eq!(row["faults"], serde_json::json!([]), "{row}");
    assert_eq!((row["offered"].as_u64(), row["written"].as_u64()), (Some(records), Some(records)), "{row}");
    let account = serde_json::json!({ "emitted": records, "delivered": records, "doubled": 0, "lost": 0 });
    assert_eq!((&row["account"], row["success_percent"].as_f64()), (&account, Some(100.0)), "{row}");
    assert_eq!(row["end_to_end"]["count"], records, "{row}");
    assert!(row["peak_mib"].as_f64() > Some(0.0) && row["cpu_percent"].as_f64() > Some(0.0), "{row}");
    assert!(!array(row, "memory").is_empty() && !array(row, "behind").is_empty(), "{row}");
}

/// Three seconds of a hundred a second.
const SMALL: [&str; 8] = ["--rung", "6000", "--hold", "3", "--outage", "1.5", "--limit", "off"];

#[test]
fn a_small_ladder_loses_nothing_and_is_written_down() {
    let place = Place::new();
    let history = place.file("history.csv");
    let spool_in = env!("CARGO_TARGET_TMPDIR");
    let flags = [&SMALL[..], &["--spool-in", spool_in, "--history", history.to_str().unwrap()]].concat();
    let output = place.run(&flags);
    let results = place.results();
    let (rows, skipped) = (array(&results, "load"), array(&results, "skipped"));
    assert_eq!(rows.len() + skipped.len(), 4, "{}", told(&output));
    assert_eq!(output.status.success(), skipped.is_empty(), "{}", told(&output));
    // Without a disk there are no rows with a spool, and it is said why.
    for skipped in skipped {
        let why = skipped["why"].as_str().unwrap();
        assert!(skipped["what"].as_str().unwrap().contains(", spool,") && why.contains("--spool-in"), "{skipped}");
    }
    for row in rows {
        assert_whole(row, 300);
        assert_eq!(row["spool_gib_per_day"].is_f64(), row["spool"].as_bool().unwrap(), "{row}");
        assert!(row["budget_mib"] == 64.0 && row["limit_mib"].is_null(), "{row}");
        assert!(!array(row, "backlog").is_empty(), "{row}");
        match row["condition"].as_str() {
            // What was due when the remote went away cannot have arrived before it was back.
            Some("outage") => {
                assert!(row["outage_seconds"].as_f64() >= Some(1.5), "{row}");
                assert!(row["end_to_end"]["max"].as_u64() > Some(1_300_000), "{row}");
            }
            _ => assert!(row["outage_seconds"].is_null() && row["call_error_percent"] == 0.0, "{row}"),
        }
    }
    assert!(rows.iter().filter(|row| row["spool"] == false).count() == 2, "{}", told(&output));
    assert_eq!(results["complete"], true);
    assert!(String::from_utf8_lossy(&output.stdout).contains("6,000"), "{}", told(&output));

    let text = std::fs::read_to_string(&history).unwrap();
    assert_eq!(text.lines().count(), 1 + rows.len(), "{text}");
    assert!(text.starts_with("at,") && text.lines().skip(1).all(|line| line.contains(",splashdam,")), "{text}");
}

#[test]
fn a_file_that_is_no_history_is_refused_before_anything_runs() {
    let place = Place::new();
    let other = place.file("other.csv");
    std::fs::write(&other, "a,b\n1,2\n").unwrap();
    let output = place.run(&[&SMALL[..], &["--history", other.to_str().unwrap()]].concat());
    assert!(!output.status.success() && told(&output).contains("header"), "{}", told(&output));
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "a,b\n1,2\n");
    assert!(!place.file("results.json").exists());
}

#[test]
fn another_shipper_is_measured_by_its_command_line() {
    let place = Place::new();
    let command = format!(
        "'{}' run --socket {{socket}} --group g --stream s --endpoint-url {{endpoint}} --admin off --spool-dir {{dir}}/spool",
        splashdam().display()
    );
    let flags =
        ["--shipper", &command, "--to", "unix:{dir}/s", "--name", "theirs", "--shipper-version", "9", "--condition"];
    let output = place.run(&[&SMALL[..], &flags, &["both"]].concat());
    assert!(output.status.success(), "{}", told(&output));
    let results = place.results();
    let rows = array(&results, "load");
    assert_eq!(rows.len(), 2, "{}", told(&output));
    for row in rows {
        assert_whole(row, 300);
        assert_eq!((row["shipper"].as_str(), row["version"].as_str()), (Some("theirs"), Some("9")));
        assert!(row["budget_mib"].is_null() && array(row, "backlog").is_empty(), "{row}");
        assert_eq!(row["spool"], false);
        assert!(row["received_mib_per_second"].as_f64() > Some(0.0), "{row}");
    }
}

#[test]
fn what_another_shipper_loses_is_seen() {
    let place = Place::new();
    let socket = place.file("lossy.sock");
    let command =
        format!("'{}' --exact lossy::shipper --ignored --nocapture", std::env::current_exe().unwrap().display());
    let to = format!("unix:{}", socket.display());
    let flags = ["--shipper", &command, "--to", &to, "--name", "lossy", "--condition", "healthy", "--drain", "3"];
    let output = place.command(&[&SMALL[..], &flags].concat()).env(lossy::SOCKET, &socket).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let results = place.results();
    let row = &results["load"][0];
    let account = serde_json::json!({ "emitted": 300, "delivered": 270, "doubled": 0, "lost": 30 });
    assert_eq!(row["account"], account, "{}", told(&output));
    assert_eq!((row["loss_percent"].as_f64(), row["success_percent"].as_f64()), (Some(10.0), Some(90.0)));
    // That is a figure about it, and no reason not to believe the row.
    assert_eq!(row["faults"], serde_json::json!([]));
}

#[test]
fn an_interrupted_ladder_reports_what_there_is() {
    let place = Place::new();
    let flags = ["--rung", "6000", "--rung", "12000", "--hold", "600", "--limit", "off", "--spool", "off"];
    let mut bench = place.command(&[&flags[..], &["--condition", "healthy"]].concat()).spawn().unwrap();
    until("a feeder is at work", || has_child(&bench, "feed"));
    kill_process(Pid::from_raw(bench.id() as i32).unwrap(), Signal::INT).unwrap();
    until("it has ended", || bench.try_wait().unwrap().is_some());
    let results = place.results();
    let (rows, skipped) = (array(&results, "load"), array(&results, "skipped"));
    assert_eq!((rows.len(), skipped.len(), &results["complete"]), (1, 1, &Value::Bool(false)));
    let row = &rows[0];
    assert!(row["comment"].as_str().unwrap().contains("interrupted after"), "{row}");
    assert_eq!((&row["account"]["lost"], &row["faults"]), (&0.into(), &serde_json::json!([])), "{row}");
    assert_eq!(row["written"], row["account"]["delivered"], "{row}");
    assert!(row["offered"].as_u64() < Some(60_000), "{row}");
    assert!(skipped[0]["what"].as_str().unwrap().starts_with("12,000"), "{skipped:?}");
}

/// Does a process with this argument have `parent` for its parent?
fn has_child(parent: &Child, argument: &str) -> bool {
    let of = |pid: &Path| {
        let stat = std::fs::read_to_string(pid.join("stat")).ok()?;
        let above: u32 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let words = std::fs::read(pid.join("cmdline")).ok()?;
        Some(above == parent.id() && words.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
    };
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| of(&entry.path()) == Some(true))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
