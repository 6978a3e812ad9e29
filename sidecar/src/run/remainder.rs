//! What is still spooled at the end, printed to stderr where that is asked for: a spool that goes with its pod is read by
//! nobody else, but the node's log collector keeps stderr.
//!
//! One line of JSON a record: `{"splashdam":"remainder","timestamp":…,"group":…,"stream":…,"message":…}`. The records stay in the
//! spool; should the container start again, they are delivered as well.

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use crate::engine::chunk::RecordRef;
use crate::spool::inspect::{lanes, visit_records, LanePlace, Seen, Which};

/// Prints until all is printed or the time is up. Returns how many records were.
///
/// # Errors
/// Where the spool cannot be read, or stderr does not take it.
pub(super) fn print(dir: &Path, deadline: Instant) -> io::Result<u64> {
    let (lanes, _) = lanes(dir).map_err(io::Error::other)?;
    // Not the standard library's, whose lock we would hold for as long as nobody reads.
    let stderr = std::fs::File::from(rustix::io::dup(rustix::stdio::stderr())?);
    let mut out = BufWriter::with_capacity(64 << 10, stderr);
    let mut printed = 0;
    for lane in &lanes {
        let result = visit_records(lane, Which::Left, &mut |seen| {
            if Instant::now() >= deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if let Seen::Record(record) = seen {
                write(&mut out, lane, record)?;
                printed += 1;
            }
            Ok(())
        });
        match result {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => break,
            result => result?,
        }
    }
    out.flush()?;
    Ok(printed)
}

fn write(out: &mut impl Write, lane: &LanePlace, record: RecordRef<'_>) -> io::Result<()> {
    let destination = lane.destination.as_ref().ok();
    let line = serde_json::json!({
        "splashdam": "remainder",
        "timestamp": record.timestamp_ms,
        "group": destination.map(|destination| destination.group().as_str()),
        "stream": destination.map(|destination| destination.stream().as_str()),
        "message": String::from_utf8_lossy(record.text),
    });
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}
