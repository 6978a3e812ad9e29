//! Nothing may be lost in any run of splashdam; what the others lost stands beside it.

use super::{Outcome, Verdict};
use crate::report::select::sum;
use crate::report::words;
use crate::results::{Account, Mode, Results};

/// What our own pipeline is called among shippers.
pub(in crate::report) const OURS: &str = "splashdam";

pub(super) fn verdicts(results: &Results) -> Option<Verdict> {
    let ours: Vec<Account> = ours(results);
    let total = ours.iter().copied().fold(Account::default(), sum);
    if total.emitted == 0 {
        return None;
    }
    let lossy = ours.iter().filter(|account| account.lost > 0).count();
    let outcome = if lossy == 0 { Outcome::Met } else { Outcome::Missed };
    let [lost, emitted, runs] =
        [total.lost, total.emitted, ours.len() as u64].map(|count| words::thousands(count as f64));
    let measured =
        format!("{lost} of {emitted} records in {runs} runs, {lossy} of them with a loss{}", others(results));
    Some(Verdict {
        goal: "lost: 0 in every splashdam run".to_owned(),
        column: None,
        of: "all workloads".to_owned(),
        outcome,
        rounds: ours.len(),
        measured,
    })
}

/// All runs, those with faults included: a loss may be the fault.
fn ours(results: &Results) -> Vec<Account> {
    let api = results.api.iter().filter(|run| run.mode == Mode::Splashdam).map(|run| run.account);
    let tasks = results.tasks.iter().filter(|run| run.mode == Mode::Splashdam).map(|run| run.account);
    let load = results.load.iter().filter(|run| run.shipper == OURS).map(|run| run.account);
    let sweeps = results.sweeps.iter().map(|run| run.account);
    let recoveries = results.recoveries.iter().map(|run| run.account);
    let soaks = results.soaks.iter().map(|run| run.account);
    api.chain(tasks)
        .chain(load)
        .chain(sweeps)
        .chain(recoveries)
        .chain(soaks)
        .filter(|account| account.emitted > 0)
        .collect()
}

fn others(results: &Results) -> String {
    let mut said = String::new();
    for mode in [Mode::Sync, Mode::Queue] {
        let api = results.api.iter().filter(|run| run.mode == mode).map(|run| run.account);
        let tasks = results.tasks.iter().filter(|run| run.mode == mode).map(|run| run.account);
        say(&mut said, mode.name(), api.chain(tasks));
    }
    let shipped = shipped(results);
    let mut shippers: Vec<&str> = shipped.iter().map(|(name, _)| *name).collect();
    shippers.sort_unstable();
    shippers.dedup();
    for shipper in shippers {
        say(&mut said, shipper, shipped.iter().filter(|(name, _)| *name == shipper).map(|(_, account)| *account));
    }
    said
}

/// What other shippers were given, each under the name that the user gave it.
fn shipped(results: &Results) -> Vec<(&str, Account)> {
    let load = results.load.iter().filter(|run| run.shipper != OURS).map(|run| (run.shipper.as_str(), run.account));
    let tasks = results.tasks.iter().filter_map(|run| Some((run.shipper.as_deref()?, run.account)));
    load.chain(tasks).collect()
}

fn say(said: &mut String, name: &str, accounts: impl Iterator<Item = Account>) {
    let total = accounts.fold(Account::default(), sum);
    if total.emitted > 0 {
        let [lost, emitted] = [total.lost, total.emitted].map(|count| words::thousands(count as f64));
        said.push_str(&format!("; {name}: {lost} of {emitted}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn one_lost_record_misses_the_goal_even_in_a_run_with_faults() {
        let mut results = sample::results();
        assert_eq!(verdicts(&results).unwrap().outcome, Outcome::Met);
        let run = results.api.iter_mut().find(|run| run.mode == Mode::Splashdam && run.account.emitted > 0).unwrap();
        run.account.lost = 1;
        run.faults.push("one lost".into());
        let task = results.tasks.iter_mut().find(|run| run.account.emitted > 0).unwrap();
        (task.mode, task.shipper) = (Mode::Shipper, Some("other".to_owned()));
        let verdict = verdicts(&results).unwrap();
        assert_eq!(verdict.outcome, Outcome::Missed);
        assert!(verdict.measured.contains("; other: 0 of "), "{verdict:?}");
        assert!(verdict.measured.contains("queue: ") && verdict.measured.starts_with("1 of "), "{verdict:?}");
    }
}
