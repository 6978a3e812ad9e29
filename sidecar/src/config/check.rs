//! What a single value cannot say about itself: bounds, and settings that must fit each other.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::choice::Service;
use super::model::Config;
use super::problem::Problem;
use super::raw::Origin;
use super::units::{show_duration, show_size};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// Largest message of a log event (CloudWatch Logs API: 1 MiB with its 26 bytes of overhead).
pub(crate) const MAX_RECORD: u64 = 1_048_550;
/// Most events of a PutLogEvents call (CloudWatch Logs API).
const MAX_BATCH_EVENTS: u32 = 10_000;
/// A control byte is six bytes of JSON.
const WORST_GROWTH: u64 = 6;
/// Bodies may take a third of the memory, and partial records an eighth.
const BODIES: u64 = 3;
const PARTIALS: u64 = 8;
/// A frame holds a record and this much around it.
const FRAME_EXTRA: u64 = 64 * KIB;
const LEAST_MEMORY: u64 = 8 * MIB;
/// Segments of a useful size for several lanes.
pub(crate) const LEAST_SPOOL: u64 = 16 * MIB;
/// So that a batch can be full.
const LEAST_REACH: u64 = MIB;
/// `sun_path` without its NUL (unix(7)).
const MAX_SOCKET_PATH: usize = 107;
/// Attempts are cancelled 250 ms before the deadline; before that something should happen.
const LEAST_DEADLINE: Duration = Duration::from_millis(500);
const MOST_WORKERS: u32 = 64;

/// Finishes what follows from other settings, and says what does not fit. About a setting that was already `refused`
/// nothing more is said.
pub(crate) fn finish(config: &mut Config, refused: &BTreeSet<&'static str>) -> Vec<Problem> {
    follow(config);
    let mut checks = Checks { config, problems: Vec::new() };
    checks.intake();
    checks.memory();
    checks.engine();
    checks.spool();
    checks.process();
    checks.listeners();
    let mut problems = checks.problems;
    problems.extend(names(config));
    problems.retain(|(key, _)| !refused.contains(key));
    problems.into_iter().map(|(key, what)| Problem::new(place(config, key), what)).collect()
}

/// A default gives way where it alone would be in the way of what was asked for.
fn follow(config: &mut Config) {
    give_way(config, "linger_max", |c| {
        c.engine.linger_max = c.engine.linger_max.max(c.engine.linger);
    });
    give_way(config, "backoff_max", |c| {
        c.engine.backoff_max = c.engine.backoff_max.max(c.engine.backoff_min);
    });
    give_way(config, "in_flight_max", |c| {
        c.engine.in_flight_max = c.engine.in_flight_max.max(c.engine.in_flight_min);
        c.engine.in_flight_max = c.engine.in_flight_max.min(c.engine.in_flight_total);
    });
    give_way(config, "in_flight_min", |c| {
        c.engine.in_flight_min = c.engine.in_flight_min.min(c.engine.in_flight_max);
    });
    give_way(config, "in_flight_total", |c| {
        c.engine.in_flight_total = c.engine.in_flight_total.max(c.engine.in_flight_max);
    });
    give_way(config, "connect_timeout", |c| {
        c.delivery.connect_timeout = c.delivery.connect_timeout.min(c.delivery.attempt_timeout);
    });
    give_way(config, "attempt_timeout", |c| {
        c.delivery.attempt_timeout = c.delivery.attempt_timeout.max(c.delivery.connect_timeout);
    });
}

fn give_way(config: &mut Config, key: &str, change: impl FnOnce(&mut Config)) {
    if *config.origin(key) == Origin::Default {
        change(config);
    }
}

/// Expands the group, and checks that what the templates name is known here.
fn names(config: &mut Config) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let destinations = &mut config.destinations;
    match &destinations.group_template {
        Some(template) => match template.expand(&config.pod) {
            Ok(group) => destinations.group = Some(group),
            Err(what) => problems.push(("group", what)),
        },
        None if config.service == Service::Enabled => problems.push((
            "group",
            "no log group is set: give --group, SPLASHDAM_GROUP, `group` in the configuration file, or Clowder's file in ACG_CONFIG (or enabled = false to ship nothing)"
                .to_owned(),
        )),
        None => {}
    }
    if let Err(what) = destinations.stream.check_facts(&config.pod) {
        problems.push(("stream", what));
    }
    problems
}

/// Where a setting stands: `config.toml:3: memory`, `--memory`, `SPLASHDAM_MEMORY`, or the key where nobody set it.
pub(super) fn place(config: &Config, key: &str) -> String {
    match config.origin(key) {
        Origin::Default => key.to_owned(),
        origin @ Origin::File { .. } => format!("{origin}: {key}"),
        origin @ Origin::Clowder { field, .. } => format!("{origin}: {field}"),
        origin => origin.to_string(),
    }
}

/// Whether not both addresses can be listened on. Port 0 is any that is free.
fn in_each_others_way(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && overlap
}

struct Checks<'a> {
    config: &'a Config,
    problems: Vec<(&'static str, String)>,
}

impl Checks<'_> {
    fn require(&mut self, fits: bool, key: &'static str, what: impl FnOnce() -> String) {
        if !fits {
            self.problems.push((key, what()));
        }
    }

    /// `low` may not be above `high`; both are told with where they come from.
    fn order<T: PartialOrd + Copy>(
        &mut self,
        low: (&'static str, T),
        high: (&'static str, T),
        show: impl Fn(T) -> String,
    ) {
        let ((low_key, low), (high_key, high)) = (low, high);
        let where_high = self.config.origin(high_key).to_string();
        self.require(low <= high, low_key, || {
            format!("{} is more than {high_key}, which is {} ({where_high})", show(low), show(high))
        });
    }

    fn intake(&mut self) {
        let intake = &self.config.intake;
        let length = intake.socket.as_os_str().len();
        self.require(length <= MAX_SOCKET_PATH, "socket", || {
            format!(
                "a socket's path has at most {MAX_SOCKET_PATH} bytes, this one has {length}: choose a shorter folder"
            )
        });
        self.require((1..=MAX_RECORD).contains(&intake.max_record), "max_record", || {
            format!("{} is not within 1 and {MAX_RECORD} bytes, the most that CloudWatch takes", intake.max_record)
        });
    }

    fn memory(&mut self) {
        let (memory, record) = (self.config.engine.memory, self.config.intake.max_record);
        self.require(memory >= LEAST_MEMORY, "memory", || {
            format!("{} is too little to work with: at least {}", show_size(memory), show_size(LEAST_MEMORY))
        });
        if memory < LEAST_MEMORY || record > MAX_RECORD {
            return;
        }
        let needed = (WORST_GROWTH * record * BODIES).max((record + FRAME_EXTRA) * PARTIALS);
        let needed = needed.div_ceil(MIB) * MIB;
        self.require(memory >= needed, "memory", || {
            format!(
                "{} is too little for max_record = {}, whose largest request body must fit a third of it: at least {}, or a smaller max_record",
                show_size(memory), show_size(record), show_size(needed)
            )
        });
    }

    fn engine(&mut self) {
        let engine = &self.config.engine;
        self.order(("linger", engine.linger), ("linger_max", engine.linger_max), show_duration);
        self.order(("backoff_min", engine.backoff_min), ("backoff_max", engine.backoff_max), show_duration);
        self.order(("in_flight_min", engine.in_flight_min), ("in_flight_max", engine.in_flight_max), |n| n.to_string());
        self.order(("in_flight_max", engine.in_flight_max), ("in_flight_total", engine.in_flight_total), |n| {
            n.to_string()
        });
        self.require(engine.batch_max_events.get() <= MAX_BATCH_EVENTS, "batch_max_events", || {
            format!("{} is more than {MAX_BATCH_EVENTS}, the most that CloudWatch takes", engine.batch_max_events)
        });
        self.require(!engine.backoff_min.is_zero(), "backoff_min", || "must be more than 0, such as 100ms".to_owned());
        for (key, bytes) in [("reach", engine.reach), ("high_water", engine.high_water)] {
            self.require(bytes >= LEAST_REACH, key, || {
                format!("{} would never fill a batch: at least {}", show_size(bytes), show_size(LEAST_REACH))
            });
        }
    }

    fn spool(&mut self) {
        let spool = &self.config.spool;
        self.require(spool.max >= LEAST_SPOOL, "spool_max", || {
            format!("{} is too little to work with: at least {}", show_size(spool.max), show_size(LEAST_SPOOL))
        });
    }

    fn listeners(&mut self) {
        let (Some(health), Some(admin)) = (self.config.health, self.config.admin) else { return };
        let place = self.config.origin("admin").to_string();
        self.require(!in_each_others_way(health, admin), "health", || {
            format!("{health} is also admin's, {admin} ({place}): each needs a port of its own")
        });
    }

    fn process(&mut self) {
        let Config { delivery, shutdown, workers, .. } = self.config;
        let (connect, attempt) = (delivery.connect_timeout, delivery.attempt_timeout);
        self.order(("connect_timeout", connect), ("attempt_timeout", attempt), show_duration);
        self.require(!connect.is_zero(), "connect_timeout", || "must be more than 0, such as 3s".to_owned());
        self.require(shutdown.deadline >= LEAST_DEADLINE, "shutdown_deadline", || {
            format!(
                "{} leaves no time to ship anything: at least {}",
                show_duration(shutdown.deadline),
                show_duration(LEAST_DEADLINE)
            )
        });
        self.require(workers.get() <= MOST_WORKERS, "workers", || {
            format!("{workers} is more than {MOST_WORKERS}; 2 are enough")
        });
    }
}
