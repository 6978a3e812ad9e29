//! What a power loss may leave: of what was written and not synced any sectors are there, and the others are not, in
//! whatever order they were written. Of what was done to a folder's names and not synced the first few operations are there, and of
//! a file any length that it had.
//!
//! Wraps a [`Faulty`] and looks at the files before and after each operation, so that it knows nothing of what an operation is for.
//! A file that was renamed has its old name, its new one, or both. What stood in a file when a sync of it *failed* is not brought to the
//! disk by a later one, as on Linux, where the pages count as clean from then on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::faulty::{listing, Faulty};
use crate::spool::disk::Disk;

/// What is there as a whole or not at all: 512 bytes on real disks. A thousandth as long as a real segment is one here, so that is less,
/// too, else a cursor would never be torn.
const SECTOR: usize = 64;

/// What one operation changed in a file: its length, and sectors as they were afterwards.
#[derive(Clone, Debug, Default)]
struct Change {
    length: usize,
    sectors: BTreeMap<usize, Vec<u8>>,
    /// A sync failed since.
    forsaken: bool,
}

/// A file: as of its last sync, and what has happened since.
#[derive(Clone, Debug, Default)]
struct Contents {
    synced: Vec<u8>,
    changes: Vec<Change>,
}

/// A folder's names and their inodes: as of its last sync, and after each operation since.
#[derive(Clone, Debug, Default)]
struct Names {
    synced: HashMap<String, u64>,
    since: Vec<HashMap<String, u64>>,
}

#[derive(Debug, Default)]
struct State {
    contents: HashMap<u64, Contents>,
    names: HashMap<PathBuf, Names>,
    /// Held, so that no other file gets their inodes.
    removed: Vec<File>,
}

/// The disk.
#[derive(Debug)]
pub(super) struct Power {
    faulty: Faulty,
    state: Mutex<State>,
}

/// Draws from a seed (SplitMix64).
#[derive(Debug)]
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

impl Contents {
    fn changed(&mut self, before: &[u8], after: &[u8]) {
        let differing = after.chunks(SECTOR).enumerate().filter(|(index, sector)| {
            let at = index * SECTOR;
            before.get(at..before.len().min(at + SECTOR)) != Some(sector)
        });
        let sectors: BTreeMap<_, _> = differing.map(|(index, sector)| (index, sector.to_vec())).collect();
        if before.len() != after.len() || !sectors.is_empty() {
            self.changes.push(Change { length: after.len(), sectors, forsaken: false });
        }
    }

    fn synced(&mut self) {
        let (kept, forsaken): (Vec<_>, _) =
            std::mem::take(&mut self.changes).into_iter().partition(|change| !change.forsaken);
        for change in &kept {
            self.synced.truncate(change.length);
            change.apply(&mut self.synced, |_| true);
        }
        let written: HashSet<_> = kept.iter().flat_map(|change| change.sectors.keys().copied()).collect();
        self.changes = forsaken;
        self.changes.iter_mut().for_each(|change| change.sectors.retain(|index, _| !written.contains(index)));
    }

    /// What is left of it.
    fn left(&self, draw: &mut Draw) -> Vec<u8> {
        let (mut bytes, mut length) = (self.synced.clone(), self.synced.len());
        // Mostly some of it; now and then all or nothing.
        let kept_of_four = draw.below(5);
        for change in &self.changes {
            change.apply(&mut bytes, |_| draw.below(4) < kept_of_four);
            if draw.below(2) == 0 {
                length = change.length;
            }
        }
        // A length may be there before what it is for: then there are zeros.
        bytes.resize(length, 0);
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, mut is_kept: impl FnMut(usize) -> bool) {
        bytes.resize(bytes.len().max(self.length), 0);
        for (index, sector) in &self.sectors {
            if is_kept(*index) {
                let at = index * SECTOR;
                bytes[at..at + sector.len()].copy_from_slice(sector);
            }
        }
    }
}

impl Names {
    /// Which inode each name has: as after one of the operations, or before all of them.
    fn left(&self, draw: &mut Draw) -> &HashMap<String, u64> {
        match draw.below(self.since.len() + 1) {
            0 => &self.synced,
            n => &self.since[n - 1],
        }
    }
}

impl Power {
    /// What is in the lanes' folder now has been on the disk for long.
    pub(super) fn over(faulty: Faulty, lanes: &Path) -> Arc<Self> {
        let mut state = State::default();
        let mut folders = vec![lanes.to_owned()];
        while let Some(folder) = folders.pop() {
            let names = fs::read_dir(&folder).into_iter().flatten().map(Result::unwrap);
            for entry in names {
                let inode = entry.metadata().unwrap().ino();
                let name = entry.file_name().into_string().unwrap();
                state.names.entry(folder.clone()).or_default().synced.insert(name, inode);
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    let synced = fs::read(entry.path()).unwrap();
                    state.contents.insert(inode, Contents { synced, changes: Vec::new() });
                }
            }
        }
        Arc::new(Power { faulty, state: Mutex::new(state) })
    }

    /// Cuts the power: what is left of the lanes' folders is drawn.
    pub(super) fn lose(&self, lanes: &Path, draw: &mut Draw) {
        let state = self.state.lock().unwrap();
        let none = Names::default();
        let there = state.names.get(lanes).unwrap_or(&none).left(draw);
        listing(lanes).into_keys().for_each(|lane| fs::remove_dir_all(lanes.join(lane)).unwrap());
        for lane in there.keys() {
            let folder = lanes.join(lane);
            let names = state.names.get(&folder).unwrap_or(&none).left(draw);
            fs::create_dir(&folder).unwrap();
            for (name, inode) in names {
                let bytes = state.contents.get(inode).map_or_else(Vec::new, |contents| contents.left(draw));
                fs::write(folder.join(name), bytes).unwrap();
            }
        }
    }

    /// Whatever it does to a file is noted.
    fn on_file<T>(&self, file: &File, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let before = bytes_of(file);
        let result = act();
        let mut state = self.state.lock().unwrap();
        state.contents.entry(file.metadata()?.ino()).or_default().changed(&before, &bytes_of(file));
        result
    }

    /// Whatever it does to names is noted.
    fn on_names<T>(&self, paths: &[&Path], act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let held: Vec<_> = paths.iter().filter_map(|path| File::open(path).ok()).collect();
        let folders: Vec<_> = paths.iter().map(|path| path.parent().unwrap()).collect();
        let before: Vec<_> = folders.iter().map(|folder| listing(folder)).collect();
        let result = act();
        let mut state = self.state.lock().unwrap();
        state.removed.extend(held);
        for (folder, before) in folders.into_iter().zip(before) {
            let after = listing(folder);
            if before != after {
                state.names.entry(folder.to_owned()).or_default().since.push(after);
            }
        }
        result
    }
}

impl Disk for Power {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.on_names(&[path], || self.faulty.make_folder(path))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.on_names(&[path], || self.faulty.create(path))
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.on_names(&[path], || self.faulty.open_or_create(path))
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        self.faulty.open(path)
    }

    fn write(&self, file: &File, parts: &[IoSlice<'_>], at: u64) -> io::Result<usize> {
        self.on_file(file, || self.faulty.write(file, parts, at))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let synced = self.faulty.sync(file);
        let mut state = self.state.lock().unwrap();
        let contents = state.contents.entry(file.metadata()?.ino()).or_default();
        match synced {
            Ok(()) => contents.synced(),
            Err(_) => contents.changes.iter_mut().for_each(|change| change.forsaken = true),
        }
        synced
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let synced = self.faulty.sync_folder(path);
        if synced.is_ok() && path.parent() != Some(Path::new("/")) && path != std::env::temp_dir() {
            let names = Names { synced: listing(path), since: Vec::new() };
            self.state.lock().unwrap().names.insert(path.to_owned(), names);
        }
        synced
    }

    fn cut(&self, file: &File, length: u64) -> io::Result<()> {
        self.on_file(file, || self.faulty.cut(file, length))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        // On the way there may be both names.
        let both = listing(from.parent().unwrap());
        self.on_names(&[to], || {
            let renamed = self.faulty.rename(from, to);
            let mut state = self.state.lock().unwrap();
            let since = &mut state.names.entry(from.parent().unwrap().to_owned()).or_default().since;
            if from.parent() == to.parent() && renamed.is_ok() {
                let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
                let mut both = both.clone();
                both.insert(name(to), both[&name(from)]);
                since.push(both);
            } else {
                since.push(listing(from.parent().unwrap()));
            }
            renamed
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.on_names(&[path], || self.faulty.remove(path))
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.on_names(&[path], || self.faulty.remove_folder(path))
    }
}

fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}
