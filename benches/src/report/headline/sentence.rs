//! The answer in words, for somebody who reads nothing else.

use super::{request, task, Pays, OPERATIONS};
use crate::report::select::{headline_remote, task_cases, Added, TaskCase};
use crate::report::verdicts::{self, Outcome};
use crate::report::words;
use crate::results::{App, Mode, Operation, Results};

/// The app that users run, where it was measured.
fn main_app(results: &Results) -> Option<App> {
    let measured =
        |app: App| results.api.iter().any(|run| run.app == app) || results.tasks.iter().any(|run| run.app == app);
    [App::Python, App::Rust].into_iter().find(|app| measured(*app))
}

/// Why there is none, where null or the others were not run.
pub(in crate::report) fn sentence(results: &Results) -> String {
    let (Some(app), Some(remote)) = (main_app(results), headline_remote(results)) else {
        return "This run holds no API or task workload, so it does not say what a request or a task pays.".to_owned();
    };
    let away = words::remote(&remote);
    let request = OPERATIONS.into_iter().find_map(|operation| request_clause(results, app, operation));
    let task =
        task_cases(results).into_iter().filter(|case| case.app == app).find_map(|case| task_clause(results, &case));
    if request.is_none() && task.is_none() {
        return format!(
            "With CloudWatch {away} away: no round measured both `null` and a mode to compare with it, so what logging costs cannot be said."
        );
    }
    // The first goes on within the sentence, the others begin one.
    let task = if request.is_some() { task.map(|clause| clause.replacen('a', "A", 1)) } else { task };
    let clauses = [request, task, lost_clause(results)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!("With CloudWatch {away} away, {clauses}")
}

/// The design that the question is about, and ours.
const TOLD: [Mode; 2] = [Mode::Sync, Mode::Splashdam];

fn request_clause(results: &Results, app: App, operation: Operation) -> Option<String> {
    let paid = |mode| Some((mode, request(results, app, operation, mode)?));
    let paid: Vec<_> = TOLD.into_iter().filter_map(paid).collect();
    let (_, first) = paid.first()?;
    let part = |(mode, paid): &(Mode, Pays)| {
        let (cost, sure) = cost(paid);
        format!("{cost} with {}{sure}", words::mode(app, *mode))
    };
    let parts: Vec<_> = paid.iter().map(part).collect();
    Some(format!(
        "sending logs adds {} to {} {} request of {}.",
        list(&parts),
        if app == App::Python { "a Django" } else { "a Rust" },
        words::operation(operation),
        words::ms(first.added.base)
    ))
}

/// A cost, and how sure it is. One that cannot be told from nothing is told as such, with what it may be at most.
pub(super) fn cost(paid: &Pays) -> (String, String) {
    let (added, by) = (&paid.added, paid.added.by);
    let mut sure = Vec::new();
    let unseen = added.is_unseen() || by.middle <= 0.0;
    if by.high.is_finite() && (unseen || paid.paired_at.is_some()) {
        sure.push(if unseen {
            format!("at most {}", words::ms(by.high.max(0.0)))
        } else {
            format!("{} to {}", words::ms(by.low), words::ms(by.high))
        });
    }
    sure.extend(paid.paired_at.map(|phase| words::phase(phase).to_owned()));
    let sure = if sure.is_empty() { String::new() } else { format!(" ({})", sure.join("; ")) };
    (if unseen { "nothing that could be seen".to_owned() } else { words::ms(by.middle) }, sure)
}

fn task_clause(results: &Results, case: &TaskCase) -> Option<String> {
    let paid = |mode| Some((mode, task(results, case, mode)?.added));
    let paid: Vec<_> = TOLD.into_iter().filter_map(paid).collect();
    let (_, first) = paid.first()?;
    let took = |added: &Added| match added {
        added if added.is_unseen() => format!("≈ {}", words::micros(added.base)),
        added => words::micros(added.base + added.by.middle),
    };
    let parts: Vec<_> =
        paid.iter().map(|(mode, added)| format!("{} with {}", took(added), words::mode(case.app, *mode))).collect();
    Some(format!(
        "{} request of {} tasks takes {} with nothing sent, {}.",
        if case.app == App::Python { "a Celery" } else { "a Rust" },
        words::thousands(case.shape.tasks as f64),
        words::micros(first.base),
        list(&parts),
    ))
}

/// Of splashdam alone: what others lose depends on when they are ended, which takes more words.
fn lost_clause(results: &Results) -> Option<String> {
    let verdict = verdicts::lost::verdicts(results)?;
    let unknown = if verdict.outcome == Outcome::Inconclusive { "; some runs failed" } else { "" };
    let total = verdicts::lost::total(results);
    let [lost, emitted] = [total.lost, total.emitted].map(|count| words::thousands(count as f64));
    Some(format!("Lost by splashdam: {lost} of {emitted} records{unknown}."))
}

fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_sentence_is_computed_from_the_runs() {
        let results = sample::results();
        let said = sentence(&results);
        for part in [
            "10 ms away",
            "adds 32.0 ms with Watchtower sync and ",
            "to a Django sysconfig request of 12.9 ms.",
            "0.06 ms with splashdam (0.04 ms to 0.06 ms; OK load, 50 %)",
            "A Celery request of 671 tasks",
            "Lost by splashdam: 0 of",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.split_whitespace().count() <= 65, "{said}");
        let sync = request(&results, App::Python, Operation::Sysconfig, Mode::Sync).unwrap();
        // Three records, one round trip of 10 ms each, and some CPU.
        assert!((30_000.0..36_000.0).contains(&sync.added.by.middle), "{sync:?}");
        assert!(said.contains(&words::ms(sync.added.by.middle)), "{said}");
    }

    #[test]
    fn without_null_nothing_is_claimed() {
        let mut results = sample::results();
        results.api.retain(|run| run.mode != Mode::Null);
        results.tasks.retain(|run| run.mode != Mode::Null);
        assert!(sentence(&results).contains("cannot be said"), "{}", sentence(&results));
        assert!(tables(&results).is_empty());
        assert!(sentence(&Results::default()).contains("no API or task workload"));
    }
}
