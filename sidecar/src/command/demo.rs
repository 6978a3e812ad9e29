//! `demo`: an app that logs, a sidecar that ships, an endpoint that counts; live, and with the account at the end.
//!
//! ```text
//! app (threads here) ─► sidecar (a process of its own) ─► emulator (in this process)
//!        └──────────────── display: what goes in, what arrives ────────┘
//! ```
//!
//! Needs no AWS account, no root and no network. The endpoint is 20 ms away and now and then too busy, so that retries show.
//! Each record carries a number and the endpoint marks which numbers came: "nothing lost" is counted, not believed.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use splashdam_emulator::Report;
use tokio::signal::unix::{signal, SignalKind};

use super::out;
use crate::cli::{DemoArgs, Exit};

mod app;
mod child;
mod display;
mod endpoint;
mod scratch;

use app::App;
use child::{Child, Ended};
use display::{Display, Look};

/// Most records: the endpoint keeps a bit for each.
const MOST: u64 = 2_000_000_000;
/// How often a terminal is redrawn, and how often a line is printed elsewhere.
const REDRAW: Duration = Duration::from_millis(200);
const LINE: Duration = Duration::from_secs(1);
/// Longest wait for what was logged to arrive, once the app has stopped.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("demo: cannot {0}: {1}")]
    System(&'static str, std::io::Error),
    #[error("demo: the endpoint: {0}")]
    Endpoint(#[from] splashdam_emulator::Error),
    #[error("demo: the sidecar did not come up: {0}")]
    Sidecar(String),
    #[error("demo: {0} records are more than it can count: at most {MOST}; take fewer --seconds or a lower --rate")]
    TooMany(u64),
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> DemoError {
    move |error| DemoError::System(what, error)
}

/// Shows it.
#[must_use]
pub fn demo(args: &DemoArgs) -> Exit {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let shown = runtime.map_err(system("start the runtime")).and_then(|runtime| runtime.block_on(show(args)));
    match shown {
        Ok(exit) => exit,
        Err(error) => {
            out::tell(&error.to_string());
            match error {
                DemoError::TooMany(_) => Exit::Configuration,
                _ => Exit::Failure,
            }
        }
    }
}

async fn show(args: &DemoArgs) -> Result<Exit, DemoError> {
    let records = args.seconds.saturating_mul(args.rate);
    if records > MOST {
        return Err(DemoError::TooMany(records));
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("watch for an interrupt"))?;
    let scratch = scratch::Scratch::new().map_err(system("make a folder for the socket"))?;
    let endpoint = endpoint::start(records).await?;
    let child = Child::start(&scratch.path().join("splashdam.sock"), &endpoint.endpoint_url()).await?;
    let began = Instant::now();
    let app = App::start(child.socket(), args.rate, Duration::from_secs(args.seconds));
    let counts = app.counts();
    let mut display = Display::new(std::io::stdout().is_terminal(), args.seconds, args.rate);
    let look = || async {
        Look { at: began.elapsed(), logged: counts.logged(), report: endpoint.report(), status: child.status().await }
    };
    let mut tick = tokio::time::interval(if display.is_live() { REDRAW } else { LINE });
    let mut logging = std::pin::pin!(counts.done());
    loop {
        tokio::select! {
            _ = tick.tick() => display.show(&look().await),
            () = &mut logging => break,
            _ = interrupt.recv() => break,
        }
    }
    let stopped = Instant::now();
    let mut stopping = std::pin::pin!(app.stop(ARRIVAL));
    let logged = loop {
        tokio::select! {
            _ = tick.tick() => display.show(&look().await),
            logged = &mut stopping => break logged,
        }
    };
    if display.is_live() {
        display.show(&look().await);
    }
    let ended = child.end().await?;
    let report = endpoint.shutdown().await;
    out::print(&account(&logged, &report, &ended, stopped.elapsed()));
    Ok(if is_whole(&logged, &report, &ended) { Exit::Success } else { Exit::Failure })
}

fn is_whole(logged: &app::Logged, report: &Report, ended: &Ended) -> bool {
    report.marks.unique == logged.all() && report.violations.total == 0 && ended.code == Some(0)
}

/// The end: what the app says, what the endpoint says, what the sidecar says, and what that comes to.
fn account(logged: &app::Logged, report: &Report, ended: &Ended, drained: Duration) -> String {
    use super::human::{count, duration};
    let all = logged.all();
    let mut text = format!(
        "\napp logged     {} records: {} through the client library, {} as lines of text\n",
        count(all),
        count(logged.framed),
        count(logged.text),
    );
    let (marks, batches) = (&report.marks, &report.batches);
    text += &format!(
        "endpoint has   {} different ones, {} twice, in {} batches of {:.0} on average\n",
        count(marks.unique),
        count(marks.doubled),
        count(batches.accepted),
        batches.mean_events,
    );
    text += &format!("sidecar says   {}\n", ended.account.as_deref().unwrap_or("nothing: it gave no account"));
    if ended.code != Some(0) {
        text += &format!(
            "sidecar ended  {}\n",
            ended.code.map_or("by a signal".to_owned(), |code| format!("with exit code {code}"))
        );
    }
    if report.violations.total > 0 {
        text += &format!("limits broken  {}\n", count(report.violations.total));
    }
    text += &match all.saturating_sub(marks.unique) {
        0 => format!(
            "nothing lost: everything had arrived within {} of the app's last record\n",
            duration(drained.as_secs_f64())
        ),
        missing => format!("LOST           {} records did not arrive\n", count(missing)),
    };
    text
}

#[cfg(test)]
mod tests;
