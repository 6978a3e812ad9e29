//! The atomics that the hand-over between threads rests on. A test that includes `doze.rs` brings loom's instead.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
