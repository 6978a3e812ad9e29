//! Feeders: what writes records into the sidecar's socket, as a process of its own.
//!
//! - [`text`]: lines, as fast as taken or paced; the lines are prebuilt and only their digits change.
//! - [`framed`]: whole frames over a few connections, with every record's end awaited.
//! - [`bad`]: clients that do what no client should, without end.
//! - [`lanes`]: a thousand quiet framed connections from one thread.
//!
//! A feeder prints one line of JSON, a [`Report`]. The framed ones are written from `docs/protocol.md` alone and
//! share no code with the client library or the sidecar, so that they can disagree with both.

use serde::{Deserialize, Serialize};

pub(crate) mod bad;
pub(crate) mod framed;
mod frames;
pub(crate) mod lanes;
mod line;
mod page;
pub(crate) mod text;

/// What a feeder did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Records written.
    pub(crate) records: u64,
    /// Just before the first byte was written, microseconds since the epoch.
    pub(crate) begin_micros: u64,
    /// When the last write returned (framed: when the last record had ended).
    pub(crate) end_micros: u64,
    /// CPU time of the feeder.
    pub(crate) cpu_seconds: f64,
    /// Lines that were due before it ended, written or not (paced only).
    #[serde(default)]
    pub(crate) due: u64,
    /// Bytes of the records written.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// Lines that were cut off in their midst because it gave up; not among the records.
    #[serde(default)]
    pub(crate) cut: u64,
    /// It ended before all was written: the socket took no more in time, or somebody asked.
    #[serde(default)]
    pub(crate) gave_up: bool,
    /// Why the socket took no more, if it broke (with a time to give up; else that is an error).
    #[serde(default)]
    pub(crate) broken: Option<String>,
    /// How far behind its due time the latest record was written (paced only).
    pub(crate) late_max_micros: u64,
    /// Framed only: how the records ended, by connection.
    pub(crate) ended: Vec<Ended>,
}

/// How one framed connection's records ended, as the sidecar told it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) delivered: u64,
    pub(crate) rejected: u64,
    pub(crate) dropped: u64,
    pub(crate) pending: u64,
    /// From the first byte to the answer of the last flush.
    pub(crate) seconds: f64,
}

impl Report {
    /// Several connections' reports as one.
    fn merge(parts: Vec<Self>) -> Self {
        let begin = parts.iter().map(|part| part.begin_micros).min().unwrap_or_default();
        let mut whole = Self { begin_micros: begin, ..Self::default() };
        for part in parts {
            whole.records += part.records;
            whole.due += part.due;
            whole.bytes += part.bytes;
            whole.cut += part.cut;
            whole.gave_up |= part.gave_up;
            whole.broken = whole.broken.or(part.broken);
            whole.end_micros = whole.end_micros.max(part.end_micros);
            whole.late_max_micros = whole.late_max_micros.max(part.late_max_micros);
            whole.ended.extend(part.ended);
        }
        whole.cpu_seconds = crate::host::clock::own_cpu().as_secs_f64();
        whole
    }
}

/// Share of `total` for each of `parts`, with where it begins.
fn shares(total: u64, parts: u64) -> impl Iterator<Item = (u64, u64)> {
    let parts = parts.max(1);
    (0..parts).map(move |part| {
        let begin = total * part / parts;
        (begin, total * (part + 1) / parts - begin)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_whole() {
        assert_eq!(shares(10, 3).collect::<Vec<_>>(), [(0, 3), (3, 3), (6, 4)]);
        assert_eq!(shares(2, 1).collect::<Vec<_>>(), [(0, 2)]);
    }
}
