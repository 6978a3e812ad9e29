//! Names of files and folders. What a segment's header says about its place stands in its name, too.

use std::fmt;

use crate::config::Destination;

/// The one that uses the spool holds a lock on this file.
pub const LOCK: &str = "lock";
/// Folder of the lanes' folders.
pub const LANES: &str = "lanes";
/// Folder of segments to be used again and of files half made.
pub const SPARE: &str = "spare";
/// Folder of segments and lanes in which something could not be read.
pub const QUARANTINE: &str = "quarantine";
/// Folder of the dead letters.
pub const DEAD_LETTER: &str = "dead-letter";
/// A lane's destination.
pub const LANE_FILE: &str = "lane.json";
/// What of a lane has ended.
pub const CURSOR: &str = "cursor";
/// What a segment's name ends with.
pub const SEGMENT: &str = ".segment";
/// What is added to the name of a folder that a newer splashdam has written.
pub const NEWER: &str = ".newer";

/// No offset is larger: with a million records a second a lane has enough of them for 146,000 years. What says otherwise is
/// damaged, and no sum of what is read can overflow.
pub const HIGHEST_OFFSET: u64 = 1 << 62;

/// A segment's name: its place in the lane, and what its bytes are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentName {
    /// First offset.
    pub base: u64,
    /// 64 random bits, new for every use of a file.
    pub salt: u64,
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}{SEGMENT}", self.base, self.salt)
    }
}

impl SegmentName {
    /// Reads a file's name; `None` where it is not exactly as we write them, or has an offset that nothing can have.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (base, salt) = name.strip_suffix(SEGMENT)?.split_once('-')?;
        let base = hex16(base).filter(|base| *base <= HIGHEST_OFFSET)?;
        Some(SegmentName { base, salt: hex16(salt)? })
    }
}

fn hex16(digits: &str) -> Option<u64> {
    let ours = digits.len() == 16 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if ours {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// The folder of a lane: FNV-1a of 128 bits over group, NUL, stream, in 32 hex digits. `taken` folders of that name belong to
/// other destinations already (which takes somebody who looks for collisions): then `-1`, `-2` and so on follow.
#[must_use]
pub fn lane_folder(destination: &Destination, taken: u32) -> String {
    let (group, stream) = (destination.group().as_str(), destination.stream().as_str());
    let hash = fnv1a(group.bytes().chain([0]).chain(stream.bytes()));
    match taken {
        0 => format!("{hash:032x}"),
        more => format!("{hash:032x}-{more}"),
    }
}

/// FNV-1a with the 128-bit prime and offset basis of its authors.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_and_nothing_else_is_one() {
        let name = SegmentName { base: 0x4d2, salt: 0x9b1f_0000_0000_00e0 };
        assert_eq!(name.to_string(), "00000000000004d2-9b1f0000000000e0.segment");
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        for bad in ["", ".segment", "4d2-1.segment", "00000000000004D2-9b1f0000000000e0.segment", "cursor"] {
            assert_eq!(SegmentName::parse(bad), None, "{bad}");
        }
        assert_eq!(SegmentName::parse("4000000000000001-9b1f0000000000e0.segment"), None);
        assert_eq!(SegmentName::parse("+0000000000004d2-9b1f0000000000e0.segment"), None);
    }

    #[test]
    fn names_sort_by_offset() {
        let name = |base| SegmentName { base, salt: u64::MAX - base }.to_string();
        assert!(name(9) < name(10) && name(0xff) < name(0x100));
    }

    #[test]
    fn a_lanes_folder_is_stable() {
        // Value of "foobar" and of nothing from the authors' own test suite.
        assert_eq!(fnv1a(std::iter::empty()), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a".iter().copied()), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        let destination = Destination::parse("/app", "pod-1").unwrap();
        assert_eq!(lane_folder(&destination, 0).len(), 32);
        assert_eq!(lane_folder(&destination, 2), format!("{}-2", lane_folder(&destination, 0)));
        // The NUL keeps group and stream apart.
        assert_ne!(lane_folder(&destination, 0), lane_folder(&Destination::parse("/appp", "od-1").unwrap(), 0));
    }
}
