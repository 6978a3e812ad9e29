//! The syntax of templates, and how their pieces are joined.

use crate::config::names::is_stream_char;
use crate::config::nearest::suggestion;
use crate::config::pod::PodFacts;

/// What a template can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Hostname,
    Pod,
    Namespace,
    App,
    Pid,
    Uid,
    Date,
}

const FIELDS: [(&str, Field); 7] = [
    ("hostname", Field::Hostname),
    ("pod", Field::Pod),
    ("namespace", Field::Namespace),
    ("app", Field::App),
    ("pid", Field::Pid),
    ("uid", Field::Uid),
    ("date", Field::Date),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Field(Field),
}

/// A checked template; shown as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    pieces: Vec<Piece>,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, braced) = rest.split_at(at);
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            let Some((name, after)) = braced.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
                return Err("has a brace without its partner: fields are written {pod}".to_owned());
            };
            pieces.push(Piece::Field(field(name)?));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// `{name}` alone.
    pub(crate) fn of_field(name: &str, field: Field) -> Self {
        Self { text: format!("{{{name}}}"), pieces: vec![Piece::Field(field)] }
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands between the fields.
    pub(crate) fn literals(&self) -> String {
        let literals = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Field(_) => None,
        });
        literals.collect()
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Field(field) => Some(*field),
        })
    }

    pub(crate) fn expand(&self, value: impl Fn(Field) -> String) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Field(field) => harmless(&value(*field)),
        });
        pieces.collect()
    }

    /// The first fact that is named and not known.
    pub(crate) fn missing(&self, facts: &PodFacts) -> Result<(), String> {
        if facts.namespace.is_none() && self.fields().any(|field| field == Field::Namespace) {
            return Err("{namespace} is not known here: set POD_NAMESPACE through the downward API".to_owned());
        }
        Ok(())
    }
}

fn field(name: &str) -> Result<Field, String> {
    if let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) {
        return Ok(*field);
    }
    let names = || FIELDS.iter().map(|(name, _)| *name);
    let known: Vec<_> = names().map(|name| format!("{{{name}}}")).collect();
    let near = suggestion(name, names());
    Err(format!("`{{{name}}}` is not a field: there are {}{near}", known.join(" ")))
}

pub(crate) fn of_pod(field: Field, facts: &PodFacts) -> String {
    match field {
        Field::Hostname => facts.hostname.clone(),
        Field::Namespace => facts.namespace.clone().unwrap_or_default(),
        _ => facts.pod.clone(),
    }
}

/// A value that stays within its place in the name: not empty, not a path, not `.` or `..`.
fn harmless(value: &str) -> String {
    match value {
        "" => "unknown".to_owned(),
        "." | ".." => "-".repeat(value.len()),
        _ => value.chars().map(|c| if is_stream_char(c) && c != '/' { c } else { '-' }).collect(),
    }
}
