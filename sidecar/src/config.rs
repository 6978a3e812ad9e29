//! What can be configured, and how it is read.
//!
//! flags, variables, file, Clowder's file → what was written, with its place (`raw`) → one table of settings (`table`), each set by
//! the type of its field (`value`) → checks across fields (`check`) → [`Config`].
//!
//! Precedence: flag, variable (`SPLASHDAM_…`), file, Clowder's file (`ACG_CONFIG`), default. Every source is read whole and every mistake in any of
//! them is told, with its place, even where another source has the last word. Unknown keys and flags are refused,
//! unknown variables warned about. No setting is a secret: credentials come from the AWS chain, or from Clowder's file, whose
//! keys show themselves to nobody ([`StaticKeys`]).
//!
//! To add a setting: a field in `model` with its default, and a row in `table`.

mod advice;
mod allow;
mod cgroup;
mod check;
mod choice;
mod clowder;
mod creation;
mod date;
mod describe;
mod file;
mod flags;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod keys;
mod listeners;
mod model;
mod names;
mod nearest;
mod pod;
mod problem;
mod raw;
mod scalars;
mod surroundings;
mod table;
mod template;
mod uids;
mod units;
mod value;
mod variables;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use allow::Pattern;
pub use choice::{
    Creation, GroupClass, Lifetime, LogFormat, LogLevel, OnLoss, Overflow, Remainder, Service, Survives, TextDelimiter,
};
pub use creation::{CreationConfig, KmsKey, Retention, Tags};
pub use date::UtcDate;
pub use describe::describe;
pub use flags::Flags;
pub use keys::StaticKeys;
pub use listeners::load_probed;
pub use model::{
    Config, DeliveryConfig, Destinations, DiagnosticsConfig, EngineConfig, IntakeConfig, ShutdownConfig, DEFAULT_ADMIN,
    DEFAULT_SOCKET,
};
pub use names::{Destination, LogGroup, LogStream, NameError, MAX_NAME};
pub use pod::PodFacts;
pub use problem::{ConfigErrors, Problem};
pub use raw::Origin;
pub use scalars::{EndpointUrl, Region, SocketMode};
pub use surroundings::Surroundings;
pub use template::{GroupTemplate, Peer, StreamTemplate, Varies};
pub use uids::AllowedUids;

pub(crate) use cgroup::BESIDE as MEMORY_BESIDE;
pub(crate) use check::{LEAST_SPOOL, MAX_RECORD};
pub(crate) use keys::masked;
pub(crate) use units::{parse_duration, parse_size, show_duration, show_size};
pub(crate) use value::parse_address;

use file::Contents;
use raw::Given;
use variables::CONFIG_VARIABLE;

/// A configuration, and what its owner should hear about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// One line each; nothing in them stops the sidecar.
    pub warnings: Vec<String>,
}

/// Reads all sources. The file is `--config`, else `SPLASHDAM_CONFIG`, else there is none.
pub fn load(file: Option<&Path>, flags: &Flags, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
    load_without(&[], file, flags, surroundings)
}

/// The same for a replay, where the records' destinations are known: neither a log group nor what a template names is needed.
pub fn load_to_replay(file: Option<&Path>, flags: &Flags, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
    load_without(&["group", "stream"], file, flags, surroundings)
}

/// Reads all sources; nobody needs the settings `unused`, so they may be missing.
fn load_without(
    unused: &[&'static str],
    file: Option<&Path>,
    flags: &Flags,
    surroundings: &Surroundings,
) -> Result<Loaded, ConfigErrors> {
    let file = read_file(file, surroundings)?;
    assemble(file.as_ref().map(|(path, text)| (path.as_path(), text.as_str())), flags, surroundings, unused)
}

/// The configuration file's text, if a file is named.
fn read_file(file: Option<&Path>, surroundings: &Surroundings) -> Result<Option<(PathBuf, String)>, ConfigErrors> {
    let variable = surroundings.variable(CONFIG_VARIABLE);
    let Some(path) = file.map(Path::to_path_buf).or_else(|| variable.map(PathBuf::from)) else { return Ok(None) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) => {
            let what = format!("cannot read the configuration file: {error}");
            Err(ConfigErrors(vec![Problem::new(path.display(), what)]))
        }
    }
}

/// Reads the text of a file as the only source beside `surroundings`.
pub fn load_text(name: &str, text: &str, surroundings: &Surroundings) -> Result<Loaded, ConfigErrors> {
    assemble(Some((Path::new(name), text)), &Flags::default(), surroundings, &[])
}

fn assemble(
    file: Option<(&Path, &str)>,
    flags: &Flags,
    surroundings: &Surroundings,
    unused: &[&'static str],
) -> Result<Loaded, ConfigErrors> {
    let from_file = file.map(|(path, text)| file::read(path, text));
    let Contents { given: from_file, mut problems, spoilt: mut refused } = from_file.unwrap_or_default();
    let mut clowder = clowder::find(surroundings);
    let from_variables = variables::given(&surroundings.variables);
    let pod = PodFacts { app: clowder.app.take(), ..surroundings.pod.clone() };
    let mut config = Config::defaults(pod, cgroup::default_memory(surroundings.memory_limit));
    let mut refused_of_clowder = BTreeSet::from(["group"]);
    let mistakes_of_clowder = apply(&mut config, &clowder.given, &mut refused_of_clowder);
    problems.extend(apply(&mut config, &from_file, &mut refused));
    problems.sort_by_key(Problem::line);
    for source in [&from_variables[..], flags.given()] {
        problems.extend(apply(&mut config, source, &mut refused));
    }
    let settled = clowder.settle(&mut config, mistakes_of_clowder, !unused.contains(&"group"));
    if !settled.problems.is_empty() {
        refused.extend(refused_of_clowder);
        problems.splice(0..0, settled.problems);
    }
    refused.extend(unused);
    // Where a value was refused its default stands in; what would follow from that is no mistake of anybody's.
    problems.extend(check::finish(&mut config, &refused));
    problems.extend(advice::of_aws_variables(&config, surroundings));
    let mut warnings = settled.warnings;
    warnings.extend(advice::of(&config, surroundings.memory_limit));
    let unknown = variables::unknown(&surroundings.variables);
    if problems.is_empty() {
        warnings.extend(unknown);
        return Ok(Loaded { config, warnings });
    }
    // What is missing may only be misspelt.
    problems.extend(unknown.into_iter().map(|variable| Problem::new("", variable)));
    Err(ConfigErrors(problems))
}

/// Sets what one source gives, over what the sources before it gave.
fn apply(config: &mut Config, source: &[Given], refused: &mut BTreeSet<&'static str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<&'static str, &Given> = BTreeMap::new();
    for given in source {
        let Some(setting) = table::find(&given.key) else {
            continue;
        };
        if let Some(before) = seen.insert(setting.key, given) {
            let what = format!("means the same as `{before}`: keep one of them");
            problems.push(Problem::new(given, what).on_line_of(&given.origin));
        }
        match (setting.field)(config).set(&given.raw) {
            Ok(()) => {
                config.origins.insert(setting.key, given.origin.clone());
            }
            Err(what) => {
                refused.insert(setting.key);
                problems.push(Problem::new(given, what).on_line_of(&given.origin));
            }
        }
    }
    problems
}
