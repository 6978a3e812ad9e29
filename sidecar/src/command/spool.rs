//! `spool`: looks into a spool, in use or left behind, and delivers what was left behind.

use std::path::PathBuf;

use super::out;
use crate::cli::{Dir, Exit, SpoolArgs, SpoolCommand};
use crate::config::Surroundings;

mod cat;
mod ls;
pub mod replay;

/// Does what was asked for.
#[must_use]
pub fn spool(args: &SpoolArgs, around: &Surroundings) -> Exit {
    match &args.command {
        SpoolCommand::Ls(args) => with(&args.dir, around, |dir| ls::ls(args, &dir)),
        SpoolCommand::Cat(args) => with(&args.dir, around, |dir| cat::cat(args, &dir)),
    }
}

fn with(dir: &Dir, around: &Surroundings, act: impl FnOnce(PathBuf) -> Exit) -> Exit {
    match dir.find(around) {
        Some(dir) => act(dir),
        None => no_directory(),
    }
}

fn no_directory() -> Exit {
    out::tell("no spool is named: give its directory, or set SPLASHDAM_SPOOL_DIR");
    Exit::Configuration
}
