//! Numbers for people.

/// With a comma every three digits.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: whole where it is large.
pub(super) fn rate(a_second: f64) -> String {
    match a_second {
        small if small < 9.95 => format!("{small:.1}/s"),
        large => format!("{}/s", count(large.round() as u64)),
    }
}

/// Bytes in binary units.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A length of time in its two largest units.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.0}ms", seconds * 1000.0);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    match whole {
        ..3_600 => format!("{}m {}s", whole / 60, whole % 60),
        3_600..86_400 => format!("{}h {}m", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

/// Rows as lines of aligned columns: the first `left` begin at the same place, the others end there.
pub(super) fn table<const N: usize>(rows: &[[String; N]], left: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let cell = |column: usize, text: &str| match widths[column] {
        width if column < left => format!("{text:<width$}"),
        width => format!("{text:>width$}"),
    };
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().enumerate().map(|(column, text)| cell(column, text)).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 9.94, 9.96, 12_345.6].map(rate), ["0.0/s", "9.9/s", "10/s", "12,346/s"]);
        assert_eq!([1_023, 1_024, 1 << 20, 67_108_864].map(bytes), ["1023 B", "1.0 KiB", "1.0 MiB", "64.0 MiB"]);
        let times = [0.25, 1.5, 59.96, 3_599.0, 3_660.0, 90_000.0].map(duration);
        assert_eq!(times, ["250ms", "1.5s", "1m 0s", "59m 59s", "1h 1m", "1d 1h"]);
    }

    #[test]
    fn columns_align() {
        let rows = [["lane", "records"], ["é", "1"], ["group:stream", "12,345"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows, 1), "lane          records\né                   1\ngroup:stream   12,345\n");
    }
}
