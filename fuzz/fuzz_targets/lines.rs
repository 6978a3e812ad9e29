#![no_main]
//! `splashdam_sidecar::fuzz::lines` under libFuzzer.

libfuzzer_sys::fuzz_target!(|data: &[u8]| splashdam_sidecar::fuzz::lines::run(data));
