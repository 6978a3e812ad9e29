//! What the fronts share: the shape of a record's text, JSON strings, and memory that is used again.
//!
//! A record carries its time beside its text, so no text here does.

use std::cell::RefCell;
use std::fmt::{self, Write};

/// How a front writes a record's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// One JSON object, so that CloudWatch finds its fields: `{"level":"INFO","target":"app","message":"…"}`.
    #[default]
    Json,
    /// For people: `INFO app: …`.
    Text,
}

thread_local! {
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Memory beyond this is given back after a long record.
const KEPT: usize = 16 * 1024;

/// Lends the thread's own text. Where it is lent already (a value that logs while it is written), a new one.
pub(crate) fn with_text<R>(write: impl FnOnce(&mut String) -> R) -> R {
    // Gone too while the thread ends.
    let text = TEXT.try_with(|text| text.try_borrow_mut().map(|mut text| std::mem::take(&mut *text)));
    let mut text = match text {
        Ok(Ok(text)) => text,
        _ => String::new(),
    };
    text.clear();
    let result = write(&mut text);
    if text.capacity() <= KEPT {
        let _ = TEXT.try_with(|kept| kept.try_borrow_mut().map(|mut kept| *kept = text));
    }
    result
}

/// Appends `text` as a JSON string.
pub(crate) fn json_str(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// Appends what a value displays as a JSON string.
pub(crate) fn json_display(out: &mut String, value: fmt::Arguments<'_>) {
    out.push('"');
    // A value whose `Display` fails has written what it could.
    let _ = Escaped(out).write_fmt(value);
    out.push('"');
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(quoted @ ('"' | '\\')) => out.extend(['\\', quoted]),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => (),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back_from_json_as_they_went() {
        for text in ["", "plain", "a\"b\\c", "line\nline\r\t", "\u{0}\u{1f}\u{7f}é\u{1F980}"] {
            let mut out = String::new();
            json_str(&mut out, text);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
            let mut displayed = String::new();
            json_display(&mut displayed, format_args!("{text}"));
            assert_eq!(displayed, out);
        }
    }

    #[test]
    fn the_text_is_lent_to_one_at_a_time() {
        with_text(|outer| {
            outer.push_str("outer");
            with_text(|inner| inner.push_str("inner"));
            assert_eq!(outer, "outer");
        });
        with_text(|text| assert!(text.is_empty()));
    }
}
