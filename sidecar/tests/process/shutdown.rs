//! The end: every record has one, the deadline is kept, and the exit code says how it went.

use std::io::Write;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use splashdam::wire::ClientFrame;

use crate::support::{numbered, until, Ended, Remote, Setup, Sidecar, Told, STREAM};

mod matrix;

/// Past the deadline by more than this is too late.
const LATE: Duration = Duration::from_secs(1);

/// A sidecar that has taken in so many records and can deliver none of them.
#[track_caller]
fn stuck(remote: &Remote, flags: &[&str], records: u64) -> Sidecar {
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar = Sidecar::start(remote, flags);
    sidecar.feed_lines(numbered(0..records, 60));
    until("all is taken in", || sidecar.metric("splashdam_records_received_total", "") == records);
    sidecar
}

#[track_caller]
fn terminate(sidecar: Sidecar) -> Ended {
    sidecar.signal(Signal::TERM);
    sidecar.wait()
}

#[test]
fn what_is_here_is_delivered_first() {
    const RECORDS: u64 = 20_000;
    let remote = Remote::strict();
    remote.fault("latency,operation=PutLogEvents,latency=100");
    let sidecar = Sidecar::start(&remote, &[]);
    sidecar.feed_lines(numbered(0..RECORDS, 200));
    let ended = terminate(sidecar);
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(RECORDS);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (RECORDS, 0));
    remote.no_violation();
}

#[test]
fn whoever_sees_the_socket_may_ask_for_the_end() {
    let remote = Remote::strict();
    // A signal that nobody watches for yet would end the process at once; several tries, since it is a matter of moments.
    for _ in 0..5 {
        let setup = Setup::new(&remote);
        let sidecar = setup.spawn();
        until("the socket is there", || setup.socket().exists());
        let ended = terminate(sidecar);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

#[test]
fn a_lane_that_backs_off_is_delivered_as_soon_as_it_can_be() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote, &["--backoff-max", "200ms"], 100);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    remote.clear_faults();
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(100);
}

#[test]
fn clients_that_still_write_are_read_until_half_the_deadline() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--shutdown-deadline", "4s"]);
    let mut client = sidecar.text();
    client.write_all(b"before\n").unwrap();
    remote.until_accepted(1);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    let mut written = 1;
    let writer = std::thread::spawn(move || {
        // Until the socket is no longer read or closed: never silent, so only half the deadline ends it.
        client.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        while client.write_all(b"during\n").is_ok() {
            written += 1;
            std::thread::sleep(Duration::from_millis(1));
        }
        written
    });
    let ended = sidecar.wait();
    let written = writer.join().unwrap();
    assert_eq!(ended.code, Some(0));
    assert!(ended.took >= Duration::from_millis(1_500), "{:?}", ended.took);
    assert!(ended.took < Duration::from_secs(4) + LATE, "{:?}", ended.took);
    let account = ended.account();
    account.all_delivered(account.received());
    assert!(account.received() > 1 && account.received() <= written, "{account:?} of {written}");
    assert_eq!(remote.texts().len() as u64, account.delivered());
}

#[test]
fn a_silent_text_client_does_not_hold_up_the_end() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--shutdown-quiet", "300ms", "--shutdown-deadline", "60s"]);
    let mut client = sidecar.text();
    client.write_all(b"one\n").unwrap();
    remote.until_accepted(1);
    let ended = terminate(sidecar);
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    ended.account().all_delivered(1);
    drop(client);
}

#[test]
fn last_words_without_a_newline_are_taken_when_the_client_stays() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--shutdown-quiet", "300ms", "--shutdown-deadline", "60s"]);
    let mut client = sidecar.text();
    client.write_all(b"one\nlast words").unwrap();
    remote.until_accepted(1);
    let ended = terminate(sidecar);
    ended.account().all_delivered(2);
    assert_eq!(remote.texts(), ["one", "last words"]);
    drop(client);
}

#[test]
fn framed_clients_are_told_that_it_drains() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--shutdown-deadline", "2s"]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, ["one", "two"]);
    sidecar.signal(Signal::TERM);
    // It does not leave: half the deadline passes.
    assert_eq!(client.told_but_acks(), Told::Draining);
    let ack = client.until_ack(|ack| ack.ended_to == 2);
    assert_eq!(ack.delivered, 2);
    assert_eq!(client.told_but_acks(), Told::End);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(2);
}

#[test]
fn a_framed_client_that_leaves_ends_the_wait() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--shutdown-deadline", "60s"]);
    let mut client = sidecar.wire();
    client.hello(1, 1);
    client.records(1, ["one"]);
    client.until_ack(|ack| ack.admitted_to == 1);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    client.records(2, ["two"]);
    client.send(&ClientFrame::Bye);
    let ended = sidecar.wait();
    assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    ended.account().all_delivered(2);
}

#[test]
fn in_an_outage_the_deadline_is_kept_and_what_is_left_is_counted() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote, &["--shutdown-deadline", "2s"], 500);
    let ended = terminate(sidecar);
    assert_eq!(ended.code, Some(0), "not asked to fail");
    assert!(ended.took >= Duration::from_secs(1) && ended.took < Duration::from_secs(2) + LATE, "{:?}", ended.took);
    let account = ended.account();
    assert_eq!((account.received(), account.delivered(), account.dropped()), (500, 0, 500));
    assert_eq!(remote.report().events.accepted, 0);
}

#[test]
fn a_remote_that_hangs_does_not_hold_up_the_end() {
    let remote = Remote::strict();
    remote.fault("hang,operation=PutLogEvents");
    let sidecar = Sidecar::start(&remote, &["--shutdown-deadline", "1s"]);
    sidecar.feed_lines(numbered(0..100, 60));
    until("it hangs", || remote.report().in_flight_max > 0);
    let ended = terminate(sidecar);
    assert_eq!(ended.code, Some(0));
    assert!(ended.took < Duration::from_secs(1) + LATE, "{:?}", ended.took);
    let account = ended.account();
    let counts = (account.received(), account.dropped(), account.possible_duplicates());
    assert_eq!(counts, (100, 100, 100));
}

#[test]
fn nobody_there_does_not_hold_up_the_end() {
    let setup = Setup::at("http://127.0.0.1:1").flags(&["--shutdown-deadline", "1s"]);
    let sidecar = setup.start();
    sidecar.feed("one\n");
    until("it is taken in", || sidecar.metric("splashdam_records_received_total", "") == 1);
    let ended = terminate(sidecar);
    assert_eq!((ended.code, ended.account().dropped()), (Some(0), 1));
    assert!(ended.took < Duration::from_secs(1) + LATE, "{:?}", ended.took);
}

#[test]
fn loss_shows_in_the_exit_code_where_asked() {
    let remote = Remote::strict();
    let sidecar = stuck(&remote, &["--shutdown-deadline", "1s", "--fail-on-loss"], 10);
    let ended = terminate(sidecar);
    assert_eq!((ended.code, ended.account().dropped()), (Some(3), 10));

    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--fail-on-loss"]);
    sidecar.feed("one\n");
    let ended = terminate(sidecar);
    assert_eq!(ended.code, Some(0), "nothing was lost");
    ended.account().all_delivered(1);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let remote = Remote::strict();
    let mut sidecar = stuck(&remote, &["--shutdown-deadline", "50s"], 10);
    sidecar.signal(Signal::TERM);
    until("it is shutting down", || sidecar.stderr().contains("shutting down"));
    sidecar.insist(Signal::INT);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(1));
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert_eq!(ended.account().get("in_memory"), 10, "said, not hidden");
}

#[test]
fn signals_that_come_together_are_one() {
    for _ in 0..5 {
        let remote = Remote::strict();
        let sidecar = stuck(&remote, &["--shutdown-deadline", "50s", "--backoff-max", "200ms"], 10);
        sidecar.signal(Signal::TERM);
        sidecar.signal(Signal::INT);
        until("it is shutting down", || sidecar.stderr().contains("shutting down"));
        remote.clear_faults();
        let ended = sidecar.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.account().all_delivered(10);
    }
}

#[test]
fn sigint_ends_it_and_sighup_does_not() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    sidecar.signal(Signal::HUP);
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.signal(Signal::HUP);
    sidecar.feed("two\n");
    remote.until_accepted(2);
    sidecar.signal(Signal::INT);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(2);
}

#[test]
fn it_ends_where_no_client_comes() {
    let remote = Remote::strict();
    let began = Instant::now();
    let ended = Sidecar::start(&remote, &["--exit-if-no-client", "500ms"]).wait();
    assert_eq!(ended.code, Some(0));
    assert!(began.elapsed() >= Duration::from_millis(500));
    ended.account().all_delivered(0);
}

#[test]
fn the_first_client_ends_that_watch_for_good() {
    let remote = Remote::strict();
    let mut sidecar = Sidecar::start(&remote, &["--exit-if-no-client", "3s"]);
    // Who says nothing is no client.
    drop(sidecar.text());
    sidecar.feed("one\n");
    let began = Instant::now();
    remote.until_accepted(1);
    until("the time is over", || began.elapsed() > Duration::from_secs(4));
    assert!(!sidecar.has_ended());
    sidecar.stop().all_delivered(1);
}

#[test]
fn it_ends_after_its_last_client() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--exit-after-last-client=100ms"]);
    let mut framed = sidecar.wire();
    framed.hello(1, 1);
    sidecar.feed("text\n");
    remote.until_accepted(1);
    framed.records(1, ["framed"]);
    drop(framed);
    let ended = sidecar.wait();
    assert_eq!(ended.code, Some(0));
    ended.account().all_delivered(2);
    assert_eq!(remote.texts_of(STREAM).len(), 2);
}

#[test]
fn a_wrong_configuration_is_code_2_and_says_what_to_mend() {
    let cases: [(&[&str], &str); 5] = [
        (&[], "group"),
        (&["--group", "not a group"], "group"),
        (&["--group", "g", "--stream", "{podd}"], "{pod}"),
        (&["--group", "g", "--memory", "much"], "memory"),
        (&["--group", "g", "--memroy", "1MiB"], "--memory"),
    ];
    for (flags, hint) in cases {
        let ended = Setup::bare().flags(flags).spawn().wait();
        assert_eq!(ended.code, Some(2), "{flags:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(hint), "{flags:?}: {}", ended.stderr);
    }
}

#[test]
fn disabled_it_takes_everything_and_fails_nothing() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).flags(&["--enabled=false", "--fail-on-loss"]).start();
    sidecar.feed_lines(numbered(0..1_000, 60));
    let mut framed = sidecar.wire();
    assert!(framed.hello(1, 1).disabled());
    framed.records(1, ["a", "b"]);
    let ack = framed.until_ack(|ack| ack.ended_to == 2);
    assert_eq!(ack.dropped, 2);
    drop(framed);
    let dropped = || sidecar.metric("splashdam_records_dropped_total", "reason=\"disabled\"");
    until("all is dropped", || dropped() == 1_002);
    let ended = terminate(sidecar);
    assert_eq!(ended.code, Some(0));
    let account = ended.account();
    assert_eq!((account.received(), account.dropped()), (1_002, 1_002));
    assert!(remote.report().calls.is_empty(), "nobody is asked for anything");
}

#[test]
fn the_first_line_says_what_runs_and_where_records_go() {
    let remote = Remote::strict();
    let sidecar = Setup::new(&remote).flags(&["--memory", "24MiB"]).start();
    let said = sidecar.stderr();
    let line = said.lines().find(|line| line.contains("serving")).unwrap();
    let endpoint = format!("endpoint=\"{}\"", remote.url());
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    for part in [version, "group=\"tests\"", "stream=sidecar", "region=\"eu-central-1\"", &endpoint, "memory=\"24MiB\""]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    sidecar.feed("one\ntwo\n");
    remote.until_accepted(2);
    until("it says so", || sidecar.stderr().contains("first batch accepted"));
    let ended = terminate(sidecar);
    assert_eq!(ended.stderr.matches("first batch accepted").count(), 1);
}

#[test]
fn a_variable_that_is_misspelt_is_named_where_it_is_missed() {
    let ended = Setup::bare().variable("SPLASHDAM_GRUOP", "g").spawn().wait();
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("did you mean SPLASHDAM_GROUP?"), "{}", ended.stderr);
}
