//! A spool of 1 GiB was left behind by a sidecar that was killed: how soon is the next one of use, and in how much memory?

use std::thread;
use std::time::{Duration, Instant};

use super::{Bench, BUDGET, LONGEST, MIB};
use crate::endpoint::Behaviour;
use crate::error::{wrong, Error, Result};
use crate::feed::framed::first_admitted;
use crate::host::clock::unix_micros;
use crate::host::disk::SpoolFolder;
use crate::run::{Doubles, Outcome, Run};
use crate::scenarios::clients::{example, parse, Fed};
use crate::sidecar::{free_address, Settings, Spool};
use crate::stage::{folder, Stage};

/// Of the records of a run at full speed so many, per hundred: of ten million 5.1, each 212 bytes on disk.
const PERCENT: u64 = 51;
const CLIENTS: u64 = 2;
const SOON: Duration = Duration::from_secs(30);

pub(in crate::scenarios) fn start(bench: &Bench) -> Result<Outcome> {
    let program = match example(&bench.programs.examples, "feed") {
        Ok(program) => program,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let (spool, listen) = (SpoolFolder::new(&bench.spool_in)?, free_address()?);
    let settings = Settings {
        endpoint: format!("http://{listen}"),
        memory: Some(BUDGET),
        spool: Some(Spool { max: Some("2GiB"), ..Spool::at(spool.path()) }),
        ..Settings::default()
    };
    let mut stage = Stage::without_endpoint(&bench.programs, &settings, folder()?)?;
    let each = (bench.records * PERCENT / 100 / CLIENTS).max(1);
    let left = each * CLIENTS;
    // Through the client, since it knows when all is durable.
    let feeders = (0..CLIENTS).map(|index| {
        let offset = index * each;
        stage.feed_with(&program, &format!("--count {each} --size 200 --offset {offset} --await durable --timeout 300"))
    });
    for feeder in feeders.collect::<Result<Vec<_>>>()? {
        let fed: Fed = parse("feed", &stage.join_other(feeder, each, LONGEST)?)?;
        if !fed.reached || fed.lost > 0 {
            return Err(wrong("a client that fills the spool", format!("was told {fed:?}")));
        }
    }
    let seen = stage.kill()?;
    let bytes = spool.bytes() as f64 / MIB;

    let behaviour = Behaviour { listen: Some(listen), numbers: left + 1, ..Behaviour::default() };
    stage.bring_up(&bench.programs, &behaviour)?;
    let begin = unix_micros();
    stage.restart(&bench.programs, &settings)?;
    first_admitted(&stage.sidecar.socket, left, SOON)?;
    let accepted = (unix_micros() - begin) as f64 / 1e3;
    let first_batch = first_batch(&stage)?.saturating_sub(begin) as f64 / 1e3;
    let peak = stage.sidecar.resident()?.peak;
    stage.settle(left + 1)?;
    let finished = stage.finish()?;

    let values = vec![accepted, first_batch, peak, finished.resident.peak];
    let mut run = Run::of(&finished, left + 1, Doubles::Never, values);
    if seen.wrong > 0 {
        run.faults.push(format!("while it filled up, {} scrapes did not add up: {:?}", seen.wrong, seen.first_wrong));
    }
    let note = format!("{bytes:.0} MiB were left behind, {left} records; {}", finished.last_line);
    Ok(Outcome::Measured(run.with_note(note)))
}

/// When the endpoint took the first batch, microseconds since the epoch.
fn first_batch(stage: &Stage) -> Result<u64> {
    let begin = Instant::now();
    while begin.elapsed() < SOON {
        if let Some(micros) = stage.remote()?.first_accept_micros(&stage.report()?) {
            return Ok(micros);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(Error::Late { what: "the first batch after the start".into(), seconds: SOON.as_secs_f64() })
}
