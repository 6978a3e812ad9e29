//! The valid name that someone who mistyped probably meant.

/// Less alike than this is not worth suggesting.
const NEAR_ENOUGH: f64 = 0.8;

/// The candidate nearest to `given`, if any is near enough to be worth suggesting.
pub(crate) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|name| (likeness(given, name), name))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// From 0 to 1. Names that begin alike are alike; and one slip of the fingers is forgiven in short names, too.
fn likeness(given: &str, name: &str) -> f64 {
    match strsim::damerau_levenshtein(given, name) {
        0 => 1.0,
        1 if given.len() > 1 => 0.99,
        _ => strsim::jaro_winkler(given, name),
    }
}

/// `; did you mean X?`, or nothing where no candidate is near.
pub(crate) fn suggestion<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, candidates).map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let names = ["memory", "max_record", "linger", "linger_max"];
        assert_eq!(nearest("memroy", names), Some("memory"));
        assert_eq!(nearest("lingr_max", names), Some("linger_max"));
        assert_eq!(nearest("pdo", ["pid", "pod"]), Some("pod"));
        assert_eq!(nearest("x", ["s", "m"]), None);
        assert_eq!(nearest("zebra", names), None);
        assert_eq!(suggestion("lingre", names), "; did you mean linger?");
        assert_eq!(suggestion("", names), "");
    }
}
