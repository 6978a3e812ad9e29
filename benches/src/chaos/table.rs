//! A run as text: the plan, a line for each end as it happens, and what it all came to.

use std::fmt::Write;

use super::lives::{Fate, Incarnation};
use super::phases::Phase;
use super::plan::{End, Plan};
use super::Run;

/// The plan, all of it.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    let mut at = 0.0;
    for ending in &plan.ends {
        at += ending.after;
        let what = match ending.end {
            End::Kill => "kill -9".to_owned(),
            End::Term { outage, killed_after } => {
                let away = if outage { ", remote away" } else { "" };
                let killed = killed_after.map_or(String::new(), |after| format!(", killed {after:.3} s later"));
                format!("SIGTERM{away}{killed}")
            }
        };
        let _ = writeln!(text, "{at:>9.3} s of sidecars' lives  {what}");
    }
    for window in &plan.weather {
        let _ = writeln!(text, "{:>9.3} s to {:>9.3} s  {}", window.from, window.until, window.trouble.name());
    }
    for (place, lives) in plan.mortals.iter().enumerate() {
        let lives = lives.iter().map(|life| format!("{:.2}{}", life.seconds, if life.after_flush { "f" } else { "" }));
        let _ = writeln!(text, "clients killed, place {}: after {} s", place + 1, lives.collect::<Vec<_>>().join(", "));
    }
    text
}

/// One end, when it has happened.
pub(crate) fn ended(number: usize, one: &Incarnation, plan: &Plan) -> String {
    let troubles: Vec<_> = plan.troubles(one.until).iter().map(|trouble| trouble.name()).collect();
    let fate = match &one.fate {
        Fate::Killed { while_shutting_down: false } => "kill -9".to_owned(),
        Fate::Killed { while_shutting_down: true } => "kill -9 while shutting down".to_owned(),
        Fate::Ended { outage, took, code, .. } => {
            let away = if *outage { ", remote away" } else { "" };
            format!("SIGTERM{away}: {took:.2} s, exit code {}", code.map_or("none".to_owned(), |code| code.to_string()))
        }
    };
    let unended = one.unended.map_or("not yet answering".to_owned(), |count| format!("{count} unended"));
    format!(
        "{:>8.2} s  sidecar {number:<3} lived {:>6.2} s  {fate}; {unended}, {} under way, {} just ended; {:.1} MiB, {} descriptors, {} threads  [{}]",
        one.until,
        one.until - one.from,
        one.under_way,
        one.just_ended,
        one.peak_mib,
        one.most.descriptors,
        one.most.threads,
        troubles.join(", ")
    )
}

/// The table at the end.
pub(crate) fn render(run: &Run) -> String {
    let mut text = format!(
        "\n{:<13} {:>8} {:>6} {:>8} {:>12} {:>10} {:>12} {:>9} {:>6} {:>8} {:>8}\n",
        "phase",
        "seconds",
        "kills",
        "SIGTERMs",
        "arrived",
        "doubled",
        "unconfirmed",
        "peak MiB",
        "fds",
        "threads",
        "scrapes"
    );
    let mut before = Phase::default();
    for phase in &run.phases {
        row(&mut text, run, &before, phase);
        before = phase.clone();
    }
    let total = Phase { name: "all", ..before };
    row(&mut text, run, &Phase::default(), &total);
    let _ = writeln!(text, "framed clients logged {:.0} records a second", run.framed_per_second);
    for finding in &run.findings {
        let _ = writeln!(text, "  {} {}", if finding.holds { "holds " } else { "FAILED" }, finding.what);
    }
    text
}

fn row(text: &mut String, run: &Run, before: &Phase, phase: &Phase) {
    let within = |one: &&Incarnation| one.until > before.until && one.until <= phase.until;
    let all: Vec<_> = run.facts.incarnations.iter().filter(within).collect();
    let killed = all.iter().filter(|one| matches!(one.fate, Fate::Killed { .. })).count();
    let peak = all.iter().map(|one| one.peak_mib).fold(0.0, f64::max);
    let most = |of: fn(&Incarnation) -> usize| all.iter().map(|one| of(one)).max().unwrap_or(0);
    let _ = writeln!(
        text,
        "{:<13} {:>8.1} {killed:>6} {:>8} {:>12} {:>10} {:>12} {peak:>9.1} {:>6} {:>8} {:>8}",
        phase.name,
        phase.until - before.until,
        all.len() - killed,
        phase.unique - before.unique,
        phase.doubled - before.doubled,
        phase.unconfirmed - before.unconfirmed,
        most(|one| one.most.descriptors),
        most(|one| one.most.threads),
        all.iter().map(|one| one.scrapes).sum::<u64>(),
    );
}
