//! Timestamps from anywhere.

use splashdam::wire::Level;

use crate::support::{now_ms, numbered, Remote, Sidecar};

const HOUR: i64 = 3_600_000;

/// The client's clock and what CloudWatch says of it.
const TIMES: &[(i64, bool)] = &[
    (i64::MIN, false),
    (-1, false),
    (0, false),
    (1, false),
    (9_999_999_999_999, false),
    (10_000_000_000_000, false),
    (i64::MAX, false),
];

/// The same, beside the present moment.
const OFFSETS: &[(i64, bool)] = &[
    (-400 * 24 * HOUR, false),
    (-15 * 24 * HOUR, false),
    (-13 * 24 * HOUR, true),
    (-25 * HOUR, true),
    (HOUR, true),
    (3 * HOUR, false),
    (24 * HOUR, false),
];

/// One client's clock is anywhere; another, whose records lie between its own, loses nothing by it.
#[test]
fn times_from_anywhere_end_their_own_records_only() {
    const GOOD: u64 = 2_000;
    let remote = Remote::strict();
    let sidecar = Sidecar::start(&remote, &[]);
    let (mut good, mut bad) = (sidecar.wire(), sidecar.wire());
    good.hello(1, 1);
    bad.hello(2, 1);
    let now = now_ms();
    let mut times: Vec<(i64, bool)> = TIMES.to_vec();
    times.extend(OFFSETS.iter().map(|(offset, taken)| (now + offset, *taken)));
    let mut sent = 0;
    for part in 0..GOOD / 100 {
        good.records(part * 100 + 1, numbered(part * 100..(part + 1) * 100, 100));
        bad.records_at(sent + 1, times.iter().map(|(at, _)| (*at, "whenever")));
        sent += times.len() as u64;
    }
    let done = good.flush(Level::Ended);
    assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (GOOD, 0, 0, 0));
    let taken = times.iter().filter(|(_, taken)| *taken).count() as u64 * (GOOD / 100);
    let done = bad.flush(Level::Ended);
    assert_eq!((done.delivered, done.rejected, done.dropped, done.pending), (taken, sent - taken, 0, 0));
    drop((good, bad));
    let account = sidecar.stop();
    assert_eq!((account.received(), account.rejected(), account.dropped()), (GOOD + sent, sent - taken, 0));
    assert_eq!(account.possible_duplicates(), 0);
    let marks = remote.report().marks;
    assert_eq!((marks.unique, marks.doubled), (GOOD, 0));
    remote.no_violation();
}
