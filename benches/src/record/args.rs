//! The command line of `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::external::ShipperArgs;
use super::options::{Options, LADDER, LIMIT_MIB};
use super::remote::Remote;
use crate::error::Result;
use crate::figures::ProgramArgs;
use crate::results::Condition;

/// With, without, or both in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Spools {
    On,
    Off,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conditions {
    Healthy,
    Outage,
    Both,
}

/// The kernel's limit on the shipper's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Off,
    MiB(u64),
}

/// Offers a ladder of lines a minute and records what each rung yields and costs.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Lines a minute to offer; may be repeated [default: 20,000 to 20 million in eight rungs]
    #[arg(long, value_name = "LINES_PER_MINUTE", value_parser = rung)]
    rung: Vec<u64>,
    /// How long lines are due on each rung
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = seconds)]
    hold: f64,
    /// With a spool on disk, without, or both in turn [default: both; off with --shipper]
    #[arg(long, value_enum)]
    spool: Option<Spools>,
    /// With the remote there all the time, or away in the middle
    #[arg(long, value_enum, default_value_t = Conditions::Both)]
    condition: Conditions,
    /// How long the remote refuses, in the middle of the hold [default: a third of it]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    outage: Option<f64>,
    /// How long what is late may still be written and delivered after the hold
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    drain: f64,
    /// Bytes of a line, without its end
    #[arg(long, value_name = "BYTES", default_value_t = 200, value_parser = clap::value_parser!(u64).range(40..=262_000))]
    size: u64,
    /// Time the remote takes for an answer, in ms: `10`, `uniform:5..20`, `lognormal:20,0.5` (median, sigma)
    #[arg(long, value_name = "LATENCY", default_value = "10")]
    remote: Remote,
    /// The kernel's limit on the shipper's memory; the sidecar takes 40 MiB less as its budget, 64 MiB at most
    #[arg(long, value_name = "MIB|off", default_value_t = Limit::MiB(LIMIT_MIB), value_parser = limit)]
    limit: Limit,
    /// Where spools are made: on a disk [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    spool_in: Option<PathBuf>,
    /// Append each row to this CSV file; made if it is not there
    #[arg(long, value_name = "FILE")]
    pub(super) history: Option<PathBuf>,
    /// Also write all rows as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    #[command(flatten)]
    shipper: ShipperArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Digits may be grouped, as the default's are.
fn rung(text: &str) -> std::result::Result<u64, String> {
    let digits: String = text.chars().filter(|c| !",_".contains(*c)).collect();
    let lines = digits.parse().ok().filter(|lines| (1..=120_000_000).contains(lines));
    lines.ok_or_else(|| "expected lines a minute, 1 to 120,000,000".to_owned())
}

pub(crate) fn seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.ok_or_else(|| "expected seconds, 0.1 to 86400".to_owned())
}

fn limit(text: &str) -> std::result::Result<Limit, String> {
    let limit = match text {
        "off" => Some(Limit::Off),
        _ => text.parse().ok().filter(|mebibytes| *mebibytes >= 16).map(Limit::MiB),
    };
    limit.ok_or_else(|| "expected MiB, 16 at least, or `off`".to_owned())
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::MiB(mebibytes) => write!(f, "{mebibytes}"),
        }
    }
}

impl RecordArgs {
    /// What they come to; the error says which of them cannot be.
    pub(super) fn options(&self) -> Result<Options> {
        let shipper = self.shipper.external()?;
        let spools = self.spool.unwrap_or(if shipper.is_some() { Spools::Off } else { Spools::Both });
        Ok(Options {
            programs: self.programs.find()?,
            rungs: if self.rung.is_empty() { LADDER.to_vec() } else { self.rung.clone() },
            hold: Duration::from_secs_f64(self.hold),
            spools: match spools {
                Spools::On => vec![true],
                Spools::Off => vec![false],
                Spools::Both => vec![false, true],
            },
            conditions: match self.condition {
                Conditions::Healthy => vec![Condition::Healthy],
                Conditions::Outage => vec![Condition::Outage],
                Conditions::Both => vec![Condition::Healthy, Condition::Outage],
            },
            outage: Duration::from_secs_f64(self.outage.unwrap_or(self.hold / 3.0)),
            drain: Duration::from_secs_f64(self.drain),
            size: self.size,
            remote: self.remote.clone(),
            limit_mib: match self.limit {
                Limit::Off => None,
                Limit::MiB(mebibytes) => Some(mebibytes),
            },
            spool_in: self.spool_in.clone().unwrap_or_else(std::env::temp_dir),
            shipper,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        record: RecordArgs,
    }

    fn parse(flags: &str) -> std::result::Result<Options, String> {
        // Any file will do for a program that is not started.
        let own = std::env::current_exe().unwrap();
        let mut words: Vec<_> = ["record"].into_iter().chain(flags.split_ascii_whitespace()).collect();
        words.extend(["--splashdam", own.to_str().unwrap(), "--emulator", own.to_str().unwrap()]);
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        cli.record.options().map_err(|error| error.to_string())
    }

    #[test]
    fn the_whole_ladder_unless_told_otherwise() {
        let options = parse("").unwrap();
        assert_eq!((options.plan().unwrap().len(), options.rungs[7]), (32, 20_000_000));
        assert_eq!(options.limit_mib, Some(104));
        let few = parse("--rung 5 --rung 7 --spool off --condition healthy --limit off --hold 2.5").unwrap();
        assert_eq!((few.plan().unwrap().len(), few.limit_mib), (2, None));
        assert_eq!(few.hold, Duration::from_millis(2_500));
        assert_eq!(parse("--hold 6").unwrap().outage, Duration::from_secs(2));
    }

    #[test]
    fn another_shipper_needs_a_socket_and_has_no_spool_of_ours() {
        let options = parse("--shipper cat --to unix:/s").unwrap();
        assert_eq!((options.spools, options.shipper.unwrap().name), (vec![false], "cat".to_owned()));
        assert!(parse("--shipper cat").unwrap_err().contains("--to"));
        assert!(parse("--to unix:/s").unwrap_err().contains("--shipper"));
        assert!(parse("--shipper cat --to tcp:1").unwrap_err().contains("unix:"));
    }

    #[test]
    fn nonsense_is_refused_with_what_to_say_instead() {
        for (flags, why) in [
            ("--limit 3", "16 at least"),
            ("--hold 0", "0.1 to 86400"),
            ("--hold nan", "0.1 to 86400"),
            ("--remote far", "milliseconds"),
            ("--rung 0", "1 to 120,000,000"),
            ("--size 3", "40..=262000"),
        ] {
            let error = parse(flags).unwrap_err();
            assert!(error.contains(why), "{flags}: {error}");
        }
    }
}
