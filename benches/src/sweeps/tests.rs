use std::path::PathBuf;

use super::parameter::{Feeding, Load};
use super::*;

fn options() -> Options {
    let nowhere = || PathBuf::from("nowhere");
    Options {
        programs: Programs { splashdam: nowhere(), emulator: nowhere(), examples: nowhere() },
        parameters: Vec::new(),
        values: Vec::new(),
        records: 2_000_000,
        rounds: 1,
        rate: 500,
        remote_ms: 0,
    }
}

fn load(parameter: Parameter, value: u64) -> Load {
    Point { parameter, value }.load(&options())
}

#[test]
fn the_payload_is_the_same_whatever_a_records_size() {
    for value in Parameter::RecordBytes.values() {
        let load = load(Parameter::RecordBytes, *value);
        assert_eq!(load.records() * load.size, 400_000_000, "{value} bytes");
    }
    // But never so few that nothing is seen.
    let few = Options { records: 1_000, ..options() };
    assert_eq!(Point { parameter: Parameter::RecordBytes, value: 100_000 }.load(&few).records(), 1_000);
}

#[test]
fn paced_points_last_for_several_lingers() {
    let records = |value| load(Parameter::LingerMs, value).records();
    assert_eq!([5, 1_000, 5_000].map(records), [2_500, 2_500, 10_000]);
}

#[test]
fn writers_and_hosts_are_those_of_the_document() {
    let writers = load(Parameter::Writers, 10);
    assert_eq!(writers.feeding, Feeding::Bursts { writers: 10, each: 1_000, bursts: 200 });
    assert_eq!(load(Parameter::Hosts, 1_000).records(), 10_000);
}

#[test]
fn small_batches_are_not_held_up_by_our_own_rate() {
    let load = load(Parameter::BatchEvents, 100);
    assert!((load.size + 26) * 10_000 <= 1_048_576);
    assert_eq!(load.flags.join(" "), "--batch-max-events 100 --put-rate 5000");
    assert_eq!(load.note(), "--batch-max-events 100 --put-rate 5000; text over 2, up to 64 KiB a write");
}

#[test]
fn all_points_unless_some_are_named() {
    let count = |options: &Options| chosen(options).map(|points| points.len());
    assert_eq!(count(&options()).unwrap(), 9 + 5 + 4 + 1 + 1 + 5);
    let parameters = vec![Parameter::LingerMs, Parameter::BatchEvents];
    let some = Options { values: vec![5, 1_000], parameters, ..options() };
    let names: Vec<_> = chosen(&some).unwrap().iter().map(Point::to_string).collect();
    assert_eq!(names, ["batch-events 1000", "linger-ms 5", "linger-ms 1000"]);
    let error = count(&Options { values: vec![7], ..some }).unwrap_err().to_string();
    assert!(error.starts_with("no value 7: batch-events has [100,"), "{error}");
}

#[test]
fn time_left_follows_how_the_beginning_went() {
    assert_eq!(left(Duration::ZERO, 0.0, 60.0), 60.0);
    assert_eq!(left(Duration::from_secs(40), 20.0, 60.0), 80.0);
}

#[test]
fn latencies_are_milliseconds() {
    assert_eq!((latency("10ms"), latency("0")), (Ok(10), Ok(0)));
    assert!(latency("1s").is_err() && latency("60001").is_err());
}
