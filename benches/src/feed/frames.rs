//! The framed protocol, version 1, as far as a feeder needs it; `docs/protocol.md` is where it comes from.

use std::io::{self, Read};

const MAGIC: [u8; 4] = [0xff, b'S', b'P', b'D'];
/// No frame of a sidecar's is nearly this long.
const MAX_ANSWER: usize = 1 << 20;

/// Who a connection is, and where its records go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hello<'a> {
    pub(super) client: u128,
    pub(super) group: &'a str,
    pub(super) stream: &'a str,
}

/// Appends a frame: its type, then what `payload` writes, with the length before both.
fn frame(out: &mut Vec<u8>, kind: u8, payload: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, kind]);
    payload(out);
    let length = (out.len() - begin - 4) as u32;
    out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn hello(out: &mut Vec<u8>, hello: Hello<'_>) {
    out.extend_from_slice(&MAGIC);
    frame(out, 1, |out| {
        out.extend_from_slice(&[1, 0, 1, 0]);
        out.extend_from_slice(&hello.client.to_le_bytes());
        out.extend_from_slice(&std::process::id().to_le_bytes());
        out.extend_from_slice(&1_u64.to_le_bytes());
        text(out, "splashdam-bench");
        text(out, hello.group);
        text(out, hello.stream);
    });
}

/// Records with one timestamp and the sequences from `first`; `texts` writes each one's text.
pub(super) fn records(
    out: &mut Vec<u8>,
    first: u64,
    count: u32,
    millis: i64,
    mut texts: impl FnMut(u32, &mut Vec<u8>),
) {
    frame(out, 2, |out| {
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&count.to_le_bytes());
        for index in 0..count {
            out.extend_from_slice(&millis.to_le_bytes());
            let at = out.len();
            out.extend_from_slice(&[0; 4]);
            texts(index, out);
            let length = (out.len() - at - 4) as u32;
            out[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
    });
}

/// What a flush waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// On disk, where there is one.
    Durable = 2,
    /// Delivered, rejected or dropped.
    Ended = 3,
}

/// Asks for an answer when every record so far is at this level.
pub(super) fn flush(out: &mut Vec<u8>, ticket: u64, level: Level, timeout_ms: u32) {
    frame(out, 3, |out| {
        out.extend_from_slice(&ticket.to_le_bytes());
        out.push(level as u8);
        out.extend_from_slice(&timeout_ms.to_le_bytes());
    });
}

pub(super) fn bye(out: &mut Vec<u8>) {
    frame(out, 5, |_| {});
}

/// What a feeder wants to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Welcome { refused: bool },
    Ack { admitted_to: u64, ended_to: u64 },
    Flushed { reached: bool, delivered: u64, rejected: u64, dropped: u64, pending: u64 },
    Error { code: u16, text: String },
    Other,
}

/// Reads the next frame; none at the end of the stream.
pub(super) fn read(stream: &mut impl Read) -> io::Result<Option<Heard>> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if !(1..=MAX_ANSWER).contains(&length) {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    parse(&frame).map(Some).ok_or_else(|| io::Error::other(format!("a frame of type {:#04x} is too short", frame[0])))
}

fn parse(frame: &[u8]) -> Option<Heard> {
    let payload = &frame[1..];
    let long = |at: usize| Some(u64::from_le_bytes(payload.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u16::from_le_bytes(payload.get(at..at + 2)?.try_into().ok()?));
    Some(match frame[0] {
        0x81 => Heard::Welcome { refused: payload.get(2)? & 2 != 0 },
        0x82 => Heard::Ack { admitted_to: long(0)?, ended_to: long(16)? },
        0x83 => Heard::Flushed {
            reached: *payload.get(8)? == 0,
            delivered: long(9)?,
            rejected: long(17)?,
            dropped: long(25)?,
            pending: long(33)? + long(41)?,
        },
        0x85 => Heard::Error { code: short(0)?, text: String::from_utf8_lossy(payload.get(4..)?).into_owned() },
        _ => Heard::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that every client library tests against.
    fn vectors() -> Vec<serde_json::Value> {
        let json = include_str!("../../../tests/vectors/protocol.json");
        let mut found = Vec::new();
        collect(serde_json::from_str(json).unwrap(), &mut found);
        found
    }

    fn collect(value: serde_json::Value, found: &mut Vec<serde_json::Value>) {
        match value {
            serde_json::Value::Array(values) => values.into_iter().for_each(|value| collect(value, found)),
            serde_json::Value::Object(ref fields) => {
                if fields.contains_key("hex") {
                    found.push(value);
                } else {
                    fields.values().for_each(|value| collect(value.clone(), found));
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_sidecars_vectors_can_be_read() {
        let mut read_ones = 0;
        for vector in vectors() {
            let hex: String = vector["hex"].as_str().unwrap().split_ascii_whitespace().collect();
            let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(pair).collect();
            if bytes.len() > 4 && bytes[4] & 0x80 != 0 {
                read_ones += usize::from(read(&mut bytes.as_slice()).is_ok());
            }
        }
        assert!(read_ones >= 3, "{read_ones}");
    }

    #[test]
    fn frames_have_their_lengths() {
        let mut out = Vec::new();
        records(&mut out, 7, 2, -1, |index, out| out.extend(std::iter::repeat_n(b'x', 3 + index as usize)));
        assert_eq!(out.len(), 4 + 1 + 8 + 4 + (8 + 4 + 3) + (8 + 4 + 4));
        assert_eq!(out[..5], [out.len() as u8 - 4, 0, 0, 0, 2]);
        assert_eq!(out[25..29], [3, 0, 0, 0]);
        out.clear();
        flush(&mut out, 1, Level::Ended, 2);
        bye(&mut out);
        assert_eq!(out.len(), 4 + 14 + 5);
    }
}
