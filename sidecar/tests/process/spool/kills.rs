//! An outage with framed clients pushing on, and `kill -9` three times on the way: everything is read back.

use std::collections::BTreeMap;
use std::time::Duration;

use splashdam::{Client, Overflow};
use splashdam_emulator::Emulator;

use super::{down, spooled};
use crate::support::{numbered, until, Remote, Setup, Sidecar, GROUP, STREAM};

const CLIENTS: u64 = 4;
const LENGTH: usize = 100;
const IN_FLIGHT: u64 = 4;
/// How many of these records fit a call, by AWS's rules.
const BATCH: u64 = 1_048_576 / (LENGTH as u64 + 26);
/// Ten seconds of a debug build. The variable asks for more or fewer; `splashdam-bench check --only kills` does it in release.
const RECORDS: u64 = 1_000_000;
const VARIABLE: &str = "SPLASHDAM_TEST_KILLS";
/// All of it, in an outage, on a slow machine.
const LONG: Duration = Duration::from_secs(120);

fn push(setup: &Setup, numbers: std::ops::Range<u64>) {
    let records = numbers.end - numbers.start;
    let block = Overflow::Block { max_wait: LONG };
    let client = Client::builder(setup.socket()).app("tests").overflow(block).build();
    for text in numbered(numbers, LENGTH) {
        client.log(&text);
    }
    let report = client.close(LONG);
    assert!(report.reached && report.lost_in_client == 0, "{report:?}");
    assert_eq!((report.delivered, report.rejected, report.dropped), (records, 0, 0), "{report:?}");
    let stats = client.stats();
    assert_eq!(stats.at_risk, 0, "{stats:?}");
}

/// Waits for a condition as long as the account adds up.
#[track_caller]
fn watch(sidecar: &Sidecar, what: &str, mut holds: impl FnMut(u64) -> bool) {
    until(what, || {
        let scrape = sidecar.scrape();
        scrape.adds_up();
        holds(scrape.came())
    });
}

/// Kills one that has something to lose, and starts the next.
#[track_caller]
fn kill(setup: &Setup, sidecar: Sidecar) -> Sidecar {
    let scrape = sidecar.scrape();
    scrape.adds_up();
    assert!(scrape.waiting() > 0, "a kill that finds nothing proves nothing");
    sidecar.kill();
    setup.start()
}

#[test]
fn three_kills_in_an_outage_lose_nothing() {
    let records: u64 = std::env::var(VARIABLE).ok().map_or(RECORDS, |text| text.parse().unwrap());
    let each = records / CLIENTS;
    let records = each * CLIENTS;
    let remote = Remote::of(Emulator::builder().without_signatures().store_max(2 * records, 8 << 30));
    down(&remote);
    let in_flight = IN_FLIGHT.to_string();
    let setup = spooled(&remote).flags(&["--memory", "16MiB", "--in-flight-max", &in_flight]);
    std::thread::scope(|scope| {
        let (setup, mut sidecar) = (&setup, setup.start());
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || push(setup, client * each..(client + 1) * each))).collect();
        for percent in [30, 60] {
            watch(&sidecar, "enough has come", |came| came >= records * percent / 100);
            sidecar = kill(setup, sidecar);
        }
        watch(&sidecar, "nearly all has come", |came| came >= records * 9 / 10);
        remote.clear_faults();
        // So that calls are under way at the third.
        remote.fault("latency,operation=PutLogEvents,latency=30");
        watch(&sidecar, "a part has arrived", |_| remote.report().marks.unique >= records * 4 / 10);
        sidecar = kill(setup, sidecar);
        watch(&sidecar, "all has arrived", |_| remote.report().marks.unique == records);
        for client in clients {
            client.join().unwrap();
        }
        let account = sidecar.stop();
        let marks = remote.report().marks;
        assert_eq!((marks.unique, marks.unmarked), (records, 0), "{marks:?}");
        // In the outage nothing took effect: what is doubled was in flight at the third.
        assert!(marks.doubled <= IN_FLIGHT * BATCH, "{marks:?}, {account:?}");
        assert!(marks.doubled <= account.possible_duplicates(), "{marks:?}, {account:?}");
    });
    in_order(&remote, each);
    remote.no_violation();
}

#[test]
fn ten_kills_of_a_busy_sidecar_lose_nothing() {
    const KILLS: u64 = 10;
    let records = 400_000 / CLIENTS * CLIENTS;
    let each = records / CLIENTS;
    let remote = Remote::of(Emulator::builder().without_signatures().store_max(2 * records, 8 << 30));
    remote.fault("latency,operation=PutLogEvents,latency=20");
    let in_flight = IN_FLIGHT.to_string();
    let setup = spooled(&remote).flags(&["--memory", "16MiB", "--in-flight-max", &in_flight]);
    std::thread::scope(|scope| {
        let (setup, mut sidecar) = (&setup, setup.start());
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || push(setup, client * each..(client + 1) * each))).collect();
        let mut hit = 0;
        for kill in 0..KILLS {
            let share = records * kill / (KILLS + 1);
            watch(&sidecar, "a part has arrived", |_| remote.report().marks.unique > share);
            hit += u64::from(sidecar.scrape().waiting() > 0);
            sidecar.kill();
            sidecar = setup.start();
        }
        assert!(hit * 10 >= KILLS * 9, "only {hit} of {KILLS} had something to lose");
        watch(&sidecar, "all has arrived", |_| remote.report().marks.unique == records);
        for client in clients {
            client.join().unwrap();
        }
        sidecar.stop().adds_up();
        let marks = remote.report().marks;
        assert_eq!((marks.unique, marks.unmarked), (records, 0), "{marks:?}");
        assert!(marks.doubled <= KILLS * IN_FLIGHT * BATCH, "{marks:?}");
    });
    in_order(&remote, each);
    remote.no_violation();
}

/// Between milliseconds a channel's numbers go up; within one they come as they come.
#[track_caller]
fn in_order(remote: &Remote, each: u64) {
    let mut channels: BTreeMap<u64, BTreeMap<i64, (u64, u64)>> = BTreeMap::new();
    for event in remote.events(GROUP, STREAM) {
        let number: u64 = event.message[2..12].parse().unwrap();
        let moment = channels.entry(number / each).or_default().entry(event.timestamp).or_insert((number, number));
        *moment = (moment.0.min(number), moment.1.max(number));
    }
    assert_eq!(channels.len() as u64, CLIENTS);
    for (channel, moments) in channels {
        let moments: Vec<_> = moments.into_values().collect();
        for pair in moments.windows(2) {
            assert!(pair[0].1 < pair[1].0, "channel {channel}: {pair:?}");
        }
    }
}
