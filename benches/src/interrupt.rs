//! Ctrl-C, SIGTERM and a terminal that is closed: the first asks long runs to come to an end and report what they have, the second ends us at once.
//!
//! Children are in process groups of their own and do not notice; the warden kills them if we go first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{io, Result};

/// The exit status of a program that Ctrl-C ended, as a shell has it.
pub(crate) const STATUS: u8 = 130;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on the signals ask instead of ending us; may be called again.
pub(crate) fn install() -> Result<()> {
    let mut fresh = false;
    let asked = ASKED.get_or_init(|| {
        fresh = true;
        Arc::default()
    });
    if fresh {
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // In this order: a signal that finds the flag set by an earlier one ends us.
            flag::register_conditional_shutdown(signal, i32::from(STATUS), Arc::clone(asked))
                .and_then(|_| flag::register(signal, Arc::clone(asked)))
                .map_err(io("wait for", "signals"))?;
        }
    }
    Ok(())
}

/// Has somebody asked for the end? Never, unless [`install`] was called.
pub(crate) fn asked() -> bool {
    ASKED.get().is_some_and(|asked| asked.load(Ordering::Relaxed))
}
