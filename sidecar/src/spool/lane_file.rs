//! `lane.json`: whose a lane's folder is, as text, so that a person can tell, too.

use serde::{Deserialize, Serialize};

use super::header::Format;
use crate::config::Destination;

/// The format that we write.
pub const FORMAT: u64 = 1;

/// Most bytes of the file that are looked at.
pub const MOST: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
struct LaneFile<'a> {
    format: u64,
    group: std::borrow::Cow<'a, str>,
    stream: std::borrow::Cow<'a, str>,
}

/// The contents for a destination.
#[must_use]
pub fn encode(destination: &Destination) -> Vec<u8> {
    let (group, stream) = (destination.group().as_str().into(), destination.stream().as_str().into());
    let file = LaneFile { format: FORMAT, group, stream };
    // Serialising two strings and a number cannot fail; an empty file would be taken for a damaged one.
    let mut bytes = serde_json::to_vec(&file).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// The destination that the contents name.
pub fn decode(bytes: &[u8]) -> Result<Destination, Format> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u64,
    }
    let versioned: Versioned = serde_json::from_slice(bytes).map_err(|_| Format::Damaged)?;
    if versioned.format > FORMAT {
        return Err(Format::Newer);
    }
    let file: LaneFile = serde_json::from_slice(bytes).map_err(|_| Format::Damaged)?;
    Destination::parse(&file.group, &file.stream).map_err(|_| Format::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_comes_back() {
        let destination = Destination::parse("/app", "pod \"ü\"").unwrap();
        assert_eq!(decode(&encode(&destination)), Ok(destination));
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        assert_eq!(decode(br#"{"format":2,"what":1}"#), Err(Format::Newer));
        for bad in [&b""[..], b"{", b"{}", br#"{"format":1}"#, br#"{"format":1,"group":"*","stream":"x"}"#, b"\xff"] {
            assert_eq!(decode(bad), Err(Format::Damaged));
        }
    }
}
