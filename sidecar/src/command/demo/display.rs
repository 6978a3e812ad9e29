//! What goes in and what arrives: in place on a terminal, a line a second elsewhere.

use std::time::Duration;

use splashdam_emulator::Report;

use super::app::Logged;
use crate::admin::status::Status;
use crate::command::human::{count, rate};
use crate::command::out;

/// Rates are taken over this long.
const OVER: Duration = Duration::from_secs(1);
/// Characters of the bar.
const BAR: usize = 40;

/// One look at everything.
#[derive(Debug)]
pub(super) struct Look {
    /// Since the app began.
    pub(super) at: Duration,
    pub(super) logged: Logged,
    pub(super) report: Report,
    pub(super) status: Option<Status>,
}

/// What of a look rates are made of.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at: Duration,
    logged: u64,
    arrived: u64,
}

/// The display.
#[derive(Debug)]
pub(super) struct Display {
    live: bool,
    seconds: u64,
    marks: Vec<Mark>,
    /// Lines that the next picture goes over.
    drawn: usize,
}

impl Display {
    /// Says what is to be seen.
    pub(super) fn new(live: bool, seconds: u64, a_second: u64) -> Self {
        out::print(&format!(
            "splashdam demo: {seconds} s of {} records/s; app -> sidecar -> CloudWatch emulator, 20 ms away and now and then too busy\n\n",
            count(a_second)
        ));
        if !live {
            out::print(&columns([
                "second",
                "logged/s",
                "arrived/s",
                "logged",
                "arrived",
                "in memory",
                "batches",
                "retries",
            ]));
        }
        Display { live, seconds, marks: vec![Mark::default()], drawn: 0 }
    }

    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    pub(super) fn show(&mut self, look: &Look) {
        let mark = Mark { at: look.at, logged: look.logged.all(), arrived: look.report.marks.unique };
        let (logged, arrived) = self.rates(mark);
        let held = look.status.as_ref().map(|status| status.account.in_memory);
        let retries = look.status.as_ref().map(|status| status.attempts.retries);
        let unknown = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), count);
        let batches = count(look.report.batches.accepted);
        if self.live {
            let calls = look.status.as_ref().map(|status| status.attempts.in_flight);
            let lines = [
                format!("{:5.1} s  {}", look.at.as_secs_f64(), bar(look.at, self.seconds)),
                format!("app logs        {:>12}  {:>14} so far", rate(logged), count(mark.logged)),
                format!("sidecar holds   {:>12}  {:>14} calls under way", unknown(held), unknown(calls)),
                format!("arrived         {:>12}  {:>14} so far", rate(arrived), count(mark.arrived)),
                format!("in batches      {batches:>12}  {:>14} retries", unknown(retries)),
            ];
            out::print(&picture(self.drawn, &lines));
            self.drawn = lines.len();
        } else if look.at >= OVER / 2 {
            let second = format!("{:.0}", look.at.as_secs_f64());
            let totals = [count(mark.logged), count(mark.arrived), unknown(held), batches, unknown(retries)];
            let [all, there, held, batches, retries] = &totals;
            let (logged, arrived) = (count(logged.round() as u64), count(arrived.round() as u64));
            out::print(&columns([&second, &logged, &arrived, all, there, held, batches, retries]));
        }
    }

    fn rates(&mut self, mark: Mark) -> (f64, f64) {
        self.marks.push(mark);
        // The newest of those that are old enough, if there is one.
        let keep = self.marks.iter().rposition(|old| old.at + OVER <= mark.at).unwrap_or(0);
        self.marks.drain(..keep);
        let old = self.marks[0];
        let seconds = mark.at.saturating_sub(old.at).as_secs_f64().max(0.001);
        let of = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        (of(mark.logged, old.logged), of(mark.arrived, old.arrived))
    }
}

fn columns(cells: [&str; 8]) -> String {
    let [second, rest @ ..] = cells;
    let rest: String = rest.iter().map(|cell| format!("  {cell:>10}")).collect();
    format!("{second:>6}{rest}\n")
}

fn bar(at: Duration, seconds: u64) -> String {
    let part = (at.as_secs_f64() / seconds.max(1) as f64).min(1.0);
    let full = (part * BAR as f64).round() as usize;
    format!("[{}{}] of {seconds} s", "#".repeat(full), ".".repeat(BAR - full))
}

/// The lines, drawn over those of the picture before.
fn picture(drawn: usize, lines: &[String]) -> String {
    let up = if drawn > 0 { format!("\x1b[{drawn}A") } else { String::new() };
    let body: String = lines.iter().map(|line| format!("\x1b[2K{line}\n")).collect();
    up + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_over_the_last_second() {
        let mut display = Display { live: false, seconds: 10, marks: vec![Mark::default()], drawn: 0 };
        let mark = |ms: u64, logged: u64| Mark { at: Duration::from_millis(ms), logged, arrived: logged / 2 };
        assert_eq!(display.rates(mark(500, 500)), (1_000.0, 500.0));
        assert_eq!(display.rates(mark(1_000, 1_000)), (1_000.0, 500.0));
        assert_eq!(display.rates(mark(1_500, 3_500)), (3_000.0, 1_500.0));
        assert!(display.marks.len() <= 3);
    }

    #[test]
    fn a_picture_is_drawn_over_the_one_before() {
        assert_eq!(picture(0, &["a".to_owned()]), "\x1b[2Ka\n");
        assert_eq!(picture(1, &["b".to_owned()]), "\x1b[1A\x1b[2Kb\n");
        assert_eq!(bar(Duration::from_secs(5), 10), format!("[{}{}] of 10 s", "#".repeat(20), ".".repeat(20)));
        assert!(bar(Duration::from_secs(50), 10).starts_with(&format!("[{}]", "#".repeat(BAR))));
    }
}
