//! The configuration file: TOML, flat, every value with its line.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::nearest::suggestion;
use super::problem::Problem;
use super::raw::{Given, Origin, Raw};
use super::table::{find, keys};

/// What the text of a file gives.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) given: Vec<Given>,
    /// Everything that is wrong with it as a file.
    pub(crate) problems: Vec<Problem>,
    /// Settings that are in the file, but not readable.
    pub(crate) spoilt: BTreeSet<&'static str>,
}

/// Reads the text. On a line that is not TOML only that is told, not what its remains could mean.
pub(crate) fn read(path: &Path, text: &str) -> Contents {
    let path: Arc<Path> = path.into();
    let place = |at: usize| Origin::File { path: Arc::clone(&path), line: line_of(text, at) };
    let mut contents = Contents::default();
    let mut bad_lines = BTreeSet::new();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let origin = place(error.span().map_or(0, |span| span.start));
        if bad_lines.insert(origin.line()) {
            contents.refuse(&origin, &origin, error.message());
        }
    }
    for (key, value) in table.get_ref() {
        let origin = place(key.span().start);
        let bad_line = bad_lines.contains(&origin.line());
        contents.take(key.get_ref(), value.get_ref(), origin, bad_line);
    }
    contents.given.sort_by_key(|given| given.origin.line());
    contents
}

impl Contents {
    fn take(&mut self, name: &str, value: &DeValue<'_>, origin: Origin, bad_line: bool) {
        match (find(name), raw(value)) {
            (Some(_), Ok(raw)) if !bad_line => self.given.push(Given { key: name.to_owned(), raw, origin }),
            (Some(setting), raw) => {
                self.spoilt.insert(setting.key);
                if let (Err(what), false) = (raw, bad_line) {
                    self.refuse(format!("{origin}: {name}"), &origin, what);
                }
            }
            (None, _) if bad_line => {}
            (None, _) => self.refuse(&origin, &origin, unknown(name)),
        }
    }

    fn refuse(&mut self, at: impl fmt::Display, origin: &Origin, what: impl Into<String>) {
        self.problems.push(Problem::new(at, what).on_line_of(origin));
    }
}

fn unknown(name: &str) -> String {
    let key = name.replace('-', "_").to_ascii_lowercase();
    format!("`{name}` is not a setting{}", suggestion(&key, keys()))
}

fn raw(value: &DeValue<'_>) -> Result<Raw, String> {
    match value {
        DeValue::String(text) => Ok(Raw::Text(text.to_string())),
        DeValue::Boolean(word) => Ok(Raw::Boolean(*word)),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map(|number| Raw::Integer(number.to_string()))
            .map_err(|_| "is not a number".to_owned()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| match raw(item.get_ref()) {
                Ok(Raw::Text(text) | Raw::Integer(text)) => Ok(text),
                _ => Err("takes a list of strings"),
            });
            Ok(Raw::Items(items.collect::<Result<_, _>>()?))
        }
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| pair(key.get_ref(), value.get_ref()))
            .collect::<Result<_, _>>()
            .map(Raw::Items),
        other => Err(format!("takes no {}; write it as a string", other.type_str())),
    }
}

fn pair(key: &str, value: &DeValue<'_>) -> Result<String, String> {
    if key.contains('=') {
        return Err(format!("takes no key with = in it, and here is `{key}`"));
    }
    let value = value.as_str().ok_or_else(|| format!("takes strings only; write that of `{key}` as one"))?;
    Ok(format!("{key}={value}"))
}

/// The line, from 1, that a byte stands in.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let contents = read(Path::new("c.toml"), text);
        contents.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_come_with_their_lines() {
        let text = "# a comment\ngroup = \"g\"\n\nmemory = 67_108_864\nallow = [\n \"a:*\",\n \"b:*\"]\n[tags]\nteam = \"x\"\n";
        let Contents { given, problems, .. } = read(Path::new("c.toml"), text);
        assert_eq!(problems, []);
        let mut shown: Vec<_> = given.iter().map(ToString::to_string).collect();
        shown.sort();
        assert_eq!(
            shown,
            [
                "c.toml:2: group = \"g\"",
                "c.toml:4: memory = 67108864",
                "c.toml:5: allow = [\"a:*\", \"b:*\"]",
                "c.toml:8: tags = [\"team=x\"]",
            ]
        );
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest() {
        assert_eq!(problems("memroy = 1"), ["c.toml:1: `memroy` is not a setting; did you mean memory?"]);
        assert_eq!(
            problems("\nsocket-mode = 1"),
            ["c.toml:2: `socket-mode` is not a setting; did you mean socket_mode?"]
        );
        assert_eq!(problems("[zebra]\nx = 1"), ["c.toml:1: `zebra` is not a setting"]);
    }

    #[test]
    fn every_mistake_of_the_syntax_is_told() {
        let all = problems("group = \"g\"\nmemory = \nlinger = \"1s\"\nlinger = \"2s\"\n");
        assert!(all.iter().any(|problem| problem.starts_with("c.toml:2: ")), "{all:?}");
        assert!(all.iter().any(|problem| problem.starts_with("c.toml:4: ")), "{all:?}");
        assert!(problems("socket_mode = 0660")[0].starts_with("c.toml:1: "));
    }

    #[test]
    fn odd_values_are_refused() {
        for text in
            ["memory = 1.5", "linger = 2020-01-01", "allow = [1.5]", "tags = { a = 1 }", "tags = { \"a=b\" = \"c\" }"]
        {
            assert_eq!(problems(text).len(), 1, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_file_panics(text in "(?s).{0,200}|([a-z_]{1,8} ?= ?[\"\\[{0-9a-z.}\\]-]{0,8}\n){0,8}") {
            read(Path::new("c.toml"), &text);
        }
    }
}
