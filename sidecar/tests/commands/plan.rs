//! `plan`, and whether a sidecar's spool takes what it says.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::Value;

use crate::stage::{run, splashdam, until, Stage};

fn plan(flags: &[&str]) -> Value {
    let (code, out, said) = run(splashdam(&["plan", "--json"]).args(flags), b"");
    assert_eq!((code, said.as_str()), (0, ""));
    serde_json::from_str(&out).unwrap()
}

#[test]
fn prints_tables_for_a_ticket() {
    let args = ["plan", "--records-per-second", "5000", "--bytes", "200", "--pods", "20"];
    let (code, out, said) = run(&mut splashdam(&args), b"");
    assert_eq!((code, said.as_str()), (0, ""));
    for part in ["| one sidecar ", "| the fleet ", "|    12 |   20 |", "Measured 20", "Prices: us-east-1, 20"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn nonsense_is_refused() {
    for (flags, part) in [
        (["--records-per-second", "0", "--bytes", "200"], "nothing to plan"),
        (["--records-per-second", "5", "--bytes", "200B/s"], "not a unit of size"),
        (["--records-per-second", "5", "--bytes", "0"], "more than 0"),
        (["--bytes", "200", "--growth-per-month", "-100%"], "leave nothing"),
        (["--bytes", "200", "--pods", "0"], "0 is not in"),
        (["--bytes", "200", "--outage", "1"], "needs its unit"),
        (["--bytes", "200", "--linger", "2h"], "longer than 1h"),
        (["--bytes", "200", "--pods", "3"], "--records-per-second"),
    ] {
        let (code, out, said) = run(splashdam(&["plan"]).args(flags), b"");
        assert_eq!((code, out.as_str()), (2, ""), "{flags:?}");
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn prices_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices.toml");
    let path = file.to_str().unwrap();
    let flags = ["--records-per-second", "5", "--bytes", "200", "--prices", path];
    let refused = || {
        let (code, out, said) = run(splashdam(&["plan"]).args(flags), b"");
        assert_eq!((code, out.as_str()), (2, ""));
        said
    };
    assert!(refused().contains(path));
    fs::write(&file, "region = \"eu-west-1\"\n").unwrap();
    assert!(refused().contains("missing field"), "{}", refused());

    let prices = "region = \"eu-west-1\"\nas_of = \"2026-11\"\nsource = \"ours\"\ningestion_per_gb = 1\nstorage_per_gb_month = 0.0\n";
    fs::write(&file, prices).unwrap();
    let shown = plan(&flags);
    let cost = &shown["months"][0]["fleet"];
    let month = 5.0 * 226.0 * 86_400.0 * 365.0 / 12.0 / 1e9;
    assert!((cost["ingestion_cost"].as_f64().unwrap() - month).abs() < 1e-9, "{cost}");
    assert_eq!((&cost["storage_cost"], &shown["prices"]["region"]), (&0.0.into(), &"eu-west-1".into()));
}

/// The rate of this run is measured and planned for, so it does not matter how fast the machine is.
#[test]
fn a_spool_takes_what_is_planned() {
    const RECORDS: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let stage = Stage::start(&["--fault", "unavailable,operation=PutLogEvents"], &["--spool-dir", dir]);
    let status = || -> Option<Value> { serde_json::from_str(&stage.get("/status")?.1).ok() };

    let began = Instant::now();
    let mut socket = UnixStream::connect(&stage.socket).unwrap();
    let line = format!("{}\n", "x".repeat(200));
    socket.write_all(line.repeat(RECORDS as usize).as_bytes()).unwrap();
    until("all are on disk", || {
        let lane = &status()?["lanes"][0];
        (lane["spooled"].as_u64() == Some(RECORDS)).then_some(())
    });
    let seconds = began.elapsed().as_secs_f64();

    let (_, out, _) = run(&mut splashdam(&["spool", "ls", "--json", dir]), b"");
    let spool: Value = serde_json::from_str(&out).unwrap();
    let taken = spool["total"]["bytes"].as_u64().unwrap() as f64;
    let rate = RECORDS as f64 / seconds;
    let shown = plan(&["--records-per-second", &format!("{rate:.3}"), "--bytes", "200"]);
    let planned = &shown["months"][0]["sidecar"]["spool"];
    let written = planned["written_bytes_per_second"].as_f64().unwrap() * seconds;
    // Beside what is written a second stand the cursor's blocks, and what the first segments take in any case.
    let fixed = 256.0 * 1024.0;
    assert!(taken <= written + fixed, "{taken} bytes taken, {written} planned in {seconds} s");
    assert!(written <= 1.25 * taken + fixed * (1.0 + seconds), "{written} bytes planned, {taken} taken in {seconds} s");
}
