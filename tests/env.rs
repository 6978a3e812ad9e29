//! What the environment says, alone in its process: variables are the process's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use fake::{Behaviour, Fake, PATIENCE};
use splashdam::{Client, Level};

#[test]
fn the_environment_names_the_socket_and_can_switch_the_client_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    std::env::set_var("SPLASHDAM_SOCKET", &path);
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder_from_env().build();
    client.log("one");
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());

    std::env::set_var("SPLASHDAM_DISABLED", "1");
    let disabled = Client::builder_from_env().build();
    disabled.log("two");
    assert!(disabled.flush(Level::Ended, PATIENCE).reached);
    assert_eq!(disabled.stats().logged, 0);
    std::env::remove_var("SPLASHDAM_DISABLED");
    assert_eq!(fake.stop().texts, ["one"]);
}
