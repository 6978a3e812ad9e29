//! Text clients: what a program writes to the socket, line by line, is what arrives.

use std::io::Write;

use crate::support::{numbered, until, Remote, Sidecar, STREAM};

/// Feeds these bytes in one connection; returns the texts that arrived and the sidecar's account.
#[track_caller]
fn through(flags: &[&str], bytes: &[u8], records: u64) -> Vec<String> {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, flags);
    sidecar.feed(bytes);
    remote.until_accepted(records);
    sidecar.stop().all_delivered(records);
    remote.no_violation();
    remote.texts()
}

#[test]
fn lines_arrive_verbatim_and_in_order() {
    let lines = [
        "plain",
        r#"{"level":"info","text":"a \"quoted\" word","nested":{"n":[1,2,3]}}"#,
        "  leading and trailing blanks  ",
        "tab\tand bell \u{7} and DEL \u{7f} and ESC \u{1b}[31m",
        "back\\slash, \u{2028} line separator, ü, 日本語, 🦀",
        "\u{feff}byte order mark",
    ];
    assert_eq!(through(&[], (lines.join("\n") + "\n").as_bytes(), 6), lines);
}

#[test]
fn empty_lines_are_skipped_and_a_cr_before_the_lf_is_removed() {
    assert_eq!(through(&[], b"one\r\n\n\r\n\ntwo\rthree\n\n", 2), ["one", "two\rthree"]);
}

#[test]
fn the_last_line_needs_no_newline() {
    assert_eq!(through(&[], b"first\nlast", 2), ["first", "last"]);
    assert_eq!(through(&[], b"x", 1), ["x"]);
}

#[test]
fn nuls_inside_a_line_arrive() {
    assert_eq!(through(&[], b"a\0b\n", 1), ["a\0b"]);
}

#[test]
fn invalid_utf8_is_repaired_and_harms_no_neighbour() {
    let arrived = through(&[], b"before\nbad \xff\xfe bytes\n\xc3\ncut \xe2\x82\nafter\n", 5);
    assert_eq!(arrived, ["before", "bad \u{fffd}\u{fffd} bytes", "\u{fffd}", "cut \u{fffd}", "after"]);
}

#[test]
fn a_long_line_is_split_between_characters_and_nothing_of_it_is_lost() {
    let line = "ab€".repeat(1_000); // 5,000 bytes; no multiple of five fits 1,024 exactly
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--max-record", "1024"]);
    sidecar.feed(format!("{line}\nshort\n"));
    remote.until_accepted(6);
    sidecar.stop().all_delivered(6);
    let arrived = remote.texts();
    assert!(arrived.iter().all(|text| text.len() <= 1024));
    assert_eq!(arrived[..5].concat(), line);
    assert_eq!(arrived[5], "short");
}

#[test]
fn nul_as_delimiter_keeps_lines_together() {
    let arrived = through(&["--text-delimiter", "nul"], b"a\nstack\r\ntrace\r\0second\0\0last", 3);
    assert_eq!(arrived, ["a\nstack\r\ntrace\r", "second", "last"]);
}

#[test]
fn a_beginning_like_the_magic_is_text_from_its_first_byte_on() {
    assert_eq!(through(&[], b"\xffSPx and on\n", 1), ["\u{fffd}SPx and on"]);
    assert_eq!(through(&[], b"\xffSP", 1), ["\u{fffd}SP"]);
}

#[test]
fn a_line_may_come_in_pieces() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.text();
    // Each piece is on its way before the next: what was before it has been delivered.
    client.write_all(b"whole\nhal").unwrap();
    remote.until_accepted(1);
    client.write_all("f é".as_bytes()[..3].as_ref()).unwrap();
    client.write_all(&"f é".as_bytes()[3..]).unwrap();
    client.write_all(b"\nnext\n").unwrap();
    remote.until_accepted(3);
    drop(client);
    sidecar.stop().all_delivered(3);
    assert_eq!(remote.texts(), ["whole", "half é", "next"]);
}

#[test]
fn half_a_line_and_a_close_is_a_record() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut client = sidecar.text();
    client.write_all(b"whole\nhalf a line").unwrap();
    remote.until_accepted(1);
    drop(client);
    remote.until_accepted(2);
    sidecar.stop().all_delivered(2);
    assert_eq!(remote.texts(), ["whole", "half a line"]);
}

#[test]
fn many_connections_each_keep_their_order() {
    const CLIENTS: u64 = 40;
    const LINES: u64 = 500;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let sidecar = &sidecar;
            scope.spawn(move || sidecar.feed_lines(numbered(client * LINES..(client + 1) * LINES, 60)));
        }
    });
    remote.until_accepted(CLIENTS * LINES);
    sidecar.stop().all_delivered(CLIENTS * LINES);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (CLIENTS * LINES, 0));
    // Between milliseconds: within one the batches of a lane may overtake each other.
    let mut last = vec![i64::MIN; CLIENTS as usize];
    let mut by_number: Vec<_> = remote.events(crate::support::GROUP, STREAM);
    by_number.sort_by(|one, other| one.message.cmp(&other.message));
    for event in by_number {
        let number: u64 = event.message[2..12].parse().unwrap();
        let last = &mut last[(number / LINES) as usize];
        assert!(*last <= event.timestamp, "{} overtook", event.message);
        *last = event.timestamp;
    }
    remote.no_violation();
}

#[test]
fn one_attempt_in_flight_keeps_the_order_strictly() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--in-flight-min", "1", "--in-flight-max", "1"]);
    let lines = numbered(0..30_000, 100);
    sidecar.feed_lines(&lines);
    remote.until_accepted(30_000);
    sidecar.stop().all_delivered(30_000);
    assert!(remote.texts() == lines, "the order is kept");
    remote.no_violation();
}

#[test]
fn connections_that_say_nothing_are_no_records() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let silent: Vec<_> = (0..20).map(|_| sidecar.text()).collect();
    for _ in 0..20 {
        drop(sidecar.text());
    }
    sidecar.feed("one\n");
    remote.until_accepted(1);
    drop(silent);
    until("it is alone", || sidecar.metric("splashdam_records_received_total", "") == 1);
    sidecar.stop().all_delivered(1);
}
