//! Closed loop: each thread sends its next request when it has the answer to its last.
//!
//! "Threads" are tasks of one runtime. A server that stalls is asked less, so a closed loop says nothing about latency at a
//! rate: that is what the open loop is for.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::run::{Run, Shot};
use super::watch::{first, watch, Event, First};

/// After a request without an answer, so that a server which is not there is not asked a hundred thousand times a second.
const PAUSE: Duration = Duration::from_millis(10);

/// Says whether it was interrupted. All requests have ended when it returns.
pub(super) async fn drive(
    run: &Arc<Run>,
    threads: u32,
    loops: Option<u64>,
    stop: &AtomicBool,
    say: &mut dyn FnMut(Event),
) -> bool {
    let threads: Vec<_> = (0..threads).map(|_| tokio::spawn(thread(Arc::clone(run), loops))).collect();
    let mut all = pin!(async {
        for thread in threads {
            let _ = thread.await;
        }
    });
    let interrupted = first(watch(run, stop, say), all.as_mut()).await == First::This(());
    run.stop();
    if interrupted {
        all.await;
    }
    interrupted
}

async fn thread(run: Arc<Run>, loops: Option<u64>) {
    let mut left = loops.unwrap_or(u64::MAX);
    while left > 0 && !run.is_over() {
        let now = Instant::now();
        let measured = now >= run.measure_from;
        let Some(index) = run.claim() else { return };
        left -= u64::from(measured);
        if !run.shoot(Shot { index, due: now, ready: now, measured }).await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
