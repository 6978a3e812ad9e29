//! Beside the requests: the edge between warm-up and measurement, the signal to stop, and how far it is.

use std::fmt;
use std::future::{poll_fn, Future};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use super::run::{Edge, Run};

/// Between two looks at the signal.
const LOOK: Duration = Duration::from_millis(50);
const SHOW: Duration = Duration::from_secs(1);

/// What a caller may want to know at once.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// The warm-up is over.
    Measuring,
    /// About once a second.
    Progress(Progress),
    /// All that were under way have ended.
    Measured,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    measuring: bool,
    elapsed: Duration,
    left: Option<Duration>,
    answered: u64,
    failed: u64,
    p99_micros: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.measuring {
            return write!(f, "warming up, {:.0} s", self.elapsed.as_secs_f64());
        }
        write!(f, "{:.0} s", self.elapsed.as_secs_f64())?;
        if let Some(left) = self.left {
            write!(f, ", {:.0} s left", left.as_secs_f64())?;
        }
        write!(f, ": {} answered, {} failed, p99 {:.2} ms", self.answered, self.failed, self.p99_micros as f64 / 1e3)
    }
}

/// Returns when `stop` says so.
pub(super) async fn watch(run: &Run, stop: &AtomicBool, say: &mut dyn FnMut(Event)) {
    let mut shown = Instant::now();
    loop {
        let now = Instant::now();
        if now >= run.measure_from && run.tally().measuring.is_none() {
            run.tally().measuring = Some(Edge::now());
            say(Event::Measuring);
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if now.duration_since(shown) >= SHOW {
            shown = now;
            say(Event::Progress(progress(run, now)));
        }
        let next = Some(run.measure_from).filter(|edge| *edge > now).map_or(now + LOOK, |edge| edge.min(now + LOOK));
        tokio::time::sleep_until(next.into()).await;
    }
}

fn progress(run: &Run, now: Instant) -> Progress {
    let tally = run.tally();
    Progress {
        measuring: tally.measuring.is_some(),
        elapsed: now.saturating_duration_since(if now < run.measure_from { run.began } else { run.measure_from }),
        left: run.end().map(|end| end.saturating_duration_since(now)),
        answered: tally.latency.count(),
        failed: tally.failed(),
        p99_micros: tally.latency.quantile(0.99),
    }
}

/// Which of two was done first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First<A, B> {
    This(A),
    That(B),
}

/// Awaits whichever is done first; the other goes no further. The first is looked at first.
pub(super) async fn first<A, B>(this: impl Future<Output = A>, that: impl Future<Output = B>) -> First<A, B> {
    let (mut this, mut that) = (pin!(this), pin!(that));
    poll_fn(|context| match (this.as_mut().poll(context), that.as_mut()) {
        (Poll::Ready(done), _) => Poll::Ready(First::This(done)),
        (Poll::Pending, that) => that.poll(context).map(First::That),
    })
    .await
}
