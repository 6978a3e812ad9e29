//! The pipeline's own parts, without an app: load record, sweeps, recovery, soak. Each module runs itself; here they become steps.

use std::time::Duration;

use super::scale::{usual, PipelineScale, Scale};
use super::session::Session;
use crate::error::{wrong, Result};
use crate::interrupt;
use crate::record::external::External;
use crate::record::history::History;
use crate::record::options::{Options as RecordOptions, LIMIT_MIB};
use crate::results::{Condition, Skipped};
use crate::{record, recovery, soak, sweeps};

/// Longest wait for what is late after a rung.
const DRAIN: Duration = Duration::from_secs(60);
const LINE_BYTES: u64 = 200;

/// Lines offered at rising rates, with the remote there; then once more with it away in the middle.
pub(crate) fn load(session: &mut Session, scale: &Scale) {
    let PipelineScale { rungs, hold, outage_rungs, outage_hold, outage, spools, .. } = &scale.pipeline;
    let healthy = Offer { rungs, hold: *hold, outage: None };
    let through_outage = Offer { rungs: outage_rungs, hold: *outage_hold, outage: Some(*outage) };
    for offer in [&healthy, &through_outage] {
        ladder(session, offer, spools, None);
    }
    if let Some(shipper) = session.shipper.clone() {
        // It has no spool of ours.
        for offer in [&healthy, &through_outage] {
            ladder(session, offer, &[false], Some(&shipper));
        }
    }
}

/// Rates, and for how many seconds each is kept up, with the remote away for some of them or not.
struct Offer<'a> {
    rungs: &'a [u64],
    hold: f64,
    outage: Option<f64>,
}

fn ladder(session: &mut Session, offer: &Offer<'_>, spools: &[bool], shipper: Option<&External>) {
    let Offer { rungs, hold, outage } = *offer;
    let who = shipper.map(|shipper| format!("{}, ", shipper.name)).unwrap_or_default();
    for spool in spools {
        for rung in rungs {
            let what = format!(
                "load record: {who}{rung} lines a minute, {} spool{}",
                if *spool { "with a" } else { "without" },
                outage.map(|seconds| format!(", remote away for {seconds} s")).unwrap_or_default()
            );
            let guessed = hold + outage.unwrap_or(0.0) + 6.0;
            session.step(&what, guessed, |session| {
                let options = RecordOptions {
                    programs: session.programs.clone(),
                    rungs: vec![*rung],
                    hold: Duration::from_secs_f64(hold),
                    spools: vec![*spool],
                    conditions: vec![if outage.is_some() { Condition::Outage } else { Condition::Healthy }],
                    outage: Duration::from_secs_f64(outage.unwrap_or(0.0)),
                    drain: DRAIN,
                    size: LINE_BYTES,
                    remote: usual().to_string().parse().map_err(|error| wrong("the remote", error))?,
                    limit_mib: Some(LIMIT_MIB),
                    spool_in: session.spool_in.clone(),
                    shipper: shipper.cloned(),
                };
                let load = &mut session.results.load;
                let before = load.len();
                let skipped = record::ladder(&options, &mut |run| load.push(run))?;
                let said = load[before..].iter().map(record::table::progress).collect::<Vec<_>>().join("; ");
                if let Some(path) = &session.history {
                    let mut history = History::open(path)?;
                    load[before..].iter().try_for_each(|run| history.add(run))?;
                }
                session.results.skipped.extend(skipped);
                Ok(said)
            });
        }
    }
}

/// One parameter at a time.
pub(crate) fn sweep(session: &mut Session, scale: &Scale) {
    let options = sweeps::Options {
        programs: session.programs.clone(),
        parameters: Vec::new(),
        values: scale.pipeline.sweep_values.clone(),
        records: scale.pipeline.sweep_records,
        rounds: scale.pipeline.sweep_rounds,
        rate: scale.pipeline.sweep_rate,
        remote_ms: 0,
    };
    session.step("sweeps: one parameter at a time", sweeps::expected(&options), |session| {
        let results = &mut session.results;
        sweeps::run(&options, &interrupt::asked, &mut |outcome| match outcome {
            Ok(run) => results.sweeps.push(run),
            Err(skipped) => results.skipped.push(skipped),
        })?;
        Ok(format!("{} points", results.sweeps.len()))
    });
}

/// A start with a spool that a killed sidecar left behind.
pub(crate) fn recover(session: &mut Session, scale: &Scale) {
    for gib in scale.pipeline.recovery_gib.clone() {
        let guessed = 10.0 + 25.0 * gib;
        session.step(&format!("recovery from {gib} GiB of spool"), guessed, |session| {
            let options = recovery::Options {
                programs: session.programs.clone(),
                gib: vec![gib],
                rounds: scale.pipeline.recovery_rounds,
                spool_in: session.spool_in.clone(),
            };
            let results = &mut session.results;
            recovery::run(&options, &interrupt::asked, &mut |outcome| match outcome {
                recovery::Outcome::Measured(run) => results.recoveries.push(*run),
                recovery::Outcome::NoRoom(skipped) | recovery::Outcome::Failed(skipped) => {
                    results.skipped.push(skipped)
                }
            });
            Ok(results.recoveries.last().map_or_else(String::new, |run| {
                format!(
                    "first sent after {:.3} s, all delivered after {:.2} s",
                    run.first_send_seconds, run.all_delivered_seconds
                )
            }))
        });
    }
}

/// A long steady load.
pub(crate) fn soak(session: &mut Session, scale: &Scale) {
    let seconds = scale.pipeline.soak_seconds;
    session.step(&format!("soak: {seconds} s of steady load"), seconds as f64 + 10.0, |session| -> Result<String> {
        let options = soak::Options {
            programs: session.programs.clone(),
            seconds,
            rate: scale.pipeline.soak_rate,
            remote_ms: 10,
            spool_in: Some(session.spool_in.clone()),
        };
        let soaked = soak::run(&options, &interrupt::asked)?;
        if soaked.leaks {
            let why = "memory grew for as long as it ran".to_owned();
            session.results.skipped.push(Skipped { what: "the soak's verdict".to_owned(), why });
        }
        let verdict = soaked.run.verdict.clone();
        session.results.soaks.push(soaked.run);
        Ok(verdict)
    });
}
