//! Clients that do not read what they are told.

use std::io::Read;

use splashdam::wire::{ClientFrame, Level};

use super::{holds_each_once, texts};
use crate::support::{until, Remote, Sidecar};

#[test]
fn a_client_that_never_reads_is_served_all_the_same() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    for frame in 0..400 {
        let first = frame * 50 + 1;
        client.records(first, texts(first..=first + 49));
    }
    remote.until_accepted(20_000);
    drop(client);
    sidecar.stop().all_delivered(20_000);
    holds_each_once(&remote, 20_000);
    remote.no_violation();
}

#[test]
fn a_client_that_exits_with_unread_acks_loses_nothing() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    for round in 0..20 {
        let mut client = sidecar.wire();
        client.hello(round, 1);
        for frame in 0..10 {
            let first = frame * 25 + 1;
            client.records(first, texts(first..=first + 24));
        }
        // The welcome has been read; no ack has.
        drop(client);
    }
    remote.until_accepted(20 * 250);
    sidecar.stop().all_delivered(20 * 250);
    assert_eq!(remote.report().marks.unique, 250);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_until_it_does() {
    const FLUSHES: u64 = 20_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    let mut answers = client.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        let asker = scope.spawn(|| {
            for ticket in 0..FLUSHES {
                client.send(&ClientFrame::Flush { ticket, level: Level::Admitted, timeout_ms: 0 });
            }
        });
        // Somebody else is served meanwhile.
        sidecar.feed("other\n");
        remote.until_accepted(1);
        let mut left = FLUSHES as usize * 54;
        let mut bytes = vec![0; 1 << 16];
        while left > 0 {
            let length = answers.read(&mut bytes).unwrap();
            assert!(length > 0, "{left} bytes of answers are missing");
            left = left.saturating_sub(length);
        }
        asker.join().unwrap();
    });
    drop((client, answers));
    until("it is gone", || sidecar.metric("splashdam_records_delivered_total", "") == 1);
    sidecar.stop().all_delivered(1);
}
