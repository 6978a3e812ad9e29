//! One sidecar of the fleet: the engine that ships, with the settings that ship, and its clients.

use std::time::Duration;

use fastrand::Rng;
use splashdam_sidecar::config::{load_text, Config, Destination, Surroundings};
use splashdam_sidecar::engine::budget::Budget;
use splashdam_sidecar::engine::snapshot::Snapshot;
use splashdam_sidecar::engine::time::Now;
use splashdam_sidecar::engine::{Command, Engine};
use splashdam_sidecar::run::settings;

use super::client::{Client, Next};
use super::scenario::Sabotage;
use crate::error::{wrong, Result};

/// Streams of the noisy pod.
const NOISY_STREAMS: usize = 64;
/// What their names begin with.
const NOISE: &str = "noise-";
/// The engine's time at the simulation's start: a sidecar's does not begin at zero either.
const ORIGIN: Duration = Duration::from_secs(3_600);
/// Wall time at the simulation's start, in milliseconds since the epoch.
const WALL_MS: i64 = 1_700_000_000_000;

/// A moment of the simulation as the engine is told of it.
pub(super) fn moment(at: Duration) -> Now {
    let wall_ms = WALL_MS.saturating_add(i64::try_from(at.as_millis()).unwrap_or(i64::MAX));
    Now { at: ORIGIN + at, wall_ms }
}

/// How long ago, at `at`, the engine's time was `then`.
pub(super) fn age(then: Duration, at: Duration) -> Duration {
    (ORIGIN + at).saturating_sub(then)
}

/// The configuration of a sidecar of which nothing is said but its log group.
pub(super) fn configuration() -> Result<Config> {
    let loaded = load_text("fleet", "group = \"/fleet\"", &Surroundings::default());
    Ok(loaded.map_err(|error| wrong("the default configuration", error))?.config)
}

/// A sidecar, from its start.
#[derive(Debug)]
pub(super) struct Sidecar {
    name: usize,
    engine: Engine,
    clients: Vec<Client>,
    rng: Rng,
    /// The tick that is being waited for.
    tick_at: Option<Duration>,
    /// Whether its apps have ended.
    silent: bool,
}

impl Sidecar {
    pub(super) fn new(name: usize, config: &Config, seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut rng = Rng::with_seed(seed ^ (name as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let jitter = if sabotage == Some(Sabotage::SameJitter) { seed } else { rng.u64(..) };
        let mut settings = settings(config, jitter);
        if sabotage == Some(Sabotage::NoBackoff) {
            settings.backoff.least = Duration::from_millis(10);
            settings.backoff.most = settings.backoff.least;
        }
        let memory = usize::try_from(config.engine.memory).unwrap_or(usize::MAX);
        let engine = Engine::new(settings, Budget::new(memory));
        Self { name, engine, clients: Vec::new(), rng, tick_at: None, silent: false }
    }

    /// Its usual app comes; its first write is due at once.
    pub(super) fn start(&mut self, at: Duration) -> Result<usize> {
        let to = stream(&format!("pod-{}", self.name))?;
        self.clients.push(Client::lines(&mut self.engine, &to, moment(at))?);
        Ok(self.clients.len() - 1)
    }

    /// An app comes that flushes after each record; the clients whose first write is due.
    pub(super) fn start_noise(&mut self, at: Duration) -> Result<std::ops::Range<usize>> {
        let first = self.clients.len();
        for number in first..first + NOISY_STREAMS {
            let to = stream(&format!("{NOISE}{number}"))?;
            self.clients.push(Client::flushes(&mut self.engine, &to, number as u64, moment(at))?);
        }
        Ok(first..self.clients.len())
    }

    /// One client writes, unless it has ended; `None` where it does nothing more by itself.
    pub(super) fn write(&mut self, client: usize, at: Duration) -> Option<Duration> {
        let writer = self.clients.get_mut(client).filter(|_| !self.silent)?;
        match writer.write(&mut self.engine, &mut self.rng, moment(at)) {
            Next::After(pause) => Some(pause),
            Next::Waits => None,
        }
    }

    /// Which clients a command lets go on, each after a pause of its own.
    pub(super) fn released(&mut self, command: &Command) -> Vec<(usize, Duration)> {
        match command {
            // A client's connection has its number.
            Command::Flushed { connection, .. } => {
                vec![(*connection as usize, Client::after_flush(&mut self.rng))]
            }
            Command::Resume(lane) => {
                let of_lane = |client: &usize| self.clients[*client].lane() == *lane;
                (0..self.clients.len()).filter(of_lane).map(|client| (client, Duration::ZERO)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Ticks the engine, if that is the tick it waits for.
    pub(super) fn tick(&mut self, at: Duration) {
        if self.tick_at == Some(at) {
            self.tick_at = None;
            self.engine.tick(moment(at));
        }
    }

    /// When the engine must be ticked, if that is news. Timers are good to a millisecond, as the runtime's are.
    pub(super) fn due(&mut self, at: Duration) -> Option<Duration> {
        let wanted = self.engine.next_tick()?.saturating_sub(ORIGIN).max(at);
        let millis = u64::try_from(wanted.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        let wanted = Duration::from_millis(millis);
        let wanted = if wanted <= at { wanted + Duration::from_millis(1) } else { wanted };
        let news = self.tick_at.is_none_or(|expected| wanted < expected);
        news.then(|| *self.tick_at.insert(wanted))
    }

    /// SIGTERM: apps have ended, everything goes.
    pub(super) fn terminate(&mut self, at: Duration) {
        self.silent = true;
        self.engine.drain(Duration::from_secs_f64(super::checks::DEADLINE), moment(at));
    }

    /// The app that flushed has ended.
    pub(super) fn end_noise(&mut self, at: Duration) {
        for client in self.clients.drain(1..) {
            client.gone(&mut self.engine, moment(at));
        }
    }

    pub(super) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    pub(super) fn snapshot(&self, at: Duration) -> Snapshot {
        self.engine.snapshot(moment(at))
    }
}

/// Whether a stream is the noisy pod's.
pub(super) fn is_noise(to: &Destination) -> bool {
    to.stream().as_str().starts_with(NOISE)
}

fn stream(name: &str) -> Result<Destination> {
    Destination::parse("/fleet", name).map_err(|error| wrong(format!("stream {name}"), error))
}
