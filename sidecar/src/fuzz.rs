//! What arbitrary bytes must never do, one function for each place where bytes come in from outside.
//!
//! | target | bytes | what must hold |
//! |---|---|---|
//! | [`frames`] | a stream of frames, either direction | the same frames in whatever pieces; what is read is written the same |
//! | [`lines`] | a text client's stream | every character in a record, none twice, whatever the reads and the room |
//! | [`segments`] | files in a spool's folder | recovery ends, and gives nothing but what was written |
//! | [`config`] | file, variables, Clowder's file | an error names its place; what is described reads back the same |
//! | [`answer`] | CloudWatch's answer to a call | delivered only with proof; a reject range is within the batch |
//!
//! Each stands beside the code it tries. `fuzz/` runs them under libFuzzer; the tests here run them over every input that is
//! kept in `fuzz/corpus` and `fuzz/regressions`. Nothing of this is in a build that is shipped. It panics where something does
//! not hold: that is how a fuzzer hears of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // this is how a fuzzer hears of it

pub mod frames;

pub use crate::config::fuzz as config;
pub use crate::delivery::fuzz as answer;
pub use crate::intake::fuzz as lines;
pub use crate::spool::fuzz as segments;

#[cfg(test)]
mod tests;
