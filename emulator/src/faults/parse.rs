//! A fault as text (`throttle,probability=0.1,count=5`), and whether it makes sense.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::{Fault, FaultError, FaultKind};
use crate::operation::Operation;

/// Keys whose values are text even when they look like numbers.
const TEXTS: [&str; 5] = ["kind", "operation", "group", "stream", "latency"];

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads a kind, then `key=value` for each other field, separated by commas; or the JSON of the control API.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let wrong = |why: serde_json::Error| FaultError::new(format!("`{text}`"), why.to_string());
        let fault: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(wrong)?
        } else {
            serde_json::from_value(Value::Object(fields(text)?)).map_err(wrong)?
        };
        fault.validate()?;
        Ok(fault)
    }
}

fn fields(text: &str) -> Result<Map<String, Value>, FaultError> {
    let mut parts = text.split(',');
    let kind = parts.next().unwrap_or_default().trim();
    let mut fields = Map::from_iter([("kind".to_owned(), Value::from(kind))]);
    let mut last = String::new();
    for part in parts {
        match part.split_once('=') {
            Some((key, value)) => {
                last = key.trim().to_owned();
                fields.insert(last.clone(), typed(&last, value));
            }
            // `latency=lognormal:20,0.5` has a comma of its own.
            None => match fields.get_mut(&last) {
                Some(Value::String(value)) if last == "latency" => {
                    value.push(',');
                    value.push_str(part);
                }
                _ => return Err(FaultError::new(kind, format!("`{part}` is not `key=value`"))),
            },
        }
    }
    Ok(fields)
}

fn typed(key: &str, value: &str) -> Value {
    if TEXTS.contains(&key) {
        return Value::from(value);
    }
    serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
}

impl Fault {
    /// Refuses parameters that the kind would ignore: a script that does nothing proves nothing.
    pub(super) fn validate(&self) -> Result<(), FaultError> {
        use FaultKind::{EmptyBody, Hang, Latency, NoRequestId, Outage, Throttle, Unavailable};
        let kind = self.kind;
        let wrong = |why: &str| {
            let name = serde_json::to_value(kind).ok();
            Err(FaultError::new(name.as_ref().and_then(Value::as_str).unwrap_or_default(), why))
        };
        if !(0.0..=1.0).contains(&self.probability) {
            return wrong("`probability` must be between 0 and 1");
        }
        if self.operation.as_deref().is_some_and(|name| Operation::named(name).is_none()) {
            return wrong("`operation` is none that the emulator knows");
        }
        if self.is_early() && (self.group.is_some() || self.stream.is_some()) {
            return wrong("it happens before the body is read, so `group` and `stream` are not known");
        }
        if (kind == Latency) != self.latency.is_some() {
            return wrong("`latency` belongs to the kind `latency`, and must be there");
        }
        if self.retry_after_seconds.is_some() && !matches!(kind, Throttle | Unavailable) {
            return wrong("`retry_after_seconds` belongs to `throttle` and `unavailable`");
        }
        if self.commit && !matches!(kind, Hang | NoRequestId | EmptyBody) {
            return wrong("`commit` belongs to `hang`, `no_request_id` and `empty_body`");
        }
        match self.seconds {
            Some(_) if !matches!(kind, Hang | Outage) => wrong("`seconds` belongs to `hang` and `outage`"),
            Some(seconds) if !(0.0..=86_400.0).contains(&seconds) => wrong("`seconds` must be between 0 and 86400"),
            None if kind == Outage => wrong("`seconds` is missing"),
            _ => Ok(()),
        }
    }
}
