//! What a configuration's owner should hear although each setting is a good one by itself.

use super::cgroup::BESIDE;
use super::check::place;
use super::choice::Service;
use super::model::Config;
use super::problem::Problem;
use super::raw::Origin;
use super::surroundings::Surroundings;
use super::units::show_size;

/// Variables of the AWS tools in which nothing stands around the value.
const EXACT: [&str; 4] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// One line each; nothing in them stops the sidecar.
pub(super) fn of(config: &Config, memory_limit: Option<u64>) -> Vec<String> {
    memory(config, memory_limit).into_iter().chain(spool(config)).collect()
}

fn memory(config: &Config, limit: Option<u64>) -> Option<String> {
    let (memory, limit) = (config.engine.memory, limit?);
    (memory.saturating_add(BESIDE) > limit).then(|| {
        format!(
            "{}: {} and the {} that a sidecar needs beside it are more than the container's limit of {}: where memory fills, in an outage, the kernel may kill it",
            place(config, "memory"),
            show_size(memory),
            show_size(BESIDE),
            show_size(limit),
        )
    })
}

fn spool(config: &Config) -> Vec<String> {
    if config.spool.dir.is_some() {
        return Vec::new();
    }
    let set = ["spool_max", "spool_survives", "spool_lifetime", "spool_remainder"].into_iter();
    set.filter(|key| *config.origin(key) != Origin::Default)
        .map(|key| format!("{}: has no effect, as spool_dir is off", place(config, key)))
        .collect()
}

/// White space around a key or a region: a Secret made with `echo` ends with a newline, and CloudWatch would only say that the
/// signature is wrong.
pub(super) fn of_aws_variables(config: &Config, surroundings: &Surroundings) -> Vec<Problem> {
    if config.service == Service::Disabled {
        return Vec::new();
    }
    let spoilt = |name: &&str| surroundings.variable(name).is_some_and(|value| !is_exact(value));
    let what = "has white space before or behind its value, perhaps the newline that `echo` puts into a Secret: leave it out, as `printf %s` does";
    EXACT.into_iter().filter(spoilt).map(|name| Problem::new(name, what)).collect()
}

/// What is blank counts as not set.
fn is_exact(value: &str) -> bool {
    value.trim() == value || value.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::load_text;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn around(limit: u64, variables: &[(&str, &str)]) -> Surroundings {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings { variables, memory_limit: Some(limit), ..Surroundings::default() }
    }

    #[test]
    fn a_container_that_is_too_small_is_told() {
        let warnings = |text: &str, limit| load_text("c.toml", text, &around(limit, &[])).unwrap().warnings;
        let told = warnings("group = \"g\"\nmemory = \"64MiB\"", 64 * MIB);
        assert!(told[0].starts_with("c.toml:2: memory: 64MiB and the 40MiB"), "{told:?}");
        assert!(warnings("group = \"g\"\nmemory = \"24MiB\"", 64 * MIB).is_empty());
        assert!(warnings("group = \"g\"", 64 * MIB).is_empty(), "the default fits");
        assert_eq!(warnings("group = \"g\"", 32 * MIB).len(), 1, "8 MiB are the least");
    }

    #[test]
    fn settings_of_a_spool_that_there_is_not_are_told() {
        let loaded = |dir: &str| {
            let text = format!("group = \"g\"\nspool_remainder = \"stderr\"\nspool_max = \"64MiB\"\n{dir}");
            load_text("c.toml", &text, &Surroundings::default()).unwrap().warnings
        };
        let expected = [
            "c.toml:3: spool_max: has no effect, as spool_dir is off",
            "c.toml:2: spool_remainder: has no effect, as spool_dir is off",
        ];
        assert_eq!(loaded(""), expected);
        assert_eq!(loaded("spool_dir = \"/s\""), [""; 0]);
    }

    #[test]
    fn a_secret_with_a_newline_is_refused_and_not_told() {
        let errors = |value: &str, more: &str| {
            let text = format!("group = \"g\"\n{more}");
            load_text("c.toml", &text, &around(1 << 30, &[("AWS_SECRET_ACCESS_KEY", value)]))
        };
        let told = errors("hush\n", "").unwrap_err().to_string();
        assert!(told.starts_with("AWS_SECRET_ACCESS_KEY: has white space") && !told.contains("hush"), "{told}");
        assert!(errors("hush", "").is_ok() && errors(" ", "").is_ok() && errors("hush\n", "enabled = false").is_ok());
    }
}
