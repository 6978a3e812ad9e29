//! What one round of one scenario says: its figures, how it went, and why it may not count.

use serde::Serialize;

use crate::stage::Finished;

/// The outcome of a round.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Measured(Run),
    /// Cannot be measured here, and why.
    Skipped(String),
    /// Could not be carried out to its end.
    Failed(String),
}

#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Run {
    /// In the order of the scenario's figures.
    pub(crate) values: Vec<f64>,
    /// Why the run does not count, if it does not.
    pub(crate) faults: Vec<String>,
    pub(crate) details: Option<Box<Details>>,
    pub(crate) note: String,
}

/// How records fared, and who used the machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Details {
    pub(crate) records: u64,
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    pub(crate) missing: u64,
    pub(crate) seconds: f64,
    pub(crate) account: String,
    pub(crate) scrapes: u64,
    pub(crate) slowest_scrape_ms: f64,
    pub(crate) endpoint_idle_share: f64,
    pub(crate) feeder_cpu_seconds: f64,
    pub(crate) feeder_late_max_ms: f64,
    pub(crate) sidecar_cpu_seconds: f64,
    pub(crate) sidecar_peak_mib: f64,
    /// CPUs kept busy by processes that have no part in this.
    pub(crate) others_cpus: f64,
    pub(crate) batches: u64,
    pub(crate) batch_fill_percent: f64,
    pub(crate) last_line: String,
}

/// How often a record may arrive twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubles {
    Never,
    /// Where answers were lost: as often as the sidecar itself counts as possible.
    AsCounted,
}

impl Run {
    /// A run whose records were all numbered from zero and should all have arrived.
    pub(crate) fn of(finished: &Finished, records: u64, doubles: Doubles, values: Vec<f64>) -> Self {
        Self {
            values,
            faults: faults(finished, records, doubles),
            details: Some(Box::new(details(finished, records))),
            note: String::new(),
        }
    }

    pub(crate) fn with_note(self, note: String) -> Self {
        Self { note, ..self }
    }
}

fn details(finished: &Finished, records: u64) -> Details {
    let report = &finished.report;
    let late = finished.feeders.iter().map(|feeder| feeder.late_max_micros).max().unwrap_or_default();
    Details {
        records,
        unique: report.marks.unique,
        doubled: report.marks.doubled,
        missing: records.saturating_sub(report.marks.unique),
        seconds: finished.seconds,
        account: match finished.seen.scrapes {
            0 => "no metrics".to_owned(),
            _ => finished.seen.latest.account().to_string(),
        },
        scrapes: finished.seen.scrapes,
        slowest_scrape_ms: finished.seen.slowest.as_secs_f64() * 1e3,
        endpoint_idle_share: report.idle_share(finished.seconds),
        feeder_cpu_seconds: finished.feeders.iter().map(|feeder| feeder.cpu_seconds).sum(),
        feeder_late_max_ms: late as f64 / 1e3,
        sidecar_cpu_seconds: finished.cpu_seconds,
        sidecar_peak_mib: finished.resident.peak,
        others_cpus: finished.others,
        batches: report.batches.accepted,
        batch_fill_percent: report.batches.mean_fill_bytes_percent.max(report.batches.mean_fill_events_percent),
        last_line: finished.last_line.clone(),
    }
}

fn faults(finished: &Finished, records: u64, doubles: Doubles) -> Vec<String> {
    let (marks, seen) = (&finished.report.marks, &finished.seen);
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: String| {
        if !holds {
            faults.push(fault);
        }
    };
    let missing = records.saturating_sub(marks.unique);
    expect(missing == 0, format!("{missing} missing, the first: {:?}", marks.first_missing));
    expect(marks.unique <= records, format!("{} more than there should be", marks.unique.saturating_sub(records)));
    let counted = seen.latest.sum("splashdam_possible_duplicates_total", "") as u64;
    let allowed = if doubles == Doubles::Never { 0 } else { counted };
    expect(marks.doubled <= allowed, format!("{} doubled, {allowed} allowed", marks.doubled));
    expect(
        marks.out_of_range + marks.unmarked == 0,
        format!("{} without a good number", marks.out_of_range + marks.unmarked),
    );
    let violations = &finished.report.violations;
    expect(violations.total == 0, format!("{} limits violated: {:?}", violations.total, violations.list.first()));
    if seen.scrapes == 0 {
        expect(false, "its account could not be checked: /metrics never answered".to_owned());
    } else {
        let account = seen.latest.account();
        expect(seen.wrong == 0, format!("{} scrapes do not add up: {:?}", seen.wrong, seen.first_wrong));
        let came = account.received + account.recovered;
        expect(came == records as i64, format!("received and recovered {came} instead of {records}"));
        expect(account.rejected + account.dropped == 0, format!("account: {account}"));
    }
    faults
}
