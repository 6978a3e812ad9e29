//! The whole plan: figures by hand, boundaries, that more never needs less, and that what the documentation shows is true.

use std::time::Duration;

use clap::Parser as _;
use proptest::prelude::*;

use super::coefficients::{Coefficient, MEASURED, PUT_QUOTA};
use super::model::{Fleet, Growing, Input, Intake, Plan, Sidecar};
use super::prices::Prices;
use super::{json, make, show};
use crate::cli::{Cli, Command};
use crate::command::human::count;

const MIB: u64 = 1 << 20;

fn input() -> Input {
    Input {
        records_per_second: 5_000.0,
        bytes: 200,
        growth_per_month: 0.0,
        growing: Growing::Records,
        outage: Duration::from_secs(3_600),
        pods: 1,
        linger: Duration::from_secs(1),
        destinations: 1,
        intake: Intake::Text,
        retention_days: 30,
        put_quota: PUT_QUOTA,
    }
}

fn plan(input: Input) -> Plan {
    make(input, &MEASURED, &Prices::built_in())
}

fn now(input: Input) -> (Sidecar, Fleet) {
    let first = plan(input).months.swap_remove(0);
    (first.sidecar, first.fleet)
}

fn near(value: f64, wanted: f64) -> bool {
    (value / wanted - 1.0).abs() < 1e-6
}

fn warns(input: Input, part: &str) -> Option<u32> {
    plan(input).warnings.iter().find(|warning| warning.text.contains(part)).map(|warning| warning.month)
}

#[test]
fn at_the_measured_rate_the_cpu_is_what_was_measured() {
    let records_per_second = MEASURED.single_rate.value;
    let steady = Input { records_per_second, outage: Duration::ZERO, ..input() };
    let (sidecar, _) = now(steady);
    let measured = records_per_second * MEASURED.single_cpu.value / 1e6;
    let over_tls = records_per_second * (MEASURED.tls_cpu.value - MEASURED.bulk_cpu.value) / 1e6;
    assert!(near(sidecar.cpu_cores, measured + over_tls), "{}", sidecar.cpu_cores);
    let requested = sidecar.cpu_request_millicores;
    let least = sidecar.cpu_cores * 1_500.0;
    assert!(requested % 10 == 0 && (least..least + 10.0).contains(&(requested as f64)), "{requested}");
    let (spooled, _) = now(Input { outage: Duration::from_secs(1), ..steady });
    assert!(near(
        spooled.cpu_cores - sidecar.cpu_cores,
        records_per_second * (MEASURED.spool_cpu.value - MEASURED.bulk_cpu.value) / 1e6
    ));
}

#[test]
fn bytes_and_money_by_hand() {
    let (_, fleet) = now(Input { records_per_second: 1_000.0, bytes: 974, pods: 10, ..input() });
    let day = 10.0 * 1_000.0 * 1_000.0 * 86_400.0;
    assert!(near(fleet.bytes_per_day, day), "974 bytes and 26 are a thousand");
    assert!(near(fleet.ingestion_cost, day * 365.0 / 12.0 / 1e9 * 0.50));
    assert!(near(fleet.storage_cost, day * 30.0 * 0.15 / 1e9 * 0.03));
}

#[test]
fn calls_are_those_of_the_linger_until_batches_fill() {
    let calls = |records_per_second, bytes, linger| {
        now(Input { records_per_second, bytes, linger: Duration::from_secs(linger), ..input() }).1.put_calls_per_second
    };
    assert!(near(calls(100.0, 200, 1), 1.0));
    assert!(near(calls(100.0, 200, 4), 0.25));
    assert!(near(calls(0.1, 200, 1), 0.1), "no call without a record");
    // 95 % of a mebibyte, in events of 226 bytes; then of ten thousand events of 27 bytes.
    assert!(near(calls(50_000.0, 200, 1), 50_000.0 * 226.0 / f64::from(1_048_576 / 100 * 95)));
    let by_events = calls(1_000_000.0, 1, 1);
    assert!((100.0..110.0).contains(&by_events), "{by_events}");
}

#[test]
fn calls_that_put_rate_would_not_allow_are_counted_and_said() {
    let fleet = Input { records_per_second: 60_000.0, bytes: 100 << 10, ..input() };
    assert!(now(fleet).1.put_calls_per_second > 5_000.0, "ten records fill a batch");
    assert_eq!((warns(fleet, "--put-rate"), warns(fleet, "no linger helps")), (Some(0), Some(0)));
    // Where it is the linger that makes them, the engine stretches it.
    let (_, lanes) = now(Input { destinations: 4_000, ..input() });
    assert!(near(lanes.put_calls_per_second, 400.0), "{}", lanes.put_calls_per_second);
}

#[test]
fn the_spool_holds_the_outage_in_the_part_that_a_destination_gets() {
    let spool = |destinations| now(Input { destinations, ..input() }).0.spool.unwrap();
    let one = spool(1);
    let least = 5_000 * (200 + 12) * 3_600;
    assert!((least..least * 115 / 100).contains(&one.records_bytes), "{}", one.records_bytes);
    assert!(one.max_bytes * 2 / 3 >= one.records_bytes);
    assert!(one.max_bytes * 2 / 3 < one.records_bytes + 64 * MIB);
    assert!(one.volume_bytes >= one.max_bytes + 112 * MIB, "quarantine, spares and dead letters stand beside");
    assert!(spool(4).max_bytes < one.max_bytes, "four share eight of nine parts");
    assert_eq!(now(Input { outage: Duration::ZERO, ..input() }).0.spool, None);
    let tiny = Input { records_per_second: 0.01, outage: Duration::from_secs(1), ..input() };
    assert_eq!(now(tiny).0.spool.unwrap().max_bytes, 64 * MIB, "above the least that a sidecar takes");
    let large = now(Input { records_per_second: 333_333.0, ..input() }).0.spool.unwrap();
    assert_eq!((large.max_bytes % (1024 * MIB), large.volume_bytes - large.max_bytes), (0, 1024 * MIB));
}

#[test]
fn without_a_spool_memory_bridges_what_the_documentation_says() {
    // docs/operations.md: 64 MiB hold 23 MiB of one destination, 23 seconds at 1 MiB/s.
    let bytes = 1_012;
    let records_per_second = MIB as f64 / 1_024.0;
    let flow = Input { bytes, records_per_second, outage: Duration::ZERO, linger: Duration::from_secs(60), ..input() };
    let (sidecar, _) = now(flow);
    assert_eq!(sidecar.memory_budget_bytes, 64 * MIB);
    assert!((23.0..23.2).contains(&sidecar.memory_bridges_seconds), "{}", sidecar.memory_bridges_seconds);
    assert_eq!(sidecar.memory_limit_bytes, 104 * MIB, "and 40 MiB beside");
}

#[test]
fn budgets_stay_within_what_was_measured() {
    let budget = |records_per_second| now(Input { records_per_second, ..input() }).0.memory_budget_bytes;
    assert_eq!((budget(1.0), budget(1e6)), (24 * MIB, 64 * MIB));
}

#[test]
fn catching_up_as_measured_and_unknown_beyond() {
    let catch_up = |records_per_second, pods| {
        now(Input { records_per_second, pods, outage: Duration::from_secs(300), ..input() })
            .0
            .spool
            .unwrap()
            .catch_up_seconds
    };
    let measured = MEASURED.catch_up_share.value * 300.0;
    let seconds = catch_up(20_000.0, 1).unwrap();
    assert!((measured..measured + 45.0).contains(&seconds), "the wait comes on top: {seconds}");
    assert_eq!(catch_up(MEASURED.catch_up_rate(), 1), None);
    assert!(catch_up(20_000.0, 200) > catch_up(20_000.0, 1), "the quota is divided");
    assert_eq!(catch_up(20_000.0, 900), None);
}

#[test]
fn the_quota_is_exceeded_in_the_month_in_which_it_is() {
    let fleet =
        Input { records_per_second: 3.0, pods: 3_000, growth_per_month: 0.10, growing: Growing::Pods, ..input() };
    // 3,000 × 1.1^n calls at a linger of a second: above 4,000 in the fourth month.
    assert_eq!(warns(fleet, "keeps it within 80 %"), Some(4));
    let longer = Input { linger: Duration::from_secs(3), ..fleet };
    assert_eq!(warns(longer, "of the account's quota"), None);
    assert_eq!(plan(fleet).months[12].fleet.linger, Some(Duration::from_secs(3)));
    let full = Input { records_per_second: 100_000.0, ..fleet };
    assert_eq!(warns(full, "no linger helps"), Some(0));
    assert_eq!(plan(full).months[0].fleet.linger, None);
}

#[test]
fn the_linger_that_is_advised_keeps_the_promise() {
    for pods in [1, 3_999, 4_000, 4_001, 40_000, 1_000_000] {
        let fleet = Input { records_per_second: 2.0, pods, ..input() };
        let linger = now(fleet).1.linger.unwrap();
        let then = now(Input { linger, ..fleet }).1;
        assert!(then.quota_share <= 0.8 + 1e-9, "{pods}: {}", then.quota_share);
    }
}

#[test]
fn what_will_not_do_is_said() {
    assert_eq!(plan(input()).warnings, []);
    let of_size = |bytes| Input { bytes, records_per_second: 1.0, ..input() };
    assert_eq!(warns(of_size(256 << 10), "--max-record"), None);
    assert_eq!(warns(of_size((256 << 10) + 1), "set --max-record 262145"), Some(0));
    assert_eq!(warns(of_size(1_048_550), "set --max-record 1048550"), Some(0));
    assert_eq!(warns(of_size(1_048_551), "split into 2"), Some(0));
    let at = |records_per_second| Input { records_per_second, ..input() };
    let most = MEASURED.single_most.value;
    assert_eq!((warns(at(most), "divide the pod"), warns(at(most + 1.0), "divide the pod")), (None, Some(0)));
    let framed = Input { intake: Intake::Framed, ..at(MEASURED.framed_most.value) };
    assert_eq!(warns(framed, "divide the pod"), None);
    assert_eq!(warns(Input { outage: Duration::from_secs(14 * 86_400), ..input() }, "older than 14 days"), Some(0));
    assert_eq!(warns(Input { destinations: 4_097, ..input() }, "--max-lanes"), Some(0));
    assert_eq!(warns(Input { bytes: 10_000, ..at(60_000.0) }, "--put-rate"), Some(0));
    assert_eq!(warns(Input { bytes: 10_000, ..at(80_000.0) }, "processors"), Some(0));
}

#[test]
fn growth_is_compound_and_may_be_negative() {
    let months = plan(Input { growth_per_month: 0.15, ..input() }).months;
    assert_eq!(months.len(), 13);
    assert!(near(months[12].records_per_second, 5_000.0 * 5.350_250_105));
    let shrinking = plan(Input { growth_per_month: -0.5, growing: Growing::Pods, pods: 3, ..input() }).months;
    assert_eq!((shrinking[1].pods, shrinking[12].pods), (2, 1));
}

/// The figures of the README's table, from a row's name to the next.
fn readme_row(row: &str) -> String {
    let readme = include_str!("../../../../README.md");
    let begins = |line: &&str| line.starts_with(&format!("| `{row}`"));
    let mut lines = readme.lines().skip_while(|line| !begins(line));
    let first = lines.next().unwrap_or_else(|| panic!("the README has a row `{row}`"));
    std::iter::once(first).chain(lines.take_while(|line| line.starts_with("| |"))).collect()
}

#[test]
fn coefficients_are_the_figures_of_the_readme() {
    let value = serde_json::to_value(MEASURED).unwrap();
    let all = value.as_object().unwrap().iter().filter(|(name, _)| *name != "taken");
    let mut compared = 0;
    for (name, coefficient) in all {
        let row = coefficient["row"].as_str().unwrap();
        let value = coefficient["value"].as_f64().unwrap();
        // The size of records stands above the table, that of the outage's rate in the middle of a cell.
        let text =
            if name == "record_bytes" { include_str!("../../../../README.md").to_owned() } else { readme_row(row) };
        let wanted = if value >= 1_000.0 { count(value as u64) } else { value.to_string() };
        let figures: Vec<&str> = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').collect();
        let figures = figures.iter().map(|figure| figure.trim_end_matches([',', '.']));
        assert!(figures.clone().any(|figure| figure == wanted), "{name}: {wanted} is not in {text}");
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn what_the_documentation_shows_is_what_is_printed() {
    let page = include_str!("../../../../docs/operations.md");
    let start = page.find("$ splashdam plan").unwrap();
    let block = &page[start..start + page[start..].find("\n```").unwrap() + 1];
    let (line, output) = block.split_once('\n').unwrap();
    let words = line.trim_start_matches("$ ").split_whitespace();
    let Command::Plan(args) = Cli::try_parse_from(words).unwrap().command else { panic!("plan is a command") };
    let shown = show::show(&plan(args.input()));
    assert_eq!(shown, output, "docs/operations.md shows another plan; this one is right:\n{shown}");
}

#[test]
fn tables_are_tables() {
    let fleet = Input { pods: 100_000, growth_per_month: 10.0, bytes: 300_000, destinations: 3, ..input() };
    for input in
        [input(), Input { outage: Duration::ZERO, ..fleet }, fleet, Input { intake: Intake::Framed, ..input() }]
    {
        let text = show::show(&plan(input));
        for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
            let bars = |line: &str| line.matches('|').count();
            let widths = |line: &str| line.chars().count();
            let first = block.lines().next().unwrap();
            assert!(block.lines().all(|line| (bars(line), widths(line)) == (bars(first), widths(first))), "{block}");
            assert!(block.lines().nth(1).unwrap().trim_matches(['|', '-', ':', ' ']).is_empty(), "{block}");
        }
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn json_has_all_of_it() {
    let value: serde_json::Value = serde_json::from_str(&json(&plan(input()))).unwrap();
    assert_eq!(value["months"].as_array().unwrap().len(), 13);
    assert_eq!(value["input"]["outage_seconds"], 3_600.0);
    assert_eq!(value["months"][0]["sidecar"]["memory_budget_bytes"], 24 * MIB);
    assert_eq!(value["coefficients"]["bulk_cpu"]["row"], "full");
    assert_eq!(value["prices"]["ingestion_per_gb"], 0.5);
    assert_eq!(value["months"][0]["fleet"]["linger_seconds"], 1.0);
}

fn any_input() -> impl Strategy<Value = Input> {
    let flow = (0.01f64..3e6, 1u64..2_000_000, 1u64..200_000, 1u64..5_000, 0u64..200_000, 1u64..120);
    (flow, -0.9f64..5.0, any::<bool>(), any::<bool>()).prop_map(|(flow, growth_per_month, pods_grow, framed)| Input {
        records_per_second: flow.0,
        bytes: flow.1,
        pods: flow.2,
        destinations: flow.3,
        outage: Duration::from_secs(flow.4),
        linger: Duration::from_secs(flow.5),
        growth_per_month,
        growing: if pods_grow { Growing::Pods } else { Growing::Records },
        intake: if framed { Intake::Framed } else { Intake::Text },
        ..input()
    })
}

/// Everything that must not shrink when there is more to do.
fn needs(input: Input) -> Vec<(&'static str, f64)> {
    let (sidecar, fleet) = now(input);
    let spool = sidecar.spool.as_ref();
    vec![
        ("cpu", sidecar.cpu_cores),
        ("cpu request", sidecar.cpu_request_millicores as f64),
        ("budget", sidecar.memory_budget_bytes as f64),
        ("memory limit", sidecar.memory_limit_bytes as f64),
        ("calls", fleet.put_calls_per_second),
        ("cost", fleet.cost()),
        ("linger", fleet.linger.map_or(f64::INFINITY, |linger| linger.as_secs_f64())),
        ("spool", spool.map_or(0.0, |spool| spool.max_bytes as f64)),
        ("volume", spool.map_or(0.0, |spool| spool.volume_bytes as f64)),
        ("written", spool.map_or(0.0, |spool| spool.written_bytes_per_second)),
        ("catching up", spool.map_or(0.0, |spool| spool.catch_up_seconds.unwrap_or(f64::INFINITY))),
    ]
}

fn no_less(less: Input, more: Input) -> Result<(), TestCaseError> {
    for ((name, less), (_, more)) in needs(less).into_iter().zip(needs(more)) {
        prop_assert!(more >= less * (1.0 - 1e-9), "{name}: {more} < {less}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn more_records_never_need_less(input in any_input(), factor in 1.0f64..10.0) {
        no_less(input, Input { records_per_second: input.records_per_second * factor, ..input })?;
    }

    #[test]
    fn a_longer_outage_never_needs_less(input in any_input(), more in 1u64..100_000) {
        no_less(input, Input { outage: input.outage + Duration::from_secs(more), ..input })?;
    }

    #[test]
    fn more_pods_never_need_less(input in any_input(), more in 1u64..100_000) {
        no_less(input, Input { pods: input.pods + more, ..input })?;
    }

    #[test]
    fn every_plan_is_finite_and_is_shown(input in any_input()) {
        let plan = plan(input);
        let text = show::show(&plan);
        prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json(&plan)).is_ok());
        prop_assert!(plan.months.iter().all(|month| month.sidecar.cpu_cores > 0.0 && month.fleet.cost().is_finite()));
    }
}

/// Coefficients are what the plan is made of, not ornaments beside it.
#[test]
fn other_coefficients_make_another_plan() {
    let dearer = |coefficient: Coefficient| Coefficient { value: coefficient.value * 2.0, ..coefficient };
    let measured = super::coefficients::Coefficients { single_cpu: dearer(MEASURED.single_cpu), ..MEASURED };
    let plan_of = |measured| make(input(), measured, &Prices::built_in()).months.swap_remove(0).sidecar.cpu_cores;
    assert!(plan_of(&measured) > 1.5 * plan_of(&MEASURED));
}
