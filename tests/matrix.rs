//! Whatever is wrong with the sidecar, the same holds: no call waits for it to be mended, the account adds up, and every record that was
//! taken arrives, in order, or is counted. One row for each fault, with room in the queue and without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use std::path::Path;
use std::time::{Duration, Instant};

use fake::{until, Acks, Behaviour, Fake, Seen, PATIENCE};
use splashdam::{Client, Level, Logged};

/// With 10 ms for each of them the calls would take 30 s.
const RECORDS: u64 = 3_000;
/// Room for all of them, and for few.
const ROOMS: [usize; 2] = [10_000, 500];

/// Sidecars, the last of them at work, and what those before it saw.
#[derive(Default)]
struct Stage {
    now: Option<Fake>,
    replaced: Option<Fake>,
    before: Vec<Seen>,
}

struct Row {
    name: &'static str,
    /// What there is when the app begins to log, and after its first records.
    broken: fn(&Path, &mut Stage, &Client),
    /// It becomes well again, after the app has logged.
    mended: Option<fn(&Path, &mut Stage)>,
}

fn first_records(client: &Client) {
    for n in 0..10 {
        assert_eq!(client.log(&text(n)), Logged::Queued);
    }
}

fn text(n: u64) -> String {
    format!("{n:05} {}", "x".repeat(100))
}

fn started(path: &Path, stage: &mut Stage, behaviour: Behaviour) {
    stage.now = Some(Fake::start(path, behaviour));
}

/// A sidecar that has admitted the first records.
fn admitted(path: &Path, stage: &mut Stage, client: &Client) {
    started(path, stage, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    first_records(client);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
}

fn now(stage: &Stage) -> &Fake {
    stage.now.as_ref().unwrap()
}

const ROWS: [Row; 9] = [
    Row { name: "absent", broken: |_, _, client| first_records(client), mended: None },
    Row {
        name: "late",
        broken: |_, _, client| first_records(client),
        mended: Some(|path, stage| started(path, stage, Behaviour::default())),
    },
    Row {
        name: "restarted, and remembers",
        broken: |path, stage, client| {
            admitted(path, stage, client);
            stage.before.push(stage.now.take().unwrap().stop());
        },
        mended: Some(|path, stage| {
            stage.now = Some(Fake::restart(path, Behaviour::default(), stage.before.pop().unwrap()));
        }),
    },
    Row {
        name: "restarted, and has forgotten",
        broken: |path, stage, client| {
            admitted(path, stage, client);
            stage.before.push(stage.now.take().unwrap().stop());
        },
        mended: Some(|path, stage| started(path, stage, Behaviour::default())),
    },
    Row {
        name: "hung from the start",
        broken: |path, stage, client| {
            started(path, stage, Behaviour { mute: true, ..Behaviour::default() });
            first_records(client);
        },
        mended: Some(|_, stage| now(stage).behave(|behaviour| behaviour.mute = false)),
    },
    Row {
        name: "hung at work",
        broken: |path, stage, client| {
            admitted(path, stage, client);
            now(stage).behave(|behaviour| (behaviour.mute, behaviour.reads) = (true, false));
        },
        mended: Some(|_, stage| now(stage).behave(|behaviour| *behaviour = Behaviour::default())),
    },
    Row {
        name: "slow",
        broken: |path, stage, client| {
            admitted(path, stage, client);
            now(stage).behave(|behaviour| behaviour.reads = false);
        },
        mended: Some(|_, stage| now(stage).behave(|behaviour| *behaviour = Behaviour::default())),
    },
    Row {
        name: "killed within a frame, again and again",
        broken: |path, stage, client| {
            started(path, stage, Behaviour { kill_after: Some(700), ..Behaviour::default() });
            first_records(client);
            now(stage).until("kills", |seen| seen.connections >= 2);
        },
        mended: Some(|_, stage| now(stage).behave(|behaviour| behaviour.kill_after = None)),
    },
    Row {
        name: "replaced at its path, and gone later",
        broken: |path, stage, client| {
            admitted(path, stage, client);
            let elsewhere = path.with_extension("new");
            let new = Fake::start(&elsewhere, Behaviour::default());
            std::fs::rename(elsewhere, path).unwrap();
            let old = stage.now.replace(new).unwrap();
            old.behave(|behaviour| behaviour.reads = false);
            stage.replaced = Some(old.elsewhere());
        },
        mended: Some(|_, stage| stage.before.extend(stage.replaced.take().map(Fake::stop))),
    },
];

#[test]
fn whatever_is_wrong_with_the_sidecar_calls_return_and_every_record_is_delivered_or_counted() {
    for row in ROWS {
        for room in ROOMS {
            holds(&row, room);
        }
    }
}

fn holds(row: &Row, room: usize) {
    let what = format!("{}, room for {room}", row.name);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let mut stage = Stage::default();
    let client = Client::builder(&path).queue_records(room).hung_after(Duration::from_millis(200)).build();
    (row.broken)(&path, &mut stage, &client);

    // Nothing is mended before the last of these calls has returned.
    let began = Instant::now();
    let taken: Vec<u64> = (10..RECORDS).filter(|n| client.log(&text(*n)) == Logged::Queued).collect();
    assert!(began.elapsed() < PATIENCE, "{what}: the calls took {:?}", began.elapsed());
    until("the account adds up", || client.stats().adds_up());
    let stats = client.stats();
    assert_eq!((stats.logged, stats.dropped_total()), (RECORDS, RECORDS - 10 - taken.len() as u64), "{what}");

    let Some(mended) = row.mended else { return nothing_arrives(&client, &what) };
    mended(&path, &mut stage);
    let report = client.close(PATIENCE);
    let dropped = RECORDS - 10 - taken.len() as u64;
    assert!(report.reached && report.pending == 0, "{what}: {report:?}");
    // What a sidecar had admitted and its successor has not is sent again, so none is lost.
    assert_eq!((report.delivered, report.lost_in_client), (RECORDS - dropped, dropped), "{what}");
    assert!(client.stats().adds_up(), "{what}: {:#?}", client.stats());
    stage.before.push(stage.now.take().unwrap().stop());
    let mut texts: Vec<String> = Vec::new();
    for text in stage.before.iter().flat_map(|seen| &seen.texts) {
        // Again for a sidecar that did not know of it.
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    let expected: Vec<String> = (0..10).chain(taken).map(text).collect();
    assert!(texts == expected, "{what}: {} arrived of {}, or not in order", texts.len(), expected.len());
}

/// Without any sidecar all is given up, and counted.
fn nothing_arrives(client: &Client, what: &str) {
    let report = client.close(Duration::from_millis(50));
    assert_eq!((report.delivered, report.lost_in_client, report.pending), (0, RECORDS, 0), "{what}: {report:?}");
    assert!(client.stats().adds_up(), "{what}");
}
