//! The runs: many seeds that must end well, one seed twice, and every sabotage found.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::plan::Plan;
use super::world::{Told, World};
use crate::engine::sabotage::{self, Sabotage};

/// Seeds of a run where nothing else is asked for (`SEEDS`).
const SEEDS: u64 = 3_000;
/// A sabotage must be found within so many seeds.
const FOUND_WITHIN: u64 = 400;
/// Panics that no check has said: they find nothing out.
const ACCIDENTS: [&str; 8] =
    ["it never ends", "index out of", "range ", "slice index", "attempt to", "called `", "already ", "internal error"];
/// Events that are shown of a run that failed.
const SHOWN: usize = 60;
/// Runs that a failing plan is tried with less.
const TRIES: usize = 150;

/// Plays a plan. What went wrong, with the last events.
fn play(plan: &Plan) -> Result<Told, String> {
    let mut world = World::new(plan.clone()).unwrap();
    let told = catch_unwind(AssertUnwindSafe(|| world.run()));
    told.map_err(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("{}\n{}", what.unwrap_or_default(), world.out.trace.tail(SHOWN))
    })
}

/// A plan with as little as possible that fails all the same: first without whole classes of acts, then without parts of what
/// is left.
fn shrink(plan: &Plan) -> Plan {
    let calm = Plan { nuisances: Vec::new(), ..plan.clone() };
    let (mut least, mut tries) = (if play(&calm).is_err() { calm } else { plan.clone() }, 1);
    let mut classes: Vec<_> = plan.acts.iter().map(|(_, act)| act.class()).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut fails = |acts: Vec<_>, least: &mut Plan| {
        tries += 1;
        let smaller = Plan { acts, ..least.clone() };
        let fails = smaller.acts.len() < least.acts.len() && tries < TRIES && play(&smaller).is_err();
        if fails {
            *least = smaller;
        }
    };
    for class in classes {
        let acts = least.acts.iter().filter(|(_, act)| act.class() != class).copied().collect();
        fails(acts, &mut least);
    }
    let mut part = least.acts.len() / 2;
    while part > 0 {
        let mut from = 0;
        while from < least.acts.len() {
            let before = least.acts.len();
            let without = |(index, act): (usize, _)| (!(from..from + part).contains(&index)).then_some(act);
            let acts = least.acts.iter().copied().enumerate().filter_map(without).collect();
            fails(acts, &mut least);
            from += if least.acts.len() == before { part } else { 0 };
        }
        part /= 2;
    }
    least
}

/// Says all that is needed to find out why.
fn tell(plan: &Plan, what: &str) {
    let seed = plan.seed;
    let least = shrink(plan);
    let again = play(&least).err().unwrap_or_default();
    eprintln!("seed {seed} failed: {what}\n\nThe least that fails like this or otherwise:\n{}\n{again}", least.show());
    eprintln!("replay it: make sim SEED={seed}");
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn whole_sidecars_lose_nothing_whatever_goes_wrong() {
    let first = asked("SEED");
    let count = asked("SEEDS").unwrap_or(if first.is_some() { 1 } else { SEEDS });
    let (mut all, mut failed) = (Told::default(), Vec::new());
    for seed in first.unwrap_or(1)..first.unwrap_or(1) + count {
        let plan = Plan::new(seed);
        match play(&plan) {
            Ok(told) => {
                all.events += told.events;
                all.records += told.records;
                all.kills += told.kills;
                all.spools += told.spools;
                all.blind += told.blind;
                all.drops += told.drops;
            }
            Err(what) => {
                if failed.is_empty() {
                    tell(&plan, &what);
                }
                failed.push((seed, what.lines().next().unwrap_or_default().to_owned()));
            }
        }
    }
    let Told { events, records, kills, spools, blind, drops, .. } = all;
    println!("simulated: {count} seeds, {events} events, {records} records, {kills} kills");
    println!("{spools} with a spool; of these {blind} could not look at a lane's files, {drops} dropped records with a count");
    assert!(failed.is_empty(), "{} of {count} seeds failed: {failed:#?}", failed.len());
}

#[test]
fn one_seed_is_always_the_same_run() {
    for seed in 1..=25 {
        let plan = Plan::new(seed);
        let (once, again) = (play(&plan), play(&plan));
        assert_eq!(once.unwrap(), again.unwrap(), "seed {seed}");
    }
}

#[test]
fn every_sabotage_is_found() {
    let mut missed = Vec::new();
    for sabotage in Sabotage::ALL {
        sabotage::set(Some(sabotage));
        let is_verdict = |what: &String| !ACCIDENTS.iter().any(|accident| what.starts_with(accident));
        let verdict = |seed| Some((seed, play(&Plan::new(seed)).err().filter(is_verdict)?));
        let found = (1..=FOUND_WITHIN).find_map(verdict);
        sabotage::set(None);
        match found {
            Some((seeds, what)) => {
                println!("{sabotage:?}: found by seed {seeds}: {}", what.lines().next().unwrap_or_default());
            }
            None => missed.push(sabotage),
        }
    }
    assert!(missed.is_empty(), "not found within {FOUND_WITHIN} seeds: {missed:?}");
}
