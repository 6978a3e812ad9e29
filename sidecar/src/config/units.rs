//! Sizes (`64MiB`) and durations (`250ms`): reading and writing them.
//!
//! Units are exact in their spelling, because `m` is milli in Kubernetes, a minute here and mega to many.

use std::time::Duration;

use super::nearest::suggestion;

const SIZE_UNITS: [(&str, u64); 16] = [
    ("", 1),
    ("B", 1),
    ("k", 1_000),
    ("K", 1_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("G", 1_000_000_000),
    ("GB", 1_000_000_000),
    ("Ki", 1 << 10),
    ("KiB", 1 << 10),
    ("Mi", 1 << 20),
    ("MiB", 1 << 20),
    ("Gi", 1 << 30),
    ("GiB", 1 << 30),
];

const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Longer waits are mistakes, and instants could not carry all of them.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Reads `64Mi`, `64MiB`, `64M`, `64MB` or `1000000`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let units = || SIZE_UNITS.iter();
    let Some((_, scale)) = units().find(|(name, _)| *name == unit) else {
        let near = units()
            .map(|(name, _)| *name)
            .find(|name| name.eq_ignore_ascii_case(unit))
            .map_or_else(String::new, |name| format!("; did you mean {number}{name}?"));
        return Err(format!(
            "`{unit}` is not a unit of size: write bytes as a number, with KiB, MiB or GiB (or kB, MB, GB) after it{near}"
        ));
    };
    let number = whole(number, "a size, such as 64MiB or 1000000")?;
    number.checked_mul(*scale).ok_or_else(|| "is more bytes than 64 bits can count".to_owned())
}

/// Reads `250ms`, `5s`, `1m` or `2h`; nothing but `0` goes without a unit.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    if number == "0" && unit.is_empty() {
        return Ok(Duration::ZERO);
    }
    let number = whole(number, "a duration, such as 250ms or 5s")?;
    if unit.is_empty() {
        return Err(format!("a duration needs its unit: {number}ms, {number}s, {number}m or {number}h"));
    }
    let Some((_, scale)) = DURATION_UNITS.iter().find(|(name, _)| *name == unit) else {
        let names = DURATION_UNITS.iter().map(|(name, _)| *name);
        return Err(format!(
            "`{unit}` is not a unit of time: use ms, s, m or h{}",
            suggestion(&unit.to_ascii_lowercase(), names)
        ));
    };
    number
        .checked_mul(*scale)
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("is longer than {}, the longest accepted", show_duration(LONGEST)))
}

/// The shortest exact spelling of a size, in binary units.
pub(crate) fn show_size(bytes: u64) -> String {
    for (unit, scale) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes > 0 && bytes.is_multiple_of(scale) {
            return format!("{}{unit}", bytes / scale);
        }
    }
    bytes.to_string()
}

/// The shortest exact spelling of a duration, to the millisecond.
pub(crate) fn show_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    for (unit, scale) in DURATION_UNITS.iter().rev() {
        if ms > 0 && ms.is_multiple_of(*scale) {
            return format!("{}{unit}", ms / scale);
        }
    }
    "0s".to_owned()
}

/// Reads a whole number; `wanted` says what the value should have looked like.
pub(crate) fn whole(text: &str, wanted: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("is not {wanted}"));
    }
    text.parse().map_err(|_| "is more than 64 bits can count".to_owned())
}

/// The leading digits, and what follows them.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, if number.is_empty() { "" } else { unit.trim_start() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let mib = 1 << 20;
        for (text, bytes) in [
            ("64Mi", 64 * mib),
            ("64MiB", 64 * mib),
            ("64 MiB", 64 * mib),
            ("1000000", 1_000_000),
            ("64M", 64_000_000),
            ("64MB", 64_000_000),
            ("2k", 2_000),
            ("1GiB", 1 << 30),
            ("0", 0),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5MiB", "64Mib", "64m", "64XB", "99999999999999999999", "18446744073709551615k"]
        {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert!(parse_size("64Mib").unwrap_err().ends_with("did you mean 64MiB?"));
    }

    #[test]
    fn durations() {
        for (text, ms) in [("250ms", 250), ("5s", 5_000), ("1m", 60_000), ("2h", 7_200_000), ("0", 0), ("0s", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-5s", "1.5s", "5 parsecs", "1m30s", "721h", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("5").unwrap_err().contains("needs its unit: 5ms, 5s"));
        assert!(parse_duration("5S").unwrap_err().ends_with("did you mean s?"));
    }

    #[test]
    fn what_is_shown_reads_back() {
        for bytes in [0, 1, 1_000, 1_024, 1_048_550, 64 << 20, 3 << 30, u64::MAX] {
            assert_eq!(parse_size(&show_size(bytes)), Ok(bytes));
        }
        for ms in [0, 1, 250, 1_000, 1_500, 90_000, 3_600_000] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }
    }
}
