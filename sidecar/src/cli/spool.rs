//! What `spool` and its commands take.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, Subcommand, ValueEnum};

use super::RunArgs;
use crate::config::{load_to_replay, parse_duration, ConfigErrors, Loaded, Surroundings};

/// Names the directory where no argument does, as for `run`.
const DIR_VARIABLE: &str = "SPLASHDAM_SPOOL_DIR";

const LS_STATES: &str = "\
States: waiting: records that have not ended; empty: none; damaged: some cannot be read; newer: of a later splashdam.
Takes no lock and changes nothing; a running sidecar does not mind.";

const CAT_EXITS: &str = "\
Takes no lock and changes nothing; a running sidecar does not mind.
Exit codes: 0 all was read, 3 something was damaged, 1 no directory that can be read, 2 usage.";

const REPLAY_EXITS: &str = "\
Refuses a directory that a sidecar uses. What is delivered leaves the spool.
Exit codes: 0 all delivered, 3 something was rejected or dropped, 4 time ran out (the rest stays), 2 configuration, 1 other.";

/// Of `spool`.
#[derive(Debug, Args)]
pub struct SpoolArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SpoolCommand,
}

/// The commands of `spool`.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum SpoolCommand {
    /// Show what a spool holds, lane by lane
    #[command(after_help = LS_STATES)]
    Ls(LsArgs),
    /// Print the records that have not ended
    #[command(after_help = CAT_EXITS)]
    Cat(CatArgs),
    /// Deliver what a spool holds whose sidecar is gone
    #[command(after_help = REPLAY_EXITS)]
    Replay(Box<ReplayArgs>),
}

/// Where the spool is.
#[derive(Debug, Args)]
pub struct Dir {
    /// Directory of the spool [variable: SPLASHDAM_SPOOL_DIR]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Dir {
    /// The argument, else the variable.
    pub fn find(&self, surroundings: &Surroundings) -> Option<PathBuf> {
        let variable = || surroundings.variable(DIR_VARIABLE).filter(|dir| *dir != "off").map(PathBuf::from);
        self.dir.clone().or_else(variable)
    }
}

/// Of `spool ls`.
#[derive(Debug, Args)]
pub struct LsArgs {
    /// The spool.
    #[command(flatten)]
    pub dir: Dir,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
    /// Show each lane's segments, too
    #[arg(long)]
    pub segments: bool,
}

/// How `spool cat` prints records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CatFormat {
    /// The message and a newline.
    Text,
    /// A line of JSON: timestamp, group, stream, message.
    Ndjson,
}

/// Of `spool cat`.
#[derive(Debug, Args)]
pub struct CatArgs {
    /// The spool.
    #[command(flatten)]
    pub dir: Dir,
    /// Lane to print, or a part of GROUP:STREAM that no other lane has; repeatable [default: all lanes]
    #[arg(long = "lane", value_name = "GROUP:STREAM")]
    pub lanes: Vec<String>,
    /// How: the text alone, or a line of JSON for each record
    #[arg(long, value_name = "text|ndjson", value_enum, default_value_t = CatFormat::Text, hide_possible_values = true)]
    pub format: CatFormat,
    /// Print also records that have ended and are still there
    #[arg(long)]
    pub all: bool,
}

/// Of `spool replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Directory of the spool [variable: SPLASHDAM_SPOOL_DIR]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Longest time it may take; what is left stays [default: as long as it takes]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// What `run` would be given.
    #[command(flatten)]
    settings: Settings,
}

impl ReplayArgs {
    /// The configuration for the delivery. Names no log group where none is set: the spool's lanes have their own.
    pub fn load(&self, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
        let RunArgs { config, settings } = &self.settings.0;
        load_to_replay(config.as_deref(), settings, surroundings)
    }
}

/// The settings of `run`. All are taken, so that one file and one list of flags does for both; those without a meaning for
/// a replay do not show in its help.
#[derive(Debug)]
struct Settings(RunArgs);

const WITHOUT_MEANING: [&str; 5] = ["Destination", "Socket", "Spool", "Shutdown", "Admin and health"];

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        RunArgs::augment_args(command).mut_args(|arg| {
            let hide = arg.get_help_heading().is_some_and(|title| WITHOUT_MEANING.contains(&title));
            arg.hide(hide)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        RunArgs::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}
