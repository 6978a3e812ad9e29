//! What goes wrong goes wrong as scripted, and leaves what it says it leaves.

use std::time::{Duration, Instant};

use splashdam_emulator::{Emulator, Fault, FaultKind, Handle};
use tokio::net::TcpStream;

use crate::client::{batch, call};

async fn emulator() -> Handle {
    Emulator::builder().without_signatures().auto_create().start().await.unwrap()
}

fn put(kind: FaultKind) -> Fault {
    Fault::new(kind).on("PutLogEvents").times(1)
}

/// Waits until something is so; the time limit is for a broken build, not for the test.
async fn until(mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn errors_are_those_of_aws() {
    let emulator = emulator().await;
    for (kind, status, code) in [
        (FaultKind::Throttle, 400, "ThrottlingException"),
        (FaultKind::ServerError, 500, "InternalFailure"),
        (FaultKind::Unavailable, 503, "ServiceUnavailableException"),
        (FaultKind::ExpiredCredentials, 400, "ExpiredTokenException"),
        (FaultKind::AccessDenied, 400, "AccessDeniedException"),
    ] {
        emulator.faults([put(kind)]).unwrap();
        let reply = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(reply.has_request_id());
    }
    assert_eq!(emulator.report().events.accepted, 0);
    assert_eq!(emulator.report().violations.total, 0);
}

#[tokio::test]
async fn a_lost_answer_leaves_what_its_kind_says() {
    for (kind, events) in [
        (FaultKind::ResetBeforeBody, 0),
        (FaultKind::ResetMidBody, 0),
        (FaultKind::ResetMidAnswer, 1),
        (FaultKind::CommitThenDrop, 1),
    ] {
        let emulator = emulator().await;
        emulator.faults([put(kind)]).unwrap();
        let large = "x".repeat(500_000);
        assert!(call(&emulator, "PutLogEvents", batch(&[&large])).await.is_err(), "{kind:?}");
        assert_eq!(emulator.events("g", "s").len(), events, "{kind:?}");
        until(|| emulator.report().calls["PutLogEvents"].dropped == 1).await;
        assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_doubtful_success_is_none_unless_told_otherwise() {
    for commit in [false, true] {
        let emulator = emulator().await;
        emulator
            .faults([FaultKind::NoRequestId, FaultKind::EmptyBody].map(|kind| Fault { commit, ..put(kind) }))
            .unwrap();
        let reply = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
        assert_eq!((reply.status, reply.has_request_id(), reply.body.is_empty()), (200, false, false));
        let reply = call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
        assert_eq!((reply.status, reply.has_request_id(), reply.body.is_empty()), (200, true, true));
        assert_eq!(emulator.report().events.accepted, if commit { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_scope_is_kept_in_both_modes() {
    let counting = Emulator::builder().counting().start().await.unwrap();
    for emulator in [emulator().await, counting] {
        emulator.faults([Fault::new(FaultKind::Throttle).group("g").stream("other")]).unwrap();
        assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 200);
        emulator.faults([Fault::new(FaultKind::Throttle).group("g").stream("s")]).unwrap();
        assert_eq!(call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap().status, 400);
    }
}

#[tokio::test]
async fn latency_holds_the_answer_back_and_not_the_effect() {
    let emulator = emulator().await;
    emulator.faults(["latency,latency=200".parse().unwrap()]).unwrap();
    let begin = Instant::now();
    let mut answer = Box::pin(call(&emulator, "PutLogEvents", batch(&["x"])));
    tokio::select! {
        _ = &mut answer => panic!("too soon"),
        () = until(|| emulator.report().events.accepted == 1) => {}
    }
    assert_eq!(answer.await.unwrap().status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_hang_ends_when_the_client_leaves() {
    let emulator = emulator().await;
    emulator.faults([put(FaultKind::Hang)]).unwrap();
    let mut answer = Box::pin(call(&emulator, "PutLogEvents", batch(&["x"])));
    tokio::select! {
        _ = &mut answer => panic!("an answer"),
        () = until(|| emulator.report().faults.contains_key(&FaultKind::Hang)) => {}
    }
    drop(answer);
    until(|| emulator.report().calls.get("PutLogEvents").is_some_and(|calls| calls.dropped == 1)).await;
    assert_eq!(emulator.report().events.accepted, 0);
}

#[tokio::test]
async fn an_outage_resets_refuses_and_ends() {
    let emulator = emulator().await;
    let idle = TcpStream::connect(emulator.address()).await.unwrap();
    emulator.faults([Fault { seconds: Some(0.3), ..put(FaultKind::Outage) }]).unwrap();
    let begin = Instant::now();
    assert!(call(&emulator, "PutLogEvents", batch(&["x"])).await.is_err());
    let mut byte = [0; 1];
    idle.readable().await.unwrap();
    assert!(!matches!(idle.try_read(&mut byte), Ok(1..)), "other connections end too");
    while call(&emulator, "PutLogEvents", batch(&["x"])).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(emulator.report().events.accepted, 1);
}

#[tokio::test]
async fn dropping_the_handle_is_a_crash() {
    let emulator = emulator().await;
    let address = emulator.address();
    let idle = TcpStream::connect(address).await.unwrap();
    call(&emulator, "PutLogEvents", batch(&["x"])).await.unwrap();
    drop(emulator);
    idle.readable().await.unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
