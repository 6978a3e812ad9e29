//! CloudWatch's names, valid by construction.
//!
//! Limits: a group is `[.\-_/#A-Za-z0-9]{1,512}` and does not start with `aws/`; a stream is `[^:*]{1,512}`
//! (CloudWatch Logs API, CreateLogGroup and CreateLogStream). We refuse control characters in streams, too.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest name of a group or stream, in characters.
pub const MAX_NAME: usize = 512;

/// Why a name is not one that CloudWatch takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A name has at least one character.
    #[error("a log {0} needs a name of at least one character")]
    Empty(&'static str),
    /// A name has at most [`MAX_NAME`] characters.
    #[error("a log {0} has a name of at most {MAX_NAME} characters, this one has {1}")]
    TooLong(&'static str, usize),
    /// A character that CloudWatch does not take.
    #[error("a log group's name takes letters, digits and . - _ / # only, not {0:?}")]
    GroupCharacter(char),
    /// A character that CloudWatch does not take.
    #[error("a log stream's name takes neither : nor * nor control characters, and here is {0:?}")]
    StreamCharacter(char),
    /// Reserved by AWS.
    #[error("a log group's name may not start with aws/, which AWS keeps for itself")]
    Reserved,
}

/// The name of a log group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogGroup(Arc<str>);

/// The name of a log stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogStream(Arc<str>);

/// Where records go: a log group and a stream in it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    group: LogGroup,
    stream: LogStream,
}

impl LogGroup {
    /// Checks and takes a group's name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_length("group", name)?;
        if let Some(bad) = name.chars().find(|c| !is_group_char(*c)) {
            return Err(NameError::GroupCharacter(bad));
        }
        if name.starts_with("aws/") {
            return Err(NameError::Reserved);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl LogStream {
    /// Checks and takes a stream's name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_length("stream", name)?;
        match name.chars().find(|c| !is_stream_char(*c)) {
            Some(bad) => Err(NameError::StreamCharacter(bad)),
            None => Ok(Self(name.into())),
        }
    }

    /// Makes a valid name of any text: what a stream may not contain becomes `-`, what is too long is cut, and
    /// nothing becomes `-`.
    pub fn sanitised(text: &str) -> Self {
        let name: String = text.chars().map(|c| if is_stream_char(c) { c } else { '-' }).take(MAX_NAME).collect();
        Self(if name.is_empty() { "-".into() } else { name.into() })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Destination {
    /// Joins two valid names.
    pub fn new(group: LogGroup, stream: LogStream) -> Self {
        Self { group, stream }
    }

    /// Checks two names and joins them.
    pub fn parse(group: &str, stream: &str) -> Result<Self, NameError> {
        Ok(Self::new(LogGroup::new(group)?, LogStream::new(stream)?))
    }

    /// The log group.
    pub fn group(&self) -> &LogGroup {
        &self.group
    }

    /// The log stream.
    pub fn stream(&self) -> &LogStream {
        &self.stream
    }
}

impl fmt::Display for LogGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LogStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `group:stream`: no name can contain the colon.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.stream)
    }
}

impl FromStr for LogGroup {
    type Err = NameError;
    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl FromStr for LogStream {
    type Err = NameError;
    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

pub(crate) fn is_group_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#')
}

pub(crate) fn is_stream_char(c: char) -> bool {
    !matches!(c, ':' | '*') && !c.is_control()
}

fn check_length(what: &'static str, name: &str) -> Result<(), NameError> {
    match name.chars().count() {
        0 => Err(NameError::Empty(what)),
        1..=MAX_NAME => Ok(()),
        more => Err(NameError::TooLong(what, more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_at_the_limits() {
        assert!(LogGroup::new("/app/Prod-1_x.y#z").is_ok());
        assert!(LogGroup::new(&"g".repeat(512)).is_ok());
        assert_eq!(LogGroup::new(&"g".repeat(513)), Err(NameError::TooLong("group", 513)));
        assert_eq!(LogGroup::new(""), Err(NameError::Empty("group")));
        assert_eq!(LogGroup::new("a b"), Err(NameError::GroupCharacter(' ')));
        assert_eq!(LogGroup::new("aws/lambda"), Err(NameError::Reserved));
        assert!(LogGroup::new("/aws/lambda").is_ok());
    }

    #[test]
    fn streams_at_the_limits() {
        assert!(LogStream::new("pod [a] b/ü").is_ok());
        assert!(LogStream::new(&"ü".repeat(512)).is_ok());
        assert_eq!(LogStream::new(&"ü".repeat(513)), Err(NameError::TooLong("stream", 513)));
        assert_eq!(LogStream::new(""), Err(NameError::Empty("stream")));
        for bad in ['*', ':', '\n', '\0'] {
            assert_eq!(LogStream::new(&format!("a{bad}")), Err(NameError::StreamCharacter(bad)));
        }
    }

    #[test]
    fn a_destination_shows_both_names() {
        let destination = Destination::parse("app", "pod/1").unwrap();
        assert_eq!(destination.to_string(), "app:pod/1");
        assert!(Destination::parse("app", "a:b").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_sanitised_name_is_valid(text in ".{0,600}") {
            let name = LogStream::sanitised(&text);
            proptest::prop_assert_eq!(LogStream::new(name.as_str()), Ok(name));
        }
    }
}
