//! What a process finds around it: variables, the pod's facts, the container's memory. The only part of the
//! configuration that looks at the machine.

use std::collections::BTreeMap;
use std::path::Path;

use super::cgroup;
use super::pod::PodFacts;

/// What the configuration takes from the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The variables of the environment.
    pub variables: BTreeMap<String, String>,
    /// What this pod is called.
    pub pod: PodFacts,
    /// The container's memory limit in bytes, if it has one.
    pub memory_limit: Option<u64>,
}

impl Surroundings {
    /// Of this process. Variables that are not UTF-8 are read with U+FFFD in the place of what is not.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self::below(Path::new("/"), variables)
    }

    /// Of a process whose file system begins at `root`.
    pub fn below(root: &Path, variables: BTreeMap<String, String>) -> Self {
        Self { pod: PodFacts::find(root, &variables), memory_limit: cgroup::memory_limit(root), variables }
    }

    /// A variable's value; an empty variable is one that is not set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}
