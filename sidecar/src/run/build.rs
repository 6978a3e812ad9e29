//! The build: from the configuration to the parts that run, each given what it needs of it.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Duration;

use super::request::EndRequest;
use super::{system, RunError, Sidecar};
use crate::config::{Config, Destination, Overflow, Service, Survives};
use crate::delivery::{CloudWatch, Setup};
use crate::engine::budget::Budget;
use crate::engine::retry::Backoff;
use crate::engine::{self, Engine, Settings, SpoolSettings};
use crate::intake::{Counters, Durable, Listener, Mailbox, Options, Thread};
use crate::shell::{Clock, Shell};
use crate::spool::{self, Found, OpenError, Spool};

/// What ships: the engine, its shell, delivery and the spool; and where the intake will find its mail.
pub(super) struct Core {
    pub(super) shell: Arc<Shell>,
    mailbox: Arc<Mailbox>,
    poll: mio::Poll,
    /// Random for each start.
    instance: [u8; 16],
}

/// What to do where the disk refuses the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Go on in memory, as where it refuses later: the app's records are worth more than their copies.
    GoOn,
    /// Fail: the spool is what it is all about.
    Fail,
}

pub(super) fn core(config: &Config, runtime: &tokio::runtime::Handle, then: Refused) -> Result<Core, RunError> {
    let (instance, seed) = random()?;
    let budget = Budget::new(usize::try_from(config.engine.memory).unwrap_or(usize::MAX));
    let (spool, found, refused) = match open_spool(config, &budget) {
        Ok((spool, found)) => (spool, found, None),
        Err(error) if then == Refused::GoOn && error.is_disk_trouble() => {
            tracing::error!(
                "records are in memory only until the next start, and what is in the spool stays there: {error}; mend the disk, then \
                 restart splashdam"
            );
            (None, Vec::new(), Some(error.to_string()))
        }
        Err(error) => return Err(error.into()),
    };
    let poll = mio::Poll::new().map_err(system("make an event queue"))?;
    let waker = mio::Waker::new(poll.registry(), crate::intake::WAKER).map_err(system("make a waker"))?;
    let mailbox = Arc::new(Mailbox::new(waker));
    let setup = Setup::new(config.delivery.clone(), config.destinations.create.clone());
    let setup = setup.seeded(u64::from_le_bytes(seed));
    let setup = if config.service == Service::Disabled { setup.unused() } else { setup };
    let remote = CloudWatch::new(&setup, Arc::clone(&budget))?;
    let mut settings = settings(config, u64::from_le_bytes(seed));
    settings.spool = settings.spool.filter(|_| refused.is_none());
    let engine = Engine::new(settings, budget);
    let disk = (spool, refused);
    let shell = Shell::new(engine, Clock::start(), runtime.clone(), remote, Arc::clone(&mailbox), disk);
    shell.start_spool(&found).map_err(system("start the spool"))?;
    Ok(Core { shell, mailbox, poll, instance })
}

pub(super) fn build(
    config: Config,
    listener: &Listener,
    runtime: &tokio::runtime::Handle,
) -> Result<(Sidecar, Thread), RunError> {
    let Core { shell, mailbox, poll, instance } = core(&config, runtime, Refused::GoOn)?;
    let durable = if shell.spool().is_some() { Durable::OnDisk } else { Durable::Ended };
    let counters = Arc::new(Counters::default());
    let options = Options {
        delimiter: config.intake.text_delimiter.byte(),
        max_record: u32::try_from(config.intake.max_record).unwrap_or(engine::limits::RECORD_BYTES),
        connections: super::files::connections(&config),
        uids: config.intake.allow_uids.clone(),
        destinations: config.destinations.clone(),
        pod: config.pod.clone(),
        disabled: match config.service {
            Service::Enabled => None,
            Service::Disabled => Some(Destination::parse("disabled", "disabled")?),
        },
        instance,
        durable,
    };
    let socket = listener.try_clone().map_err(system("watch the socket"))?;
    let intake = Thread::new(options, Arc::clone(&shell), Arc::clone(&mailbox), Arc::clone(&counters), poll, socket);
    let intake = intake.map_err(system("watch the socket"))?;
    let accepting = Arc::new(AtomicBool::new(true));
    let end = Arc::new(EndRequest::default());
    Ok((Sidecar { config, shell, mailbox, counters, accepting, end }, intake))
}

/// The spool and what an earlier process left in it; nothing where none is configured, or nothing is shipped.
fn open_spool(config: &Config, budget: &Arc<Budget>) -> Result<(Option<Spool>, Vec<Found>), OpenError> {
    let wanted = config.service == Service::Enabled;
    let Some(dir) = config.spool.dir.clone() else { return Ok((None, Vec::new())) };
    if !wanted {
        tracing::warn!(dir = %dir.display(), "nothing is shipped (enabled = false): what is in the spool stays there");
        return Ok((None, Vec::new()));
    }
    let (spool, found) = Spool::open(spool::Options {
        dir,
        max_bytes: config.spool.max,
        survives: match config.spool.survives {
            Survives::ProcessCrash => spool::Survives::ProcessCrash,
            Survives::PowerLoss => spool::Survives::PowerLoss,
        },
        budget: Arc::clone(budget),
        lanes: config.engine.max_lanes.get() as usize,
    })?;
    if !found.is_empty() {
        let bytes: u64 = found.iter().map(|found| found.bytes).sum();
        tracing::info!(destinations = found.len(), bytes, "found an earlier process's files in the spool");
    }
    Ok((Some(spool), found))
}

/// The engine's part of a configuration, as [`run`](super::run) hands it over. `seed` is the jitter's.
#[must_use]
pub fn settings(config: &Config, seed: u64) -> Settings {
    let (engine, create) = (&config.engine, &config.destinations.create);
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Settings {
        linger: engine.linger,
        linger_quiet: engine.linger_quiet.min(engine.linger),
        linger_max: engine.linger_max,
        in_flight_min: engine.in_flight_min.get(),
        in_flight_max: engine.in_flight_max.get(),
        in_flight_total: engine.in_flight_total.get(),
        batch_events: engine.batch_max_events.get(),
        put_rate: engine.put_rate.get(),
        create_rate: engine.create_rate.get(),
        backoff: Backoff { least: engine.backoff_min, most: engine.backoff_max },
        forbidden: Duration::from_secs(60),
        high_water: bytes(engine.high_water),
        reach: bytes(engine.reach),
        lanes: engine.max_lanes.get() as usize,
        overflow: match engine.overflow {
            Overflow::Block => engine::Overflow::Block,
            Overflow::DropNewest => engine::Overflow::DropNewest,
            Overflow::DropOldest => engine::Overflow::DropOldest,
        },
        create_group: create.group == crate::config::Creation::OnDemand,
        create_stream: create.stream == crate::config::Creation::OnDemand,
        spool: config.spool.dir.as_ref().map(|_| SpoolSettings { max: config.spool.max }),
        disabled: config.service == Service::Disabled,
        seed,
    }
}

/// Random bytes from the kernel: the instance's id and the seed of the jitter.
fn random() -> Result<([u8; 16], [u8; 8]), RunError> {
    let mut bytes = [0; 24];
    let mut source = std::fs::File::open("/dev/urandom").map_err(system("open /dev/urandom"))?;
    io::Read::read_exact(&mut source, &mut bytes).map_err(system("read /dev/urandom"))?;
    let (mut instance, mut seed) = ([0; 16], [0; 8]);
    instance.copy_from_slice(&bytes[..16]);
    seed.copy_from_slice(&bytes[16..]);
    Ok((instance, seed))
}
