//! Five thousand connections at once.

use std::io::Write;
use std::os::unix::net::UnixStream;

use rustix::process::{getrlimit, setrlimit, Resource};
use splashdam::wire::MAGIC;

use crate::bounds::{MIB, REMAINDER};
use crate::support::{numbered, until, Remote, Sidecar};

const CROWD: usize = 5_000;

/// What the default configuration takes.
const MOST: u64 = 4_096;

/// Lets this process hold so many connections; false where the system does not.
fn may_hold(files: u64) -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).is_ok() && limit.maximum.is_none_or(|most| most >= files)
}

/// What each of them says: nothing, half a line, the beginning of a hello, half of a magic.
const WORDS: [&[u8]; 4] = [b"", b"half a li", &MAGIC, &[MAGIC[0], MAGIC[1]]];

#[test]
fn five_thousand_connections_cost_little_and_hold_up_nobody() {
    if !may_hold(CROWD as u64 + 1_000) {
        eprintln!("skipped: this system allows no process {CROWD} connections (ulimit -Hn)");
        return;
    }
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "16MiB"]);
    let mut good = sidecar.text();
    good.write_all(b"before\n").unwrap();
    remote.until_accepted(1);
    let open = files(&sidecar);
    let crowd: Vec<_> = (0..CROWD)
        .map(|n| {
            let mut stream = UnixStream::connect(sidecar.socket()).unwrap();
            // Whoever is refused may have been told already.
            let _ = stream.write_all(WORDS[n % 4]);
            stream
        })
        .collect();
    until("all have been seen", || sidecar.status()["connections"]["accepted"].as_u64() >= Some(MOST));
    until("the rest makes way or is sent away", || {
        let connections = &sidecar.status()["connections"];
        let (accepted, away) =
            (connections["accepted"].as_u64().unwrap(), connections["turned_away"].as_u64().unwrap());
        // Those that made way had been accepted.
        accepted.max(away) >= CROWD as u64 - MOST && accepted + away > CROWD as u64
    });
    good.write_all((numbered(0..5_000, 200).join("\n") + "\n").as_bytes()).unwrap();
    remote.until_accepted(5_001);
    let peak = sidecar.peak_rss();
    assert!(peak < 16 * MIB + REMAINDER, "{} MiB", peak / MIB);
    assert_eq!(sidecar.ask("admin", "GET", "/healthz").0, 200);
    drop(crowd);
    until("they are gone", || files(&sidecar) <= open + OTHERS);
    sidecar.feed("one more is welcome\n");
    until("it is delivered", || remote.texts().iter().any(|text| text == "one more is welcome"));
    drop(good);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    // Halves of lines and of magics are text, if their clients were not sent away; nothing else came of the crowd.
    let crowd = account.received() - 5_002;
    assert!((1..=CROWD as u64 / 2).contains(&crowd), "{crowd}");
}

/// Connections of other kinds that it may have opened meanwhile: to CloudWatch, and of whoever asks for metrics.
pub(super) const OTHERS: usize = 64;

/// Descriptors that it has open.
pub(super) fn files(sidecar: &Sidecar) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", sidecar.pid().as_raw_pid())).unwrap().count()
}
