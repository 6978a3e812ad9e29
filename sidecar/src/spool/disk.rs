//! What the spool does to the file system, one operation each: a test puts a disk in its place that fails or ends at any of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Operations on files. Whoever calls says what it was for when one fails.
pub(super) trait Disk: Send + Sync {
    /// Makes a folder, unless it is there.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a file for reading and writing that must not be there yet.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Opens a file for reading and writing, and makes it if it is not there.
    fn open_or_create(&self, path: &Path) -> io::Result<File>;
    /// Writes some of `parts` at a place; says how many bytes.
    fn write(&self, file: &File, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize>;
    /// Brings a file's contents to the disk.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Brings a folder's names to the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Cuts a file to a length.
    fn cut(&self, file: &File, length: u64) -> io::Result<()>;
    /// Gives a file or folder another name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens a file for reading.
    fn open(&self, path: &Path) -> io::Result<File> {
        open_regular(path)
    }
    /// Reads at a place; fewer bytes than asked for only at the end.
    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match file.read_at(&mut buffer[read..], at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }
}

/// The file system. What it makes is for our own user alone: log records often hold what others must not read.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        regular(options.custom_flags(AT_ONCE).open(path)?)
    }

    fn write(&self, file: &File, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        Ok(rustix::io::pwritev(file, parts, at)?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// Nobody waits for the other end of a FIFO that has a name like ours.
const AT_ONCE: i32 = OFlags::NONBLOCK.bits() as i32;

/// Opens a file for reading, if it is one: `InvalidData` where it is a folder, a FIFO or a device.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    regular(OpenOptions::new().read(true).custom_flags(AT_ONCE).open(path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"))
    }
}

/// The first bytes of a file, at most so many.
pub(super) fn read_some(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether an error says nothing about the file: we or the machine have too much open, or too little memory.
pub(super) fn is_passing(error: &io::Error) -> bool {
    let passing = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::AGAIN];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}

/// What a file of so many bytes takes on nearly all file systems.
pub(super) fn blocks(bytes: u64) -> u64 {
    bytes.saturating_add(4_095) & !4_095
}

/// Most parts of one write that Linux takes (`IOV_MAX`, see `writev(2)`).
const MOST_PARTS: usize = 1_024;

/// Writes all of `parts` at a place, in as few calls as the kernel allows.
pub(super) fn write_all(disk: &dyn Disk, file: &File, mut parts: &mut [IoSlice<'_>], mut at: u64) -> io::Result<()> {
    while !parts.is_empty() {
        let some = &parts[..parts.len().min(MOST_PARTS)];
        match disk.write(file, some, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                at += written as u64;
                IoSlice::advance_slices(&mut parts, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes a file that may be gone already.
pub(super) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The names in a folder, sorted, and how many bytes each takes (holes do not count); none where there is no such folder.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        // A file that went away meanwhile has no bytes, and a name that is not text is none of ours.
        let bytes = entry.metadata().map_or(0, |about| about.len().min(about.blocks() * 512));
        names.extend(entry.file_name().into_string().ok().map(|name| (name, bytes)));
    }
    names.sort_unstable();
    Ok(names)
}

/// Puts what was being done in front of why it could not be.
pub(super) fn doing<T>(what: &str, path: &Path, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("cannot {what} {}: {error}", path.display())))
}
