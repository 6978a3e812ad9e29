//! Which lanes are meant. Pure.

use crate::spool::inspect::LanePlace;

/// Most lanes that are named to somebody who meant one of them.
const NAMED: usize = 5;

/// The lanes that the patterns mean, in the lanes' order; all where there are none.
pub(super) fn select(lanes: Vec<LanePlace>, patterns: &[String]) -> Result<Vec<LanePlace>, String> {
    if patterns.is_empty() {
        return Ok(lanes);
    }
    let labels: Vec<String> = lanes.iter().map(LanePlace::label).collect();
    let wanted = patterns.iter().map(|pattern| find(&labels, pattern)).collect::<Result<Vec<usize>, String>>()?;
    Ok(lanes.into_iter().enumerate().filter(|(index, _)| wanted.contains(index)).map(|(_, lane)| lane).collect())
}

/// The lane of that name, else the only one whose name has this part.
fn find(labels: &[String], pattern: &str) -> Result<usize, String> {
    if let Some(exact) = labels.iter().position(|label| label == pattern) {
        return Ok(exact);
    }
    let found: Vec<usize> = (0..labels.len()).filter(|index| labels[*index].contains(pattern)).collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("--lane {pattern}: no lane has this in its name: `splashdam spool ls` shows them")),
        _ => {
            let names: Vec<&str> = found.iter().take(NAMED).map(|index| labels[*index].as_str()).collect();
            let more = if found.len() > NAMED { " and others" } else { "" };
            Err(format!("--lane {pattern}: this may be {}{more}: name one as GROUP:STREAM", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_its_unique_part() {
        let labels = ["app:web-1", "app:web-10", "jobs:nightly"].map(str::to_owned);
        assert_eq!(find(&labels, "app:web-1"), Ok(0));
        assert_eq!(find(&labels, "night"), Ok(2));
        assert_eq!(find(&labels, "10"), Ok(1));
        assert!(find(&labels, "web").unwrap_err().contains("app:web-1, app:web-10: name one"));
        assert!(find(&labels, "x").unwrap_err().contains("spool ls"));
    }
}
