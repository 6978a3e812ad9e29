//! What endpoint and spool are asked in the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::client::Told;
use super::crowd::Mortal;
use super::launcher::Launcher;
use super::lives::{Fate, Incarnation};
use super::plan::Trouble;
use super::text::Segment;
use super::verdict::{Closed, Endpoint as Ends, Gone, Line};
use crate::endpoint::{Endpoint, Report};
use crate::error::{io, wrong, Result};

pub(crate) fn closed(endpoint: &Endpoint, told: Vec<Told>) -> Result<Vec<Closed>> {
    let closed = |told: Told| {
        let arrived = endpoint.marked(&(told.first..told.first + told.logged))?;
        Ok(Closed { told, arrived })
    };
    told.into_iter().map(closed).collect()
}

pub(crate) fn gone(endpoint: &Endpoint, mortal: Mortal) -> Result<Gone> {
    let safe_arrived = endpoint.marked(&(mortal.first..mortal.first + mortal.safe))?;
    Ok(Gone { mortal, safe_arrived, arrived: endpoint.marked(&(mortal.first..mortal.end))? })
}

/// What of a connection was promised depends on how its sidecar ended.
pub(crate) fn line(endpoint: &Endpoint, text: usize, segment: Segment, incarnations: &[Incarnation]) -> Result<Line> {
    let of = incarnations.iter().find(|one| i64::from(one.pid) == i64::from(segment.pid));
    let promised_to = match of.map(|one| &one.fate) {
        Some(Fate::Ended { written, .. }) => {
            written.get(text).copied().unwrap_or(segment.first).clamp(segment.first, segment.end)
        }
        _ => segment.first,
    };
    let promised_arrived = endpoint.marked(&(segment.first..promised_to))?;
    Ok(Line { segment, promised_to, promised_arrived, arrived: endpoint.marked(&(segment.first..segment.end))? })
}

pub(crate) fn ends(report: &Report) -> Ends {
    Ends {
        unique: report.marks.unique,
        doubled: report.marks.doubled,
        strange: report.marks.unmarked + report.marks.out_of_range,
        unconfirmed: report.events.unconfirmed,
        too_old: report.events.rejected_too_old,
        violations: report.violations.total,
    }
}

pub(crate) fn met(
    report: &Report,
    outages: u64,
    incarnations: &[Incarnation],
    launcher: &Launcher,
) -> BTreeMap<String, u64> {
    let hits = |kinds: &[&str]| kinds.iter().filter_map(|kind| report.faults.get(*kind)).sum();
    let mut met: BTreeMap<_, u64> = BTreeMap::from([
        (Trouble::Throttle, hits(&["throttle"])),
        (Trouble::Unavailable, hits(&["unavailable"])),
        (Trouble::Reset, hits(&["reset_before_body", "reset_mid_body", "reset_mid_answer"])),
        (Trouble::Hang, hits(&["hang"])),
        (Trouble::CommitThenDrop, hits(&["commit_then_drop"])),
        (Trouble::NoRequestId, hits(&["no_request_id"])),
        (Trouble::ExpiredKeys, hits(&["expired_credentials"])),
        (Trouble::Outage, outages),
    ]);
    if launcher.no_names.is_none() {
        met.insert(Trouble::Dns, incarnations.iter().filter(|one| one.no_name).count() as u64);
    }
    met.into_iter().map(|(trouble, count)| (trouble.name().to_owned(), count)).collect()
}

/// Records that `splashdam spool ls` finds.
pub(crate) fn left(splashdam: &Path, spool: &Path) -> Result<u64> {
    let output = Command::new(splashdam).args(["spool", "ls", "--json"]).arg(spool).output();
    let output = output.map_err(io("start", splashdam.display()))?;
    let said: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| wrong("what `splashdam spool ls` says", error))?;
    let count =
        |name: &str| said["total"][name].as_u64().ok_or_else(|| wrong("`splashdam spool ls`", "gives no total"));
    Ok(count("records")? + count("lost")?)
}
