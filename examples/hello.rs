//! The two lines that an app needs: `cargo run --example hello`, beside a sidecar on the default socket or on the one
//! that `SPLASHDAM_SOCKET` names.

use std::time::Duration;

use splashdam::Client;

fn main() {
    let client = Client::builder_from_env().build();
    client.log("hello from an app");

    // Only for the example: what became of it.
    let report = client.close(Duration::from_secs(5));
    println!("{report:#?}");
}
