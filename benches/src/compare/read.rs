//! A file of results, and what makes two of them hard to compare.

use std::path::Path;

use crate::error::{io, wrong, Result};
use crate::results::{Machine, Results, FORMAT};

pub(super) fn results(path: &Path) -> Result<Results> {
    let text = std::fs::read(path).map_err(io("read", path.display()))?;
    parse(&text).map_err(|why| wrong(path.display(), why))
}

/// The format is looked at first: a file of another one need not have any of the other fields.
pub(super) fn parse(text: &[u8]) -> std::result::Result<Results, String> {
    let value: serde_json::Value = serde_json::from_slice(text).map_err(|error| format!("is not JSON: {error}"))?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format == u64::from(FORMAT) => {
            serde_json::from_value(value).map_err(|error| format!("is not a whole file of results: {error}"))
        }
        Some(format) => Err(format!("has format {format} and not {FORMAT}; the version that wrote it can read it")),
        None => Err("is not a file of results: it has no format; the workloads' --json writes one".to_owned()),
    }
}

/// What else than the code may be the cause of a change.
pub(super) fn differences(a: &Results, b: &Results) -> Vec<String> {
    let mut warnings = Vec::new();
    if a.machine != b.machine {
        warnings.push(format!("they ran on different machines: {} and {}", machine(&a.machine), machine(&b.machine)));
    }
    let names: std::collections::BTreeSet<_> = a.versions.keys().chain(b.versions.keys()).collect();
    for name in names {
        let version = |results: &Results| results.versions.get(name).map_or("none", String::as_str).to_owned();
        let (of_a, of_b) = (version(a), version(b));
        if of_a != of_b {
            warnings.push(format!("versions of {name} differ: {of_a} and {of_b}"));
        }
    }
    for (name, results) in [("first", a), ("second", b)] {
        if !results.complete {
            warnings.push(format!("the {name} was interrupted"));
        }
    }
    warnings
}

fn machine(machine: &Machine) -> String {
    format!("{} CPUs ({}), {} MiB, Linux {}", machine.cpus, machine.model, machine.memory_mib, machine.kernel)
}
