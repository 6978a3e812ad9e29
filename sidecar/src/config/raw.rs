//! A value as somebody wrote it, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A value as written. Flags and variables know text only; a TOML file knows more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    Integer(String),
    Boolean(bool),
    /// A list, or the `key=value` pairs of a table.
    Items(Vec<String>),
}

impl Raw {
    /// Text that is text.
    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Integer(number) => Err(format!("is a number; write it as a string, \"{number}\"")),
            Self::Boolean(word) => Err(format!("is a boolean; write it as a string, \"{word}\"")),
            Self::Items(_) => Err("takes one value, not a list".to_owned()),
        }
    }

    /// Text that may also be written as a number.
    pub(crate) fn text_or_integer(&self) -> Result<&str, String> {
        match self {
            Self::Integer(number) => Ok(number),
            other => other.text(),
        }
    }

    /// Text that may also be written as a boolean.
    pub(crate) fn text_or_boolean(&self) -> Result<&str, String> {
        match self {
            Self::Boolean(true) => Ok("true"),
            Self::Boolean(false) => Ok("false"),
            other => other.text(),
        }
    }

    /// A list; in text its items stand between commas.
    pub(crate) fn items(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Items(items) => Ok(items.clone()),
            other => Ok(other.text()?.split(',').map(|item| item.trim().to_owned()).collect()),
        }
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Integer(text) => f.write_str(text),
            Self::Boolean(word) => write!(f, "{word}"),
            Self::Items(items) => f.write_str(&items.join(",")),
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Clowder's file.
    Clowder {
        /// The file, as `ACG_CONFIG` names it.
        path: Arc<Path>,
        /// The path of names to the value, such as `logging.type`.
        field: &'static str,
    },
    /// A line of the configuration file.
    File {
        /// The file, as it was named.
        path: Arc<Path>,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment, by its name.
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl Origin {
    /// The line in the file; 0 for what is in no file.
    pub(crate) fn line(&self) -> usize {
        match self {
            Self::File { line, .. } => *line,
            _ => 0,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Clowder { path, .. } => write!(f, "Clowder's file {}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One setting, as one source gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// The setting's key, or its alias.
    pub(crate) key: String,
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

impl Given {
    /// What may be shown: an address may have a password in it, which is why it is refused.
    fn without_password(&self) -> Raw {
        match &self.raw {
            Raw::Text(text) if self.key == "endpoint_url" => match text.rsplit_once('@') {
                Some((_, place)) => Raw::Text(format!("…@{place}")),
                None => self.raw.clone(),
            },
            raw => raw.clone(),
        }
    }
}

/// `config.toml:12: memory = "64Mib"`, `Clowder's file /c.json: logging.cloudwatch.region = "x y"`, `SPLASHDAM_MEMORY=64Mib`, `--memory 64Mib`.
impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, origin, .. } = self;
        let raw = &self.without_password();
        match (origin, raw) {
            (Origin::Flag(_), _) => write!(f, "{origin} {raw}"),
            (Origin::Variable(_), _) => write!(f, "{origin}={raw}"),
            (Origin::Clowder { field, .. }, _) => write!(f, "{origin}: {field} = {:?}", raw.to_string()),
            (_, Raw::Text(text)) => write!(f, "{origin}: {key} = {text:?}"),
            (_, Raw::Items(items)) => write!(f, "{origin}: {key} = {items:?}"),
            _ => write!(f, "{origin}: {key} = {raw}"),
        }
    }
}
