//! A command line as a person types it, as words: quotes and backslashes as in a shell, nothing else of a shell.

use crate::error::{wrong, Result};

/// Splits at spaces that are neither quoted nor escaped.
pub(crate) fn split(line: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut rest = line.chars();
    while let Some(next) = rest.next() {
        match (quote, next) {
            (Some(open), close) if open == close => quote = None,
            (Some('\''), inside) => word.get_or_insert_default().push(inside),
            (_, '\\') => {
                let escaped = rest.next().ok_or_else(|| wrong(line, "ends with a backslash"))?;
                // Within double quotes a backslash stands for itself before anything but these.
                if quote.is_some() && !matches!(escaped, '"' | '\\' | '$' | '`') {
                    word.get_or_insert_default().push('\\');
                }
                word.get_or_insert_default().push(escaped);
            }
            (Some(_), inside) => word.get_or_insert_default().push(inside),
            (None, '\'' | '"') => {
                // Two quotes with nothing between are a word, too.
                word.get_or_insert_default();
                quote = Some(next);
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(wrong(line, "has a quote that is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// Puts values in for `{name}`; other braces stay as they are.
pub(crate) fn fill_in(word: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(word.to_owned(), |word, (name, value)| word.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_in_a_shell() {
        for (line, words) in [
            ("  a  b\tc ", vec!["a", "b", "c"]),
            ("vector --config '/tmp/a b.yaml'", vec!["vector", "--config", "/tmp/a b.yaml"]),
            ("a\"b c\"d 'e'\"f\"", vec!["ab cd", "ef"]),
            ("a\\ b \\\"c", vec!["a b", "\"c"]),
            ("'a\\b' \"a\\b\" \"a\\\"b\"", vec!["a\\b", "a\\b", "a\"b"]),
            ("a '' b", vec!["a", "", "b"]),
            ("", vec![]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        assert!(split("a 'b").unwrap_err().to_string().contains("not closed"));
        assert!(split("a\\").unwrap_err().to_string().contains("backslash"));
    }

    #[test]
    fn placeholders_are_filled_in_and_other_braces_stay() {
        let values = [("dir", "/x"), ("port", "80")];
        assert_eq!(fill_in("{dir}/a:{port}:{dir} {else} {}", &values), "/x/a:80:/x {else} {}");
    }
}
