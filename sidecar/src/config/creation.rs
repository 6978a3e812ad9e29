//! How log groups are created, within CloudWatch's limits.

use super::choice::{Creation, GroupClass};

/// The retentions that PutRetentionPolicy takes, in days (CloudWatch Logs API).
const RETENTION_DAYS: [u16; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const MAX_TAGS: usize = 50;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;
const MAX_KMS_KEY: usize = 256;

/// What is created where it is missing, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationConfig {
    /// Whether log groups are created.
    pub group: Creation,
    /// Whether log streams are created.
    pub stream: Creation,
    /// A new group's retention; `None` keeps records for ever.
    pub retention: Option<Retention>,
    /// A new group's tags.
    pub tags: Tags,
    /// The key that encrypts a new group.
    pub kms_key: Option<KmsKey>,
    /// A new group's class.
    pub class: GroupClass,
}

impl Default for CreationConfig {
    fn default() -> Self {
        Self {
            group: Creation::OnDemand,
            stream: Creation::OnDemand,
            retention: None,
            tags: Tags::default(),
            kms_key: None,
            class: GroupClass::Standard,
        }
    }
}

/// A number of days that CloudWatch takes as retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u16);

impl Retention {
    pub(crate) fn new(days: u64) -> Result<Self, String> {
        if let Some(days) = RETENTION_DAYS.iter().find(|known| u64::from(**known) == days) {
            return Ok(Self(*days));
        }
        let nearest = RETENTION_DAYS.iter().min_by_key(|known| u64::from(**known).abs_diff(days));
        let all: Vec<_> = RETENTION_DAYS.iter().map(u16::to_string).collect();
        Err(format!(
            "is not a retention that CloudWatch takes: the nearest is {} (of {})",
            nearest.copied().unwrap_or_default(),
            all.join(", ")
        ))
    }

    /// The days.
    pub fn days(self) -> u16 {
        self.0
    }
}

/// Tags for new groups, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// Reads `key=value` items.
    pub(crate) fn from_items(items: &[String]) -> Result<Self, String> {
        let mut tags: Vec<(String, String)> = Vec::new();
        for item in items {
            let (key, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is not a tag: write key=value"))?;
            check_tag(key, value)?;
            if tags.iter().any(|(known, _)| known == key) {
                return Err(format!("tag `{key}` is given twice"));
            }
            tags.push((key.to_owned(), value.to_owned()));
        }
        if tags.len() > MAX_TAGS {
            return Err(format!("a log group takes at most {MAX_TAGS} tags, here are {}", tags.len()));
        }
        Ok(Self(tags))
    }

    /// Keys and values.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

fn check_tag(key: &str, value: &str) -> Result<(), String> {
    let (key_length, value_length) = (key.chars().count(), value.chars().count());
    if key_length == 0 || key_length > MAX_TAG_KEY {
        return Err(format!("a tag's key has 1 to {MAX_TAG_KEY} characters, `{key}` has {key_length}"));
    }
    if value_length > MAX_TAG_VALUE {
        return Err(format!(
            "a tag's value has at most {MAX_TAG_VALUE} characters, that of `{key}` has {value_length}"
        ));
    }
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(format!("tag `{key}`: AWS keeps keys with aws: for itself"));
    }
    match key.chars().chain(value.chars()).find(|c| !is_tag_char(*c)) {
        Some(bad) => Err(format!("tag `{key}` has {bad:?}: tags take letters, digits, spaces and _ . : / = + - @")),
        None => Ok(()),
    }
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

/// The ARN of a KMS key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey(String);

impl KmsKey {
    pub(crate) fn new(arn: &str) -> Result<Self, String> {
        if !arn.starts_with("arn:") || arn.len() > MAX_KMS_KEY {
            return Err(format!(
                "is not the ARN of a key: write arn:aws:kms:REGION:ACCOUNT:key/ID, at most {MAX_KMS_KEY} characters"
            ));
        }
        Ok(Self(arn.to_owned()))
    }

    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_one_of_the_list() {
        for days in RETENTION_DAYS {
            assert_eq!(Retention::new(days.into()).unwrap().days(), days);
        }
        for (days, nearest) in [(0, 1), (13, 14), (3_654, 3_653), (u64::MAX, 3_653)] {
            let error = Retention::new(days).unwrap_err();
            assert!(error.contains(&format!("the nearest is {nearest} (")), "{error}");
        }
    }

    #[test]
    fn tags_within_limits() {
        let tags = |items: &[String]| Tags::from_items(items).map(|tags| tags.iter().len());
        assert_eq!(tags(&["team=a b".to_owned(), "empty=".to_owned()]), Ok(2));
        assert!(tags(&["team".to_owned()]).is_err());
        assert!(tags(&["=x".to_owned()]).is_err());
        assert!(tags(&["a=1".to_owned(), "a=2".to_owned()]).unwrap_err().contains("twice"));
        assert!(tags(&["AWS:x=1".to_owned()]).is_err());
        assert!(tags(&["a=<b>".to_owned()]).is_err());
        assert!(tags(&[format!("{}={}", "k".repeat(128), "v".repeat(256))]).is_ok());
        assert!(tags(&[format!("{}=v", "k".repeat(129))]).is_err());
        assert!(tags(&[format!("k={}", "v".repeat(257))]).is_err());
        let many = |count: usize| (0..count).map(|i| format!("k{i}=v")).collect::<Vec<_>>();
        assert_eq!(tags(&many(50)), Ok(50));
        assert!(tags(&many(51)).is_err());
    }

    #[test]
    fn keys_are_arns() {
        assert!(KmsKey::new("arn:aws:kms:eu-west-1:1:key/x").is_ok());
        assert!(KmsKey::new("alias/mine").is_err());
        assert!(KmsKey::new(&format!("arn:{}", "x".repeat(253))).is_err());
    }
}
