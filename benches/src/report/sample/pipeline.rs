//! Load record, sweeps, recoveries and soak of the sample.

use super::{latency, near};
use crate::results::{Account, Condition, Cpu, LoadRun, Point, RecoveryRun, SoakRun, SweepRun};

const RUNGS: [u64; 8] = [20_000, 40_000, 96_000, 200_000, 400_000, 800_000, 4_000_000, 20_000_000];
const OTHER: &str = "<script>alert(1)</script> shipper";

fn all(count: u64) -> Account {
    Account { emitted: count, delivered: count, doubled: 0, lost: 0 }
}

pub(super) fn load(random: &mut fastrand::Rng) -> Vec<LoadRun> {
    let mut runs = Vec::new();
    for rate in RUNGS {
        for (spool, condition) in
            [false, true].into_iter().flat_map(|spool| [(spool, Condition::Healthy), (spool, Condition::Outage)])
        {
            runs.push(rung("splashdam", rate, spool, condition, random));
        }
        runs.push(rung(OTHER, rate, false, Condition::Healthy, random));
    }
    runs
}

fn rung(shipper: &str, rate: u64, spool: bool, condition: Condition, random: &mut fastrand::Rng) -> LoadRun {
    let (ours, outage) = (shipper == "splashdam", condition == Condition::Outage);
    let per_second = rate as f64 / 60.0;
    let lines = (per_second * 10.0) as u64;
    let lost = if ours { 0 } else { lines / 50 };
    let per_million = near(0.42 + 20.0 / per_second.sqrt(), 0.05, random) * if ours { 1.0 } else { 4.0 };
    let filled = |share: f64| 8.0 + 50.0 * share * (per_second / 333_333.0).powf(0.3);
    let shape = |seconds: f64| {
        if outage {
            ((seconds - 3.0) / 4.0).clamp(0.0, 1.0).min(((12.0 - seconds) / 4.0).clamp(0.0, 1.0))
        } else {
            0.0
        }
    };
    let over = |value: &dyn Fn(f64) -> f64| {
        (0..30).map(|step| Point { seconds: step as f64 / 2.0, value: value(shape(step as f64 / 2.0)) }).collect()
    };
    LoadRun {
        at: "2026-01-01T00:00:00Z".to_owned(),
        shipper: shipper.to_owned(),
        version: "0".to_owned(),
        spool,
        condition,
        remote: "10".to_owned(),
        record_bytes: 200,
        offered_per_minute: rate,
        seconds: 10.0,
        outage_seconds: outage.then_some(4.0),
        caught_up_seconds: outage.then_some(3.2),
        offered: lines,
        written: lines,
        account: Account { emitted: lines, delivered: lines - lost, doubled: 0, lost },
        success_percent: 100.0 * (lines - lost) as f64 / lines as f64,
        delivered_per_second: (lines - lost) as f64 / 10.0,
        cpu_percent: 100.0 * per_million * per_second / 1e6,
        cpu_seconds_per_million: per_million,
        cpu: Cpu { app_seconds: 0.0, sidecar_seconds: Some(per_million * per_second * 10.0 / 1e6), ..Cpu::default() },
        peak_mib: if ours { filled(if outage { 1.0 } else { 0.4 }) } else { 180.0 },
        budget_mib: ours.then_some(64.0),
        limit_mib: ours.then_some(104.0),
        oom_kills: 0,
        limit_reached: ours.then_some(u64::from(outage)),
        spool_mib_per_second: spool.then_some(per_second * 210.0 / 1e6),
        spool_gib_per_day: spool.then_some(per_second * 210.0 * 86_400.0 / 1e9),
        sent_mib_per_second: per_second * 226.0 / 1e6,
        received_mib_per_second: per_second * 200.0 / 1e6,
        disk_write_mib_per_second: spool.then_some(per_second * 210.0 / 1e6),
        disk_read_mib_per_second: spool.then_some(0.0),
        disk_operations_per_second: spool.then_some(25.0),
        own_write_mib_per_second: spool.then_some(per_second * 209.0 / 1e6),
        own_read_mib_per_second: spool.then_some(0.0),
        end_to_end: latency(12_000.0, 190_000.0 / (1.0 + per_second / 4e4), 0.3, lines),
        call_error_percent: if outage { 40.0 } else { 0.0 },
        loss_percent: 100.0 * lost as f64 / lines as f64,
        memory: if ours { over(&|share| if spool { filled(0.6 * share) } else { filled(share) }) } else { Vec::new() },
        backlog: if ours { over(&|share| 4.0 * per_second * share) } else { Vec::new() },
        behind: over(&|share| 4.1 * per_second * share),
        comment: String::new(),
        faults: Vec::new(),
    }
}

pub(super) fn sweeps(random: &mut fastrand::Rng) -> Vec<SweepRun> {
    let parameters: [(&str, &[f64]); 6] = [
        ("record-bytes", &[50.0, 200.0, 1_000.0, 10_000.0, 100_000.0]),
        ("batch-events", &[100.0, 500.0, 1_000.0, 5_000.0, 10_000.0]),
        ("connections", &[1.0, 10.0, 100.0, 1_000.0]),
        ("writers", &[10.0]),
        ("hosts", &[1_000.0]),
        ("linger-ms", &[5.0, 50.0, 200.0, 1_000.0, 5_000.0]),
    ];
    let of = |(parameter, values): (&str, &[f64])| {
        let parameter = parameter.to_owned();
        values.iter().map(move |value| (parameter.clone(), *value)).collect::<Vec<_>>()
    };
    parameters.into_iter().flat_map(of).map(|(parameter, value)| point(parameter, value, random)).collect()
}

fn point(parameter: String, value: f64, random: &mut fastrand::Rng) -> SweepRun {
    let (paced, bytes) = (parameter == "linger-ms", if parameter == "record-bytes" { value } else { 200.0 });
    let per_second = if paced { 20_000.0 } else { near(6e8 / (bytes + 80.0), 0.1, random) };
    SweepRun {
        round: 1,
        records: 100_000,
        record_bytes: bytes as u64,
        per_second,
        mib_per_second: per_second * bytes / 1_048_576.0,
        cpu_seconds_per_million: near(0.3 + bytes / 1_500.0, 0.1, random),
        peak_mib: 30.0,
        batches: 120,
        end_to_end: paced.then(|| latency(10_000.0, 500.0 * value, 0.25, 100_000)),
        account: all(100_000),
        note: "64KiB a write".to_owned(),
        faults: Vec::new(),
        parameter,
        value,
    }
}

pub(super) fn recoveries(random: &mut fastrand::Rng) -> Vec<RecoveryRun> {
    let of = |gib: f64| RecoveryRun {
        round: 1,
        spool_gib: gib,
        records: (5.1e6 * gib) as u64,
        first_record_seconds: near(0.03 + 0.02 * gib, 0.1, random),
        first_send_seconds: near(0.08 + 0.05 * gib, 0.1, random),
        all_delivered_seconds: near(0.3 + 4.0 * gib, 0.1, random),
        peak_until_first_send_mib: 22.0,
        peak_mib: 51.0,
        budget_mib: Some(64.0),
        account: all((5.1e6 * gib) as u64),
        faults: Vec::new(),
    };
    [0.1, 1.0, 4.0].map(of).into()
}

pub(super) fn soak(random: &mut fastrand::Rng) -> SoakRun {
    SoakRun {
        seconds: 600.0,
        per_second: 20_000.0,
        offered_per_second: 20_000.0,
        spool: true,
        verdict: "no slope seen larger than 0.35 MiB/h".to_owned(),
        memory: (0..200)
            .map(|step| Point { seconds: 3.0 * f64::from(step), value: near(14.0, 0.05, random) })
            .collect(),
        slope_mib_per_hour: 0.02,
        slope_low: -0.31,
        slope_high: 0.35,
        scrapes: 600,
        scrapes_failed: 0,
        slowest_scrape_ms: 11.0,
        scrape_bound_ms: 1_000.0,
        end_to_end: latency(10_000.0, 100_000.0, 0.2, 12_000_000),
        account: all(12_000_000),
        faults: Vec::new(),
    }
}
