//! A disk that fails, or ends for good, at its n-th operation, and that knows what a power loss would leave.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rustix::io::Errno;

use crate::spool::disk::{open_regular, Disk, RealDisk};

/// What becomes of the operation that is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hit {
    /// It is not done.
    Before,
    /// Of a write a part is done.
    Torn,
    /// It is done, and nobody hears of it.
    After,
}

#[derive(Debug, Default)]
struct State {
    done: usize,
    hit: Option<(usize, Hit)>,
    /// After the hit nothing works any more: the process has ended.
    ends: bool,
    times: usize,
    was_hit: bool,
    /// Files whose name ends so cannot be opened for reading, and why.
    refused: Option<(String, i32)>,
    /// Held, so that no other file gets their inodes.
    removed: Vec<File>,
    /// Contents by inode, as of their last sync.
    contents: HashMap<u64, Vec<u8>>,
    /// Names in each folder and their inodes, as of the folder's last sync.
    names: HashMap<PathBuf, HashMap<String, u64>>,
}

/// The disk.
#[derive(Debug, Default)]
pub(super) struct Faulty(Mutex<State>);

impl Faulty {
    /// Ends at operation `at`, counted from 0: nothing works afterwards.
    pub(super) fn ends_at(at: usize, hit: Hit) -> Self {
        Faulty(Mutex::new(State { hit: Some((at, hit)), ends: true, times: 1, ..State::default() }))
    }

    /// Fails at operation `at`, and so many `times` from there on.
    pub(super) fn fails_at(at: usize, hit: Hit, times: usize) -> Self {
        Faulty(Mutex::new(State { hit: Some((at, hit)), times, ..State::default() }))
    }

    /// Takes from the lanes' folder what was not synced: contents, and where `names` says so, names as well. (A file system may
    /// keep either.)
    pub(super) fn lose_power(&self, lanes: &Path, names: bool) {
        let state = self.state();
        let folders: Vec<_> = listing(lanes).into_keys().map(|name| lanes.join(name)).collect();
        for folder in folders {
            let lane = folder.file_name().unwrap().to_str().unwrap();
            let known = state.names.get(lanes).is_some_and(|names| names.contains_key(lane));
            let present = listing(&folder);
            let kept = if names { state.names.get(&folder).cloned().unwrap_or_default() } else { present.clone() };
            present.keys().for_each(|name| fs::remove_file(folder.join(name)).unwrap());
            for (name, inode) in kept {
                fs::write(folder.join(name), state.contents.get(&inode).map_or(&[][..], |bytes| bytes)).unwrap();
            }
            if names && !known {
                fs::remove_dir_all(folder).unwrap();
            }
        }
    }

    /// Refuses to open files whose name ends so from now on, with this error; `None`: no file.
    pub(super) fn refuse(&self, refused: Option<(&str, i32)>) {
        self.state().refused = refused.map(|(end, error)| (end.to_owned(), error));
    }

    /// Number of operations so far.
    pub(super) fn operations(&self) -> usize {
        self.state().done
    }

    pub(super) fn was_hit(&self) -> bool {
        self.state().was_hit
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn step<T>(&self, whole: impl FnOnce() -> io::Result<T>, torn: impl FnOnce()) -> io::Result<T> {
        let mut state = self.state();
        if state.was_hit && state.ends {
            return Err(io::Error::other("the process has ended"));
        }
        let at = state.done;
        state.done += 1;
        let times = state.times;
        let Some((_, hit)) = state.hit.filter(|(hit, _)| (*hit..*hit + times).contains(&at)) else { return whole() };
        state.was_hit = true;
        // As a disk that is full, and one that is broken.
        let error = match hit {
            Hit::Before => Errno::NOSPC,
            Hit::Torn => {
                torn();
                Errno::NOSPC
            }
            Hit::After => {
                drop(whole());
                Errno::IO
            }
        };
        Err(error.into())
    }
}

impl Disk for Faulty {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.make_folder(path), || {})
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        match &self.state().refused {
            Some((end, error)) if path.to_str().unwrap().ends_with(end) => Err(io::Error::from_raw_os_error(*error)),
            _ => open_regular(path),
        }
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.step(|| RealDisk.create(path), || {})
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.step(|| RealDisk.open_or_create(path), || {})
    }

    fn write(&self, file: &File, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        let torn = || {
            let all: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
            let _ = RealDisk.write(file, &[IoSlice::new(&all[..all.len() * 2 / 3])], at);
        };
        self.step(|| RealDisk.write(file, parts, at), torn)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let synced = self.step(|| Ok(()), || {});
        if synced.is_ok() {
            let about = file.metadata()?;
            let mut bytes = vec![0; about.len() as usize];
            file.read_exact_at(&mut bytes, 0)?;
            self.state().contents.insert(about.ino(), bytes);
        }
        synced
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let synced = self.step(|| Ok(()), || {});
        // That folder of everybody's may hold very many names.
        if synced.is_ok() && path.parent() != Some(Path::new("/")) && path != std::env::temp_dir() {
            self.state().names.insert(path.to_owned(), listing(path));
        }
        synced
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.step(|| RealDisk.cut(file, length), || {})
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| RealDisk.rename(from, to), || {})
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let file = File::open(path);
        let removed = self.step(|| RealDisk.remove(path), || {});
        self.state().removed.extend(file);
        removed
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove_folder(path), || {})
    }
}

/// Names in a folder, and their inodes. What goes meanwhile is not there.
pub(super) fn listing(folder: &Path) -> HashMap<String, u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let about = |entry: fs::DirEntry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?.ino()));
    entries.filter_map(about).collect()
}
