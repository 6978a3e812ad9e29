//! Whatever was done to the files of a spool that was left behind: the start does not fail, what is intact is delivered, what
//! was lost is counted, and everything adds up.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use splashdam::wire::{FlushStatus, Level};

use super::{down, files, segments, send, spooled, until_ended};
use crate::support::{numbered, until, Account, Remote, Setup};

const RECORDS: u64 = 30_000;
const LENGTH: usize = 200;
/// More than one chunk ever holds of them: a block of 64 KiB, and a frame of 200 records beyond it.
const CHUNK: u64 = 600;
/// How many bytes of a file are flipped.
const FLIPS: u64 = 4;
/// So that there are several segments: a quarter of a lane's share is the most that one takes.
const FLAGS: [&str; 2] = ["--spool-max", "16MiB"];

/// A spool that was left behind full, with several segments, and the setup that it is for.
fn left_behind(remote: &Remote) -> Setup {
    down(remote);
    let setup = spooled(remote).flags(&FLAGS);
    let sidecar = setup.start();
    let mut wire = sidecar.wire();
    wire.hello(1, 1);
    send(&mut wire, 1..=RECORDS, LENGTH);
    assert_eq!(wire.flush(Level::Durable).status, FlushStatus::Reached);
    sidecar.kill();
    remote.clear_faults();
    assert!(segments(&setup.spool()).len() > 2, "{:?}", files(&setup.spool()));
    setup
}

/// What came of it.
struct Aftermath {
    unique: u64,
    account: Account,
}

impl Aftermath {
    /// Every record is delivered or counted as lost.
    #[track_caller]
    fn nothing_uncounted(&self) {
        assert_eq!(self.unique + self.account.dropped(), RECORDS, "{:?}", self.account);
    }
}

/// Does something to the files, starts a sidecar, and waits until all that it found has ended.
#[track_caller]
fn after(harm: impl Fn(&Path)) -> Aftermath {
    let remote = Remote::strict();
    let setup = left_behind(&remote);
    harm(&setup.spool());
    let sidecar = setup.start();
    // One more, so that there is something to wait for where nothing was left. The lane is first in, first out.
    sidecar.feed_lines(numbered(0..1, LENGTH));
    until_ended(&sidecar, 1);
    until("the new one has arrived", || remote.texts().iter().any(|text| text.starts_with("n=0000000000 ")));
    let corrupt = sidecar.scrape().corrupt();
    let account = sidecar.stop();
    assert_eq!((account.received(), account.dropped(), account.rejected()), (1, corrupt, 0), "{account:?}");
    let report = remote.report();
    assert_eq!(report.marks.doubled, 0, "nothing had been sent");
    // Not a byte is wrong in what is delivered.
    let mut markers = 0;
    for text in remote.texts() {
        match text.get(2..12).and_then(|digits| digits.parse::<u64>().ok()) {
            Some(number) => assert_eq!(text, numbered(number..number + 1, LENGTH)[0]),
            None => markers += 1,
        }
    }
    assert_eq!(markers, account.generated(), "{account:?}");
    remote.no_violation();
    Aftermath { unique: report.marks.unique - 1, account }
}

fn flip(path: &Path, at: u64) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], at).unwrap();
}

/// A few places that differ from seed to seed (SplitMix64).
fn places(seed: u64, length: u64) -> impl Iterator<Item = u64> {
    (0..FLIPS).map(move |n| {
        let mut z = (seed * 4 + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % length
    })
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn truncate(path: &Path, bytes: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

fn middle(spool: &Path) -> PathBuf {
    let segments = segments(spool);
    segments[segments.len() / 2].clone()
}

#[test]
fn without_harm_all_is_delivered() {
    let aftermath = after(|_| {});
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0));
    assert_eq!(aftermath.account.recovered(), RECORDS);
}

#[test]
fn flipped_bytes_in_every_file_cost_the_chunks_they_are_in() {
    for seed in 0..4 {
        let flips = std::cell::Cell::new(0);
        let aftermath = after(|spool| {
            for path in files(spool) {
                for at in places(seed, length(&path).max(1)).filter(|at| *at < length(&path)) {
                    flip(&path, at);
                    flips.set(flips.get() + 1);
                }
            }
        });
        let Aftermath { unique, account } = &aftermath;
        // Flips in the last entries make a torn tail of them, which nobody counts.
        assert!(unique + account.dropped() <= RECORDS, "seed {seed}: {account:?}");
        assert!(unique + account.dropped() + FLIPS * CHUNK >= RECORDS, "seed {seed}: {account:?}");
        assert!(unique + flips.get() * CHUNK >= RECORDS, "seed {seed}: {unique} of {RECORDS}, {account:?}");
    }
}

#[test]
fn a_flipped_header_costs_no_record() {
    // When it was created: in every header, however many channels there were.
    let aftermath = after(|spool| segments(spool).iter().for_each(|path| flip(path, 36)));
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0), "{:?}", aftermath.account);
}

#[test]
fn a_torn_tail_is_cut() {
    let aftermath = after(|spool| {
        let last = segments(spool).pop().unwrap();
        truncate(&last, length(&last) - 100);
    });
    let Aftermath { unique, account } = aftermath;
    assert!(unique < RECORDS || account.dropped() == 0, "{account:?}");
    assert!(unique + CHUNK >= RECORDS, "{unique} of {RECORDS}");
}

#[test]
fn a_segment_cut_in_the_middle_costs_its_end_and_is_counted() {
    let aftermath = after(|spool| truncate(&middle(spool), length(&middle(spool)) / 2));
    aftermath.nothing_uncounted();
    assert!(aftermath.account.dropped() > 0 && aftermath.unique > RECORDS / 2, "{:?}", aftermath.account);
}

#[test]
fn empty_segments_are_survived() {
    let aftermath = after(|spool| truncate(&middle(spool), 0));
    aftermath.nothing_uncounted();
    let aftermath = after(|spool| segments(spool).iter().for_each(|path| truncate(path, 0)));
    assert_eq!(aftermath.unique, 0);
    assert!(aftermath.account.dropped() <= RECORDS, "{:?}", aftermath.account);
}

#[test]
fn a_deleted_segment_in_the_middle_is_counted() {
    let aftermath = after(|spool| std::fs::remove_file(middle(spool)).unwrap());
    aftermath.nothing_uncounted();
    assert!(aftermath.account.dropped() > 0 && aftermath.unique > RECORDS / 4, "{:?}", aftermath.account);
}

#[test]
fn a_lost_cursor_costs_nothing_where_nothing_had_ended() {
    let cursors = |spool: &Path| files(spool).into_iter().filter(|path| path.ends_with("cursor"));
    let aftermath = after(|spool| cursors(spool).for_each(|path| std::fs::remove_file(path).unwrap()));
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0), "{:?}", aftermath.account);
    let aftermath = after(|spool| cursors(spool).for_each(|path| std::fs::write(path, [0xaa; 300_000]).unwrap()));
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0), "{:?}", aftermath.account);
}

#[test]
fn a_lost_lane_json_costs_nothing_since_each_segment_says_whose_it_is() {
    let names = |spool: &Path| files(spool).into_iter().filter(|path| path.ends_with("lane.json"));
    let aftermath = after(|spool| names(spool).for_each(|path| std::fs::remove_file(path).unwrap()));
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0), "{:?}", aftermath.account);
    let aftermath = after(|spool| names(spool).for_each(|path| std::fs::write(path, "{\"format\"").unwrap()));
    assert_eq!((aftermath.unique, aftermath.account.dropped()), (RECORDS, 0), "{:?}", aftermath.account);
}

/// Something that does not belong there, by the spool and one of its lanes' folders.
type Junk = (&'static str, fn(&Path, &Path));

const JUNK: [Junk; 6] = [
    ("a name that is none of a segment's", |_, lane| std::fs::write(lane.join("zzz.segment"), "junk").unwrap()),
    ("a segment of nonsense before the others", |_, lane| {
        std::fs::write(lane.join("0000000000000000-0000000000000001.segment"), [0xff; 10_000]).unwrap();
    }),
    ("a segment of nonsense among the others", |_, lane| {
        std::fs::write(lane.join("0000000000000101-0000000000000001.segment"), [0xff; 10_000]).unwrap();
    }),
    ("an empty folder where a lane could be", |spool, _| {
        std::fs::create_dir(spool.join("lanes/0123456789abcdef0123456789abcdef")).unwrap();
    }),
    ("a file where a lane could be", |spool, _| {
        std::fs::write(spool.join("lanes/fedcba9876543210fedcba9876543210"), "a file").unwrap();
    }),
    ("a link to nowhere", |_, lane| std::os::unix::fs::symlink("/nonexistent", lane.join("dangling")).unwrap()),
];

#[test]
fn junk_beside_the_files_is_no_harm() {
    for (what, put) in JUNK {
        let aftermath = after(|spool| put(spool, middle(spool).parent().unwrap()));
        // A name with an offset in it says that a segment begins there: what it hides of its neighbour is counted.
        let Aftermath { unique, account } = aftermath;
        assert_eq!(unique + account.dropped(), RECORDS, "{what}: {account:?}");
        assert!(unique > RECORDS / 2, "{what}: {account:?}");
    }
}

#[test]
fn a_folder_where_a_segment_could_be_is_no_harm() {
    let aftermath = after(|spool| {
        let lane = middle(spool).parent().unwrap().to_owned();
        std::fs::create_dir(lane.join("00000000ffffffff-0000000000000002.segment")).unwrap();
    });
    assert!(aftermath.unique > RECORDS / 2, "{:?}", aftermath.account);
}

#[test]
fn a_newer_format_is_set_aside_and_not_destroyed() {
    let remote = Remote::strict();
    let setup = left_behind(&remote);
    for path in files(&setup.spool()).into_iter().filter(|path| path.ends_with("lane.json")) {
        let newer = std::fs::read_to_string(&path).unwrap().replace("\"format\":1", "\"format\":2");
        std::fs::write(path, newer).unwrap();
    }
    let before: u64 = segments(&setup.spool()).iter().map(|path| length(path)).sum();
    let sidecar = setup.start();
    sidecar.feed("one\n");
    remote.until_accepted(1);
    sidecar.stop().adds_up();
    assert_eq!(remote.texts(), ["one"]);
    let of_any = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "segment");
    let after: u64 = files(&setup.spool()).iter().filter(|path| of_any(path)).map(|path| length(path)).sum();
    assert!(after >= before, "{:?}", files(&setup.spool()));
}
