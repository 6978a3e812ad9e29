//! A disk that fails, or ends for good, at its n-th operation.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::spool::disk::{Disk, RealDisk};

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
    was_hit: bool,
}

/// The disk.
#[derive(Debug, Default)]
pub(super) struct Faulty(Mutex<State>);

impl Faulty {
    /// Hits operation `at`, counted from 0. If it `ends` there, nothing works afterwards.
    pub(super) fn at(at: usize, hit: Hit, ends: bool) -> Self {
        Faulty(Mutex::new(State { hit: Some((at, hit)), ends, ..State::default() }))
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
        let Some((_, hit)) = state.hit.filter(|(hit, _)| *hit == at) else { return whole() };
        state.was_hit = true;
        match hit {
            Hit::Before => {}
            Hit::Torn => torn(),
            Hit::After => drop(whole()),
        }
        Err(io::Error::other("hit"))
    }
}

impl Disk for Faulty {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.make_folder(path), || {})
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

    fn sync(&self, _: &File) -> io::Result<()> {
        self.step(|| Ok(()), || {})
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.step(|| Ok(()), || {})
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.step(|| RealDisk.cut(file, length), || {})
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| RealDisk.rename(from, to), || {})
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove(path), || {})
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.step(|| RealDisk.remove_folder(path), || {})
    }
}
