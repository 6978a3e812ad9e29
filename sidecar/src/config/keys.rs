//! A pair of AWS keys that was given to us as it is, and how little of it may be seen.

use std::fmt;

/// An access key id and its secret. What is shown of it, in `Debug`, too, is the end of the id.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticKeys {
    id: String,
    secret: String,
}

impl StaticKeys {
    /// Both halves, which [`is_key`] has seen.
    pub(crate) fn new(id: String, secret: String) -> Self {
        Self { id, secret }
    }

    /// The access key id, for signing alone.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The secret, for signing alone.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticKeys({})", masked(&self.id))
    }
}

/// Whether a text can be a key at all: what else it holds would break a header.
pub(crate) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Of an access key id its last four characters; of one too short to hide anything in, nothing.
pub(crate) fn masked(id: &str) -> String {
    let from = id.char_indices().rev().nth(3).map_or(id.len(), |(at, _)| at);
    let end = if id.chars().count() > 8 { &id[from..] } else { "" };
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_the_end_is_shown() {
        assert_eq!(masked("AKIAIOSFODNN7EXAMPLE"), "…MPLE");
        assert_eq!(["", "ab", "12345678"].map(masked), ["…", "…", "…"]);
        let keys = StaticKeys::new("AKIAIOSFODNN7EXAMPLE".to_owned(), "wJalrXUtnFEMI".to_owned());
        assert_eq!(format!("{keys:?} {:#?}", Some(&keys)), "StaticKeys(…MPLE) Some(\n    StaticKeys(…MPLE),\n)");
    }

    #[test]
    fn what_would_break_a_header_is_no_key() {
        assert!(is_key("wJalr/XUtn+FEMI="));
        for bad in ["", "a b", "a\n", "ä"] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}
