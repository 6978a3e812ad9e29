//! A configuration: the file, then NUL, then variables (`NAME=value`, a line each), then NUL, then Clowder's file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // this is how a fuzzer hears of it

use std::collections::BTreeMap;
use std::path::Path;

use super::clowder::VARIABLE as CLOWDER;
use super::{describe, load_text, table, Config, ConfigErrors, Loaded, PodFacts, Surroundings};

/// The line among the variables that stands for the container's memory limit.
const LIMIT: &str = "memory limit";
const FILE: &str = "fuzz.toml";

/// Tries one configuration; Clowder's file is put into `scratch`.
pub fn run(scratch: &Path, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\0');
    let file = parts.next().unwrap_or_default();
    let surroundings = surroundings(parts.next().unwrap_or_default(), parts.next(), scratch);
    match load_text(FILE, file, &surroundings) {
        Ok(loaded) => check_loaded(&loaded, &surroundings),
        Err(errors) => check_errors(&errors),
    }
}

fn surroundings(variables: &str, clowder: Option<&str>, scratch: &Path) -> Surroundings {
    let pairs = variables.lines().filter_map(|line| line.split_once('='));
    let mut variables: BTreeMap<String, String> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // A file of ours, and none that the input names.
    variables.remove(CLOWDER);
    if let Some(text) = clowder {
        let path = scratch.join("clowder.json");
        std::fs::write(&path, text).unwrap();
        variables.insert(CLOWDER.to_owned(), path.display().to_string());
    }
    let memory_limit = variables.remove(LIMIT).and_then(|limit| limit.parse().ok());
    Surroundings { variables, pod: PodFacts::default(), memory_limit }
}

/// Each mistake says where it stands: its place, or at least the setting.
fn check_errors(errors: &ConfigErrors) {
    assert!(!errors.0.is_empty(), "refused without a word");
    for problem in &errors.0 {
        assert!(!problem.what.trim().is_empty(), "{problem:?}");
        let names_a_setting = || table::settings().any(|setting| problem.what.contains(setting.key));
        assert!(!problem.at.is_empty() || names_a_setting() || problem.what.contains("SPLASHDAM_"), "{problem:?}");
    }
}

/// What is described is a configuration, and the same one.
fn check_loaded(loaded: &Loaded, surroundings: &Surroundings) {
    let first = &loaded.config;
    let around = Surroundings { variables: BTreeMap::new(), pod: first.pod.clone(), ..surroundings.clone() };
    let text = describe(first);
    let again = load_text("again.toml", &text, &around);
    let again = again.unwrap_or_else(|errors| panic!("what is described is refused: {errors}\n{text}")).config;
    // Where a value comes from and what Clowder says beside the settings is no setting.
    let mut same = Config { origins: first.origins.clone(), pod: first.pod.clone(), ..again };
    same.delivery.credentials.clone_from(&first.delivery.credentials);
    assert_eq!(&same, first, "{text}");
    // The keys of Clowder's file show themselves to nobody.
    if let Some(keys) = first.delivery.credentials.as_ref().filter(|keys| keys.secret().len() >= 16) {
        assert!(!format!("{text}{first:?}").contains(keys.secret()), "{text}");
    }
}
