//! Settings that are one of a few words.

use super::nearest::suggestion;

/// A setting with a closed list of words. The first spelling of a value is the one that is shown.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn from_word(word: &str) -> Result<Self, String> {
        if let Some((_, choice)) = Self::WORDS.iter().find(|(known, _)| *known == word) {
            return Ok(*choice);
        }
        let words = || Self::WORDS.iter().map(|(word, _)| *word);
        let known = words().collect::<Vec<_>>().join(", ");
        let near = suggestion(&word.to_ascii_lowercase(), words());
        Err(format!("is not one of {known}{near}"))
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| word)
    }
}

/// Whether the sidecar ships, or takes and counts everything as dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Ships.
    Enabled,
    /// Accepts and counts as dropped (reason `disabled`).
    Disabled,
}

/// What divides the records of a text client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextDelimiter {
    /// A line is a record.
    Lf,
    /// Records end in NUL and may have several lines.
    Nul,
}

impl TextDelimiter {
    /// The byte itself.
    pub fn byte(self) -> u8 {
        match self {
            Self::Lf => b'\n',
            Self::Nul => 0,
        }
    }
}

/// What happens where there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Clients wait.
    Block,
    /// What comes is dropped.
    DropNewest,
    /// What is oldest and not in flight is dropped.
    DropOldest,
}

/// What loss does to the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLoss {
    /// An orderly end is exit code 0.
    Ignore,
    /// Anything rejected, dropped or lost makes it 3.
    Fail,
}

/// Whether what is missing in CloudWatch is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// When a call says that it does not exist.
    OnDemand,
    /// Somebody else creates it.
    Never,
}

/// A log group's class, fixed when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupClass {
    /// Everything CloudWatch Logs can do.
    Standard,
    /// Cheaper, with fewer features.
    InfrequentAccess,
    /// For delivery to other services only.
    Delivery,
}

impl GroupClass {
    /// As the API spells it.
    pub fn api_name(self) -> &'static str {
        self.word()
    }
}

/// What a durable ack outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// The end of the sidecar's process or container, however it comes.
    ProcessCrash,
    /// The end of the machine, too: it is synced before it is told.
    PowerLoss,
}

/// How long the spool's directory is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as the pod: an emptyDir.
    Pod,
    /// Longer: the next pod finds it.
    Persistent,
}

/// What becomes of records that are still spooled at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remainder {
    /// They stay in the directory.
    Keep,
    /// They stay, and are printed to stderr as well, where the node's log collector finds them.
    Stderr,
}

/// How the sidecar's own diagnostics look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The least important diagnostics that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What needs somebody.
    Error,
    /// What may need somebody.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// The spellings of yes and no, from `yes` and `no`.
const fn yes_or_no<T: Copy>(yes: T, no: T) -> [(&'static str, T); 8] {
    [("true", yes), ("false", no), ("yes", yes), ("no", no), ("on", yes), ("off", no), ("1", yes), ("0", no)]
}

impl Choice for Service {
    const WORDS: &'static [(&'static str, Self)] = &yes_or_no(Self::Enabled, Self::Disabled);
}

impl Choice for OnLoss {
    const WORDS: &'static [(&'static str, Self)] = &yes_or_no(Self::Fail, Self::Ignore);
}

impl Choice for Creation {
    const WORDS: &'static [(&'static str, Self)] = &yes_or_no(Self::OnDemand, Self::Never);
}

impl Choice for TextDelimiter {
    const WORDS: &'static [(&'static str, Self)] = &[("lf", Self::Lf), ("nul", Self::Nul)];
}

impl Choice for Overflow {
    const WORDS: &'static [(&'static str, Self)] =
        &[("block", Self::Block), ("drop-newest", Self::DropNewest), ("drop-oldest", Self::DropOldest)];
}

impl Choice for Survives {
    const WORDS: &'static [(&'static str, Self)] =
        &[("process-crash", Self::ProcessCrash), ("power-loss", Self::PowerLoss)];
}

impl Choice for Lifetime {
    const WORDS: &'static [(&'static str, Self)] = &[("pod", Self::Pod), ("persistent", Self::Persistent)];
}

impl Choice for Remainder {
    const WORDS: &'static [(&'static str, Self)] = &[("keep", Self::Keep), ("stderr", Self::Stderr)];
}

impl Choice for GroupClass {
    const WORDS: &'static [(&'static str, Self)] =
        &[("STANDARD", Self::Standard), ("INFREQUENT_ACCESS", Self::InfrequentAccess), ("DELIVERY", Self::Delivery)];
}

impl Choice for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

impl Choice for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_shown() {
        assert_eq!(Overflow::from_word("drop-newest"), Ok(Overflow::DropNewest));
        assert_eq!(Overflow::DropOldest.word(), "drop-oldest");
        assert_eq!(Service::from_word("0"), Ok(Service::Disabled));
        assert_eq!(OnLoss::Fail.word(), "true");
        assert_eq!(GroupClass::InfrequentAccess.api_name(), "INFREQUENT_ACCESS");
        assert_eq!(TextDelimiter::Nul.byte(), 0);
    }

    #[test]
    fn other_words_are_refused_with_the_nearest() {
        let error = Overflow::from_word("drop-newst").unwrap_err();
        assert_eq!(error, "is not one of block, drop-newest, drop-oldest; did you mean drop-newest?");
        assert!(LogLevel::from_word("WARN").unwrap_err().ends_with("did you mean warn?"));
        assert!(GroupClass::from_word("STANDRD").is_err());
    }
}
