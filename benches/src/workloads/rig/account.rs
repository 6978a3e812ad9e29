//! What became of a rig's records, run by run.
//!
//! The driver knows what the requests that were answered well logged, the endpoint which numbers arrived; the app knows how many
//! records it logged in all, also in requests that failed or were broken off. All runs together have to come to the last.

use std::ops::Range;

use crate::results::{Account, ApiRun, Part};

/// A run whose account is not known yet.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) run: ApiRun,
    pub(super) numbers: Range<u64>,
    /// Records of the requests that were answered well, warm-up included.
    pub(super) emitted: u64,
    /// All requests were.
    pub(super) clean: bool,
}

/// All runs that figures are made of. Records of the others are accounted for in the last of these.
pub(super) fn kept(runs: impl Iterator<Item = ApiRun>) -> Vec<ApiRun> {
    let (calibrations, mut kept): (Vec<_>, Vec<_>) = runs.partition(|run| run.part == Part::Calibration);
    if let Some(last) = kept.last_mut() {
        for Account { emitted, delivered, doubled, lost } in calibrations.iter().map(|run| run.account) {
            last.account.emitted += emitted;
            last.account.delivered += delivered;
            last.account.doubled += doubled;
            last.account.lost += lost;
        }
        last.faults.extend(calibrations.into_iter().flat_map(|run| run.faults));
    }
    kept
}

/// What a rig came to as a whole, by the app's own count and the endpoint's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) emitted: u64,
    pub(super) arrived: u64,
    pub(super) doubled: u64,
}

/// Nobody knows whose the doubled ones were, nor the lost ones of requests that were not answered well: they stand in the last run,
/// so that all runs together come to what the app and the endpoint say.
pub(super) fn settle(windows: &mut [Window], all: Whole, cut_short: bool) {
    let sum = |of: fn(&Account) -> u64| windows.iter().map(|window| of(&window.run.account)).sum::<u64>();
    let (emitted, lost) = (sum(|account| account.emitted), sum(|account| account.lost));
    let due: u64 = windows.iter().map(|window| window.emitted).sum();
    let sound = !cut_short && windows.iter().all(|window| window.clean);
    let Some(last) = windows.last_mut() else { return };
    if all.emitted < due || (sound && all.emitted != due) {
        let fault = format!("the app says that it logged {} records, its answers say {due}", all.emitted);
        windows.iter_mut().for_each(|window| window.run.faults.push(fault.clone()));
        return;
    }
    let account = &mut last.run.account;
    account.doubled = all.doubled;
    account.lost += all.emitted.saturating_sub(all.arrived).saturating_sub(lost);
    account.emitted += all.emitted.saturating_sub(emitted);
    account.delivered = account.emitted.saturating_sub(account.lost);
}

/// Requests that failed may have logged all the same, so more than is known of may have arrived.
pub(super) fn known(emitted: u64, delivered: u64) -> Account {
    let emitted = emitted.max(delivered);
    Account { emitted, delivered, doubled: 0, lost: emitted - delivered }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_was_emitted() {
        assert_eq!(known(10, 8), Account { emitted: 10, delivered: 8, doubled: 0, lost: 2 });
        assert_eq!(known(10, 11), Account { emitted: 11, delivered: 11, doubled: 0, lost: 0 });
    }

    fn window(emitted: u64, arrived: u64, clean: bool) -> Window {
        let mut run = crate::report::sample::api_run();
        run.account = known(emitted, arrived);
        Window { run, numbers: 0..100, emitted, clean }
    }

    fn settled(windows: Vec<Window>, emitted: u64, arrived: u64) -> Vec<Window> {
        settled_after(windows, emitted, arrived, false)
    }

    fn settled_after(mut windows: Vec<Window>, emitted: u64, arrived: u64, cut_short: bool) -> Vec<Window> {
        settle(&mut windows, Whole { emitted, arrived, doubled: 1 }, cut_short);
        windows
    }

    #[test]
    fn all_runs_together_come_to_what_app_and_endpoint_say() {
        // The second run had requests that failed: five of their records arrived, and one of an answered request's did not.
        let windows = settled(vec![window(10, 10, true), window(20, 24, false)], 37, 34);
        let sum = |of: fn(&Account) -> u64| windows.iter().map(|window| of(&window.run.account)).sum::<u64>();
        assert_eq!((sum(|account| account.emitted), sum(|account| account.delivered)), (37, 34));
        assert_eq!((sum(|account| account.lost), sum(|account| account.doubled)), (3, 1));
        assert_eq!(windows[0].run.account, known(10, 10));
    }

    #[test]
    fn an_app_that_counts_otherwise_is_a_fault() {
        let faults = |windows: Vec<Window>| windows.iter().map(|window| window.run.faults.len()).sum::<usize>();
        assert_eq!(faults(settled(vec![window(10, 10, true)], 10, 10)), 0);
        assert_eq!(faults(settled(vec![window(10, 10, true)], 11, 10)), 1);
        assert_eq!(faults(settled(vec![window(10, 10, false)], 11, 10)), 0);
        assert_eq!(faults(settled(vec![window(10, 10, false)], 9, 9)), 1);
    }

    #[test]
    fn a_run_that_was_broken_off_makes_no_loss() {
        // The app logged seven more, and all of them arrived.
        let windows = settled_after(vec![window(10, 10, true)], 17, 17, true);
        assert_eq!(windows[0].run.account, Account { emitted: 17, delivered: 17, doubled: 1, lost: 0 });
        assert!(windows[0].run.faults.is_empty());
    }

    #[test]
    fn records_of_runs_that_are_not_kept_are() {
        let mut calibration = window(5, 4, true).run;
        calibration.part = Part::Calibration;
        calibration.faults.push("lost".to_owned());
        let runs = kept([calibration, window(10, 10, true).run].into_iter());
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].account, Account { emitted: 15, delivered: 14, doubled: 0, lost: 1 });
        assert_eq!(runs[0].faults, ["lost"]);
    }
}
