//! Makes the remote go wrong as the plan says: one thread that sets the emulator's faults, its keys, and what names resolve to.

use std::time::{Duration, Instant};

use serde_json::{json, Value};

use super::launcher::{key, Launcher};
use super::plan::{Plan, Trouble, Window};
use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

/// Of the remote, whatever else is wrong: ten milliseconds, now and then a hundred.
const LATENCY: &str = "lognormal:10,0.8";
/// Ends all connections, so that the name is asked for again.
const HICCUP: Duration = Duration::from_millis(50);
/// How soon the emulator is asked again while its port is away.
const AGAIN: Duration = Duration::from_millis(20);
/// No outage lasts so long.
const LONGEST: Duration = Duration::from_secs(120);

pub(crate) struct Weather<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) launcher: &'a Launcher,
    pub(crate) begin: Instant,
}

impl Weather<'_> {
    /// Follows the plan until its end or `over`, then makes all well. Returns how many outages there were.
    pub(crate) fn run(&self, over: &dyn Fn() -> bool) -> Result<u64> {
        let (mut keys, mut outages) = (0, 0);
        for (at, change) in changes(&self.plan.weather) {
            while self.begin.elapsed().as_secs_f64() < at && !over() {
                std::thread::sleep(Duration::from_millis(5));
            }
            if over() {
                break;
            }
            self.set(&self.plan.troubles(at))?;
            self.apply(change, &mut keys)?;
            let outage = matches!(change.window.trouble, Trouble::Outage | Trouble::LongOutage);
            outages += u64::from(change.begins && outage);
        }
        self.heal(keys)?;
        Ok(outages)
    }

    /// What is no fault of the emulator's.
    fn apply(&self, change: Change, keys: &mut usize) -> Result<()> {
        match (change.begins, change.window.trouble) {
            (true, Trouble::ExpiredKeys) => {
                *keys += 1;
                let number = *keys;
                self.insist(|endpoint| endpoint.renew_key(&key(number)))
            }
            (false, Trouble::ExpiredKeys) => self.launcher.keys(&key(*keys)),
            (true, Trouble::Dns) if self.launcher.no_names.is_none() => {
                self.launcher.resolve(false)?;
                self.insist(|endpoint| endpoint.outage(HICCUP))
            }
            (false, Trouble::Dns) => self.launcher.resolve(true),
            (true, Trouble::Outage | Trouble::LongOutage) => {
                // Where another one went before, until the end of this one and no longer.
                let left = change.window.until - self.begin.elapsed().as_secs_f64();
                self.insist(|endpoint| endpoint.outage(Duration::from_secs_f64(left.max(0.05))))
            }
            _ => Ok(()),
        }
    }

    fn set(&self, troubles: &[Trouble]) -> Result<()> {
        let latency = json!({ "kind": "latency", "latency": LATENCY, "operation": "PutLogEvents" });
        let faults: Vec<_> = troubles.iter().flat_map(|trouble| faults(*trouble)).chain([latency]).collect();
        self.insist(|endpoint| endpoint.set_faults(&Value::from(faults.clone())))
    }

    fn heal(&self, keys: usize) -> Result<()> {
        self.launcher.resolve(true)?;
        self.launcher.keys(&key(keys))?;
        self.set(&[])
    }

    /// The emulator's control interface is away while it plays an outage.
    fn insist(&self, ask: impl Fn(&Endpoint) -> Result<()>) -> Result<()> {
        let begin = Instant::now();
        loop {
            match ask(self.endpoint) {
                Err(Error::Io { .. }) if begin.elapsed() < LONGEST => std::thread::sleep(AGAIN),
                done => return done,
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Change {
    window: Window,
    begins: bool,
}

/// Beginnings and ends of windows in their order.
fn changes(weather: &[Window]) -> Vec<(f64, Change)> {
    let both = |window: &Window| {
        [
            (window.from, Change { window: *window, begins: true }),
            (window.until, Change { window: *window, begins: false }),
        ]
    };
    let mut changes: Vec<_> = weather.iter().flat_map(both).collect();
    changes.sort_by(|a, b| a.0.total_cmp(&b.0));
    changes
}

/// The emulator's faults that make up a trouble; none for those that are made otherwise.
fn faults(trouble: Trouble) -> Vec<Value> {
    let put = |kind: &str, probability: f64, commit: bool| {
        let mut fault = json!({ "kind": kind, "probability": probability, "operation": "PutLogEvents" });
        if commit {
            fault["commit"] = true.into();
        }
        fault
    };
    match trouble {
        Trouble::Throttle => vec![put("throttle", 0.5, false)],
        Trouble::Unavailable => vec![json!({ "kind": "unavailable", "probability": 0.3 })],
        Trouble::Reset => {
            ["reset_before_body", "reset_mid_body", "reset_mid_answer"].map(|kind| put(kind, 0.1, false)).to_vec()
        }
        Trouble::Hang => vec![put("hang", 0.05, false), put("hang", 0.05, true)],
        Trouble::CommitThenDrop => vec![put("commit_then_drop", 0.3, false)],
        Trouble::NoRequestId => vec![put("no_request_id", 0.15, false), put("no_request_id", 0.15, true)],
        Trouble::ExpiredKeys | Trouble::Dns | Trouble::Outage | Trouble::LongOutage => Vec::new(),
    }
}
