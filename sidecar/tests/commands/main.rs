//! The commands as people and scripts use them: the real binary, its exit codes and what it says.

// Helpers stand outside of test functions, where clippy cannot see that they are for tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod check;
mod demo;
mod plan;
mod send;
mod spool;
mod spool_damage;
mod spool_dir;
mod spool_live;
mod stage;
mod status;
