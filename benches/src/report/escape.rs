//! The one place where text becomes HTML. Names in results come from files and command lines: none is trusted.

/// As text between tags, and as the value of a quoted attribute.
pub(super) fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON inside `<script>`: the same JSON without a character that could end the element or begin a comment in it.
pub(super) fn json(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for character in raw.chars() {
        match character {
            // In JSON these stand in strings only, where an escape means the same.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", character as u32)),
            other => safe.push(other),
        }
    }
    safe
}

/// A name as an `id`: letters, digits and hyphens.
pub(super) fn id(raw: &str) -> String {
    let kept = raw.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    kept.collect::<String>().split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_open_a_tag_or_leave_an_attribute() {
        assert_eq!(
            text(r#"<script>alert("1 & '2'")</script>"#),
            "&lt;script&gt;alert(&quot;1 &amp; &#39;2&#39;&quot;)&lt;/script&gt;"
        );
        assert_eq!(text("µs – plain"), "µs – plain");
    }

    #[test]
    fn json_stays_the_same_value_without_an_angle_bracket() {
        let value = serde_json::json!({ "</script><!--": "a & b\u{2028}<script>" });
        let safe = json(&value.to_string());
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }

    #[test]
    fn ids_are_plain() {
        assert_eq!(id("rust · sysconfig, p99 <b>"), "rust-sysconfig-p99-b");
    }
}
