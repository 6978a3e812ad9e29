//! The history: dated rows in a CSV file that only grows. An absent figure is an empty field.
//!
//! A file whose header is another one is refused, before anything is measured: columns must mean the same in all of its rows.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::options::condition;
use crate::error::{io, wrong, Result};
use crate::host::kernel::machine;
use crate::results::LoadRun;

/// A row, and on how many CPUs it ran.
type Value = fn(&LoadRun, usize) -> String;

/// Name and value, in order.
const COLUMNS: &[(&str, Value)] = &[
    ("at", |run, _| run.at.clone()),
    ("cpus", |_, cpus| cpus.to_string()),
    ("shipper", |run, _| run.shipper.clone()),
    ("version", |run, _| run.version.clone()),
    ("spool", |run, _| if run.spool { "on" } else { "off" }.to_owned()),
    ("condition", |run, _| condition(run.condition).to_owned()),
    ("remote", |run, _| run.remote.clone()),
    ("record_bytes", |run, _| run.record_bytes.to_string()),
    ("offered_per_minute", |run, _| run.offered_per_minute.to_string()),
    ("seconds", |run, _| number(run.seconds)),
    ("outage_seconds", |run, _| maybe(run.outage_seconds)),
    ("caught_up_seconds", |run, _| maybe(run.caught_up_seconds)),
    ("offered", |run, _| run.offered.to_string()),
    ("written", |run, _| run.written.to_string()),
    ("delivered", |run, _| run.account.delivered.to_string()),
    ("doubled", |run, _| run.account.doubled.to_string()),
    ("lost", |run, _| run.account.lost.to_string()),
    ("success_percent", |run, _| number(run.success_percent)),
    ("delivered_per_second", |run, _| number(run.delivered_per_second)),
    ("cpu_percent", |run, _| number(run.cpu_percent)),
    ("cpu_seconds_per_million", |run, _| number(run.cpu_seconds_per_million)),
    ("peak_mib", |run, _| number(run.peak_mib)),
    ("budget_mib", |run, _| maybe(run.budget_mib)),
    ("limit_mib", |run, _| maybe(run.limit_mib)),
    ("limit_reached", |run, _| run.limit_reached.map_or_else(String::new, |times| times.to_string())),
    ("oom_kills", |run, _| run.oom_kills.to_string()),
    ("spool_mib_per_second", |run, _| maybe(run.spool_mib_per_second)),
    ("spool_gib_per_day", |run, _| maybe(run.spool_gib_per_day)),
    ("received_mib_per_second", |run, _| number(run.received_mib_per_second)),
    ("sent_mib_per_second", |run, _| number(run.sent_mib_per_second)),
    ("disk_write_mib_per_second", |run, _| maybe(run.disk_write_mib_per_second)),
    ("disk_read_mib_per_second", |run, _| maybe(run.disk_read_mib_per_second)),
    ("disk_operations_per_second", |run, _| maybe(run.disk_operations_per_second)),
    ("own_write_mib_per_second", |run, _| maybe(run.own_write_mib_per_second)),
    ("own_read_mib_per_second", |run, _| maybe(run.own_read_mib_per_second)),
    ("p50_ms", |run, _| milliseconds(run.end_to_end.p50)),
    ("p95_ms", |run, _| milliseconds(run.end_to_end.p95)),
    ("p99_ms", |run, _| milliseconds(run.end_to_end.p99)),
    ("call_error_percent", |run, _| number(run.call_error_percent)),
    ("loss_percent", |run, _| number(run.loss_percent)),
    ("others_cpus", |run, _| number(run.cpu.others_cpus)),
    ("comment", |run, _| run.comment.clone()),
    ("faults", |run, _| run.faults.join("; ")),
];

fn number(value: f64) -> String {
    format!("{value:.3}")
}

fn maybe(value: Option<f64>) -> String {
    value.map_or_else(String::new, number)
}

fn milliseconds(micros: u64) -> String {
    number(micros as f64 / 1e3)
}

/// One that rows can be added to.
#[derive(Debug)]
pub(crate) struct History {
    file: File,
    path: PathBuf,
    cpus: usize,
}

impl History {
    /// Opens it, or makes it with its header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.map_err(io("open", path.display()))?;
        let mut history = Self { file, path: path.to_owned(), cpus: machine()?.cpus };
        match history.length()? {
            0 => history.append(&header())?,
            _ => history.check()?,
        }
        Ok(history)
    }

    fn length(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(io("read", self.path.display()))?.len())
    }

    /// Is its header ours, and its last line whole?
    fn check(&mut self) -> Result<()> {
        let fail = || io("read", self.path.display().to_string());
        let own = header();
        let mut first = vec![0; own.len()];
        self.file.seek(SeekFrom::Start(0)).map_err(fail())?;
        let found = self.file.read_exact(&mut first).is_ok() && first == own.as_bytes();
        if !found {
            let why = "its first line is not the header of this version's history; name another file, or move it away";
            return Err(wrong(self.path.display(), why));
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1)).map_err(fail())?;
        self.file.read_exact(&mut last).map_err(fail())?;
        if last != *b"\n" {
            return Err(wrong(self.path.display(), "its last line is cut off; mend it by hand, then try again"));
        }
        Ok(())
    }

    /// Adds a row, in one write.
    pub(crate) fn add(&mut self, run: &LoadRun) -> Result<()> {
        let cpus = self.cpus;
        self.append(&line(COLUMNS.iter().map(|(_, value)| value(run, cpus))))
    }

    fn append(&mut self, line: &str) -> Result<()> {
        self.file.write_all(line.as_bytes()).map_err(io("write to", self.path.display()))
    }
}

fn header() -> String {
    line(COLUMNS.iter().map(|(name, _)| (*name).to_owned()))
}

/// Fields with what would break a line put in quotes (RFC 4180); line breaks become spaces, so that a row is a line.
fn line(fields: impl Iterator<Item = String>) -> String {
    let quoted = fields.map(|field| {
        let field = field.replace(['\r', '\n'], " ");
        match field.contains(['"', ',']) {
            true => format!("\"{}\"", field.replace('"', "\"\"")),
            false => field,
        }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sums::tests::a_run;

    fn columns(line: &str) -> Vec<String> {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        for letter in line.trim_end().chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        fields
    }

    #[test]
    fn rows_are_added_to_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        for _ in 0..2 {
            let mut history = History::open(&path).unwrap();
            history.add(&LoadRun { comment: "one, \"two\"\nthree".to_owned(), ..a_run() }).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("at,cpus,shipper,") && lines[1] == lines[2]);
        assert!(lines[1].contains("\"one, \"\"two\"\" three\""), "{}", lines[1]);
        let (names, values) = (columns(lines[0]), columns(lines[1]));
        assert_eq!(names.len(), values.len());
        let value = |name: &str| values[names.iter().position(|column| column == name).unwrap()].as_str();
        assert_eq!((value("lost"), value("condition"), value("spool")), ("1", "outage", "on"));
        assert_eq!((value("limit_mib"), value("outage_seconds")), ("", "2.000"));
    }

    #[test]
    fn another_files_columns_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        for (text, why) in [
            ("at,shipper\n2026,x\n".to_owned(), "header"),
            ("x".to_owned(), "header"),
            (header().trim_end().to_owned() + ",more\n", "header"),
            (header() + "2026-01-01", "cut off"),
        ] {
            std::fs::write(&path, &text).unwrap();
            let error = History::open(&path).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
