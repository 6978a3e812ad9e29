//! Every line of the exposition is parsed, strictly, and the account is added up from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::config::Destination;
use crate::engine::snapshot::LaneView;
use crate::engine::time::Now;
use crate::engine::Tally;

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn parse_labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a label has a quoted value");
        assert!(is_name(name), "{name}");
        let end = after.find('"').expect("the quote ends");
        assert!(!after[..end].contains('\\'), "no group has anything to escape");
        assert!(labels.insert(name.to_owned(), after[..end].to_owned()).is_none(), "{name} twice");
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    labels
}

fn parse_sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, parse_labels(labels.strip_suffix('}').expect("the labels end"))),
        None => (head, BTreeMap::new()),
    };
    assert!(is_name(name), "{line}");
    Sample { name: name.to_owned(), labels, value: value.parse().expect("a number") }
}

/// Samples, having checked that each stands under its family's HELP and TYPE, once, with the suffix of its type.
fn parse(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with EOF");
    let mut families = BTreeSet::new();
    let mut family = (String::new(), String::new());
    let mut lines = body.lines();
    let mut samples = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a text");
            assert!(families.insert(name.to_owned()), "{name} twice");
            assert!(help.ends_with('.') && !help.ends_with(".."), "{help}");
            let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
            family = (name.to_owned(), kind.expect("a type").to_owned());
            continue;
        }
        let sample = parse_sample(line);
        let suffix = sample.name.strip_prefix(&family.0).expect("it belongs to the family above");
        let fits = match family.1.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "info" => suffix == "_info",
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            other => panic!("{other}"),
        };
        assert!(fits && sample.value >= 0.0, "{line}");
        assert!(seen.insert(line[..line.rfind(' ').unwrap()].to_owned()), "{line} twice");
        for label in sample.labels.keys() {
            assert!(["log_group", "reason", "kind", "le", "version"].contains(&label.as_str()), "{line}");
        }
        samples.push(sample);
    }
    samples
}

fn sum(samples: &[Sample], name: &str) -> f64 {
    let found: Vec<f64> = samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).collect();
    assert!(!found.is_empty(), "{name} is missing");
    found.iter().sum()
}

fn lane(group: &str, account: Account, in_memory: u64) -> LaneView {
    LaneView {
        destination: Destination::parse(group, "stream").unwrap(),
        account,
        in_memory,
        spooled: 0,
        bytes: 100,
        spool_bytes: 0,
        spool_trouble: None,
        oldest: Some(Duration::from_millis(1_500)),
        connections: 1,
        in_flight: (1, 4),
        linger: Duration::from_secs(1),
        state: "delivering",
        trouble: None,
    }
}

fn counted(received: u64, delivered: u64) -> Account {
    let mut account = Account::default();
    (account.received, account.delivered) = (received, delivered);
    account
}

fn facts() -> Facts {
    let mut account = counted(20, 9);
    account.generated = 1;
    account.possible_duplicates = 2;
    account.reject(Rejected::TooOld, 3);
    account.drop(Dropped::Overflow, 4);
    let mut other = counted(5, 5);
    other.client_lost = 7;
    let mut total = account;
    total += &other;
    let mut tally = Tally { first_attempts: 3, retries: 1, ..Tally::default() };
    tally.batch_records.observe(14.0 / 1_000.0);
    tally.batch_bytes.observe(5_000.0 / 1_000.0);
    tally.put_seconds.observe(0.02);
    let lanes = vec![lane("app/a", account, 5), lane("app/b", other, 0)];
    let groups = lanes.iter().map(|lane| (lane.destination.group().clone(), lane.account)).collect();
    let now = Now::from_millis(60_000);
    let snapshot = Snapshot {
        now,
        lanes,
        groups,
        total,
        in_memory: 5,
        spooled: 0,
        spool_bytes: 0,
        spool_max: None,
        spool_refused: false,
        letters_lost: 0,
        memory: [100, 50, 1, 0],
        budget: 1_000,
        in_flight: 2,
        put_rate: 12.5,
        tally,
    };
    let counters = Arc::new(Counters::default());
    let process = Process { cpu_seconds: 0.25, resident_bytes: 1, max_fds: u64::MAX, ..Process::default() };
    let group = Some(LogGroup::new("own").unwrap());
    Facts { snapshot, counters, group, process, began: 1.5, accepting: true, spool: None }
}

#[test]
fn every_line_parses_and_the_account_adds_up() {
    let samples = parse(&encode(facts()).unwrap());
    let came: f64 = ["received", "recovered", "generated"]
        .iter()
        .map(|way| sum(&samples, &format!("splashdam_records_{way}_total")))
        .sum();
    let went: f64 = ["delivered", "rejected", "dropped"]
        .iter()
        .map(|way| sum(&samples, &format!("splashdam_records_{way}_total")))
        .sum();
    let here = sum(&samples, "splashdam_in_memory_records") + sum(&samples, "splashdam_spooled_records");
    assert_eq!(came, 26.0);
    assert_eq!(came, went + here);
}

#[test]
fn the_promised_names_are_there() {
    let samples = parse(&encode(facts()).unwrap());
    for name in [
        "splashdam_client_lost_records_total",
        "splashdam_possible_duplicates_total",
        "splashdam_queue_bytes",
        "splashdam_spool_bytes",
        "splashdam_oldest_record_age_seconds",
        "splashdam_put_log_events_duration_seconds_count",
        "splashdam_delivery_latency_seconds_count",
        "splashdam_build_info",
        "splashdam_attempts_total",
        "splashdam_throttles_total",
        "splashdam_connections",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "process_threads",
    ] {
        sum(&samples, name);
    }
}

#[test]
fn batch_sizes_are_shown_in_records_and_bytes() {
    let samples = parse(&encode(facts()).unwrap());
    assert_eq!(sum(&samples, "splashdam_batch_records_sum"), 14.0);
    assert_eq!(sum(&samples, "splashdam_batch_bytes_sum"), 5_000.0);
    let buckets = |name: &str| -> Vec<(String, f64)> {
        let of = samples.iter().filter(|sample| sample.name == name);
        of.map(|sample| (sample.labels["le"].clone(), sample.value)).collect()
    };
    let records = buckets("splashdam_batch_records_bucket");
    assert_eq!(records[3..5], [("8.0".to_owned(), 0.0), ("16.0".to_owned(), 1.0)]);
    assert_eq!(records.last(), Some(&("+Inf".to_owned(), 1.0)));
    assert!(buckets("splashdam_batch_bytes_bucket").contains(&("8192.0".to_owned(), 1.0)));
    assert!(buckets("splashdam_put_log_events_duration_seconds_bucket").contains(&("0.032".to_owned(), 1.0)));
}

#[test]
fn a_group_shows_before_its_first_record() {
    let samples = parse(&encode(facts()).unwrap());
    let own = |sample: &&Sample| sample.labels.get("log_group").is_some_and(|group| group == "own");
    let dropped = samples.iter().filter(own).filter(|sample| sample.name == "splashdam_records_dropped_total");
    assert_eq!(dropped.count(), Dropped::ALL.len());
    assert!(samples.iter().filter(own).all(|sample| sample.value == 0.0));
}
