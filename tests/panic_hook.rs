//! The panic hook, alone in its process: hooks are the process's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use fake::{Behaviour, Fake, PATIENCE};

#[test]
fn a_panic_waits_until_the_sidecar_has_the_records_and_the_earlier_hook_runs_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let fake = Arc::new(Fake::start(&path, Behaviour::default()));
    let client = splashdam::Client::builder(&path).build();

    let earlier = Arc::new(AtomicUsize::new(0));
    let (ran, logger) = (Arc::clone(&earlier), client.clone());
    std::panic::set_hook(Box::new(move |info| {
        ran.fetch_add(1, Ordering::SeqCst);
        logger.log(&format!("panicked: {info}"));
    }));
    splashdam::flush_on_panic(&client, PATIENCE);

    let panicking = std::thread::spawn(|| panic!("as planned"));
    assert!(panicking.join().is_err());
    let _ = std::panic::take_hook();
    assert_eq!(earlier.load(Ordering::SeqCst), 1);
    let seen = fake.seen();
    assert_eq!(seen.records, 1);
    assert!(seen.texts[0].contains("as planned"), "{}", seen.texts[0]);
}
