//! A full queue, a closed client, a disabled one, a forked one: what is not sent is counted, and told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fake::{until, Acks, Behaviour, Fake, PATIENCE};
use splashdam::{Builder, Client, DropReason, Level, Logged, Overflow};

fn socket() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    (folder, path)
}

fn three_records(path: &PathBuf) -> Builder {
    Client::builder(path).queue_records(3)
}

fn adds_up(client: &Client) {
    let stats = client.stats();
    assert!(stats.adds_up(), "{stats:#?}");
}

#[test]
fn drop_newest_keeps_what_came_first_and_tells_the_sidecar() {
    let (_folder, path) = socket();
    let client = three_records(&path).overflow(Overflow::DropNewest).build();
    let outcomes: Vec<_> = (0..5).map(|n| client.log_at(1000 + n, &format!("{n}"))).collect();
    assert_eq!(outcomes[2..], [Logged::Queued, Logged::Dropped, Logged::Dropped]);
    adds_up(&client);
    let fake = Fake::start(&path, Behaviour::default());
    let report = client.flush(Level::Ended, PATIENCE);
    assert_eq!((report.reached, report.delivered, report.lost_in_client), (true, 3, 2));
    assert!(!report.all_delivered());
    fake.until("the report", |seen| seen.lost == [(1, 2, "queue_full".into())]);
    assert_eq!(client.stats().dropped(DropReason::QueueFull), 2);
    adds_up(&client);
    assert_eq!(fake.stop().texts, ["0", "1", "2"]);
}

#[test]
fn drop_oldest_keeps_what_came_last() {
    let (_folder, path) = socket();
    let client = three_records(&path).overflow(Overflow::DropOldest).build();
    for n in 0..5 {
        assert_eq!(client.log(&format!("{n}")), Logged::Queued);
    }
    adds_up(&client);
    let fake = Fake::start(&path, Behaviour::default());
    let report = client.flush(Level::Ended, PATIENCE);
    assert_eq!((report.reached, report.delivered, report.lost_in_client), (true, 3, 2));
    fake.until("the report", |seen| seen.lost == [(1, 2, "drop_oldest".into())]);
    assert_eq!(fake.stop().texts, ["2", "3", "4"]);
}

#[test]
fn block_waits_once_in_vain_and_not_again_until_there_is_room() {
    let (_folder, path) = socket();
    let wait = Duration::from_millis(200);
    let client = three_records(&path).overflow(Overflow::Block { max_wait: wait }).build();
    for n in 0..3 {
        assert_eq!(client.log(&format!("{n}")), Logged::Queued);
    }
    let start = Instant::now();
    assert_eq!(client.log("waits"), Logged::Dropped);
    assert!(start.elapsed() >= wait);
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.log("does not wait"), Logged::Dropped);
    }
    assert!(start.elapsed() < wait, "one wait each would be a hundred times as long");
    let fake = Fake::start(&path, Behaviour::default());
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    assert_eq!(client.log("there is room again"), Logged::Queued);
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    adds_up(&client);
    assert_eq!(client.stats().dropped(DropReason::QueueFull), 101);
    assert_eq!(fake.stop().records, 4);
}

#[test]
fn block_goes_on_as_soon_as_the_writer_makes_room() {
    let (_folder, path) = socket();
    let client = three_records(&path).overflow(Overflow::Block { max_wait: Duration::MAX }).build();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let client = client.clone();
            std::thread::spawn(move || {
                for n in 0..500 {
                    assert_eq!(client.log(&format!("{thread} {n}")), Logged::Queued);
                }
            })
        })
        .collect();
    let fake = Fake::start(&path, Behaviour::default());
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    adds_up(&client);
    let texts = fake.stop().texts;
    for thread in 0..4 {
        let own: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{thread} "))).collect();
        let expected: Vec<_> = (0..500).map(|n| format!("{thread} {n}")).collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>(), "each thread's records keep their order");
    }
}

#[test]
fn the_bound_in_bytes_holds() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).max_record(1000).queue_bytes(10_000).overflow(Overflow::DropNewest).build();
    let text = "x".repeat(1000);
    while client.log(&text) == Logged::Queued {}
    let stats = client.stats();
    assert!(stats.queue_bytes <= 10_000 && stats.queue_bytes > 8_000, "{stats:?}");
    assert_eq!(stats.queued, 9);
    adds_up(&client);
}

#[test]
fn flushes_of_many_threads_each_see_their_own_records_delivered() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).build();
    // More at once than may wait on one connection.
    std::thread::scope(|scope| {
        for thread in 0..80 {
            let (client, fake) = (&client, &fake);
            scope.spawn(move || {
                for round in 0..5 {
                    let text = format!("{thread} {round}");
                    client.log(&text);
                    let report = client.flush(Level::Ended, PATIENCE);
                    assert!(report.reached, "{report:?}");
                    assert!(fake.seen().texts.contains(&text));
                    assert!(report.delivered as usize <= 400 && report.delivered > round);
                }
            });
        }
    });
    let report = client.flush(Level::Ended, PATIENCE);
    assert!(report.all_delivered() && report.delivered == 400, "{report:?}");
    adds_up(&client);
}

#[test]
fn a_flush_that_runs_out_of_time_says_what_is_pending() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour { acks: Acks::Admitted, ..Behaviour::default() });
    let client = Client::builder(&path).build();
    client.log("one");
    let start = Instant::now();
    let report = client.flush(Level::Ended, Duration::from_millis(100));
    assert!(start.elapsed() >= Duration::from_millis(100) && start.elapsed() < PATIENCE);
    assert!(report.timed_out && !report.reached);
    assert_eq!((report.delivered, report.pending), (0, 1));
    fake.behave(|behaviour| behaviour.acks = Acks::Ended);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
}

#[test]
fn a_flush_of_nothing_needs_no_sidecar() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).build();
    assert!(client.flush(Level::Ended, Duration::from_secs(5)).all_delivered());
    assert!(client.close(Duration::from_secs(5)).all_delivered());
    assert!(client.close(Duration::from_secs(5)).reached, "closing twice is no fault");
}

#[test]
fn a_flush_can_be_awaited_without_a_runtime() {
    use std::future::Future;
    use std::task::{Context, Poll, Wake, Waker};

    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }

    let (_folder, path) = socket();
    let _fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).build();
    client.log("one");
    let mut flush = std::pin::pin!(client.flush_async(Level::Ended, PATIENCE));
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let report = loop {
        match flush.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(report) => break report,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    };
    assert!(report.all_delivered() && report.delivered == 1);
}

#[test]
fn close_races_with_log_and_every_record_is_accounted_for() {
    for round in 0..20 {
        let (_folder, path) = socket();
        let fake = Fake::start(&path, Behaviour::default());
        let client = Client::builder(&path).build();
        let logged: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut logged = 0;
                        for n in 0..2000 {
                            client.log(&format!("{n}"));
                            logged += 1;
                        }
                        logged
                    })
                })
                .collect();
            until("some records", || client.stats().logged > round * 100);
            client.close(PATIENCE);
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        fake.until("bye", |seen| seen.byes == 1);
        let stats = client.stats();
        assert_eq!(stats.logged, logged);
        assert!(stats.adds_up(), "{stats:#?}");
        // A record that was under way while the client closed may be sent behind the last flush.
        assert_eq!(fake.stop().records, stats.delivered + stats.unended);
    }
}

#[test]
fn close_without_a_sidecar_gives_up_and_counts() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).build();
    for n in 0..10 {
        client.log(&format!("{n}"));
    }
    let start = Instant::now();
    drop(client.guard().timeout(Duration::from_millis(100)));
    assert!(start.elapsed() < Duration::from_secs(5));
    let stats = client.stats();
    assert_eq!(stats.dropped(DropReason::Closed), 10);
    adds_up(&client);
    let report = client.flush(Level::Ended, PATIENCE);
    assert_eq!((report.lost_in_client, report.pending, report.reached), (10, 0, true));
}

#[test]
fn a_guard_delivers_what_a_short_program_logged() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour::default());
    {
        let client = Client::builder(&path).build();
        let _guard = client.guard();
        client.log("the last words");
    }
    fake.until("bye", |seen| seen.byes == 1);
    assert_eq!(fake.stop().texts, ["the last words"]);
}

#[test]
fn a_client_whose_last_handle_is_gone_ends_by_itself() {
    let (_folder, path) = socket();
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).build();
    client.log("on its own");
    drop(client);
    fake.until("bye", |seen| seen.byes == 1 && seen.texts == ["on its own"]);
}

#[test]
fn a_disabled_client_does_nothing_and_says_that_all_is_well() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).disabled(true).build();
    assert_eq!(client.log("nobody hears"), Logged::Queued);
    assert!(client.flush(Level::Ended, PATIENCE).reached);
    assert!(client.close(PATIENCE).reached);
    assert_eq!(client.stats().logged, 0);
}

static PID: AtomicU32 = AtomicU32::new(1);

#[test]
fn a_forked_child_gets_a_client_id_of_its_own_and_leaves_the_parents_records() {
    let (_folder, path) = socket();
    let client = Client::builder(&path).pid_source(|| PID.load(Ordering::SeqCst)).build();
    let parent = client.clone();
    parent.log("the parent's");
    PID.store(2, Ordering::SeqCst);
    // The flush is what finds out.
    client.flush(Level::Admitted, Duration::ZERO);
    client.log("the child's");
    assert_eq!(client.stats().logged, 1);
    let fake = Fake::start(&path, Behaviour::default());
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    // Here the parent's writer is alive too, and sends what it had.
    fake.until("both", |seen| seen.records == 2);
    let seen = fake.seen();
    assert_eq!(seen.channels.len(), 2);
    assert_ne!(seen.hellos[0].client_id, seen.hellos[1].client_id);
}

static BUSY_PID: AtomicU32 = AtomicU32::new(1);

#[test]
fn a_fork_is_found_within_1024_records_and_at_a_full_queue() {
    let (_folder, path) = socket();
    let builder = Client::builder(&path).pid_source(|| BUSY_PID.load(Ordering::SeqCst));
    let (busy, full) = (builder.clone().build(), builder.queue_records(1).overflow(Overflow::DropNewest).build());
    busy.log("the parent's");
    full.log("the parent's");
    BUSY_PID.store(2, Ordering::SeqCst);
    for _ in 0..1024 {
        busy.log("the child's");
    }
    assert!(busy.stats().logged < 1024, "{:?}", busy.stats());
    assert_eq!(full.log("the child's"), Logged::Queued, "the child's queue has room");
    assert_eq!(full.stats().logged, 1);
}
