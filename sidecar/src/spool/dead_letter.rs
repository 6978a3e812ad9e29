//! Dead letters: what CloudWatch refused for good, kept for people as lines of JSON.
//!
//! `dead-letter.ndjson` is the newest; at `file_bytes` it becomes `dead-letter.1.ndjson`, what was that becomes `dead-letter.2.ndjson`, and
//! so on; the oldest goes. A file is larger than `file_bytes` only where a single [`Refused`] is.
//!
//! ```json
//! {"time":"2025-03-09T12:00:00.250Z","group":"app","stream":"pod","reason":"too_old","timestamp":1741478400000,"message":"…"}
//! ```
//!
//! The file is opened anew for each [`Refused`]: refusals are rare, and whoever takes a file away or empties it meanwhile may do so. Nothing
//! is synced. What a failed write left is cut off again; what a crash left half written stays a line of its own, as the next
//! write begins a new one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Destination, UtcDate};
use crate::engine::spool::Refused;

/// Most that is gathered for one write call.
const PIECE: usize = 256 << 10;
const MS_PER_DAY: i64 = 86_400_000;

/// The dead letters of one spool.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    dir: PathBuf,
    file_bytes: u64,
    files: usize,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    time: &'a str,
    group: &'a str,
    stream: &'a str,
    reason: &'a str,
    timestamp: i64,
    message: &'a str,
}

impl DeadLetters {
    /// Keeps them in the folder `dir`, in at most `files` files of `file_bytes`. Does nothing before the first write.
    #[must_use]
    pub fn open(dir: &Path, file_bytes: u64, files: usize) -> Self {
        DeadLetters { dir: dir.to_owned(), file_bytes, files: files.max(1) }
    }

    /// The names of the files in `dir`, the newest first.
    pub fn names(files: usize) -> impl Iterator<Item = String> {
        (0..files).map(name)
    }

    /// Writes what was refused, one line each. Returns how many records that were.
    ///
    /// # Errors
    /// The file system's. Then nothing of `refused` has been kept, unless it even refused to cut the file.
    pub fn write(&mut self, destination: &Destination, refused: &Refused) -> io::Result<u64> {
        let mut bytes = Count(0);
        lines(&mut bytes, destination, refused)?;
        let (file, size) = self.file(bytes.0)?;
        let written = append(&file, ends_in_a_line(&file, size)?, destination, refused);
        if written.is_err() {
            // The first error is the one to tell of; a torn line is also what a crash leaves.
            let _ = file.set_len(size);
        }
        written
    }

    /// The newest file with room for `bytes`, and its size.
    fn file(&self, bytes: u64) -> io::Result<(File, u64)> {
        let file = self.newest()?;
        let size = file.metadata()?.len();
        if size == 0 || size.saturating_add(bytes) <= self.file_bytes {
            return Ok((file, size));
        }
        self.rotate()?;
        let file = self.newest()?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    fn newest(&self) -> io::Result<File> {
        // Reading tells how the file ends.
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let open = || options.open(self.dir.join(name(0)));
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // For nobody else, like all of the spool.
                DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
                open()
            }
            other => other,
        }
    }

    /// The last file gives way, each other one takes the name of the next. With a single file it begins anew.
    fn rotate(&self) -> io::Result<()> {
        if self.files == 1 {
            return fs::remove_file(self.dir.join(name(0)));
        }
        for index in (1..self.files).rev() {
            match fs::rename(self.dir.join(name(index - 1)), self.dir.join(name(index))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        Ok(())
    }
}

fn name(index: usize) -> String {
    match index {
        0 => "dead-letter.ndjson".to_owned(),
        older => format!("dead-letter.{older}.ndjson"),
    }
}

/// A crash may have torn the last line.
fn ends_in_a_line(file: &File, size: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(at) = size.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    Ok(last == [b'\n'])
}

fn append(file: &File, begun: bool, destination: &Destination, refused: &Refused) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(PIECE, file);
    if !begun {
        out.write_all(b"\n")?;
    }
    let records = lines(&mut out, destination, refused);
    let flushed = out.flush();
    // What is still in the buffer after an error must not be written when it goes.
    let _ = out.into_parts();
    flushed.and(records)
}

fn lines(out: &mut impl Write, destination: &Destination, refused: &Refused) -> io::Result<u64> {
    let time = rfc3339(refused.at_ms);
    let mut records = 0;
    for record in refused.chunk.range(refused.records.clone()) {
        let line = Line {
            time: &time,
            group: destination.group().as_str(),
            stream: destination.stream().as_str(),
            reason: refused.reason,
            timestamp: record.timestamp_ms,
            message: &String::from_utf8_lossy(record.text),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
        records += 1;
    }
    Ok(records)
}

/// A moment in milliseconds since the epoch, as in RFC 3339.
fn rfc3339(ms: i64) -> String {
    let of_day = ms.rem_euclid(MS_PER_DAY);
    let (seconds, part) = (of_day / 1_000, of_day % 1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}.{part:03}Z", UtcDate::from_unix_ms(ms))
}

/// Counts bytes and keeps none.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::budget::Budget;
    use crate::engine::chunk::tests::chunk_of;

    fn refused(texts: &[&str]) -> Refused {
        let records: Vec<(i64, &str)> = texts.iter().map(|text| (1_741_478_400_000, *text)).collect();
        let chunk = Arc::new(chunk_of(&Budget::new(64 << 20), &records));
        let all = 0..chunk.records;
        Refused { chunk, records: all, reason: "too_old", at_ms: 1_741_521_600_250 }
    }

    fn destination() -> Destination {
        Destination::parse("app", "pod/1").unwrap()
    }

    fn messages(file: &Path) -> Vec<String> {
        let text = fs::read_to_string(file).unwrap();
        let of = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].as_str().unwrap().to_owned()
        };
        text.lines().map(of).collect()
    }

    #[test]
    fn a_line_tells_what_where_when_and_why() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("dead-letter");
        let mut letters = DeadLetters::open(&dir, 1 << 20, 4);
        assert!(!dir.exists(), "nothing before the first write");
        let only_the_second = Refused { records: 1..2, ..refused(&["a", "say \"ß\"\n", "c"]) };
        assert_eq!(letters.write(&destination(), &only_the_second).unwrap(), 1);
        let line = fs::read_to_string(dir.join("dead-letter.ndjson")).unwrap();
        let expected = r#"{"time":"2025-03-09T12:00:00.250Z","group":"app","stream":"pod/1","reason":"too_old","timestamp":1741478400000,"message":"say \"ß\"\n"}"#;
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn the_newest_are_kept_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        // Room for two lines of this length, and not for three.
        let mut letters = DeadLetters::open(folder.path(), 350, 3);
        for number in 0..9 {
            letters.write(&destination(), &refused(&[&format!("{number:020}")])).unwrap();
        }
        let kept: Vec<Vec<u8>> = DeadLetters::names(4)
            .map(|name| folder.path().join(name))
            .take_while(|file| file.exists())
            .map(|file| messages(&file).iter().map(|text| text.as_bytes()[19] - b'0').collect())
            .collect();
        assert_eq!(kept, [vec![8], vec![6, 7], vec![4, 5]]);
    }

    #[test]
    fn a_single_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::open(folder.path(), 1, 1);
        for text in ["a", "b"] {
            letters.write(&destination(), &refused(&[text])).unwrap();
        }
        assert_eq!(messages(&folder.path().join("dead-letter.ndjson")), ["b"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dead-letter.ndjson");
        fs::write(&file, "{\"time\":\"20").unwrap();
        let mut letters = DeadLetters::open(folder.path(), 1 << 20, 4);
        letters.write(&destination(), &refused(&["a"])).unwrap();
        letters.write(&destination(), &refused(&["b"])).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[1].contains("\"a\"") && lines[2].contains("\"b\""), "{text}");
    }

    #[test]
    fn a_file_taken_away_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("d");
        let mut letters = DeadLetters::open(&dir, 1 << 20, 4);
        letters.write(&destination(), &refused(&["a"])).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        letters.write(&destination(), &refused(&["b"])).unwrap();
        assert_eq!(messages(&dir.join("dead-letter.ndjson")), ["b"]);
    }

    #[test]
    fn the_largest_record_is_written_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let mut letters = DeadLetters::open(folder.path(), 1 << 20, 4);
        let text = "\u{1}".repeat(1_048_550);
        assert_eq!(letters.write(&destination(), &refused(&[&text, "short"])).unwrap(), 2);
        let back = messages(&folder.path().join("dead-letter.ndjson"));
        assert_eq!((back[0].len(), back[1].as_str()), (text.len(), "short"));
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("dead-letter.ndjson")).unwrap();
        let mut letters = DeadLetters::open(folder.path(), 1 << 20, 4);
        let error = letters.write(&destination(), &refused(&["a"])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
