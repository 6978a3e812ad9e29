//! The one table of settings. Flags, variables, keys of the file, help and `check` all follow from it: a new setting
//! is a field in the model, its default there, and a row here.

mod rows;

use super::model::Config;
use super::value::Value;

pub(crate) use rows::SECTIONS;

/// How a setting is given as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// `--key VALUE`.
    One,
    /// `--key VALUE`, as often as wanted.
    Many,
    /// `--key` or `--key=VALUE`; alone it means this.
    Optional(&'static str),
}

/// One setting.
pub(crate) struct Setting {
    /// The key in the file; the flag and the variable follow from it.
    pub(crate) key: &'static str,
    /// What the value is called in the help.
    pub(crate) value_name: &'static str,
    /// One line.
    pub(crate) help: &'static str,
    pub(crate) takes: Takes,
    /// Another key that means the same.
    pub(crate) alias: Option<&'static str>,
    pub(crate) field: fn(&mut Config) -> &mut dyn Value,
}

/// Settings that stand together in the help and in `check`.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) settings: &'static [Setting],
}

impl Setting {
    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    const fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    /// `--socket-mode`, without the dashes before it.
    pub(crate) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }
}

/// The variable that a key goes with.
pub(crate) fn variable_of(key: &str) -> String {
    format!("SPLASHDAM_{}", key.to_ascii_uppercase())
}

/// Every setting, in the table's order.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// Every name that a key can have in the file.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    settings().flat_map(|setting| Some(setting.key).into_iter().chain(setting.alias))
}

/// The setting that a key or its alias means.
pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.key == key || setting.alias == Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_things() {
        let mut names: Vec<_> = keys().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }

    #[test]
    fn flags_and_variables_follow_from_the_key() {
        let setting = find("log_group").unwrap();
        assert_eq!((setting.key, setting.flag().as_str()), ("group", "group"));
        assert_eq!(find("socket_mode").unwrap().flag(), "socket-mode");
        assert_eq!(variable_of("socket_mode"), "SPLASHDAM_SOCKET_MODE");
    }
}
