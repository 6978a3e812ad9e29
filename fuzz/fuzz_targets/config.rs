#![no_main]
//! `splashdam_sidecar::fuzz::config` under libFuzzer, in a folder that each process has for itself.

use std::sync::LazyLock;

static SCRATCH: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| splashdam_sidecar::fuzz::config::run(SCRATCH.path(), data));
