//! `http`: asks one URL, at a constant rate or with so many at once, and says how long the answers took.
//!
//! ```text
//! Spec ─► Run ─┬─ open    a request starts when it is due, whatever the server does; latency counts from then
//!              ├─ closed  so many threads, each sends when its last answer has come
//!              └─ client  one request ─► tally ─► LoadReport
//! ```
//!
//! It runs on one thread and is made to be a process of its own, so that what it uses is not the server's account. An open loop
//! has no queue: due times follow from the rate, so what could not be sent yet waits as a number. Nothing here spins: a
//! `timerfd` ends the wait for a due time to a few microseconds, where a runtime's timers would round up to the next
//! millisecond, and how late requests were sent for our own sake is in the report. Redirects are not followed, and HTTP/2 is not
//! spoken.
//!
//! The floor is what `--rate 1000` shows against a server that answers at once: on a quiet virtual machine of two CPUs 0.07 ms
//! (p50), of which 0.05 ms are `late`, the kernel's way of waking us; at 100 a second, where caches are cold, 0.16 and 0.08 ms.
//! Shorter latencies than these are ours, not the server's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::error::{io, Result};

pub(crate) mod args;
mod client;
mod closed;
mod open;
mod pacer;
mod report;
mod run;
mod schedule;
mod spec;
mod tally;
mod watch;

pub(crate) use report::LoadReport;
pub(crate) use spec::{Drive, Numbers, Spec};
pub(crate) use watch::Event;

use run::Run;

/// Does what the specification says, until its end or until `stop` says so, and tells `say` what happens meanwhile.
pub(crate) fn run(spec: &Spec, stop: &AtomicBool, say: &mut dyn FnMut(Event)) -> Result<LoadReport> {
    // One thread: two would take the CPU that the server needs, and what they share would cost more than they bring.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(io("start", "the load generator's runtime"))?;
    let report = runtime.block_on(async {
        let run = Arc::new(Run::begin(spec)?);
        let interrupted = match spec.drive {
            Drive::Open { rate, connections } => open::drive(&run, rate, connections, stop, say).await?,
            Drive::Closed { threads, loops } => closed::drive(&run, threads, loops, stop, say).await,
        };
        let report = LoadReport::of(&run, interrupted || stop.load(Ordering::Relaxed));
        say(Event::Measured);
        Ok(report)
    });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    report
}
