//! Nothing may be lost in any run of splashdam; what the others lost stands beside it.

use super::{Outcome, Verdict};
use crate::report::select::sum;
use crate::report::words;
use crate::results::{Account, App, Mode, Results};

/// What our own pipeline is called among shippers.
pub(in crate::report) const OURS: &str = "splashdam";

pub(in crate::report) fn verdicts(results: &Results) -> Option<Verdict> {
    let ours: Vec<Account> = ours(results);
    let total = total(results);
    let (failed, faulty) = (failed(results), faulty(results));
    if total.emitted == 0 && failed == 0 {
        return None;
    }
    let lossy = ours.iter().filter(|account| account.lost > 0).count();
    // What a run that broke down lost, nobody knows.
    let outcome = match lossy {
        0 if failed == 0 && faulty == 0 => Outcome::Met,
        0 => Outcome::Inconclusive,
        _ => Outcome::Missed,
    };
    let [lost, emitted, runs] =
        [total.lost, total.emitted, ours.len() as u64].map(|count| words::thousands(count as f64));
    let mut measured = format!("{lost} of {emitted} records in {runs} runs, {lossy} of them with a loss");
    for (count, what) in
        [(failed, "parts of the run failed, and what they lost is not known"), (faulty, "runs do not count")]
    {
        if count > 0 {
            measured += &format!("; {count} {what} (see what is left out)");
        }
    }
    Some(Verdict {
        goal: "lost: 0 in every splashdam run".to_owned(),
        column: None,
        of: "all workloads".to_owned(),
        outcome,
        rounds: ours.len(),
        measured: measured + &others(results),
    })
}

/// Of all our runs.
pub(in crate::report) fn total(results: &Results) -> Account {
    ours(results).into_iter().fold(Account::default(), sum)
}

/// Steps that failed in which ours may have had a part: all that do not name another mode, nor an app that cannot run here.
fn failed(results: &Results) -> usize {
    let another = |what: &str| {
        what.starts_with("everything of the app in ")
            || Mode::ALL.into_iter().chain([Mode::Shipper]).any(|mode| {
                mode != Mode::Splashdam && what.starts_with("tasks, ") && what.contains(&format!(", {mode}, "))
            })
    };
    results.skipped.iter().filter(|skipped| !another(&skipped.what)).count()
}

fn faulty(results: &Results) -> usize {
    let api = results.api.iter().filter(|run| run.mode == Mode::Splashdam).map(|run| &run.faults);
    let tasks = results.tasks.iter().filter(|run| run.mode == Mode::Splashdam).map(|run| &run.faults);
    let load = results.load.iter().filter(|run| run.shipper == OURS).map(|run| &run.faults);
    let sweeps = results.sweeps.iter().map(|run| &run.faults);
    let recoveries = results.recoveries.iter().map(|run| &run.faults);
    let soaks = results.soaks.iter().map(|run| &run.faults);
    let all = api.chain(tasks).chain(load).chain(sweeps).chain(recoveries).chain(soaks);
    all.filter(|faults| !faults.is_empty()).count()
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
    if celery_queue(results) {
        said.push_str("; Watchtower's queue in Celery: up to a minute's records each time that its process ends");
    }
    said
}

fn celery_queue(results: &Results) -> bool {
    results.tasks.iter().any(|run| (run.app, run.mode) == (App::Python, Mode::Queue) && run.account.lost > 0)
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
    use crate::results::Skipped;

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

    #[test]
    fn what_failed_may_have_lost_something() {
        let outcome = |results: &Results| verdicts(results).unwrap();
        let mut results = sample::results();
        let skip = |what: &str| Skipped { what: what.to_owned(), why: "it ended".to_owned() };
        results.skipped.push(skip("tasks, python, sync, remote 10: 671 tasks"));
        assert_eq!(outcome(&results).outcome, Outcome::Met);
        results.skipped.push(skip("tasks, python, splashdam, remote 10: 671 tasks"));
        results.skipped.push(skip("API, rust, sysconfig: 20 requests one by one, remote 10"));
        let verdict = outcome(&results);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.measured.contains("; 2 parts of the run failed"), "{verdict:?}");
        let only = Results { skipped: results.skipped.clone(), ..Results::default() };
        assert_eq!(outcome(&only).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn a_run_with_another_fault_proves_nothing() {
        let mut results = sample::results();
        let run = results.api.iter_mut().find(|run| run.mode == Mode::Splashdam).unwrap();
        run.faults.push("the sidecar ended by signal 9".to_owned());
        let verdict = verdicts(&results).unwrap();
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(verdict.measured.contains("1 runs do not count"), "{verdict:?}");
    }
}
