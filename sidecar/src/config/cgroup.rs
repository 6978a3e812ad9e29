//! The container's memory limit, and the default for `memory` that follows from it.
//!
//! cgroup v2 (`memory.max`) and v1 (`memory.limit_in_bytes`). In a container of its own cgroup namespace the limit
//! is at the mount's root; elsewhere the path is in `/proc/self/cgroup`, and the lowest limit on the way up counts.

use std::fs;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;
/// What the process needs beside the budget.
pub(crate) const BESIDE: u64 = 40 * MIB;
/// The budget is never less by default, however small the container.
const LEAST: u64 = 8 * MIB;
/// More does not make a healthy sidecar faster.
const MOST: u64 = 64 * MIB;

/// clamp(limit − 40 MiB, 8 MiB, 64 MiB), or 64 MiB where there is no limit.
pub(crate) fn default_memory(limit: Option<u64>) -> u64 {
    limit.map_or(MOST, |limit| limit.saturating_sub(BESIDE).clamp(LEAST, MOST))
}

/// The limit on this process's memory as the files below `root` (`/`) have it.
pub(crate) fn memory_limit(root: &Path) -> Option<u64> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let v2 = path_in(&own, |controllers| controllers.is_empty());
    let v1 = path_in(&own, |controllers| controllers.split(',').any(|name| name == "memory"));
    let unified = lowest(&root.join("sys/fs/cgroup"), v2, "memory.max");
    let legacy = lowest(&root.join("sys/fs/cgroup/memory"), v1, "memory.limit_in_bytes");
    unified.into_iter().chain(legacy).min()
}

/// The path after `hierarchy:controllers:` of the line whose controllers fit.
fn path_in(own: &str, fits: impl Fn(&str) -> bool) -> &str {
    own.lines()
        .filter_map(|line| line.splitn(3, ':').skip(1).collect::<Vec<_>>().try_into().ok())
        .find_map(|[controllers, path]: [&str; 2]| fits(controllers).then_some(path))
        .unwrap_or("/")
}

fn lowest(mount: &Path, path: &str, file: &str) -> Option<u64> {
    let mut folder: PathBuf = mount.to_path_buf();
    let mut least = read_limit(&folder.join(file));
    for part in path.split('/').filter(|part| !matches!(*part, "" | "." | "..")) {
        folder.push(part);
        least = least.into_iter().chain(read_limit(&folder.join(file))).min();
    }
    least
}

/// `max` (v2) is no number and so no limit; v1's "no limit" is a number too large to matter.
fn read_limit(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_default_follows_the_limit() {
        assert_eq!(default_memory(None), 64 * MIB);
        assert_eq!(default_memory(Some(64 * MIB)), 24 * MIB);
        assert_eq!(default_memory(Some(30 * MIB)), 8 * MIB);
        assert_eq!(default_memory(Some(48 * MIB)), 8 * MIB);
        assert_eq!(default_memory(Some(1 << 40)), 64 * MIB);
        assert_eq!(default_memory(Some(9_223_372_036_854_771_712)), 64 * MIB);
    }

    #[test]
    fn version_2_in_a_namespace_of_its_own() {
        let limited = root(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "67108864\n")]);
        assert_eq!(memory_limit(limited.path()), Some(64 * MIB));
        let free = root(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "max\n")]);
        assert_eq!(memory_limit(free.path()), None);
    }

    #[test]
    fn version_2_on_the_host_takes_the_lowest_of_the_path() {
        let root = root(&[
            ("proc/self/cgroup", "0::/kube/pod:1/ctr\n"),
            ("sys/fs/cgroup/kube/memory.max", "max"),
            ("sys/fs/cgroup/kube/pod:1/memory.max", "104857600"),
            ("sys/fs/cgroup/kube/pod:1/ctr/memory.max", "209715200"),
        ]);
        assert_eq!(memory_limit(root.path()), Some(100 * MIB));
    }

    #[test]
    fn version_1() {
        let root = root(&[
            ("proc/self/cgroup", "9:cpu,cpuacct:/x\n8:memory:/docker/ab\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "52428800\n"),
        ]);
        assert_eq!(memory_limit(root.path()), Some(50 * MIB));
    }

    #[test]
    fn no_files_no_limit() {
        assert_eq!(memory_limit(root(&[]).path()), None);
        let odd = root(&[("proc/self/cgroup", "nonsense\n0::/../../etc\n:\n"), ("sys/fs/cgroup/memory.max", "-1")]);
        assert_eq!(memory_limit(odd.path()), None);
    }
}
