//! The file's text, and what of it concerns us. What is said about it never holds a value of a key.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Clowder, Keys};
use crate::config::keys::{is_key, StaticKeys};
use crate::config::problem::Problem;
use crate::config::raw::{Given, Origin, Raw};

/// Clowder's files have some kilobytes.
const MOST: u64 = 1 << 20;

const TYPE: &str = "logging.type";
const GROUP: &str = "logging.cloudwatch.logGroup";
const REGION: &str = "logging.cloudwatch.region";
const KEY_ID: &str = "logging.cloudwatch.accessKeyId";
const SECRET: &str = "logging.cloudwatch.secretAccessKey";

/// Reads the file. What is wrong with it stands in the answer.
pub(super) fn read(path: &Arc<Path>) -> Clowder {
    let clowder = Clowder { path: Some(Arc::clone(path)), ..Clowder::default() };
    match text(path).and_then(|text| parse(&text)) {
        Ok(file) => Reader { path, file, clowder }.take(),
        Err(what) => {
            let advice = "mount Clowder's secret there, unset ACG_CONFIG, or set SPLASHDAM_GROUP to do without";
            let problem = Problem::new(place(path), format!("{what}: {advice}"));
            Clowder { problems: vec![problem], ..clowder }
        }
    }
}

fn place(path: &Path) -> String {
    format!("ACG_CONFIG={}", path.display())
}

fn text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text));
    match read {
        Ok(length) if length as u64 > MOST => Err(format!("is longer than {MOST} bytes")),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("cannot read Clowder's file: {error}")),
    }
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    // The parser's words name places, never values.
    match serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))? {
        Value::Object(file) => Ok(file),
        other => Err(format!("is {} where an object should be", kind(&other))),
    }
}

struct Reader<'a> {
    path: &'a Arc<Path>,
    file: Map<String, Value>,
    clowder: Clowder,
}

impl Reader<'_> {
    fn take(mut self) -> Clowder {
        let app = self.file.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        self.clowder.app = app.filter(|app| !app.is_empty()).map(str::to_owned);
        if self.field(TYPE).is_some_and(|kind| kind != "cloudwatch") {
            // `null` is Clowder's word; what we do not know is nothing that we could ship to. Nothing else matters then.
            self.give("enabled", Raw::Boolean(false), TYPE);
            return self.clowder;
        }
        match self.field(GROUP) {
            Some(group) => self.give("group", Raw::Text(group), GROUP),
            None => self.give("enabled", Raw::Boolean(false), GROUP),
        }
        if let Some(region) = self.field(REGION) {
            self.give("region", Raw::Text(region), REGION);
        }
        let (id, secret) = (self.field(KEY_ID), self.field(SECRET));
        self.clowder.keys = self.keys(id, secret);
        self.clowder
    }

    fn give(&mut self, key: &str, raw: Raw, field: &'static str) {
        let origin = Origin::Clowder { path: Arc::clone(self.path), field };
        self.clowder.given.push(Given { key: key.to_owned(), raw, origin });
    }

    fn keys(&self, id: Option<String>, secret: Option<String>) -> Keys {
        let unusable =
            |field: &str, what: &str| Keys::Unusable(Problem::new(place(self.path), format!("{field} {what}")));
        match (id, secret) {
            (None, None) => Keys::None,
            (None, Some(_)) => unusable(KEY_ID, "is empty or missing, but secretAccessKey is there: a key needs both"),
            (Some(_), None) => unusable(SECRET, "is empty or missing, but accessKeyId is there: a key needs both"),
            (Some(id), _) if !is_key(&id) => unusable(KEY_ID, "holds a character that no AWS key has"),
            (_, Some(secret)) if !is_key(&secret) => unusable(SECRET, "holds a character that no AWS key has"),
            (Some(id), Some(secret)) => Keys::Pair(StaticKeys::new(id, secret)),
        }
    }

    /// The text at a path of names; nothing where it, or what it stands in, is missing, `null` or empty. Blanks around it, as a
    /// newline at the end of a Kubernetes secret, are not part of it.
    fn field(&mut self, path: &str) -> Option<String> {
        let (parents, name) = path.rsplit_once('.')?;
        let mut object = &self.file;
        for parent in parents.split('.') {
            match object.get(parent) {
                None | Some(Value::Null) => return None,
                Some(Value::Object(inner)) => object = inner,
                Some(other) => {
                    let what = format!("{parent} is {} where an object should be", kind(other));
                    self.refuse(what);
                    return None;
                }
            }
        }
        match object.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Some(other) => {
                let what = format!("{path} is {} where a string should be", kind(other));
                self.refuse(what);
                None
            }
        }
    }

    /// Once for each mistake, however many fields stand in it.
    fn refuse(&mut self, what: String) {
        let problem = Problem::new(place(self.path), what);
        if !self.clowder.problems.contains(&problem) {
            self.clowder.problems.push(problem);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
