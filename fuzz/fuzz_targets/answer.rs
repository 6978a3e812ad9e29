#![no_main]
//! `splashdam_sidecar::fuzz::answer` under libFuzzer.

libfuzzer_sys::fuzz_target!(|data: &[u8]| splashdam_sidecar::fuzz::answer::run(data));
