//! What a request and a task pay in each mode: one sentence, and the table behind it.

use super::select::{
    account, added, by_round, cpu_each, headline_remote, mean_seconds, paired, task_cases, usual_query_ms,
};
use super::select::{Added, Case, How, TaskCase};
use super::stats;
use super::table::{Cell, Table};
use super::verdicts::{self, Verdict};
use super::words;
use crate::results::{App, Mode, Operation, Phase, Results, Topology};

const OPERATIONS: [Operation; 3] = [Operation::Sysconfig, Operation::ConcurrentKnown, Operation::ConcurrentUnknown];
const MODES: [Mode; 5] = [Mode::None, Mode::Stdout, Mode::Splashdam, Mode::Sync, Mode::Queue];
/// Where single requests are compared: as the document does, else as near to that as was run.
const HOWS: [How; 4] = [How::Serial, How::Open(Phase::Minimal), How::Open(Phase::Half), How::Open(Phase::Eighty)];

/// What one thing costs in one mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pays {
    /// In microseconds, over `null`.
    pub(super) added: Added,
    pub(super) times_none: Option<f64>,
    /// CPU in microseconds: app, sidecar.
    pub(super) cpu: (f64, Option<f64>),
}

fn case(results: &Results, app: App, operation: Operation) -> Option<Case> {
    let remote = headline_remote(results)?;
    Some(Case { app, operation, topology: Topology::Single, query_ms: usual_query_ms(results), remote })
}

/// The first way of asking that was measured with `null` and another mode.
pub(super) fn how(results: &Results, case: &Case) -> Option<How> {
    HOWS.into_iter().find(|how| {
        !case.driven(results, Mode::Null, *how).is_empty()
            && MODES.iter().any(|mode| !case.driven(results, *mode, *how).is_empty())
    })
}

pub(super) fn request(results: &Results, app: App, operation: Operation, mode: Mode) -> Option<Pays> {
    let case = case(results, app, operation)?;
    let how = how(results, &case)?;
    let rounds = |mode| by_round(case.driven(results, mode, how), |run| run.round, |run| run.latency.p50 as f64);
    let runs = case.driven(results, mode, how);
    let app_cpu = runs.iter().map(|run| cpu_each(&run.cpu, run.requests).0).collect::<Vec<_>>();
    let sidecar_cpu = runs.iter().filter_map(|run| cpu_each(&run.cpu, run.requests).1).collect::<Vec<_>>();
    Some(Pays {
        added: added(&paired(&rounds(Mode::Null), &rounds(mode)), results.seed)?,
        times_none: times(&paired(&rounds(Mode::None), &rounds(mode)), results.seed),
        cpu: (stats::median(&app_cpu)?, stats::median(&sidecar_cpu)),
    })
}

pub(super) fn task(results: &Results, case: &TaskCase, mode: Mode) -> Option<Pays> {
    let remote = headline_remote(results)?;
    let rounds = |mode| by_round(case.runs(results, mode, &remote), |run| run.round, |run| 1e6 * mean_seconds(run));
    let runs = case.runs(results, mode, &remote);
    let cpu = |run: &&crate::results::TaskRun| cpu_each(&run.cpu, run.request_seconds.len() as u64);
    Some(Pays {
        added: added(&paired(&rounds(Mode::Null), &rounds(mode)), results.seed)?,
        times_none: times(&paired(&rounds(Mode::None), &rounds(mode)), results.seed),
        cpu: (
            stats::median(&runs.iter().map(|run| cpu(run).0).collect::<Vec<_>>())?,
            stats::median(&runs.iter().filter_map(|run| cpu(run).1).collect::<Vec<_>>()),
        ),
    })
}

fn times(pairs: &[(f64, f64)], seed: u64) -> Option<f64> {
    Some(stats::ratio_of_medians(pairs, seed)?.middle)
}

/// The app that users run, where it was measured.
fn main_app(results: &Results) -> Option<App> {
    let measured =
        |app: App| results.api.iter().any(|run| run.app == app) || results.tasks.iter().any(|run| run.app == app);
    [App::Python, App::Rust].into_iter().find(|app| measured(*app))
}

/// The answer in words; why there is none, where null or the others were not run.
pub(super) fn sentence(results: &Results) -> String {
    let (Some(app), Some(remote)) = (main_app(results), headline_remote(results)) else {
        return "This run holds no API or task workload, so it does not say what a request or a task pays.".to_owned();
    };
    let away = words::remote(&remote);
    let request = OPERATIONS.into_iter().find_map(|operation| request_clause(results, app, operation));
    let task =
        task_cases(results).into_iter().filter(|case| case.app == app).find_map(|case| task_clause(results, &case));
    match (request, task) {
        (None, None) => format!(
            "With CloudWatch {away} away: no round measured both `null` and a mode to compare with it, so what logging costs cannot be said."
        ),
        (request, task) => {
            let paired = paired_clause(&verdicts::verdicts(results));
            let clauses = [request, paired, task].into_iter().flatten().collect::<Vec<_>>().join(" ");
            format!("With CloudWatch {away} away, {clauses} {}", lost_clause(results, app))
        }
    }
}

fn request_clause(results: &Results, app: App, operation: Operation) -> Option<String> {
    let paid = |mode| Some((mode, request(results, app, operation, mode)?.added));
    let paid: Vec<_> = [Mode::Sync, Mode::Queue, Mode::Stdout, Mode::Splashdam].into_iter().filter_map(paid).collect();
    let (_, first) = paid.first()?;
    let parts: Vec<_> =
        paid.iter().map(|(mode, added)| format!("{} with {}", cost(added), words::mode(app, *mode))).collect();
    let server = if app == App::Python { "a Django" } else { "a Rust" };
    let few = match first.rounds {
        1 => "; one round, so small differences are noise",
        rounds if rounds < stats::LEAST_ROUNDS => "; few rounds, so small differences are noise",
        _ => "",
    };
    Some(format!(
        "{server} {} request pays {} (on top of {} with its records formatted and thrown away{few}).",
        words::operation(operation),
        list(&parts),
        words::ms(first.base)
    ))
}

/// What many paired rounds say of splashdam's median at OK load: the comparison that can see small differences.
fn paired_clause(verdicts: &[Verdict]) -> Option<String> {
    let told = |verdict: &&Verdict| {
        verdict.rounds >= stats::LEAST_ROUNDS && verdict.column.is_some_and(|column| column.starts_with("p50"))
    };
    let goal = verdicts.iter().find(told)?;
    Some(format!(
        "Round by round beside null at OK load ({}), splashdam's median differs by {}: the goal of ±1 % is {}.",
        goal.of,
        goal.measured,
        goal.outcome.name()
    ))
}

/// A cost that cannot be told from nothing is told as such, with what it may be at most.
fn cost(added: &Added) -> String {
    let interval = added.by;
    let known = added.rounds >= stats::LEAST_ROUNDS;
    if known && interval.low <= 0.0 && interval.high > 0.0 {
        format!("nothing measurable (at most {})", words::ms(interval.high))
    } else if interval.middle <= 0.0 {
        "nothing measurable".to_owned()
    } else {
        words::ms(interval.middle)
    }
}

fn task_clause(results: &Results, case: &TaskCase) -> Option<String> {
    let paid = |mode| Some((mode, task(results, case, mode)?.added));
    let paid: Vec<_> = [Mode::Sync, Mode::Queue, Mode::Splashdam].into_iter().filter_map(paid).collect();
    let (_, first) = paid.first()?;
    let took = |added: &Added| words::micros(added.base + added.by.middle);
    let parts: Vec<_> =
        paid.iter().map(|(mode, added)| format!("{} with {}", took(added), words::mode(case.app, *mode))).collect();
    Some(format!(
        "A {} request of {} tasks and {} records takes {} ({} with its records thrown away).",
        if case.app == App::Python { "Celery" } else { "Rust" },
        words::thousands(case.shape.tasks as f64),
        words::thousands(case.shape.records as f64),
        list(&parts),
        words::micros(first.base)
    ))
}

fn lost_clause(results: &Results, app: App) -> String {
    let lost = |mode| {
        let account = account(results, app, mode);
        let (lost, emitted) = (words::thousands(account.lost as f64), words::thousands(account.emitted as f64));
        (account.emitted > 0).then(|| format!("{} {lost} of {emitted} records", words::mode(app, mode)))
    };
    let parts: Vec<_> = [Mode::Sync, Mode::Queue, Mode::Splashdam].into_iter().filter_map(lost).collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("Lost in all runs: {}.", list(&parts))
}

fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// For each app a table: what each mode adds to each kind of request, and what it lost.
pub(super) fn tables(results: &Results) -> Vec<Table> {
    [App::Python, App::Rust].into_iter().filter_map(|app| table(results, app)).collect()
}

fn table(results: &Results, app: App) -> Option<Table> {
    let tasks = task_cases(results).into_iter().find(|case| case.app == app);
    let mut columns = vec!["mode".to_owned()];
    columns.extend(OPERATIONS.iter().map(|operation| words::operation(*operation).to_owned()));
    columns.extend(tasks.iter().map(|case| format!("{} tasks", words::thousands(case.shape.tasks as f64))));
    columns.push("lost".to_owned());
    let title =
        format!("{}: added to the median, over null", if app == App::Python { "Django and Celery" } else { "Rust" });
    let mut table = Table { title, note: note(results, app), columns, words: 1, rows: Vec::new() };
    for mode in MODES {
        let mut paid: Vec<Option<Pays>> =
            OPERATIONS.iter().map(|operation| request(results, app, *operation, mode)).collect();
        paid.extend(tasks.iter().map(|case| task(results, case, mode)));
        if paid.iter().all(Option::is_none) {
            continue;
        }
        let mut cells = vec![Cell::from(words::mode(app, mode))];
        cells.extend(paid.iter().map(|paid| paid.as_ref().map_or_else(|| "not run".into(), pays)));
        cells.push(lost(results, app, mode));
        table.push(Some(mode), cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn pays(paid: &Pays) -> Cell {
    let by = paid.added.by;
    let show = if by.middle.abs() >= 999_500.0 { words::micros } else { words::ms };
    let mut small = Vec::new();
    if paid.added.rounds >= stats::LEAST_ROUNDS {
        small.push(format!("{} to {}", words::signed(by.low, show), words::signed(by.high, show)));
    }
    small.extend(paid.times_none.map(|times| format!("×{} of none", words::times(times))));
    small.push(match paid.cpu {
        (app, Some(sidecar)) => format!("CPU {} + {}", words::micros(app), words::micros(sidecar)),
        (app, None) => format!("CPU {}", words::micros(app)),
    });
    Cell::with_small(words::signed(by.middle, show), small.join("\n"))
}

fn lost(results: &Results, app: App, mode: Mode) -> Cell {
    let account = account(results, app, mode);
    if !mode.ships() || account.emitted == 0 {
        return "ships none".into();
    }
    Cell::with_small(words::thousands(account.lost as f64), format!("of {}", words::thousands(account.emitted as f64)))
}

fn note(results: &Results, app: App) -> String {
    let way =
        OPERATIONS.iter().find_map(|operation| case(results, app, *operation).and_then(|case| how(results, &case)));
    let way = match way {
        Some(How::Serial) => "Requests one after the other. ",
        Some(How::Open(Phase::Minimal)) => "Open loop at minimal load. ",
        Some(_) => "Open loop at OK load. ",
        None => "",
    };
    format!(
        "{way}Medians of rounds, paired with null (records formatted and thrown away), with their 90 % interval; ×: times as long as with no logging at all; \
         CPU of a request: app + sidecar. The last columns: wall time of a request of that many tasks, and records lost of \
         those logged, in all runs of the mode."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_sentence_is_computed_from_the_runs() {
        let results = sample::results();
        let said = sentence(&results);
        for part in [
            "10 ms away",
            "a Django sysconfig request",
            "Watchtower sync",
            "A Celery request of 671 tasks",
            "Lost in all runs",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let sync = request(&results, App::Python, Operation::Sysconfig, Mode::Sync).unwrap();
        // Three records, one round trip of 10 ms each, and some CPU.
        assert!((30_000.0..36_000.0).contains(&sync.added.by.middle), "{sync:?}");
        assert!(said.contains(&words::ms(sync.added.by.middle)), "{said}");
    }

    #[test]
    fn a_cost_within_the_noise_is_not_told_as_a_cost() {
        let near = |low, middle, high, rounds| Added {
            base: 1.0,
            by: stats::Interval { low, middle, high, confidence: stats::EQUIVALENCE },
            times: 1.0,
            rounds,
        };
        assert_eq!(cost(&near(-30.0, 20.0, 110.0, 7)), "nothing measurable (at most 0.11 ms)");
        assert_eq!(cost(&near(10.0, 50.0, 110.0, 7)), "0.05 ms");
        assert_eq!(cost(&near(-30.0, 20.0, 110.0, 1)), "0.02 ms");
        assert_eq!(cost(&near(f64::NEG_INFINITY, -2_110.0, f64::INFINITY, 1)), "nothing measurable");
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
