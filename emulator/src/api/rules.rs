//! Names, retention, classes, tags: the rules of everything but the events.

use std::collections::BTreeMap;

use crate::limits::{
    CLASSES, MAX_KMS_KEY_CHARS, MAX_NAME_CHARS, MAX_TAGS, MAX_TAG_KEY_CHARS, MAX_TAG_VALUE_CHARS, RETENTION_DAYS,
};
use crate::refusal::Refusal;

pub(crate) fn group_name(name: &str) -> Result<(), Refusal> {
    length(name, "logGroupName", MAX_NAME_CHARS)?;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_/#".contains(&b)) {
        return Err(pattern(name, "logGroupName", r"[\.\-_/#A-Za-z0-9]+"));
    }
    if name.starts_with("aws/") {
        return Err(Refusal::invalid("Log groups starting with AWS/ are reserved for AWS."));
    }
    Ok(())
}

pub(crate) fn stream_name(name: &str) -> Result<(), Refusal> {
    length(name, "logStreamName", MAX_NAME_CHARS)?;
    if name.contains([':', '*']) {
        return Err(pattern(name, "logStreamName", "[^:*]*"));
    }
    Ok(())
}

pub(crate) fn retention(days: u32) -> Result<(), Refusal> {
    if RETENTION_DAYS.contains(&days) {
        return Ok(());
    }
    let allowed = format!("satisfy enum value set: {RETENTION_DAYS:?}");
    Err(Refusal::constraint(&days.to_string(), "retentionInDays", &allowed))
}

pub(crate) fn class(class: &str) -> Result<(), Refusal> {
    if CLASSES.contains(&class) {
        return Ok(());
    }
    let allowed = format!("satisfy enum value set: [{}]", CLASSES.join(", "));
    Err(Refusal::constraint(class, "logGroupClass", &allowed))
}

pub(crate) fn kms_key(id: &str) -> Result<(), Refusal> {
    if id.chars().count() <= MAX_KMS_KEY_CHARS {
        return Ok(());
    }
    Err(too_long(id, "kmsKeyId", MAX_KMS_KEY_CHARS))
}

pub(crate) fn tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let count = tags.len();
    if count == 0 || count > MAX_TAGS {
        let bound = if count == 0 { "greater than or equal to 1" } else { "less than or equal to 50" };
        return Err(Refusal::constraint(&format!("[{count} tags]"), "tags", &format!("have length {bound}")));
    }
    for (key, value) in tags {
        length(key, "tags.key", MAX_TAG_KEY_CHARS)?;
        if value.chars().count() > MAX_TAG_VALUE_CHARS {
            return Err(too_long(value, "tags.value", MAX_TAG_VALUE_CHARS));
        }
    }
    Ok(())
}

fn length(value: &str, field: &str, most: usize) -> Result<(), Refusal> {
    if value.is_empty() {
        return Err(Refusal::constraint(value, field, "have length greater than or equal to 1"));
    }
    if value.chars().count() > most {
        return Err(too_long(value, field, most));
    }
    Ok(())
}

fn too_long(value: &str, field: &str, most: usize) -> Refusal {
    Refusal::constraint(value, field, &format!("have length less than or equal to {most}"))
}

fn pattern(value: &str, field: &str, pattern: &str) -> Refusal {
    Refusal::constraint(value, field, &format!("satisfy regular expression pattern: {pattern}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names() {
        assert!(group_name(&"a".repeat(512)).is_ok());
        assert!(group_name("/aws/lambda/x.y-z_1#2").is_ok());
        for bad in ["", "a b", "a:b", "ä", "aws/x", &"a".repeat(513)] {
            assert!(group_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn stream_names() {
        assert!(stream_name(&"ä".repeat(512)).is_ok());
        assert!(stream_name("pod/[$LATEST] x").is_ok());
        for bad in ["", "a:b", "a*b", &"ä".repeat(513)] {
            assert!(stream_name(bad).is_err(), "{bad:?}");
        }
        let text = stream_name("a:b").unwrap_err().message;
        assert_eq!(
            text,
            "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [^:*]*"
        );
    }

    #[test]
    fn retention_takes_the_listed_values_only() {
        assert!(retention(1).is_ok() && retention(3653).is_ok());
        assert!(retention(0).is_err() && retention(2).is_err() && retention(3654).is_err());
    }

    #[test]
    fn classes_and_keys() {
        assert!(class("INFREQUENT_ACCESS").is_ok() && class("CHEAP").is_err());
        assert!(kms_key(&"k".repeat(256)).is_ok() && kms_key(&"k".repeat(257)).is_err());
    }

    #[test]
    fn tag_limits() {
        let many = |n: usize| (0..n).map(|i| (i.to_string(), String::new())).collect::<BTreeMap<_, _>>();
        assert!(tags(&many(1)).is_ok() && tags(&many(50)).is_ok());
        assert!(tags(&many(0)).is_err() && tags(&many(51)).is_err());
        let one = |key: usize, value: usize| BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
        assert!(tags(&one(128, 256)).is_ok());
        assert!(tags(&one(129, 0)).is_err() && tags(&one(1, 257)).is_err() && tags(&one(0, 0)).is_err());
    }
}
