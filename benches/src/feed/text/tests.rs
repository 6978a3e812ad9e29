use std::io::Read;
use std::os::unix::net::UnixListener;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    text: TextArgs,
}

/// Feeds a listener of our own and returns all lines that came.
fn fed(connections: usize, flags: &str) -> (Report, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let drain = thread::spawn(move || {
        let readers: Vec<_> = (0..connections)
            .map(|_| {
                let mut stream = listener.accept().unwrap().0;
                thread::spawn(move || {
                    let mut text = String::new();
                    stream.read_to_string(&mut text).unwrap();
                    text
                })
            })
            .collect();
        let texts = readers.into_iter().map(|reader| reader.join().unwrap());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    });
    let fixed = format!("feed --connections {connections} --socket {} {flags}", socket.display());
    let args = Cli::parse_from(fixed.split_ascii_whitespace()).text;
    let report = write(&args, || false).unwrap();
    (report, drain.join().unwrap())
}

fn numbers(lines: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = lines.iter().map(|line| line[2..12].parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn blocks_bring_every_number_once() {
    let (report, lines) = fed(3, "--records 12345 --offset 777 --size 200");
    assert_eq!(report.records, 12_345);
    assert_eq!(numbers(&lines), (777..777 + 12_345).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line.len() == 200));
    assert!(report.begin_micros <= report.end_micros && report.cpu_seconds > 0.0);
}

#[test]
fn a_block_may_be_larger_or_smaller_than_a_line() {
    for block in [7, 41, 100_000] {
        let (_, lines) = fed(1, &format!("--records 5001 --size 40 --block {block}"));
        assert_eq!(numbers(&lines), (0..5_001).collect::<Vec<_>>(), "blocks of {block}");
    }
}

#[test]
fn singles_bring_every_number_once() {
    let (_, lines) = fed(2, "--records 3001 --offset 999 --size 60 --write single");
    assert_eq!(numbers(&lines), (999..4_000).collect::<Vec<_>>());
}

#[test]
fn paced_records_say_when_they_were_due() {
    let (report, lines) = fed(1, "--records 50 --rate 1000 --size 80");
    let times: Vec<u64> = lines.iter().map(|line| line[15..31].parse().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{times:?}");
    assert_eq!(times[0], report.begin_micros);
    assert!(report.end_micros - report.begin_micros >= 49_000);
}

#[test]
fn gathered_records_keep_their_own_times() {
    let (report, lines) = fed(2, "--records 4000 --rate 20000 --gather 2000 --size 80");
    assert_eq!(numbers(&lines), (0..4_000).collect::<Vec<_>>());
    let mut times: Vec<u64> = lines.iter().map(|line| line[15..31].parse().unwrap()).collect();
    times.sort_unstable();
    times.dedup();
    // Two connections may share theirs by chance, one's own records never do.
    assert!(times.len() >= 2_000, "{} different times", times.len());
    assert_eq!((report.due, report.cut, report.gave_up), (4_000, 0, false));
    assert_eq!(report.bytes, 4_000 * 81);
}

/// A listener that takes connections and reads nothing.
#[test]
fn one_that_is_not_read_gives_up_and_says_what_was_due() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let _listener = UnixListener::bind(&socket).unwrap();
    let flags = "--connections 1 --records 1000000 --rate 50000 --gather 1000 --size 1000 --give-up 0.5";
    let fixed = format!("feed --socket {} {flags}", socket.display());
    let report = run(&Cli::parse_from(fixed.split_ascii_whitespace()).text).unwrap();
    assert!(report.gave_up);
    assert!(report.records < 20_000, "{} lines found room in a socket", report.records);
    assert!(report.due >= 25_000 && report.due > report.records, "{} due", report.due);
    assert_eq!(report.bytes, report.records * 1_001);
}

#[test]
fn a_feeder_that_is_to_stop_writes_no_more_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let flags = format!("feed --connections 1 --records 10 --rate 0.1 --socket {}", socket.display());
    let args = Cli::parse_from(flags.split_ascii_whitespace()).text;
    let report = write(&args, || true).unwrap();
    assert_eq!(report.records, 0);
    drop(listener);
}
