//! Records reach the sidecar once and in order, whatever happens to it: absent, late, restarted, killed, hung, slow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use std::time::Duration;

use fake::{until, Acks, Behaviour, Fake, PATIENCE};
use splashdam::wire::{ErrorCode, FLAG_DURABLE_IS_DISK};
use splashdam::{Client, DropReason, Level, Logged, Overflow};

fn socket() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    (folder, path)
}

fn log(client: &Client, numbers: std::ops::Range<u32>) {
    for n in numbers {
        assert_eq!(client.log(&format!("record {n}")), Logged::Queued);
    }
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|n| format!("record {n}")).collect()
}

fn adds_up(client: &Client) {
    let stats = client.stats();
    assert!(stats.adds_up(), "{stats:#?}");
}

#[test]
fn records_arrive_in_order_and_flush_says_so() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).app("shop").group("/g").stream("s").build();
    log(&client, 0..1000);
    let report = client.flush(Level::Ended, PATIENCE);
    assert!(report.all_delivered(), "{report:?}");
    assert_eq!(report.delivered, 1000);
    adds_up(&client);
    log(&client, 1000..1001);
    let closed = client.close(PATIENCE);
    assert!(closed.all_delivered() && closed.delivered == 1001, "{closed:?}");
    fake.until("bye", |seen| seen.byes == 1 && seen.open == 0);
    let seen = fake.stop();
    assert_eq!(seen.texts, numbered(0..1001));
    let hello = &seen.hellos[0];
    assert_eq!((&*hello.app, &*hello.group, &*hello.stream, hello.oldest), ("shop", "/g", "s", 1));
    assert_eq!(client.log("too late"), Logged::Dropped);
    assert_eq!(client.stats().dropped(DropReason::Closed), 1);
    adds_up(&client);
}

#[test]
fn a_sidecar_that_comes_late_gets_everything_that_the_queue_could_keep() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).build();
    log(&client, 0..500);
    let report = client.flush(Level::Admitted, Duration::from_millis(30));
    assert!(report.timed_out && !report.reached);
    assert_eq!((report.pending, report.lost_in_client), (500, 0));
    let fake = Fake::start(&path, Behaviour::default());
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(fake.stop().texts, numbered(0..500));
}

#[test]
fn a_restarted_sidecar_that_remembers_gets_nothing_twice() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    let client = Client::builder(&path).build();
    log(&client, 0..100);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    let seen = fake.stop();
    log(&client, 100..200);
    let fake = Fake::restart(&path, Behaviour::default(), seen);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    adds_up(&client);
    assert_eq!(client.stats().reconnects, 1);
    let seen = fake.stop();
    assert_eq!(seen.texts, numbered(0..200));
    assert_eq!(seen.repeated, 0);
    assert_eq!(seen.hellos[0].client_id, seen.hellos[1].client_id);
    assert_eq!(seen.hellos[1].oldest, 1, "nothing was durable");
}

#[test]
fn a_restarted_sidecar_that_forgot_gets_what_was_not_durable_again() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    let client = Client::builder(&path).build();
    log(&client, 0..100);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    drop(fake);
    let fake = Fake::start(&path, Behaviour::default());
    let report = client.flush(Level::Ended, PATIENCE);
    assert!(report.all_delivered() && report.delivered == 100, "{report:?}");
    assert_eq!(fake.stop().texts, numbered(0..100));
    adds_up(&client);
}

#[test]
fn a_connection_killed_within_a_frame_is_resumed() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { kill_after: Some(10_000), ..Behaviour::default() });
    let client = Client::builder(&path).build();
    log(&client, 0..5000);
    fake.until("three kills", |seen| seen.connections >= 3);
    fake.behave(|behaviour| behaviour.kill_after = None);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    adds_up(&client);
    assert_eq!(fake.stop().texts, numbered(0..5000));
}

#[test]
fn a_hung_sidecar_is_left_and_tried_again() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { mute: true, ..Behaviour::default() });
    let client = Client::builder(&path).hung_after(Duration::from_millis(50)).build();
    log(&client, 0..10);
    fake.until("a second connection", |seen| seen.connections >= 2);
    fake.behave(|behaviour| behaviour.mute = false);
    // A connection that began mute stays it; the next one is welcomed.
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(fake.stop().texts, numbered(0..10));
}

#[test]
fn silence_is_no_fault_where_nothing_is_owed() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).hung_after(Duration::from_millis(20)).build();
    log(&client, 0..1);
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    std::thread::sleep(Duration::from_millis(100));
    log(&client, 1..2);
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    assert_eq!(fake.seen().connections, 1);
}

#[test]
fn a_slow_reader_stops_the_client_and_loses_nothing() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { reads: true, ..Behaviour::default() });
    let client = Client::builder(&path).overflow(Overflow::Block { max_wait: PATIENCE }).queue_records(1000).build();
    log(&client, 0..1);
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    fake.behave(|behaviour| behaviour.reads = false);
    let writer = {
        let client = client.clone();
        std::thread::spawn(move || {
            for n in 1..3000 {
                assert_eq!(client.log(&format!("{n} {}", "x".repeat(5000))), Logged::Queued);
            }
        })
    };
    until("a full queue", || client.stats().queued >= 1000);
    fake.behave(|behaviour| behaviour.reads = true);
    writer.join().unwrap();
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(fake.seen().records, 3000);
    adds_up(&client);
}

#[test]
fn a_draining_sidecar_gets_no_more_and_its_successor_everything() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    let client = Client::builder(&path).build();
    log(&client, 0..10);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    fake.behave(|behaviour| behaviour.draining = true);
    until("draining", || !client.stats().connected);
    log(&client, 10..20);
    assert!(client.flush(Level::Admitted, Duration::from_millis(30)).timed_out);
    let seen = fake.stop();
    assert_eq!(seen.records, 10);
    let fake = Fake::restart(&path, Behaviour::default(), seen);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(fake.stop().texts, numbered(0..20));
}

#[test]
fn errors_of_the_sidecar_mean_try_again_later() {
    for code in [ErrorCode::BUSY, ErrorCode::FENCED, ErrorCode::SHUTTING_DOWN, ErrorCode(999)] {
        let (_folder, path) = socket();
        let fake = Fake::start(&path, Behaviour { error: Some(code), ..Behaviour::default() });
        let client = Client::builder(&path).build();
        log(&client, 0..3);
        fake.until("a connection that was refused", |seen| seen.connections >= 1 && seen.open == 0);
        fake.behave(|behaviour| behaviour.error = None);
        assert!(client.flush(Level::Ended, PATIENCE).all_delivered(), "{code:?}");
        adds_up(&client);
    }
}

#[test]
fn what_the_window_let_go_is_at_risk_and_lost_only_with_the_sidecar() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    let client = Client::builder(&path).window_bytes(50_000).build();
    log(&client, 0..1);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    for n in 1..2000 {
        client.log(&format!("record {n} {}", "x".repeat(100)));
        if n % 100 == 0 {
            assert!(client.flush(Level::Admitted, PATIENCE).reached, "a full window must not stop the client");
        }
    }
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    let at_risk = client.stats().at_risk;
    assert!(at_risk > 1000, "{at_risk}");
    // The same sidecar says that it has only the first ten: N < F - 1.
    fake.behave(|behaviour| {
        behaviour.resume = Some(10);
        behaviour.kill_after = Some(0);
    });
    fake.until("the kill", |seen| seen.open == 0);
    fake.behave(|behaviour| {
        behaviour.kill_after = None;
        behaviour.acks = Acks::Ended;
    });
    fake.until("the report", |seen| !seen.lost.is_empty());
    let lost = client.stats().dropped(DropReason::SidecarLost);
    assert_eq!(lost, client.stats().at_risk - 10);
    assert_eq!(fake.seen().lost, [(1, lost, "sidecar_lost".to_owned())]);
}

#[test]
fn a_window_that_is_full_of_what_is_not_on_disk_yet_stops_the_client() {
    let (_folder, path) = socket();
    let behaviour = Behaviour { acks: Acks::Admitted, flags: FLAG_DURABLE_IS_DISK, ..Behaviour::default() };
    let fake = Fake::start(&path, behaviour);
    let client = Client::builder(&path).window_bytes(1).build();
    log(&client, 0..1);
    assert!(client.flush(Level::Admitted, PATIENCE).reached);
    log(&client, 1..3);
    assert!(client.flush(Level::Admitted, Duration::from_millis(30)).timed_out);
    assert_eq!(client.stats().at_risk, 0);
    fake.behave(|behaviour| behaviour.acks = Acks::Durable);
    assert!(client.flush(Level::Durable, PATIENCE).reached);
    fake.behave(|behaviour| behaviour.acks = Acks::Ended);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    assert_eq!(fake.stop().texts, numbered(0..3));
}

#[test]
fn long_texts_become_several_records_cut_between_characters() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { max_record: 1000, ..Behaviour::default() });
    let client = Client::builder(&path).max_record(1500).build();
    let text = "ü".repeat(2000);
    client.log(&text);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    adds_up(&client);
    let texts = fake.stop().texts;
    // 1,500 + 1,500 + 1,000 by the client's own limit; the sidecar's then halves what is over 1,000.
    assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [1000, 500, 1000, 500, 1000]);
    assert_eq!(texts.concat(), text);
    assert_eq!((client.stats().logged, client.stats().split), (5, 2));
}
