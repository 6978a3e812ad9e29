//! What a request and a task pay in each mode: the table behind the sentence.

use super::select::{
    account, added, by_round, cpu_each, headline_remote, mean_seconds, paired, scatter_of_requests, scatter_of_tasks,
    task_cases, usual_query_ms,
};
use super::select::{Added, Case, How, TaskCase};
use super::stats;
use super::table::{Cell, Table};
use super::words;
use crate::results::{ApiRun, App, Mode, Operation, Phase, Results, Topology};

mod sentence;

pub(super) use sentence::sentence;

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
    /// Where it rests on other runs than the others do: the rounds of null and splashdam in turn, at this load.
    pub(super) paired_at: Option<Phase>,
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

/// For splashdam, which adds too little for a few rounds to see: the pairs at OK load, where there are any.
pub(super) fn request(results: &Results, app: App, operation: Operation, mode: Mode) -> Option<Pays> {
    let case = case(results, app, operation)?;
    let phases = [Phase::Half, Phase::Eighty].into_iter().filter(|_| mode == Mode::Splashdam);
    let in_pairs = |phase: Phase| {
        let runs = |mode| case.in_pairs(results, mode, How::Open(phase));
        Some(Pays { paired_at: Some(phase), ..of_runs(results.seed, &runs(Mode::Null), &runs(mode), &[])? })
    };
    phases.into_iter().find_map(in_pairs).or_else(|| {
        let how = how(results, &case)?;
        let runs = |mode| case.driven(results, mode, how);
        of_runs(results.seed, &runs(Mode::Null), &runs(mode), &runs(Mode::None))
    })
}

fn of_runs(seed: u64, null: &[&ApiRun], own: &[&ApiRun], none: &[&ApiRun]) -> Option<Pays> {
    let rounds = |runs: &[&ApiRun]| by_round(runs.iter().copied(), |run| run.round, |run| run.latency.p50 as f64);
    let app_cpu = own.iter().map(|run| cpu_each(&run.cpu, run.requests).0).collect::<Vec<_>>();
    let sidecar_cpu = own.iter().filter_map(|run| cpu_each(&run.cpu, run.requests).1).collect::<Vec<_>>();
    let scatter = scatter_of_requests(&[null.to_vec(), own.to_vec()]);
    Some(Pays {
        added: Added { scatter, ..added(&paired(&rounds(null), &rounds(own)), seed)? },
        times_none: times(&paired(&rounds(none), &rounds(own)), seed),
        cpu: (stats::median(&app_cpu)?, stats::median(&sidecar_cpu)),
        paired_at: None,
    })
}

pub(super) fn task(results: &Results, case: &TaskCase, mode: Mode) -> Option<Pays> {
    let remote = headline_remote(results)?;
    let rounds = |mode| by_round(case.runs(results, mode, &remote), |run| run.round, |run| 1e6 * mean_seconds(run));
    let (null, runs) = (case.runs(results, Mode::Null, &remote), case.runs(results, mode, &remote));
    let cpu = |run: &&crate::results::TaskRun| cpu_each(&run.cpu, run.request_seconds.len() as u64);
    let app_cpu = runs.iter().map(|run| cpu(run).0).collect::<Vec<_>>();
    let sidecar_cpu = runs.iter().filter_map(|run| cpu(run).1).collect::<Vec<_>>();
    let added = added(&paired(&rounds(Mode::Null), &rounds(mode)), results.seed)?;
    Some(Pays {
        added: Added { scatter: scatter_of_tasks(&[null, runs]), ..added },
        times_none: times(&paired(&rounds(Mode::None), &rounds(mode)), results.seed),
        cpu: (stats::median(&app_cpu)?, stats::median(&sidecar_cpu)),
        paired_at: None,
    })
}

fn times(pairs: &[(f64, f64)], seed: u64) -> Option<f64> {
    Some(stats::ratio_of_medians(pairs, seed)?.middle)
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
        cells.extend(paid.iter().map(|paid| paid.as_ref().map_or_else(|| "not run".into(), |paid| pays(mode, paid))));
        cells.push(lost(results, app, mode));
        table.push(Some(mode), cells);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn rounds(count: usize) -> String {
    format!("{count} round{}", if count == 1 { "" } else { "s" })
}

fn pays(mode: Mode, paid: &Pays) -> Cell {
    let (added, by) = (&paid.added, paid.added.by);
    let show = if by.middle.abs() >= 999_500.0 { words::micros } else { words::ms };
    let mut small = Vec::new();
    if added.rounds >= stats::LEAST_ROUNDS {
        small.push(format!("{} to {}", words::signed(by.low, show), words::signed(by.high, show)));
    } else {
        let rounds = rounds(added.rounds);
        small.push(added.scatter.map_or_else(|| rounds.clone(), |apart| format!("{rounds}, {} apart", show(apart))));
    }
    small.extend(paid.paired_at.map(|phase| words::phase(phase).to_owned()));
    small.extend(paid.times_none.map(|times| format!("×{} of none", words::times(times))));
    small.push(match paid.cpu {
        (app, Some(sidecar)) => format!("CPU {} + {}", words::micros(app), words::micros(sidecar)),
        (app, None) if mode == Mode::Queue => format!("CPU {}, sending apart", words::micros(app)),
        (app, None) => format!("CPU {}", words::micros(app)),
    });
    let text = if added.is_unseen() { "≈ 0".to_owned() } else { words::signed(by.middle, show) };
    Cell::with_small(text, small.join("\n"))
}

fn lost(results: &Results, app: App, mode: Mode) -> Cell {
    let account = account(results, app, mode);
    if !mode.ships() || account.emitted == 0 {
        return "ships none".into();
    }
    Cell::with_small(words::thousands(account.lost as f64), format!("of {}", words::thousands(account.emitted as f64)))
}

fn note(results: &Results, app: App) -> String {
    let cases = || OPERATIONS.iter().filter_map(|operation| case(results, app, *operation));
    let way = match cases().find_map(|case| how(results, &case)) {
        Some(How::Serial) => "Requests one after the other. ",
        Some(How::Open(Phase::Minimal)) => "Open loop at minimal load. ",
        Some(_) => "Open loop at OK load. ",
        None => "",
    };
    let paired = OPERATIONS.iter().find_map(|operation| request(results, app, *operation, Mode::Splashdam)?.paired_at);
    let paired = paired.map_or("", |_| "splashdam: open loop at OK load, in turn with null. ");
    let queue = words::queue_note(app, account(results, app, Mode::Queue).emitted > 0);
    format!(
        "{way}{paired}Medians of rounds over null's in the same rounds (records formatted and thrown away), with their 90 % interval; with fewer \
         than {} rounds how far alike requests lie apart. ≈ 0: nothing that could be seen. ×: times as long as with no logging at all; CPU of a \
         request: app + sidecar. The last columns: wall time of a request of that many tasks, and records lost of those \
         logged, in all runs of the mode.{queue}",
        stats::LEAST_ROUNDS
    )
}

#[cfg(test)]
mod tests {
    use super::sentence::cost;
    use super::*;
    use crate::report::sample;
    use crate::results::Part;

    fn cost_of(low: f64, middle: f64, high: f64, rounds: usize, scatter: f64) -> Added {
        let by = stats::Interval { low, middle, high, confidence: stats::EQUIVALENCE };
        Added { base: 1.0, by, times: 1.0, rounds, scatter: Some(scatter) }
    }

    #[test]
    fn a_cost_within_the_noise_is_not_told_as_a_cost() {
        let few = |middle, scatter| cost_of(f64::NEG_INFINITY, middle, f64::INFINITY, 1, scatter);
        for (added, said, shown) in [
            (cost_of(-30.0, 20.0, 110.0, 7, 5.0), "nothing that could be seen (at most 0.11 ms)", "≈ 0"),
            (cost_of(10.0, 50.0, 110.0, 7, 900.0), "0.05 ms", "+0.05 ms"),
            (few(20.0, 300.0), "nothing that could be seen", "≈ 0"),
            (few(-2_110.0, 3_000.0), "nothing that could be seen", "≈ 0"),
            (few(-2_110.0, 100.0), "nothing that could be seen", "−2.11 ms"),
            (few(33_000.0, 800.0), "33.0 ms", "+33.0 ms"),
        ] {
            let mut paid = Pays { added, times_none: None, cpu: (1.0, None), paired_at: None };
            assert_eq!(
                (cost(&paid).0 + &cost(&paid).1, pays(Mode::Sync, &paid).text.as_str()),
                (said.to_owned(), shown)
            );
            paid.paired_at = Some(Phase::Half);
            assert!(cost(&paid).1.contains("OK load, 50 %"), "{:?}", cost(&paid));
        }
        let paid = Pays {
            added: cost_of(10.0, 50.0, 110.0, 7, 0.0),
            times_none: None,
            cpu: (1.0, None),
            paired_at: Some(Phase::Half),
        };
        assert_eq!(cost(&paid), ("0.05 ms".to_owned(), " (0.01 ms to 0.11 ms; OK load, 50 %)".to_owned()));
    }

    #[test]
    fn splashdam_rests_on_its_pairs_and_on_their_load() {
        let mut results = sample::results();
        let own = |results: &Results| request(results, App::Python, Operation::Sysconfig, Mode::Splashdam).unwrap();
        for run in results.api.iter_mut().filter(|run| run.part == Part::Pairs && run.mode == Mode::Splashdam) {
            run.latency.p50 += 5_000;
        }
        let paid = own(&results);
        assert!(paid.added.by.low > 4_000.0 && paid.paired_at == Some(Phase::Half), "{paid:?}");
        results.api.retain(|run| run.part != Part::Pairs);
        let paid = own(&results);
        assert!(paid.added.by.high < 1_000.0 && paid.paired_at.is_none(), "{paid:?}");
    }

    #[test]
    fn one_round_shows_a_difference_only_beyond_its_own_scatter() {
        let mut results = sample::results();
        results.api.retain(|run| run.part != Part::Pairs && run.round == 1);
        let text = |results: &Results, mode| {
            pays(mode, &request(results, App::Python, Operation::Sysconfig, mode).unwrap()).text
        };
        assert_eq!(text(&results, Mode::Stdout), "≈ 0");
        assert!(text(&results, Mode::Sync).starts_with('+'));
        assert!(sentence(&results).contains("nothing that could be seen with splashdam"), "{}", sentence(&results));
    }

    #[test]
    fn what_queue_leaves_out_is_told_where_it_is_shown() {
        let tables = tables(&sample::results());
        assert!(tables[0].note.contains("os._exit") && !tables[1].note.contains("os._exit"));
        assert!(tables
            .iter()
            .all(|table| table.note.contains("a minute later") && table.text().contains("sending apart")));
    }
}
