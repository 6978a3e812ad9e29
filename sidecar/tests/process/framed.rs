//! Framed clients, byte by byte: acks, resume, fences, flushes, and every way to break the protocol.

use splashdam::wire::{ClientFrame, FlushStatus, Level, Lost, RecordsFrame, MAGIC};

use crate::support::{hello, now_ms, until, Remote, Sidecar, Told, GROUP, STREAM};

mod broken;
mod destinations;
mod unread;

fn texts(numbers: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = String> {
    numbers.map(|n| format!("n={n:010} record"))
}

/// The remote end holds each of the first so many records once.
#[track_caller]
fn holds_each_once(remote: &Remote, records: u64) {
    let mut arrived = remote.texts();
    arrived.sort_unstable();
    assert_eq!(arrived, texts(1..=records).collect::<Vec<_>>());
}

#[test]
fn records_are_acknowledged_up_to_their_end() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    let welcome = client.hello(1, 1);
    assert_eq!((welcome.version, welcome.resume, welcome.flags), (1, 0, 0));
    assert_eq!((welcome.max_record, welcome.max_frame), (256 * 1024, 256 * 1024 + 65_536));
    client.records(1, texts(1..=5));
    client.records(6, texts(6..=9));
    let ack = client.until_ack(|ack| ack.ended_to == 9);
    assert_eq!((ack.admitted_to, ack.durable_to), (9, 9));
    assert_eq!((ack.delivered, ack.rejected, ack.dropped, ack.lost_to), (9, 0, 0, 0));
    drop(client);
    sidecar.stop().all_delivered(9);
    holds_each_once(&remote, 9);
    remote.no_violation();
}

/// Who has no time to wait for the welcome: everything in one write, and gone.
#[test]
fn records_may_follow_the_hello_at_once() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut bytes = MAGIC.to_vec();
    hello(1, 1, "", "").encode_into(&mut bytes);
    for (sequence, text) in (1..).zip(texts(1..=300)) {
        let mut frame = RecordsFrame::with_capacity(64);
        frame.push(now_ms(), text.as_bytes());
        bytes.extend_from_slice(&frame.finish(sequence));
    }
    sidecar.wire().raw(&bytes);
    // The same client again, as after a broken connection: what is known is skipped.
    sidecar.wire().raw(&bytes);
    remote.until_accepted(300);
    sidecar.stop().all_delivered(300);
    holds_each_once(&remote, 300);
    remote.no_violation();
}

#[test]
fn a_records_own_time_is_the_events() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    let then = now_ms() - 3_600_000;
    client.records_at(1, [(then + 2, "c"), (then, "a"), (then + 1, "b")]);
    assert_eq!(client.flush(Level::Ended).delivered, 3);
    drop(client);
    sidecar.stop().all_delivered(3);
    let events = remote.events(GROUP, STREAM);
    let events: Vec<_> = events.iter().map(|event| (event.timestamp - then, event.message.as_str())).collect();
    assert_eq!(events, [(0, "a"), (1, "b"), (2, "c")]);
    remote.no_violation();
}

#[test]
fn a_flush_answers_at_its_level() {
    let remote = Remote::strict();
    remote.fault("hang,operation=PutLogEvents");
    let sidecar = Sidecar::start(&remote, &["--attempt-timeout", "10m"]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    assert_eq!(client.flush(Level::Ended).status, FlushStatus::Reached, "of nothing");
    client.records(1, texts(1..=3));
    let admitted = client.flush(Level::Admitted);
    assert_eq!((admitted.status, admitted.pending, admitted.delivered), (FlushStatus::Reached, 3, 0));
    for level in [Level::Durable, Level::Ended] {
        client.send(&ClientFrame::Flush { ticket: 8, level, timeout_ms: 50 });
        let Told::Flushed(late) = client.told_but_acks() else { panic!("no answer") };
        assert_eq!((late.ticket, late.status, late.pending), (8, FlushStatus::TimedOut, 3));
    }
    drop(client);
    drop(sidecar);
}

#[test]
fn at_most_64_flushes_wait() {
    let remote = Remote::strict();
    remote.fault("hang,operation=PutLogEvents");
    let sidecar = Sidecar::start(&remote, &["--attempt-timeout", "10m"]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, texts(1..=1));
    for ticket in 0..65 {
        client.send(&ClientFrame::Flush { ticket, level: Level::Ended, timeout_ms: 60_000 });
    }
    let Told::Flushed(one_too_many) = client.told_but_acks() else { panic!("no answer") };
    assert_eq!((one_too_many.ticket, one_too_many.status), (64, FlushStatus::TimedOut));
    // It is not one of those who wait: the next that finds room may.
    client.send(&ClientFrame::Flush { ticket: 99, level: Level::Admitted, timeout_ms: 0 });
    let Told::Flushed(admitted) = client.told_but_acks() else { panic!("no answer") };
    assert_eq!((admitted.ticket, admitted.status), (99, FlushStatus::Reached));
}

#[test]
fn resending_after_a_reconnect_is_idempotent() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    assert!(!client.hello(1, 1).known_channel());
    client.records(1, texts(1..=10));
    client.until_ack(|ack| ack.admitted_to == 10);
    drop(client);

    let mut client = sidecar.wire();
    let welcome = client.hello(1, 1);
    assert!(welcome.known_channel());
    assert_eq!(welcome.resume, 10);
    client.records(1, texts(1..=10));
    client.records(8, texts(8..=12));
    let done = client.flush(Level::Ended);
    assert_eq!((done.status, done.delivered, done.pending), (FlushStatus::Reached, 12, 0));
    client.records(12, texts(12..=12));
    assert_eq!(client.flush(Level::Ended).delivered, 12);
    drop(client);
    sidecar.stop().all_delivered(12);
    holds_each_once(&remote, 12);
}

#[test]
fn a_new_channel_may_begin_anywhere() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    assert_eq!(client.hello(1, 1_000).resume, 999);
    client.records(1_000, ["first", "second"]);
    let done = client.flush(Level::Ended);
    assert_eq!((done.delivered, done.pending), (2, 0));
    drop(client);

    // It gave up what lies between: the lane goes on from there.
    let mut client = sidecar.wire();
    assert_eq!(client.hello(1, 2_000).resume, 1_001);
    client.records(2_000, ["third"]);
    let done = client.flush(Level::Ended);
    assert_eq!((done.delivered, done.pending), (3, 0));
    drop(client);
    sidecar.stop().all_delivered(3);
}

#[test]
fn a_gap_is_an_error_and_what_came_before_it_is_kept() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, texts(1..=3));
    client.records(5, texts(5..=5));
    assert_eq!(client.error().0, 4);
    remote.until_accepted(3);
    sidecar.stop().all_delivered(3);
    holds_each_once(&remote, 3);
}

#[test]
fn a_newer_connection_fences_the_older_one() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut older = sidecar.wire();
    older.hello(1, 1);
    older.records(1, texts(1..=4));
    older.until_ack(|ack| ack.admitted_to == 4);
    let mut newer = sidecar.wire();
    assert_eq!(newer.hello(1, 1).resume, 4);
    assert_eq!(older.error().0, 5);
    newer.records(5, texts(5..=6));
    assert_eq!(newer.flush(Level::Ended).delivered, 6);
    // Another channel is nobody's rival.
    let mut other = sidecar.wire();
    other.hello(2, 1);
    assert_eq!(newer.flush(Level::Ended).status, FlushStatus::Reached);
    drop((older, newer, other));
    sidecar.stop().all_delivered(6);
    holds_each_once(&remote, 6);
}

#[test]
fn empty_texts_are_dropped_and_counted() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, ["one", "", "three", ""]);
    let done = client.flush(Level::Ended);
    assert_eq!((done.delivered, done.dropped, done.pending), (2, 2, 0));
    assert_eq!(sidecar.metric("splashdam_records_dropped_total", "reason=\"empty\""), 2);
    drop(client);
    let account = sidecar.stop();
    // The marker of the loss is a record, too.
    assert_eq!((account.received(), account.delivered(), account.dropped()), (4, 2 + account.generated(), 2));
    assert_eq!(remote.texts()[..2], ["one", "three"]);
}

#[test]
fn a_record_too_long_is_split_and_counts_once() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--max-record", "1024"]);
    let mut client = sidecar.wire();
    assert_eq!(client.hello(1, 1).max_record, 1024);
    let long = "é€".repeat(600); // 3,000 bytes
    client.records(1, ["short", &long, "last"]);
    let done = client.flush(Level::Ended);
    assert_eq!((done.delivered, done.pending), (3, 0));
    client.until_ack(|ack| ack.ended_to == 3 && ack.delivered == 3);
    drop(client);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    let arrived = remote.texts();
    assert_eq!(arrived.len() as u64, account.delivered());
    assert_eq!(arrived.concat(), format!("short{long}last"));
    remote.no_violation();
}

#[test]
fn invalid_utf8_is_repaired() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, [&b"ok"[..], b"bad \xff byte", b"fine"]);
    assert_eq!(client.flush(Level::Ended).delivered, 3);
    drop(client);
    sidecar.stop().all_delivered(3);
    assert_eq!(remote.texts(), ["ok", "bad \u{fffd} byte", "fine"]);
}

#[test]
fn losses_of_a_client_are_told_once_in_the_stream() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let lost = Lost { report: 1, count: 17, from_ms: 1_000, to_ms: 2_000, reason: "queue full" };
    for _ in 0..2 {
        let mut client = sidecar.wire();
        client.hello(1, 1);
        client.send(&ClientFrame::Lost(lost));
        client.until_ack(|ack| ack.lost_to == 1);
    }
    remote.until_accepted(1);
    let account = sidecar.stop();
    assert_eq!((account.get("lost_by_clients"), account.generated(), account.delivered()), (17, 1, 1));
    let marker: serde_json::Value = serde_json::from_str(&remote.texts()[0]).unwrap();
    let expected = serde_json::json!({
        "splashdam": "loss", "count": 17, "reason": "queue full", "from": 1_000, "to": 2_000, "clients": 1
    });
    assert_eq!(marker, expected);
}

#[test]
fn bye_ends_the_connection_after_what_came_before() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, texts(1..=3));
    client.send(&ClientFrame::Bye);
    assert_eq!(client.told_but_acks(), Told::End);
    remote.until_accepted(3);
    sidecar.stop().all_delivered(3);
    holds_each_once(&remote, 3);
}

#[test]
fn the_magic_alone_and_a_close_is_nothing() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.raw(&MAGIC);
    drop(client);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    drop(client);
    sidecar.feed("text\n");
    remote.until_accepted(1);
    sidecar.stop().all_delivered(1);
}

#[test]
fn a_client_that_writes_a_byte_at_a_time_is_understood() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    let mut frame = splashdam::wire::RecordsFrame::with_capacity(64);
    frame.push(now_ms(), b"slow");
    for byte in frame.finish(1) {
        client.raw(&[byte]);
    }
    assert_eq!(client.flush(Level::Ended).delivered, 1);
    drop(client);
    until("it has noticed", || sidecar.metric("splashdam_records_delivered_total", "") == 1);
    sidecar.stop().all_delivered(1);
}
