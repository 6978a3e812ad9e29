//! Every way not to be UTF-8, as a line and as a record: repaired as Unicode recommends, one U+FFFD for each maximal part, and the
//! neighbours stay as they are.

use splashdam::wire::Level;

use crate::support::{Remote, Sidecar};

/// What is sent between `<` and `>`, and how many replacement characters (`?`) and others it becomes.
const CASES: &[(&str, &[u8], &str)] = &[
    ("a lone continuation", b"\x80", "?"),
    ("the last continuation", b"\xbf", "?"),
    ("many continuations", b"\x80\xbf\x80\xbf", "????"),
    ("a slash, overlong by one", b"\xc0\xaf", "??"),
    ("a NUL, overlong", b"\xc0\x80", "??"),
    ("overlong in two bytes at most", b"\xc1\xbf", "??"),
    ("overlong in three", b"\xe0\x80\xaf", "???"),
    ("overlong in three at most", b"\xe0\x9f\xbf", "???"),
    ("overlong in four", b"\xf0\x80\x80\xaf", "????"),
    ("overlong in four at most", b"\xf0\x8f\xbf\xbf", "????"),
    ("the first surrogate", b"\xed\xa0\x80", "???"),
    ("the last high surrogate", b"\xed\xaf\xbf", "???"),
    ("the first low surrogate", b"\xed\xb0\x80", "???"),
    ("the last surrogate", b"\xed\xbf\xbf", "???"),
    ("a pair of surrogates", b"\xed\xa0\xbd\xed\xb8\x80", "??????"),
    ("two bytes, cut", b"\xc2", "?"),
    ("two bytes, cut at the end of their range", b"\xdf", "?"),
    ("three bytes, cut after one", b"\xe2", "?"),
    ("three bytes, cut after two", b"\xe2\x82", "?"),
    ("the least three bytes, cut", b"\xe0\xa0", "?"),
    ("four bytes, cut after one", b"\xf0", "?"),
    ("four bytes, cut after two", b"\xf0\x9f", "?"),
    ("four bytes, cut after three", b"\xf0\x9f\xa6", "?"),
    ("the largest, cut", b"\xf4\x8f\xbf", "?"),
    ("cut, and text goes on", b"\xe2\x82(", "?("),
    ("cut by another beginning", b"\xe2\xc2\xa9", "?\u{a9}"),
    ("one byte too large", b"\xf4\x90\x80\x80", "????"),
    ("F5", b"\xf5\x80\x80\x80", "????"),
    ("F6", b"\xf6", "?"),
    ("F7", b"\xf7\xbf\xbf\xbf", "????"),
    ("F8, once five bytes", b"\xf8\x88\x80\x80\x80", "?????"),
    ("F9", b"\xf9", "?"),
    ("FA", b"\xfa", "?"),
    ("FB", b"\xfb", "?"),
    ("FC, once six bytes", b"\xfc\x84\x80\x80\x80\x80", "??????"),
    ("FD", b"\xfd", "?"),
    ("a UTF-16 mark, big end first", b"\xfe\xff", "??"),
    ("a UTF-16 mark, little end first", b"\xff\xfe", "??"),
    ("what the protocol begins with", b"\xffSPD", "?SPD"),
    ("Latin-1", b"caf\xe9 cr\xe8me", "caf? cr?me"),
    // All of this is UTF-8, and stays.
    ("NUL", b"\0", "\0"),
    ("a byte order mark", b"\xef\xbb\xbf", "\u{feff}"),
    ("noncharacters", b"\xef\xbf\xbe\xef\xbf\xbf\xf4\x8f\xbf\xbf", "\u{fffe}\u{ffff}\u{10ffff}"),
    ("beside the surrogates", b"\xed\x9f\xbf\xee\x80\x80", "\u{d7ff}\u{e000}"),
    ("a replacement character", b"\xef\xbf\xbd", "?"),
    (
        "every control character but the newline",
        b"\x01\x07\x08\x09\x0b\x0c\x1b\x7f",
        "\x01\x07\x08\x09\x0b\x0c\x1b\x7f",
    ),
];

fn records() -> impl Iterator<Item = Vec<u8>> {
    CASES.iter().map(|(_, bytes, _)| [b"<", *bytes, b">"].concat())
}

#[test]
fn every_kind_of_invalid_utf8_is_repaired_and_costs_nothing_else() {
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &["--in-flight-min", "1", "--in-flight-max", "1"]);
    // Between good lines, in one write and one read.
    let mut lines = Vec::new();
    for record in records() {
        lines.extend_from_slice(b"good\n");
        lines.extend(record);
        lines.push(b'\n');
    }
    sidecar.feed(lines);
    remote.until_accepted(2 * CASES.len() as u64);
    let mut wire = sidecar.wire();
    wire.hello_to(1, 1, "", "framed");
    wire.records(1, records());
    assert_eq!(wire.flush(Level::Ended).delivered, CASES.len() as u64);
    drop(wire);
    let (lines, framed) = (remote.texts(), remote.texts_of("framed"));
    for (n, (what, _, expected)) in CASES.iter().enumerate() {
        let expected = format!("<{}>", expected.replace('?', "\u{fffd}"));
        assert_eq!(lines[2 * n..2 * n + 2], ["good", &expected], "{what}, as a line");
        assert_eq!(framed[n], expected, "{what}, as a record");
    }
    sidecar.stop().all_delivered(3 * CASES.len() as u64);
    remote.no_violation();
}

/// Each of these takes three bytes where it took one: a line of them is split, and stays within every limit.
#[test]
fn a_long_line_of_nothing_valid_is_within_the_limits() {
    const BYTES: usize = 600_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let mut line = vec![0xff; BYTES];
    line.insert(0, b'<');
    line.push(b'\n');
    sidecar.feed(&line);
    sidecar.feed("good\n");
    until_all(&remote, BYTES);
    let account = sidecar.stop();
    account.all_delivered(account.received());
    assert!(remote.texts().iter().all(|text| text.len() <= 256 * 1024));
    remote.no_violation();
}

#[track_caller]
fn until_all(remote: &Remote, characters: usize) {
    crate::support::until("all of it arrives", || {
        let texts = remote.texts();
        let repaired: usize = texts.iter().map(|text| text.matches('\u{fffd}').count()).sum();
        repaired == characters && texts.iter().any(|text| text == "good")
    });
}
