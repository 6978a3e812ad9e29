//! The main job: config → build → serve → drain, on one screen.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::admin::{self, Surface};
use crate::cli::Exit;
use crate::config::{show_size, Config, NameError, OnLoss, Remainder, Service};
use crate::delivery::SetupError;
use crate::intake::{Counters, Listener, Mailbox, SocketError};
use crate::shell::Shell;
use crate::spool;

mod build;
mod end;
mod files;
mod remainder;
mod replay;
mod request;

pub use build::settings;
use build::{build, core, Core};
pub use replay::replay;
pub(crate) use request::EndRequest;
use request::Signals;

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
    /// The admin or the health listener.
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
    /// Where the end may be asked for, beside signals.
    pub(crate) end: Arc<EndRequest>,
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
    files::allow();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers(config))
        .thread_name("splashdam")
        .enable_all()
        .build()
        .map_err(system("start the runtime"))?;
    let signals = runtime.block_on(async { Signals::new() })?;
    Ok((runtime, signals))
}

fn workers(config: &Config) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (config.workers.get() as usize).min(processors)
}

async fn serve(
    sidecar: &Sidecar,
    listener: &Listener,
    mut signals: Signals,
    intake_ended: tokio::sync::oneshot::Receiver<io::Result<()>>,
) -> Result<Exit, RunError> {
    tokio::spawn(Arc::clone(&sidecar.shell).run_timers());
    for (surface, address) in [(Surface::Admin, sidecar.config.admin), (Surface::Health, sidecar.config.health)] {
        if let Some(address) = address {
            admin::serve(surface, address, sidecar).await?;
        }
    }
    if sidecar.config.service == Service::Disabled {
        let decided_by = sidecar.config.disabled_by();
        tracing::warn!(decided_by, "nothing is shipped: records are taken and counted as dropped (disabled)");
    }
    tell_beginning(sidecar);
    let first_signal = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "shutting down");
            Some(name)
        }
        why = end::by_itself(sidecar) => {
            tracing::info!(why, "shutting down");
            None
        }
        outcome = intake_ended => {
            let source = outcome.ok().and_then(Result::err).unwrap_or_else(|| io::Error::other("it ended"));
            return Err(RunError::System { what: "go on reading the socket", source });
        }
    };
    sidecar.end.begin();
    let deadline = Instant::now() + sidecar.config.shutdown.deadline;
    tokio::select! {
        () = shut_down(sidecar, listener, deadline) => {}
        name = signals.second(first_signal) => {
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

/// Says what was started: the version, where records come from and where they go.
fn tell_beginning(sidecar: &Sidecar) {
    let Config { intake, destinations, engine, spool, .. } = &sidecar.config;
    let (version, socket, stream) = (env!("CARGO_PKG_VERSION"), intake.socket.display(), &destinations.stream);
    let group = destinations.group.as_ref().map_or("none", |group| group.as_str());
    let (region, endpoint) = sidecar.shell.remote().place();
    let memory = show_size(engine.memory);
    let spool = spool.dir.as_ref().map_or("off".into(), |dir| dir.display().to_string());
    tracing::info!(version, group, %stream, region, endpoint, %socket, memory, spool, "serving");
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
    let bytes =
        if prints { shell.snapshot().lanes.iter().map(|lane| lane.spool_bytes + lane.bytes as u64).sum() } else { 0 };
    let words = end::for_words(bytes, sidecar.config.shutdown.deadline);
    let last_call = deadline.checked_sub(words).unwrap_or(deadline);
    if !shell.drain(last_call).await {
        tracing::warn!("the shutdown deadline came first");
    }
    sidecar.mailbox.stop();
}
