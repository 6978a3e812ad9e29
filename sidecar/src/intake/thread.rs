//! The intake's thread: waits for what comes, lets the intake make its rounds, and pauses where that saves work.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll};

use super::round::Intake;
use super::sockets::{News, Watched};
use super::{Counters, Host as _, Mailbox, Options};
use crate::shell::Shell;

/// The intake of a sidecar, to be run on a thread of its own.
#[derive(Debug)]
pub struct Thread {
    intake: Intake<Arc<Shell>, Watched>,
    shell: Arc<Shell>,
    mailbox: Arc<Mailbox>,
    poll: Poll,
}

impl Thread {
    /// The intake of a listener. `poll` carries the mailbox's waker already.
    ///
    /// # Errors
    /// The kernel's, where it refuses to watch the listener.
    pub fn new(
        options: Options,
        shell: Arc<Shell>,
        mailbox: Arc<Mailbox>,
        counters: Arc<Counters>,
        poll: Poll,
        listener: StdListener,
    ) -> io::Result<Self> {
        let sockets = Watched::new(poll.registry().try_clone()?, listener)?;
        Ok(Thread { intake: Intake::new(options, Arc::clone(&shell), counters, sockets), shell, mailbox, poll })
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// The kernel's, where it can no longer wait for events.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        while !self.intake.is_stopping() {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            let pause = self.intake.round(events.iter().filter_map(News::of), self.mailbox.take());
            if let Some(pause) = pause {
                std::thread::sleep(pause);
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        // epoll counts in milliseconds and mio rounds up.
        self.intake.next_round().map(|at| at.saturating_sub(self.shell.now().at))
    }
}
