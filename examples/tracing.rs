//! An app that logs with `tracing`: `cargo run --features tracing --example tracing`.

use std::time::Duration;

use tracing_subscriber::prelude::*;

fn main() {
    let client = splashdam::Client::builder_from_env().build();
    let guard = client.guard().timeout(Duration::from_secs(5));
    splashdam::flush_on_panic(&client, Duration::from_secs(1));
    tracing_subscriber::registry().with(splashdam::tracing::Layer::new(client.clone())).init();

    let request = tracing::info_span!("request", id = 7);
    request.in_scope(|| tracing::info!(status = 200, took_ms = 1.5, "answered"));

    // The guard waits until every record has an outcome, or its time is up.
    drop(guard);
    let stats = client.stats();
    println!("{} logged, {} delivered, {} lost here", stats.logged, stats.delivered, stats.dropped_total());
}
