//! `spool cat`: the records of a spool on stdout, what is wrong with it on stderr.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::cli::{CatArgs, CatFormat, Exit};
use crate::command::human::count;
use crate::command::out;
use crate::config::Destination;
use crate::engine::chunk::RecordRef;
use crate::spool::inspect::{lanes, usage, visit_records, LanePlace, Seen, Usage, Which};

mod select;

/// Prints records.
pub(super) fn cat(args: &CatArgs, dir: &Path) -> Exit {
    let lanes = match lanes(dir) {
        Ok((lanes, _)) => lanes,
        Err(error) => {
            out::tell(&error.to_string());
            return Exit::Failure;
        }
    };
    let chosen = match select::select(lanes, &args.lanes) {
        Ok(chosen) => chosen,
        Err(what) => {
            out::tell(&what);
            return Exit::Configuration;
        }
    };
    let out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let mut print = Print { out, format: args.format, in_use: usage(dir) == Usage::InUse, damaged: false };
    let which = if args.all { Which::All } else { Which::Left };
    match chosen.iter().try_for_each(|lane| print.lane(lane, which)).and_then(|()| print.out.flush()) {
        Ok(()) if print.damaged => Exit::Loss,
        Ok(()) => Exit::Success,
        // Whoever read has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
        Err(error) => {
            out::tell(&format!("cannot write to stdout: {error}"));
            Exit::Failure
        }
    }
}

struct Print<W> {
    out: W,
    format: CatFormat,
    in_use: bool,
    damaged: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: i64,
    group: Option<&'a str>,
    stream: Option<&'a str>,
    message: &'a str,
}

impl<W: Write> Print<W> {
    fn lane(&mut self, lane: &LanePlace, which: Which) -> io::Result<()> {
        let destination = lane.destination.as_ref().ok();
        let label = lane.label();
        visit_records(lane, which, &mut |seen| match seen {
            Seen::Record(record) => self.record(destination, record),
            other => {
                self.tell(&label, &other);
                Ok(())
            }
        })
    }

    fn record(&mut self, destination: Option<&Destination>, record: RecordRef<'_>) -> io::Result<()> {
        match self.format {
            CatFormat::Text => self.out.write_all(record.text)?,
            CatFormat::Ndjson => serde_json::to_writer(
                &mut self.out,
                &Line {
                    timestamp: record.timestamp_ms,
                    group: destination.map(|destination| destination.group().as_str()),
                    stream: destination.map(|destination| destination.stream().as_str()),
                    message: &String::from_utf8_lossy(record.text),
                },
            )?,
        }
        self.out.write_all(b"\n")
    }

    fn tell(&mut self, lane: &str, seen: &Seen<'_>) {
        let line = match seen {
            Seen::Record(_) => return,
            Seen::Lost(segment, records) => {
                self.damaged = true;
                let noun = if *records == 1 { "record" } else { "records" };
                format!("{lane}: {} is damaged: {} {noun} cannot be read", segment.path.display(), count(*records))
            }
            Seen::Refused(segment, why) => {
                self.damaged = true;
                let what =
                    segment.map_or_else(|| "its folder".to_owned(), |segment| segment.path.display().to_string());
                format!("{lane}: cannot read {what}: {why}")
            }
            Seen::Blemish(segment) => {
                format!("{lane}: {} is damaged, but no record is lost", segment.path.display())
            }
            // A sidecar at work is about to finish it.
            Seen::Torn(_) if self.in_use => return,
            Seen::Torn(segment) => {
                format!("{lane}: the last write to {} is torn: it was never durable", segment.path.display())
            }
        };
        out::tell(&line);
    }
}
