//! What `plan` takes. Whatever makes no sense is refused here, so that a plan is always one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::command::plan::coefficients::PUT_QUOTA;
use crate::command::plan::model::{Growing, Input, Intake};
use crate::config::{parse_duration, parse_size, show_size};

/// Beyond these nobody has measured anything, and sums lose their meaning.
const MOST_RECORDS: f64 = 1e8;
const MOST_BYTES: u64 = 16 << 20;
const MOST_GROWTH: f64 = 1_000.0;

pub(super) const NOTES: &str = "\
The rate is that of one pod in its busiest hour; the month's cost takes it for the mean.
Prices in a file (TOML): region, as_of, source, ingestion_per_gb, storage_per_gb_month [, stored_share, currency].
Exit codes: 0 planned (also with warnings), 2 command line or prices.";

/// What `--growth-in` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GrowthIn {
    /// Each pod logs more.
    Records,
    /// There are more pods.
    Pods,
}

/// Of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Records a second of one pod
    #[arg(long, value_name = "R", value_parser = parse_rate)]
    records_per_second: f64,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    bytes: u64,
    /// Growth a month, in percent
    #[arg(long, value_name = "P%", default_value = "15%", value_parser = parse_growth, allow_hyphen_values = true)]
    growth_per_month: f64,
    /// What grows: the records of each pod, or the number of pods
    #[arg(long, value_name = "records|pods", value_enum, default_value_t = GrowthIn::Records, hide_possible_values = true)]
    growth_in: GrowthIn,
    /// Outage to ride out; 0 plans without a spool
    #[arg(long, value_name = "DUR", default_value = "1h", value_parser = parse_duration)]
    outage: Duration,
    /// Pods, each with a sidecar
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pods: u64,
    /// The sidecars' --linger
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = parse_linger)]
    linger: Duration,
    /// Streams that one sidecar writes to
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    destinations: u64,
    /// Records come from the Rust client, many to a write
    #[arg(long, action = ArgAction::SetTrue, conflicts_with = "text")]
    framed: bool,
    /// Records come one to a write: lines of text, or from Python [default]
    #[arg(long, action = ArgAction::SetTrue)]
    text: bool,
    /// Days that the log group keeps records
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_653))]
    retention_days: u64,
    /// PutLogEvents calls a second that the account may make
    #[arg(long, value_name = "N", default_value_t = PUT_QUOTA as u32, value_parser = clap::value_parser!(u32).range(1..))]
    put_quota: u32,
    /// Price list that takes the place of ours
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

impl PlanArgs {
    /// What to plan for.
    pub fn input(&self) -> Input {
        Input {
            records_per_second: self.records_per_second,
            bytes: self.bytes,
            growth_per_month: self.growth_per_month,
            growing: match self.growth_in {
                GrowthIn::Records => Growing::Records,
                GrowthIn::Pods => Growing::Pods,
            },
            outage: self.outage,
            pods: self.pods,
            linger: self.linger,
            destinations: self.destinations,
            intake: if self.framed { Intake::Framed } else { Intake::Text },
            retention_days: self.retention_days,
            put_quota: f64::from(self.put_quota),
        }
    }
}

/// Reads `5000` or `0.5`.
fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = number(text).ok_or("is not a number of records a second, such as 5000 or 0.5")?;
    if rate <= 0.0 {
        return Err("must be more than 0: without records there is nothing to plan".to_owned());
    }
    (rate <= MOST_RECORDS)
        .then_some(rate)
        .ok_or_else(|| format!("is more than {MOST_RECORDS}: the rate is that of one pod"))
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("must be more than 0: empty records are not delivered".to_owned()),
        size if size > MOST_BYTES => {
            Err(format!("is more than {}: this is the size of one record", show_size(MOST_BYTES)))
        }
        size => Ok(size),
    }
}

/// Reads `15%`, `0.5%` or `-2%`.
fn parse_growth(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|text| number(text.trim_end()));
    let percent = percent.ok_or("is not a growth in percent: write 15% (or 0.5%, or -2%)")?;
    if percent <= -100.0 {
        return Err("would leave nothing after a month: it must be more than -100%".to_owned());
    }
    (percent <= MOST_GROWTH).then_some(percent / 100.0).ok_or_else(|| format!("is more than {MOST_GROWTH}% a month"))
}

fn parse_linger(text: &str) -> Result<Duration, String> {
    let linger = parse_duration(text)?;
    (linger <= Duration::from_secs(3_600)).then_some(linger).ok_or_else(|| "is longer than 1h".to_owned())
}

/// A finite number in plain digits: no exponent, no `inf`.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        assert_eq!((parse_rate("5000"), parse_rate("0.5")), (Ok(5_000.0), Ok(0.5)));
        for text in ["", "0", "-1", "nan", "inf", "1e3", "5,000", "100000001"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_of_a_record() {
        assert_eq!((parse_bytes("200"), parse_bytes("1KiB")), (Ok(200), Ok(1_024)));
        for text in ["0", "-1", "17MiB", "1.5KiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn growth() {
        assert_eq!((parse_growth("15%"), parse_growth("-2 %"), parse_growth("0%")), (Ok(0.15), Ok(-0.02), Ok(0.0)));
        for text in ["15", "0.15", "%", "-100%", "-200%", "1001%", "nan%"] {
            assert!(parse_growth(text).is_err(), "{text}");
        }
        assert!(parse_growth("0.15").unwrap_err().contains("15%"), "a share is not taken for percent");
    }
}
