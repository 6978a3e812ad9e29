use serde_json::{json, Value};

use super::series::{Key, Quantity, Workload};
use super::verdict::Verdict;
use super::*;
use crate::results::Results;

const KEY: (&str, &str) = ("sync", "sysconfig");

fn account(lost: u64) -> Value {
    json!({ "emitted": 300, "delivered": 300 - lost, "doubled": 0, "lost": lost })
}

fn cpu(seconds: f64) -> Value {
    json!({ "app_seconds": seconds, "sidecar_seconds": null, "endpoint_seconds": null, "driver_seconds": null, "others_cpus": 0.1 })
}

fn latency(micros: u64) -> Value {
    json!({ "count": 100, "mean": micros as f64, "min": 1, "p50": micros, "p90": micros, "p95": micros, "p99": 2 * micros,
            "p999": 2 * micros, "max": 2 * micros, "buckets": [] })
}

fn api((mode, operation): (&str, &str), drive: Value, micros: u64, faults: &[&str]) -> Value {
    json!({
        "round": 0, "app": "rust", "mode": mode, "remote": "10", "operation": operation, "topology": "single",
        "query_ms": 12.0, "drive": drive, "seconds": 1e-6 * 100.0 * micros as f64, "requests": 100,
        "per_second": 1e6 / micros as f64, "errors": 0,
        "latency": latency(micros), "account": account(0), "cpu": cpu(0.05), "memory": {}, "faults": faults
    })
}

fn serial(micros: u64) -> Value {
    api(KEY, json!({ "kind": "serial", "requests": 100 }), micros, &[])
}

fn file(fields: Value) -> Value {
    let mut file = json!({
        "format": 1, "began": "2026-01-01T00:00:00Z", "seconds": 1.0, "complete": true, "command": "", "seed": 1,
        "machine": { "cpus": 2, "model": "a", "memory_mib": 100, "kernel": "6" }, "versions": { "splashdam": "0.1.0" }
    });
    file.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    file
}

fn results(fields: Value) -> Results {
    read::parse(file(fields).to_string().as_bytes()).unwrap()
}

/// Rounds around so many microseconds, a little apart.
fn rounds(count: u64, micros: u64, apart: u64) -> Results {
    results(json!({ "api": (0..count).map(|round| serial(micros + apart * round)).collect::<Vec<_>>() }))
}

fn compared(a: &Results, b: &Results) -> Vec<Row> {
    rows(&Series::of(a), &Series::of(b), 0.03, 1)
}

fn certain(rows: &[Row]) -> Certain {
    slower::holm(&rows.iter().map(|row| row.slower).collect::<Vec<_>>())
}

fn shown(rows: &[Row], a: &Results, b: &Results) -> String {
    show::table(rows, &certain(rows), &Series::of(a), &Series::of(b))
}

fn verdict(rows: &[Row], quantity: Quantity) -> Verdict {
    rows.iter().find(|row| row.key.quantity == quantity).unwrap().verdict
}

#[test]
fn a_change_has_a_direction() {
    let (fast, slow) = (rounds(7, 10_000, 20), rounds(7, 11_500, 20));
    let there = compared(&fast, &slow);
    assert_eq!(there.len(), 4);
    assert_eq!(verdict(&there, Quantity::P50Micros), Verdict::Worse);
    assert_eq!(verdict(&there, Quantity::P99Micros), Verdict::Worse);
    assert_eq!(verdict(&there, Quantity::AnswersPerSecond), Verdict::Worse);
    assert_eq!(verdict(&there, Quantity::CpuMillisPerRequest), Verdict::Same { margin: 0.03 });
    let back = compared(&slow, &fast);
    assert_eq!(verdict(&back, Quantity::P50Micros), Verdict::Better);
    assert_eq!(verdict(&back, Quantity::AnswersPerSecond), Verdict::Better);
    let text = shown(&there, &fast, &slow);
    assert!(text.contains("slower") && text.contains("+14.9 %") && text.contains("no change within ±3 %"), "{text}");
    assert!(text.contains("api: rust sync, remote 10, sysconfig, single, 12 ms a query, serial, 100"), "{text}");
}

#[test]
fn noise_is_inconclusive_and_says_what_it_could_have_seen() {
    let rows = compared(&rounds(7, 10_000, 1_000), &rounds(7, 10_500, 1_000));
    let Verdict::Inconclusive { visible } = verdict(&rows, Quantity::P50Micros) else { panic!("{rows:?}") };
    assert!((0.05..1.0).contains(&visible), "{visible}");
    assert!(rows[0].verdict.words(&rows[0].key).starts_with("inconclusive (could have seen "));
}

#[test]
fn few_rounds_decide_nothing() {
    let rows = compared(&rounds(4, 10_000, 0), &rounds(9, 20_000, 0));
    assert!(rows.iter().all(|row| row.verdict == Verdict::TooFewRounds { a: 4, b: 9 }), "{rows:?}");
    assert_eq!((rows[0].a, rows[0].b), (10_000.0, 20_000.0));
}

#[test]
fn only_like_is_compared_with_like() {
    let open = |rate: f64, phase: &str| api(KEY, json!({ "kind": "open", "rate": rate, "phase": phase }), 10_000, &[]);
    let a = results(
        json!({ "api": [open(50.0, "half"), open(100.0, "ladder"), serial(1), api(("null", "noop"), json!({ "kind": "closed", "threads": 2 }), 5, &[])] }),
    );
    let b = results(
        json!({ "api": [open(55.0, "half"), open(110.0, "ladder"), serial(2), api(("null", "noop"), json!({ "kind": "closed", "threads": 3 }), 5, &[])] }),
    );
    let rows = compared(&a, &b);
    let whats: std::collections::BTreeSet<_> =
        rows.iter().map(|row| row.key.what.rsplit(", ").next().unwrap()).collect();
    assert_eq!(whats.into_iter().collect::<Vec<_>>(), ["100", "half of the maximum"]);
    assert!(!rows.iter().any(|row| row.key.what.contains("half") && row.key.quantity == Quantity::AnswersPerSecond));
    let text = shown(&rows, &a, &b);
    assert!(text.contains("Only in A: 8 rows") && text.contains("Only in B: 8 rows"), "{text}");
}

#[test]
fn faulty_runs_are_left_out_and_losses_told() {
    let drive = json!({ "kind": "serial", "requests": 100 });
    let mut lossy = serial(10_000);
    lossy["account"] = account(7);
    let a = results(json!({ "api": [serial(10_000), api(KEY, drive, 1, &["it was wrong"])] }));
    let b = results(json!({ "api": [lossy] }));
    let rows = compared(&a, &b);
    assert_eq!(rows[0].a, 10_000.0);
    let text = shown(&rows, &a, &b);
    assert!(text.contains("Left out of A: 1 runs that do not count."), "{text}");
    assert!(text.contains("Records lost, all modes: 0 in A, 7 in B."), "{text}");
}

#[test]
fn every_workload_is_compared() {
    let task = json!({
        "round": 0, "app": "python", "mode": "queue", "remote": "10", "request_seconds": [15.0, 16.0, 17.0],
        "shape": { "tasks": 671, "records": 2117, "bytes": 207, "task_ms": 44.7, "workers": 2 },
        "task": latency(50), "account": account(0), "cpu": cpu(3.0), "memory": {}
    });
    let sweep = json!({
        "round": 0, "parameter": "connections", "value": 10.0, "records": 9, "record_bytes": 200, "per_second": 5.0,
        "mib_per_second": 1.0, "cpu_seconds_per_million": 0.4, "peak_mib": 30.0, "batches": 3, "end_to_end": latency(900),
        "account": account(0)
    });
    let recovery = json!({
        "round": 0, "spool_gib": 1.0, "records": 9, "first_record_seconds": 0.01, "first_send_seconds": 0.1,
        "all_delivered_seconds": 3.0, "peak_until_first_send_mib": 20.0, "peak_mib": 30.0, "account": account(0)
    });
    let load = json!({
        "at": "", "shipper": "splashdam", "version": "", "spool": true, "condition": "outage", "remote": "0", "record_bytes": 200,
        "offered_per_minute": 20_000, "seconds": 1.0, "outage_seconds": 5.0, "caught_up_seconds": 0.5, "offered": 9, "written": 9,
        "account": account(0), "success_percent": 100.0, "delivered_per_second": 333.0, "cpu_percent": 1.0,
        "cpu_seconds_per_million": 1.4, "cpu": cpu(1.0), "peak_mib": 20.0, "budget_mib": null, "limit_mib": null, "oom_kills": 0,
        "spool_mib_per_second": null, "spool_gib_per_day": null, "sent_mib_per_second": 1.0, "received_mib_per_second": 1.0,
        "disk_write_mib_per_second": null, "disk_read_mib_per_second": null, "disk_operations_per_second": null,
        "end_to_end": latency(900), "call_error_percent": 0.0, "loss_percent": 0.0, "memory": [], "backlog": []
    });
    let both = results(json!({ "tasks": [task], "sweeps": [sweep], "recoveries": [recovery], "load": [load] }));
    let rows = compared(&both, &both);
    let count = |name: &str| rows.iter().filter(|row| row.key.workload.name() == name).count();
    assert_eq!(["tasks", "load", "sweep", "recovery"].map(count), [2, 5, 4, 4]);
    let wall = rows.iter().find(|row| row.key.quantity == Quantity::WallSeconds).unwrap();
    assert_eq!((wall.a, wall.b), (16.0, 16.0));
}

#[test]
fn other_files_are_refused_and_other_machines_told() {
    let refused = |text: &str| read::parse(text.as_bytes()).unwrap_err();
    assert!(refused("nonsense").starts_with("is not JSON"));
    assert!(refused("{}").contains("has no format"));
    assert!(refused(r#"{"format":2}"#).contains("has format 2 and not 1"));
    assert!(refused(r#"{"format":1}"#).contains("not a whole file"));

    let (a, mut b) = (results(json!({})), results(json!({ "complete": false })));
    assert_eq!(read::differences(&a, &a), Vec::<String>::new());
    b.machine.cpus = 64;
    b.versions.insert("splashdam".to_owned(), "0.2.0".to_owned());
    let told = read::differences(&a, &b);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("64 CPUs") && told[1].contains("0.1.0 and 0.2.0") && told[2].contains("second"));
}

#[test]
fn the_exit_status_is_about_slower_only_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, results: &Results| {
        let path = folder.path().join(name);
        std::fs::write(&path, serde_json::to_vec(results).unwrap()).unwrap();
        path
    };
    let (a, b) = (write("a", &rounds(7, 10_000, 20)), write("b", &rounds(7, 11_500, 20)));
    let status = |a: &PathBuf, b: &PathBuf, fail_on_slower| {
        let args = CompareArgs { a: a.clone(), b: b.clone(), margin: 3.0, seed: 1, fail_on_slower };
        format!("{:?}", run(&args).unwrap())
    };
    let (good, bad) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::FAILURE));
    let few = write("few", &rounds(4, 10_000, 20));
    assert_eq!(
        (status(&few, &b, true), status(&few, &b, false)),
        (format!("{:?}", ExitCode::from(UNDECIDED)), good.clone())
    );
    assert_eq!(status(&a, &a, true), good);
    assert_eq!((status(&a, &b, false), status(&a, &b, true), status(&b, &a, true)), (good.clone(), bad, good));
    let missing = CompareArgs { a: folder.path().join("no"), b, margin: 3.0, seed: 1, fail_on_slower: false };
    assert!(run(&missing).unwrap_err().to_string().starts_with("cannot read "));
}

/// So many quantities of a run: rounds scatter by a twentieth, and a run as a whole is off by a hundredth or so, which its rounds
/// do not tell of.
fn run_of(rng: &mut fastrand::Rng, quantities: usize, rounds: usize, slower: f64) -> Vec<Vec<f64>> {
    let mut normal = || (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
    (0..quantities)
        .map(|_| {
            let middle = 1_000.0 * slower * (1.0 + 0.01 * normal());
            (0..rounds).map(|_| middle * (1.0 + 0.05 * normal())).collect()
        })
        .collect()
}

fn judged(a: &[Vec<f64>], b: &[Vec<f64>]) -> (Certain, usize) {
    let key = |index: usize| Key { workload: Workload::Api, what: index.to_string(), quantity: Quantity::P50Micros };
    let rows: Vec<Row> =
        a.iter().zip(b).enumerate().map(|(index, (a, b))| Row::of(key(index), a, b, 0.03, 1)).collect();
    (certain(&rows), rows.iter().filter(|row| row.verdict == Verdict::Worse).count())
}

#[test]
fn the_same_against_the_same_does_not_fail_and_what_is_slower_does() {
    let mut rng = fastrand::Rng::with_seed(23);
    let (mut alarms, mut worse) = (0, 0);
    for _ in 0..6 {
        let (a, b) = (run_of(&mut rng, 60, 9, 1.0), run_of(&mut rng, 60, 9, 1.0));
        let (certain, by_themselves) = judged(&a, &b);
        assert!(certain.can_tell && certain.tested == 60);
        alarms += usize::from(certain.slower.contains(&true));
        worse += by_themselves;
    }
    // Row by row, some look slower: what the exit status must not go by.
    assert_eq!(alarms, 0);
    assert!(worse > 0);
    let (a, mut b) = (run_of(&mut rng, 60, 9, 1.0), run_of(&mut rng, 60, 9, 1.0));
    b[7] = run_of(&mut rng, 1, 9, 1.3).remove(0);
    let (certain, _) = judged(&a, &b);
    assert!(certain.slower[7] && certain.slower.iter().filter(|slower| **slower).count() == 1);
}

#[test]
fn how_many_were_decided_is_told() {
    let (a, b) = (rounds(7, 10_000, 20), rounds(7, 11_500, 20));
    let text = shown(&compared(&a, &b), &a, &b);
    assert!(
        text.contains("Decided: 4 of 4 quantities.") && text.contains("(Holm, 4 quantities): 3, the first"),
        "{text}"
    );
    let text = shown(&compared(&a, &a), &a, &a);
    assert!(text.contains("Nothing is slower for certain"), "{text}");
    let few = rounds(4, 10_000, 20);
    let text = shown(&compared(&few, &b), &few, &b);
    assert!(text.contains("Decided: 0 of 4") && text.contains("no quantity has 5 rounds"), "{text}");
}
