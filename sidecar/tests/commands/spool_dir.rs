//! Spool directories made by hand, with the codec alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use splashdam::wire::append_record;
use splashdam_sidecar::config::Destination;
use splashdam_sidecar::engine::spool::{Cursor, DiskRun};
use splashdam_sidecar::spool::checksum::checksum;
use splashdam_sidecar::spool::entry::Head;
use splashdam_sidecar::spool::header::Header;
use splashdam_sidecar::spool::name::{lane_folder, SegmentName};
use splashdam_sidecar::spool::{cursor, lane_file};

/// Timestamp of the record with offset 0; each one's is its offset later.
pub(crate) const FIRST_MS: i64 = 1_741_478_400_000;

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

pub(crate) struct SpoolDir(tempfile::TempDir);

impl SpoolDir {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["lanes", "spare", "quarantine", "dead-letter"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("lock"), "").unwrap();
        SpoolDir(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn arg(&self) -> &str {
        self.path().to_str().unwrap()
    }

    pub(crate) fn lane(&self, group: &str, stream: &str) -> LaneDir {
        let destination = Destination::parse(group, stream).unwrap();
        let path = self.path().join("lanes").join(lane_folder(&destination, 0));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("lane.json"), lane_file::encode(&destination)).unwrap();
        LaneDir { path, destination }
    }
}

#[derive(Clone)]
pub(crate) struct LaneDir {
    pub(crate) path: PathBuf,
    pub(crate) destination: Destination,
}

impl LaneDir {
    /// A segment whose entries hold these texts, its records being taken in a minute ago.
    pub(crate) fn segment(&self, base: u64, salt: u64, entries: &[&[&str]]) -> PathBuf {
        let name = SegmentName { base, salt };
        let mut bytes = self.header(name);
        let mut next = base;
        for texts in entries {
            bytes.extend(entry(salt, next, texts));
            next += texts.len() as u64;
        }
        let path = self.path.join(name.to_string());
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn header(&self, name: SegmentName) -> Vec<u8> {
        let destination = self.destination.clone();
        Header { name, created_ms: now_ms() - 61_000, destination, channels: Vec::new() }.encode()
    }

    pub(crate) fn cursor(&self, number: u64, watermark: u64, ended: Vec<std::ops::Range<u64>>) {
        let slot = cursor::encode(number, &Cursor { watermark, ended, ..Cursor::default() });
        let path = self.path.join("cursor");
        let mut bytes = fs::read(&path).unwrap_or_default();
        bytes.resize(2 * cursor::SLOT, 0);
        let place = cursor::place(number) as usize;
        bytes[place..place + slot.len()].copy_from_slice(&slot);
        fs::write(path, bytes).unwrap();
    }
}

/// The bytes of an entry; what lies before it has its place already.
pub(crate) fn entry(salt: u64, first: u64, texts: &[&str]) -> Vec<u8> {
    let mut data = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        append_record(&mut data, FIRST_MS + first as i64 + index as i64, text.as_bytes());
    }
    let records = u32::try_from(texts.len()).unwrap();
    let head = Head {
        data: u32::try_from(data.len()).unwrap(),
        data_sum: checksum(salt, &data),
        records,
        after: first,
        first,
        arrived_ms: now_ms() - 60_000,
        runs: vec![DiskRun { client: [0; 16], first_sequence: 0, sequences: records, records }],
    };
    let mut bytes = Vec::new();
    head.encode(salt, &mut bytes);
    bytes.extend(data);
    bytes
}
