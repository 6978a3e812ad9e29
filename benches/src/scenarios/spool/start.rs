//! A spool of 1 GiB was left behind by a sidecar that was killed: how soon is the next one of use, and in how much memory?

use super::{Bench, MIB};
use crate::error::Result;
use crate::recovery::crash::Crash;
use crate::run::{Doubles, Outcome, Run};

/// Of the records of a run at full speed so many, per hundred: of ten million 5.1, each 212 bytes on disk.
const PERCENT: u64 = 51;
/// One destination may have two thirds of it.
const MAX_MIB: u64 = 2_048;

pub(in crate::scenarios) fn start(bench: &Bench) -> Result<Outcome> {
    let left = (bench.records * PERCENT / 100).max(1);
    let crash = Crash { programs: &bench.programs, spool_in: &bench.spool_in, records: left, max_mib: MAX_MIB };
    let Some(recovered) = crash.recovered(&|| false)? else {
        return Ok(Outcome::Skipped("it was stopped".to_owned()));
    };
    let finished = &recovered.finished;
    let milliseconds = [recovered.first_record, recovered.first_send].map(|time| time.as_secs_f64() * 1e3);
    let peaks = [recovered.peak_until_first_send, finished.resident.peak];
    let mut run = Run::of(finished, left + 1, Doubles::Never, [milliseconds, peaks].concat());
    run.faults.extend(recovered.wrong_while_filling());
    let bytes = recovered.bytes as f64 / MIB;
    Ok(Outcome::Measured(
        run.with_note(format!("{bytes:.0} MiB were left behind, {left} records; {}", finished.last_line)),
    ))
}
