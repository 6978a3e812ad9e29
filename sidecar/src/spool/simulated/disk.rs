//! A disk of a simulation: real files, and operations that stop for good, fail for a while, or are lost with the power.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::retry::Jitter;
use crate::spool::disk::{list, open_regular, Disk, RealDisk};

/// What becomes of the operation at which the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It is not done.
    Before,
    /// Of a write a part is done.
    Torn,
    /// It is done, and nobody hears of it.
    After,
}

#[derive(Debug)]
struct State {
    chance: Jitter,
    /// Operations until the process ends, and how.
    stop: Option<(u64, Stop)>,
    stopped: bool,
    /// Errors of what writes, and how often.
    refuses: Option<(i32, f64)>,
    /// Reads of records fail.
    refuses_reads: bool,
    /// Only with `power-loss` it matters what was synced.
    remembers: bool,
    /// Held, so that no other file gets their inodes.
    removed: Vec<File>,
    /// Contents by inode, as of their last sync.
    contents: HashMap<u64, Vec<u8>>,
    /// Names in each folder and their inodes, as of the folder's last sync.
    names: HashMap<PathBuf, Vec<(String, u64)>>,
}

/// The disk.
#[derive(Debug)]
pub(crate) struct SimulatedDisk(Mutex<State>);

impl SimulatedDisk {
    /// A disk that does all it is asked. `remembers`: it can lose what was not synced.
    pub(crate) fn new(seed: u64, remembers: bool) -> Self {
        SimulatedDisk(Mutex::new(State {
            chance: Jitter::new(seed),
            stop: None,
            stopped: false,
            refuses: None,
            refuses_reads: false,
            remembers,
            removed: Vec::new(),
            contents: HashMap::new(),
            names: HashMap::new(),
        }))
    }

    /// After so many operations the process ends.
    pub(crate) fn stop_after(&self, operations: u64, stop: Stop) {
        self.state().stop = Some((operations, stop));
    }

    /// Whether it has ended.
    pub(crate) fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Another process may use it now.
    pub(crate) fn go_on(&self) {
        let mut state = self.state();
        (state.stop, state.stopped) = (None, false);
    }

    /// From now on this share of what writes fails with this error.
    pub(crate) fn refuse(&self, refuses: Option<(i32, f64)>) {
        self.state().refuses = refuses;
    }

    /// From now on records cannot be read, or can. What it was before.
    pub(crate) fn refuse_reads(&self, refuses: bool) -> bool {
        std::mem::replace(&mut self.state().refuses_reads, refuses)
    }

    /// The power is lost: of each file and each folder below `lanes` what was synced last is left, or what is there now (a file
    /// system may have written it of itself).
    pub(crate) fn lose_power(&self, lanes: &Path) -> io::Result<()> {
        let mut state = self.state();
        let State { chance, contents, names, .. } = &mut *state;
        let known = names.get(lanes).cloned().unwrap_or_default();
        for (folder_name, _) in list(lanes)? {
            let folder = lanes.join(&folder_name);
            let now = inodes(&folder)?;
            let synced = names.get(&folder).cloned().unwrap_or_default();
            let kept = if chance.unit() < 0.5 { synced } else { now.clone() };
            let mut files = Vec::new();
            for (name, inode) in kept {
                let present = now.iter().find(|(_, other)| *other == inode).map(|(name, _)| folder.join(name));
                let whole = present.filter(|_| chance.unit() < 0.5).and_then(|path| fs::read(path).ok());
                files.push((name, whole.unwrap_or_else(|| contents.get(&inode).cloned().unwrap_or_default())));
            }
            for (name, _) in &now {
                fs::remove_file(folder.join(name))?;
            }
            if files.is_empty() && !known.iter().any(|(name, _)| *name == folder_name) {
                fs::remove_dir(&folder)?;
                continue;
            }
            for (name, bytes) in files {
                fs::write(folder.join(name), bytes)?;
            }
        }
        (state.contents, state.names) = Default::default();
        // What is there now is on the disk.
        let State { contents, names, .. } = &mut *state;
        names.insert(lanes.to_owned(), inodes(lanes)?);
        for (name, _) in list(lanes)? {
            let folder = lanes.join(name);
            let files = inodes(&folder)?;
            for (name, inode) in &files {
                contents.insert(*inode, fs::read(folder.join(name))?);
            }
            names.insert(folder, files);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<T>(&self, needs_room: bool, whole: impl FnOnce() -> io::Result<T>, torn: impl FnOnce()) -> io::Result<T> {
        let mut state = self.state();
        if state.stopped {
            return Err(io::Error::other("the process has ended"));
        }
        if let Some((left, stop)) = &mut state.stop {
            if *left == 0 {
                let stop = *stop;
                state.stopped = true;
                drop(state);
                match stop {
                    Stop::Before => {}
                    Stop::Torn => torn(),
                    Stop::After => drop(whole()),
                }
                return Err(io::Error::other("the process has ended"));
            }
            *left -= 1;
        }
        if let Some((error, share)) = state.refuses.filter(|(error, _)| needs_room || *error != ENOSPC) {
            if state.chance.unit() < share {
                let tears = state.chance.unit() < 0.5;
                drop(state);
                if tears {
                    torn();
                }
                return Err(io::Error::from_raw_os_error(error));
            }
        }
        drop(state);
        whole()
    }
}

impl Disk for SimulatedDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step(true, || RealDisk.make_folder(path), || {})
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        if self.state().stopped {
            return Err(io::Error::other("the process has ended"));
        }
        open_regular(path)
    }

    fn read(&self, file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        if self.state().refuses_reads {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        RealDisk.read(file, buffer, at)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.step(true, || RealDisk.create(path), || {})
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.step(true, || RealDisk.open_or_create(path), || {})
    }

    fn write(&self, file: &File, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        let torn = || {
            let all: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            let _ = RealDisk.write(file, &[IoSlice::new(&all[..all.len() * 2 / 3])], at);
        };
        self.step(true, || RealDisk.write(file, parts, at), torn)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step(false, || Ok(()), || {})?;
        let about = file.metadata()?;
        let mut bytes = vec![0; usize::try_from(about.len()).unwrap_or(0)];
        file.read_exact_at(&mut bytes, 0)?;
        self.state().contents.insert(about.ino(), bytes);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.step(false, || Ok(()), || {})?;
        let names = inodes(path)?;
        self.state().names.insert(path.to_owned(), names);
        Ok(())
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.step(false, || RealDisk.cut(file, length), || {})
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(false, || RealDisk.rename(from, to), || {})
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let file = File::open(path);
        let removed = self.step(false, || RealDisk.remove(path), || {});
        let mut state = self.state();
        if state.remembers {
            state.removed.extend(file);
        }
        removed
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step(false, || RealDisk.remove_folder(path), || {})
    }
}

/// The kernel's number for an error of the device.
const EIO: i32 = rustix::io::Errno::IO.raw_os_error();

/// The same where there is no room.
const ENOSPC: i32 = rustix::io::Errno::NOSPC.raw_os_error();

/// Names in a folder, ascending, and their inodes.
fn inodes(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut names = Vec::new();
    for (name, _) in list(folder)? {
        let about = fs::symlink_metadata(folder.join(&name))?;
        names.push((name, about.ino()));
    }
    Ok(names)
}
