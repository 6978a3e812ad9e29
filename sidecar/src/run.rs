//! The main job: config → build → serve → drain, on one screen.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{signal, Signal, SignalKind};

use crate::admin;
use crate::cli::Exit;
use crate::config::{Config, Destination, NameError, OnLoss, Overflow, Remainder, Service, Survives};
use crate::delivery::{CloudWatch, Setup, SetupError};
use crate::engine::budget::Budget;
use crate::engine::retry::Backoff;
use crate::engine::{self, Engine, Settings, SpoolSettings};
use crate::intake::{Counters, Durable, Intake, Listener, Mailbox, Options, SocketError};
use crate::shell::{Clock, Shell};
use crate::spool::{self, Found, Spool};

mod end;
mod remainder;
mod replay;

pub use replay::replay;

/// Attempts are cancelled this long before the shutdown deadline, so that the account is told in time.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Why the sidecar could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The delivery's configuration.
    #[error(transparent)]
    Delivery(#[from] SetupError),
    /// The spool's directory.
    #[error(transparent)]
    Spool(#[from] spool::OpenError),
    /// The admin listener.
    #[error(transparent)]
    Admin(#[from] admin::AdminError),
    /// A name that was to be valid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system refused something that we cannot do without.
    #[error("cannot {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl RunError {
    /// The exit code: what the user can mend in the configuration is 2.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            RunError::Delivery(_) | RunError::Name(_) => Exit::Configuration,
            _ => Exit::Failure,
        }
    }
}

fn system(what: &'static str) -> impl Fn(io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// Everything that runs.
pub(crate) struct Sidecar {
    pub(crate) config: Config,
    pub(crate) shell: Arc<Shell>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) counters: Arc<Counters>,
    /// Whether the socket still accepts; not once we drain.
    pub(crate) accepting: Arc<AtomicBool>,
}

/// Runs the sidecar until a signal or its own configuration ends it.
///
/// # Errors
/// [`RunError`] where it cannot start, or can no longer work.
pub fn run(config: Config) -> Result<Exit, RunError> {
    // Before the socket can be seen: whoever sees it may already ask for an orderly end.
    let (runtime, signals) = begin(&config)?;
    let listener = Listener::bind(&config.intake.socket, config.intake.socket_mode.bits())?;
    let (sidecar, intake) = build(config, &listener, runtime.handle())?;
    let (ended, intake_ended) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("intake".to_owned());
    let thread = thread.spawn(move || {
        // The receiver is gone only once the process ends.
        let _ = ended.send(intake.run());
    });
    let thread = thread.map_err(system("start the intake"))?;
    let exit = runtime.block_on(serve(&sidecar, &listener, signals, intake_ended))?;
    // It has been told to stop; a panic in it would have ended the process.
    let _ = thread.join();
    runtime.shutdown_timeout(Duration::from_millis(50));
    drop(listener);
    Ok(exit)
}

/// The runtime, and signals being watched.
fn begin(config: &Config) -> Result<(tokio::runtime::Runtime, Signals), RunError> {
    allow_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers(config))
        .thread_name("splashdam")
        .enable_all()
        .build()
        .map_err(system("start the runtime"))?;
    let signals = runtime.block_on(async { Signals::new() })?;
    Ok((runtime, signals))
}

/// Allows us as many file descriptors as we may allow ourselves: one a connection, one or two a lane with a spool.
fn allow_files() {
    use rustix::process::{getrlimit, setrlimit, Resource};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused we go on with what we have.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn workers(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (config.workers.get() as usize).min(processors)
}

/// What ships: the engine, its shell, delivery and the spool; and where the intake will find its mail.
struct Core {
    shell: Arc<Shell>,
    mailbox: Arc<Mailbox>,
    poll: mio::Poll,
    /// Random for each start.
    instance: [u8; 16],
}

fn core(config: &Config, runtime: &tokio::runtime::Handle) -> Result<Core, RunError> {
    let (instance, seed) = random()?;
    let budget = Budget::new(usize::try_from(config.engine.memory).unwrap_or(usize::MAX));
    let (spool, found) = open_spool(config, &budget)?;
    let poll = mio::Poll::new().map_err(system("make an event queue"))?;
    let waker = mio::Waker::new(poll.registry(), crate::intake::WAKER).map_err(system("make a waker"))?;
    let mailbox = Arc::new(Mailbox::new(waker));
    let setup = Setup::new(config.delivery.clone(), config.destinations.create.clone());
    let remote = CloudWatch::new(&setup, Arc::clone(&budget))?;
    let engine = Engine::new(settings(config, u64::from_le_bytes(seed)), budget);
    let shell = Shell::new(engine, Clock::start(), runtime.clone(), remote, Arc::clone(&mailbox), spool);
    shell.start_spool(&found).map_err(system("start the spool"))?;
    Ok(Core { shell, mailbox, poll, instance })
}

fn build(config: Config, listener: &Listener, runtime: &tokio::runtime::Handle) -> Result<(Sidecar, Intake), RunError> {
    let Core { shell, mailbox, poll, instance } = core(&config, runtime)?;
    let durable = if shell.spool().is_some() { Durable::OnDisk } else { Durable::Ended };
    let counters = Arc::new(Counters::default());
    let options = Options {
        delimiter: config.intake.text_delimiter.byte(),
        max_record: u32::try_from(config.intake.max_record).unwrap_or(engine::limits::RECORD_BYTES),
        connections: config.intake.max_connections.get() as usize,
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
    let intake = Intake::new(options, Arc::clone(&shell), Arc::clone(&mailbox), Arc::clone(&counters), poll, socket);
    let intake = intake.map_err(system("watch the socket"))?;
    let accepting = Arc::new(AtomicBool::new(true));
    Ok((Sidecar { config, shell, mailbox, counters, accepting }, intake))
}

/// The spool and what an earlier process left in it; nothing where none is configured, or nothing is shipped.
fn open_spool(config: &Config, budget: &Arc<Budget>) -> Result<(Option<Spool>, Vec<Found>), RunError> {
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

/// The engine's part of a configuration, as [`run`] hands it over. `seed` is the jitter's.
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

async fn serve(
    sidecar: &Sidecar,
    listener: &Listener,
    mut signals: Signals,
    intake_ended: tokio::sync::oneshot::Receiver<io::Result<()>>,
) -> Result<Exit, RunError> {
    tokio::spawn(Arc::clone(&sidecar.shell).run_timers());
    if let Some(address) = sidecar.config.admin {
        admin::serve(address, sidecar).await?;
    }
    let (socket, service) = (sidecar.config.intake.socket.display(), &sidecar.config.service);
    let spool = sidecar.config.spool.dir.as_ref().map_or("off".into(), |dir| dir.display().to_string());
    tracing::info!(%socket, ?service, memory = sidecar.config.engine.memory, spool, "serving");
    tokio::select! {
        name = signals.next() => tracing::info!(signal = name, "shutting down"),
        why = end::by_itself(sidecar) => tracing::info!(why, "shutting down"),
        outcome = intake_ended => {
            let source = outcome.ok().and_then(Result::err).unwrap_or_else(|| io::Error::other("it ended"));
            return Err(RunError::System { what: "go on reading the socket", source });
        }
    }
    let deadline = Instant::now() + sidecar.config.shutdown.deadline;
    tokio::select! {
        () = shut_down(sidecar, listener, deadline) => {}
        name = signals.next() => {
            tracing::error!(signal = name, "ended at once by a second signal; what is in memory only is lost");
            sidecar.mailbox.stop();
            end::finish(&sidecar.shell, &sidecar.config, Instant::now() + LAST_WORDS);
            return Ok(Exit::Failure);
        }
    }
    let account = end::finish(&sidecar.shell, &sidecar.config, deadline.max(Instant::now() + LAST_WORDS));
    let lost = sidecar.config.shutdown.on_loss == OnLoss::Fail && account.has_loss();
    Ok(if lost { Exit::Loss } else { Exit::Success })
}

/// The intake goes on while there are clients, shipping all the while; then it stops, and what is here is shipped.
async fn shut_down(sidecar: &Sidecar, listener: &Listener, deadline: Instant) {
    end::clients_gone(sidecar, deadline).await;
    // Whoever comes now is told at once that nobody takes anything, rather than left to write into a queue of the kernel.
    listener.unlink();
    end::round_of_intake(sidecar, deadline).await;
    let shell = &sidecar.shell;
    let left = deadline.saturating_duration_since(Instant::now());
    let until = shell.clock().now().at + left;
    sidecar.accepting.store(false, Ordering::Relaxed);
    // An intake that has died took nothing more in.
    let _ = sidecar.mailbox.drain(until).await;
    // What is to be printed takes its time, too.
    let prints = shell.spool().is_some() && sidecar.config.spool.remainder == Remainder::Stderr;
    let words = if prints { LAST_WORDS.max(sidecar.config.shutdown.deadline / 4) } else { LAST_WORDS };
    let last_call = deadline.checked_sub(words).unwrap_or(deadline);
    if !shell.drain(last_call).await {
        tracing::warn!("the shutdown deadline came first");
    }
    sidecar.mailbox.stop();
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    _hangup: Signal,
    _file_size: Signal,
}

impl Signals {
    fn new() -> Result<Self, RunError> {
        let watch = |kind| signal(kind).map_err(system("watch signals"));
        Ok(Signals {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            // Watched so that it does not end us.
            _hangup: watch(SignalKind::hangup())?,
            // A file that may grow no more (`ulimit -f`) is the disk's trouble, not the process's end.
            _file_size: watch(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
