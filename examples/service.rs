//! An app as it runs in a pod: logs until it is told to end, then leaves in good order.
//!
//! `cargo run --example service [-- COUNT]`, beside a sidecar on the default socket or on the one that `SPLASHDAM_SOCKET`
//! names. Logs `n=0`, `n=1`, … one each millisecond, COUNT of them or until SIGTERM or SIGINT. What it printed last says
//! how many it logged and how many of them it had to give up.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use splashdam::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(u64::MAX), |count| count.parse())?;
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // The first process of a container gets no signal that it did not ask for.
        signal_hook::flag::register(signal, Arc::clone(&ended))?;
    }

    let client = Client::builder_from_env().build();
    let mut logged = 0;
    while logged < count && !ended.load(Ordering::Relaxed) {
        client.log(&format!("n={logged} the service works"));
        logged += 1;
        std::thread::sleep(Duration::from_millis(1));
    }

    // Within the pod's grace period: the sidecar is stopped after us, or waits until we are gone.
    let report = client.close(Duration::from_secs(10));
    println!("{{\"logged\":{logged},\"lost\":{}}}", report.lost_in_client + report.dropped + report.rejected);
    Ok(())
}
