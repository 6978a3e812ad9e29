//! What it may cost: memory, connections, time of others. Whatever clients and the remote end do.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use splashdam::wire::Level;

use crate::support::{numbered, until, Remote, Setup, Sidecar, Told};

pub(crate) const MIB: u64 = 1 << 20;

/// What a debug build holds beside the budget: its code, stacks, the runtime, tables, the allocator's slack.
pub(crate) const REMAINDER: u64 = 48 * MIB;

/// Writes lines of 500 bytes, numbered, until the kernel takes no more for so long. Returns how many were written whole; the
/// connection is left in the middle of the next.
fn push_until_full(stream: &mut UnixStream, first: u64, patience: Duration) -> u64 {
    stream.set_write_timeout(Some(patience)).unwrap();
    let mut written = 0;
    loop {
        let text: String = numbered(first + written..first + written + 100, 499).join("\n") + "\n";
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return written + ((text.len() - rest.len()) / 500) as u64;
                }
                Err(error) => panic!("{error}"),
            }
        }
        written += 100;
    }
}

#[test]
fn with_the_remote_down_memory_is_bounded_and_writers_wait() {
    let remote = Remote::counting();
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar =
        Sidecar::start(&remote, &["--memory", "16MiB", "--shutdown-deadline", "60s", "--backoff-max", "200ms"]);
    let mut clients: Vec<_> = (0..4).map(|_| sidecar.text()).collect();
    let written: Vec<u64> = std::thread::scope(|scope| {
        let push =
            |(n, stream): (u64, _)| scope.spawn(move || push_until_full(stream, n * 100_000, Duration::from_secs(2)));
        let writers: Vec<_> = (0..).zip(&mut clients).map(push).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let total: u64 = written.iter().sum();
    assert!(total * 500 < 16 * MIB + 4 * MIB, "{total} records were taken");
    assert!(total * 500 > 2 * MIB, "a lane in trouble may fill its share: {total}");
    let peak = sidecar.peak_rss();
    assert!(peak < 16 * MIB + REMAINDER, "{} MiB", peak / MIB);
    // Nothing that was accepted is thrown away.
    remote.clear_faults();
    drop(clients);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    let marks = remote.report().marks;
    assert_eq!(marks.doubled, 0);
    // A line that was cut where the client gave up is a record, too.
    assert!((total..=total + 4).contains(&account.received()), "{account:?}, {total} written");
}

/// Many that write more than can be taken at once: each waits for its turn. What is read of them and not taken is no more for that, and no line
/// is cut to make room for it.
#[test]
fn many_writers_that_have_to_wait_keep_their_lines_whole() {
    const WRITERS: u64 = 64;
    const EACH: u64 = 1_500;
    let remote = Remote::counting();
    remote.fault("unavailable,operation=PutLogEvents");
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB", "--backoff-max", "100ms"]);
    for writer in 0..WRITERS {
        let mut stream = sidecar.text();
        let text = numbered(writer * EACH..(writer + 1) * EACH, 199).join("\n") + "\n";
        stream.set_nonblocking(true).unwrap();
        let written = stream.write(text.as_bytes()).unwrap();
        stream.set_nonblocking(false).unwrap();
        // That all has been written is seen at the other end.
        std::thread::spawn(move || stream.write_all(&text.as_bytes()[written..]));
    }
    until("the lane is full", || sidecar.metric("splashdam_memory_bytes", "kind=\"chunk\"") > 2 * MIB);
    // The answer comes from the thread that reads, after it has looked at everybody.
    sidecar.admin("/healthz");
    let kept = sidecar.metric("splashdam_memory_bytes", "kind=\"partial\"");
    assert!(kept < MIB / 4, "{kept} bytes are kept, more than of one read");
    remote.clear_faults();
    remote.until_accepted(WRITERS * EACH);
    assert_eq!(sidecar.metric("splashdam_split_records_total", ""), 0);
    sidecar.stop().all_delivered(WRITERS * EACH);
    assert_eq!(remote.report().marks.unique, WRITERS * EACH);
}

/// Text clients that stop in the middle of long lines: more of them together than is kept of what is not whole. The largest are cut,
/// so that others get on, and nothing of them is lost.
#[test]
fn half_lines_give_way_where_they_alone_take_the_room() {
    const CLIENTS: u64 = 10;
    const HALF: usize = 150_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB"]);
    let halves: Vec<_> = (0..CLIENTS).map(|_| sidecar.text()).collect();
    std::thread::scope(|scope| {
        for mut half in &halves {
            scope.spawn(move || half.write_all(&[b'x'; HALF]).unwrap());
        }
    });
    until("all has been read", || sidecar.metric("splashdam_read_bytes_total", "") == CLIENTS * HALF as u64);
    sidecar.feed_lines(numbered(0..1_000, 200));
    until("others get on", || remote.report().events.accepted >= 1_000);
    for mut half in &halves {
        half.write_all(b"x\n").unwrap();
    }
    drop(halves);
    until("all have left", || sidecar.metric("splashdam_connections", "kind=\"text\"") == 0);
    let split = sidecar.metric("splashdam_split_records_total", "");
    let account = sidecar.stop();
    assert!((1..=CLIENTS).contains(&split), "{split}");
    account.all_delivered(1_000 + CLIENTS + split);
    let long: usize = remote.texts().iter().filter(|text| text.starts_with('x')).map(String::len).sum();
    assert_eq!(long, CLIENTS as usize * (HALF + 1), "nothing is lost at the cuts");
}

/// Frames that are not whole take all the room there is for such; a line that is not whole either stays as it is.
#[test]
fn half_frames_cost_no_line_its_wholeness() {
    const CLIENTS: u8 = 20;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB"]);
    let mut half = sidecar.text();
    half.write_all(b"one half and ").unwrap();
    let kept = || sidecar.metric("splashdam_memory_bytes", "kind=\"partial\"");
    until("the half line is kept", || kept() > 0);
    let mut frame = splashdam::wire::RecordsFrame::with_capacity(0);
    frame.push(crate::support::now_ms(), &[b'x'; 250_000]);
    let frame = frame.finish(1);
    let mut frames = Vec::new();
    for client in 0..CLIENTS {
        let mut wire = sidecar.wire();
        wire.hello(client, 1);
        wire.stream().write_all(&frame[..100_000]).unwrap();
        frames.push(wire);
    }
    sidecar.feed_lines(numbered(0..100, 200));
    remote.until_accepted(100);
    half.write_all(b"the other\n").unwrap();
    remote.until_accepted(101);
    assert_eq!(remote.texts().last().unwrap(), "one half and the other");
    assert_eq!(sidecar.metric("splashdam_split_records_total", ""), 0);
    drop(frames);
    sidecar.stop().all_delivered(101);
}

/// Feeds so many records to a sidecar whose remote is down, more than it can hold; returns the numbers that the stream then has.
/// `full` is called when it is full.
#[track_caller]
pub(crate) fn overflow(
    policy: &str,
    records: u64,
    setup: impl Fn(Setup) -> Setup,
    full: impl Fn(&Setup, &Sidecar),
) -> Vec<u64> {
    let remote = Remote::strict();
    remote.fault("unavailable,operation=PutLogEvents");
    let flags = ["--memory", "8MiB", "--overflow", policy, "--backoff-max", "100ms"];
    let setup = setup(Setup::new(&remote).flags(&flags));
    let sidecar = setup.start();
    for part in 0..records / 1_000 {
        sidecar.feed_lines(numbered(part * 1_000..(part + 1) * 1_000, 500));
    }
    let dropped = || sidecar.metric("splashdam_records_dropped_total", "reason=\"overflow\"");
    until("all is taken in", || sidecar.metric("splashdam_records_received_total", "") == records);
    assert!(dropped() > 0);
    full(&setup, &sidecar);
    remote.clear_faults();
    until("what was kept is delivered", || sidecar.scrape().waiting() == 0);
    until("the marker has been sent", || sidecar.metric("splashdam_records_generated_total", "") > 0);
    let dropped = dropped();
    let account = sidecar.stop();
    assert_eq!((account.received(), account.rejected(), account.dropped()), (records, 0, dropped));
    assert_eq!(account.delivered(), records - dropped + account.generated());

    let texts = remote.texts();
    let (markers, kept): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.starts_with('{'));
    let told: u64 = markers
        .iter()
        .map(|marker| {
            let marker: serde_json::Value = serde_json::from_str(marker).unwrap();
            assert_eq!((&marker["splashdam"], &marker["reason"]), (&"loss".into(), &"overflow".into()));
            marker["count"].as_u64().unwrap()
        })
        .sum();
    assert_eq!(markers.len() as u64, account.generated());
    assert_eq!(told, dropped, "the stream says what is missing from it");
    remote.no_violation();
    let mut kept: Vec<u64> = kept.iter().map(|text| text[2..12].parse().unwrap()).collect();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len() as u64, records - dropped);
    kept
}

#[test]
fn drop_newest_keeps_the_oldest() {
    let kept = overflow("drop-newest", 40_000, |setup| setup, |_, _| {});
    assert_eq!(kept[0], 0);
    assert!(*kept.last().unwrap() < 39_999);
}

#[test]
fn drop_oldest_keeps_the_newest() {
    let kept = overflow("drop-oldest", 40_000, |setup| setup, |_, _| {});
    assert_eq!(*kept.last().unwrap(), 39_999);
}

#[test]
fn one_hung_destination_of_three_stops_no_other() {
    const EACH: u64 = 10_000;
    let remote = Remote::strict();
    remote.fault("hang,operation=PutLogEvents,stream=hung");
    let flags = ["--memory", "16MiB", "--attempt-timeout", "60s", "--shutdown-deadline", "1s"];
    let sidecar = Sidecar::start(&remote, &flags);
    let mut hung = sidecar.wire();
    hung.hello_to(1, 1, "", "hung");
    // More than its share: its client waits in the end.
    hung.stream().set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut first = 1;
    loop {
        let mut frame = splashdam::wire::RecordsFrame::with_capacity(60_000);
        numbered(0..100, 500).iter().for_each(|text| frame.push(crate::support::now_ms(), text.as_bytes()));
        first += 100;
        if hung.stream().write_all(&frame.finish(first - 100)).is_err() {
            break;
        }
    }
    for (client, stream) in [(2, "one"), (3, "other")] {
        let mut wire = sidecar.wire();
        wire.hello_to(client, 1, "", stream);
        for part in 0..EACH / 100 {
            wire.records(part * 100 + 1, numbered(part * 100..part * 100 + 100, 500));
        }
        assert_eq!(wire.flush(Level::Ended).delivered, EACH, "{stream}");
    }
    assert_eq!((remote.texts_of("one").len(), remote.texts_of("other").len()), (EACH as usize, EACH as usize));
    let peak = sidecar.peak_rss();
    assert!(peak < 16 * MIB + REMAINDER, "{} MiB", peak / MIB);
    drop(hung);
    let account = sidecar.stop();
    assert_eq!(account.delivered(), 2 * EACH);
    assert_eq!(account.dropped(), account.received() - 2 * EACH);
}

#[test]
fn connections_beyond_the_cap_are_refused_and_silent_ones_make_way() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--max-connections", "4"]);
    let mut talking: Vec<_> = (0..4).map(|_| sidecar.text()).collect();
    for (n, client) in talking.iter_mut().enumerate() {
        client.write_all(format!("from {n}\n").as_bytes()).unwrap();
    }
    remote.until_accepted(4);
    // Full of clients that have said something: the fifth is sent away.
    let mut fifth = sidecar.text();
    fifth.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut nothing = [0];
    assert!(matches!(fifth.read(&mut nothing), Ok(0) | Err(_)));
    // One leaves, a silent one comes, and makes way for one that talks.
    talking.pop();
    let mut silent = loop {
        let mut candidate = sidecar.text();
        candidate.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        match candidate.read(&mut nothing) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => break candidate,
            _ => {}
        }
    };
    sidecar.feed("late\n");
    remote.until_accepted(5);
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(matches!(silent.read(&mut nothing), Ok(0) | Err(_)), "the silent one was sent away");
    drop(talking);
    sidecar.stop().all_delivered(5);
}

#[test]
fn a_line_of_10_mib_arrives_in_pieces_and_costs_no_memory() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "16MiB"]);
    let mut line = Vec::new();
    for n in 0..10 * MIB / 16 {
        write!(line, "{n:014}é").unwrap();
    }
    assert_eq!(line.len() as u64, 10 * MIB);
    let mut client = sidecar.text();
    client.write_all(&line).unwrap();
    client.write_all(b"\nshort\n").unwrap();
    drop(client);
    until("the last has arrived", || remote.report().events.accepted >= 41);
    let peak = sidecar.peak_rss();
    assert!(peak < 16 * MIB + REMAINDER, "{} MiB", peak / MIB);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    let mut pieces = remote.texts();
    assert_eq!(pieces.iter().filter(|piece| *piece == "short").count(), 1);
    pieces.retain(|piece| piece != "short");
    assert!(pieces.iter().all(|piece| piece.len() <= 256 * 1024));
    // Pieces of one moment may overtake each other between batches; each tells its place by its first whole number.
    let place = |piece: &String| piece.split('é').find(|n| n.len() == 14).unwrap().to_owned();
    pieces.sort_by_key(place);
    assert!(pieces.concat().as_bytes() == line, "nothing is lost at the cuts");
    remote.no_violation();
}

#[test]
fn half_frames_of_many_clients_do_not_starve_whole_ones() {
    const CLIENTS: u8 = 40;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--memory", "8MiB"]);
    let mut frame = splashdam::wire::RecordsFrame::with_capacity(0);
    frame.push(crate::support::now_ms(), &[b'x'; 250_000]);
    let frame = frame.finish(1);
    // Each begins a frame and stops in the middle: more of it together than there is room for.
    let mut halves = Vec::new();
    for client in 0..CLIENTS {
        let mut wire = sidecar.wire();
        wire.hello(client, 1);
        wire.stream().set_nonblocking(true).unwrap();
        // What the kernel does not take stays here, as with a client that waits.
        let written = wire.stream().write(&frame[..150_000]).unwrap_or(0);
        wire.stream().set_nonblocking(false).unwrap();
        halves.push((client, wire, written));
    }
    sidecar.feed_lines(numbered(0..1_000, 200));
    remote.until_accepted(1_000);
    for (client, mut wire, written) in halves {
        if wire.stream().write_all(&frame[written..]).is_ok() && matches!(wire.try_flush(), Told::Flushed(_)) {
            continue;
        }
        // It was sent away so that others get on, and comes back.
        let mut wire = sidecar.wire();
        wire.hello(client, 1);
        wire.raw(&frame);
        assert_eq!(wire.flush(Level::Ended).delivered, 1);
    }
    sidecar.stop().all_delivered(1_000 + u64::from(CLIENTS));
    remote.no_violation();
}
