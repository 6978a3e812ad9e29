//! The app as a process, against an endpoint that checks every call: each record arrives once, under its own number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod app;
mod remote;
mod tasks;
