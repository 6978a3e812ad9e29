//! Which destinations a framed client may name beyond the streams of the sidecar's own group.

use std::fmt;

use super::names::{is_group_char, is_stream_char, Destination};

/// A pattern `group:stream` in which `*` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    group: String,
    stream: String,
}

impl Pattern {
    /// Reads `group:stream`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some((group, stream)) = text.split_once(':') else {
            return Err(format!("`{text}` is not a pattern: write group:stream, with * for any text, such as app-*:*"));
        };
        if group.is_empty() || stream.is_empty() {
            return Err(format!("`{text}` matches nothing: write * for any name"));
        }
        let bad = group.chars().find(|c| *c != '*' && !is_group_char(*c));
        let bad = bad.or_else(|| stream.chars().find(|c| *c != '*' && !is_stream_char(*c)));
        if let Some(bad) = bad {
            return Err(format!("`{text}` matches nothing: no log group or stream can have {bad:?} there"));
        }
        Ok(Self { group: group.to_owned(), stream: stream.to_owned() })
    }

    /// Whether the destination's both names fit.
    pub fn matches(&self, destination: &Destination) -> bool {
        fits(&self.group, destination.group().as_str()) && fits(&self.stream, destination.stream().as_str())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.stream)
    }
}

/// Leftmost matching of the pieces between stars: linear in the name for each piece, no backtracking.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    for piece in middle.split('*') {
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, fit) in [
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            ("a*a", "aba", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("a*bb*b", "abb", false),
            ("**", "x", true),
            ("app", "app", true),
            ("app", "apps", false),
            ("ü*", "üx", true),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }

    /// The same, by trying every length for a star: slow, and easy to believe.
    fn obviously_fits(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|taken| obviously_fits(rest, &name[taken..])),
            Some((first, rest)) => name.split_first().is_some_and(|(c, name)| c == first && obviously_fits(rest, name)),
        }
    }

    proptest::proptest! {
        #[test]
        fn fits_as_the_obvious_way_does(pattern in "[ab/.*]{0,8}", name in "[ab/.]{0,10}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            proptest::prop_assert_eq!(fits(&pattern, &name), obviously_fits(&letters(&pattern), &letters(&name)));
        }
    }

    #[test]
    fn both_names_must_fit() {
        let pattern = Pattern::parse("team-*:audit-*").unwrap();
        assert!(pattern.matches(&Destination::parse("team-a", "audit-1").unwrap()));
        assert!(!pattern.matches(&Destination::parse("team-a", "other").unwrap()));
        assert!(!pattern.matches(&Destination::parse("prod", "audit-1").unwrap()));
        assert_eq!(pattern.to_string(), "team-*:audit-*");
    }

    #[test]
    fn patterns_that_could_never_match_are_refused() {
        for text in ["app", ":", "a:", ":b", "a b:c", "a:b:c"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
