//! The threads: what was asked for is done, in order, and the end comes after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;

use super::model::*;
use crate::engine::budget::{Budget, Kind};
use crate::engine::spool::{Order, Read, Want};
use crate::spool::{Event, Options, Spool, Survives};

#[test]
fn orders_reads_and_indexes_are_answered_and_the_end_waits_for_them() {
    for survives in [Survives::ProcessCrash, Survives::PowerLoss] {
        let dir = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 20);
        let options =
            Options { dir: dir.path().into(), max_bytes: 1 << 30, survives, budget: Arc::clone(&budget), lanes: 8 };
        let (spool, _) = Spool::open(options).unwrap();
        let (sender, events) = unbounded();
        spool.start(Arc::new(move |event| sender.send(event).unwrap())).unwrap();
        let of = |lane: u32| crate::config::Destination::parse("/app", &format!("pod-{lane}")).unwrap();
        for lane in 0..8 {
            let order = order(vec![entry(&budget, 0, 2)], 2, None);
            spool.order(Box::new(Order { lane, destination: of(lane), ..order }));
        }
        for _ in 0..8 {
            let event = events.recv_timeout(Duration::from_secs(30)).unwrap();
            assert!(
                matches!(&event, Event::Stored(stored) if stored.end == 2 && stored.failure.is_none()),
                "{event:?}"
            );
        }
        let payment = budget.claim(Kind::Recalled, 20_000).unwrap();
        spool.read(Box::new(Read { lane: 3, from: 0, to: 2, payment, want: Want::Records }), of(3));
        spool.index(5, of(5));
        assert!(spool.close(Instant::now() + Duration::from_secs(30)));
        let events: Vec<_> = events.try_iter().collect();
        assert!(matches!(&events[..], [Event::Read(read), Event::Indexed(indexed)]
            if read.pieces.len() == 1 && indexed.next == 2));
        // After the end nothing is taken, and nothing hangs.
        spool.index(5, of(5));
    }
}

#[test]
fn what_has_ended_of_an_idle_lane_goes_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Budget::new(1 << 20);
    let survives = Survives::ProcessCrash;
    let options =
        Options { dir: dir.path().into(), max_bytes: 1 << 30, survives, budget: Arc::clone(&budget), lanes: 1 };
    let (spool, _) = Spool::open(options).unwrap();
    let (sender, events) = unbounded();
    spool.start(Arc::new(move |event| sender.send(event).unwrap())).unwrap();
    spool.order(Box::new(order(vec![entry(&budget, 0, 2)], 2, Some(2))));
    let event = events.recv_timeout(Duration::from_secs(30)).unwrap();
    let Event::Stored(stored) = event else { panic!("{event:?}") };
    // Of the lane the cursor is left; the segment waits to be used again.
    let deadline = Instant::now() + Duration::from_secs(30);
    while spool.stats().spare_bytes == 0 {
        assert!(Instant::now() < deadline, "{:?}", spool.stats());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(spool.stats().spool_bytes, stored.spool_bytes);
    assert!(spool.close(deadline));
}
