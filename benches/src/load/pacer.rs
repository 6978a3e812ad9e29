//! Waits until a moment, to some microseconds, without spinning.
//!
//! The runtime's own timers fire at the next whole millisecond. A `timerfd` is a file like the sockets are, so it wakes the very
//! wait that they wake, when it is due.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::time::{
    timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
};
use tokio::io::unix::AsyncFd;

use crate::error::{io, Result};

#[derive(Debug)]
pub(super) struct Pacer {
    timer: AsyncFd<OwnedFd>,
}

impl Pacer {
    /// Needs a runtime around it.
    // What replaces `new` is unsafe: it has one promise that the descriptor is not closed or exchanged meanwhile. An `OwnedFd`
    // that nobody else sees keeps that promise by itself.
    #[allow(deprecated)]
    pub(super) fn new() -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(std::io::Error::from);
        let timer = timer.and_then(AsyncFd::new).map_err(io("make", "a timer"))?;
        Ok(Self { timer })
    }

    /// Returns at once where the moment is past.
    pub(super) async fn until(&self, moment: Instant) -> Result<()> {
        while let Some(early) = moment.checked_duration_since(Instant::now()).filter(|early| !early.is_zero()) {
            let once = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec { tv_sec: early.as_secs() as i64, tv_nsec: early.subsec_nanos().into() },
            };
            timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)
                .map_err(|error| io("set", "a timer")(error.into()))?;
            let mut ready = self.timer.readable().await.map_err(io("wait for", "a timer"))?;
            // Reading takes the expiry away. It was the only one, so the next wait need not find that out by trying.
            let mut expiries = [0; 8];
            let _ = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut expiries)?));
            ready.clear_ready();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pacer = Pacer::new().unwrap();
            for micros in [0, 1, 300, 1_700, 50, 9_000] {
                let due = Instant::now() + Duration::from_micros(micros);
                pacer.until(due).await.unwrap();
                assert!(Instant::now() >= due);
            }
        });
    }

    #[test]
    fn a_wait_given_up_does_not_shorten_the_next() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pacer = Pacer::new().unwrap();
            let long = pacer.until(Instant::now() + Duration::from_millis(20));
            assert!(tokio::time::timeout(Duration::from_millis(5), long).await.is_err());
            let due = Instant::now() + Duration::from_millis(60);
            pacer.until(due).await.unwrap();
            assert!(Instant::now() >= due);
        });
    }
}
