//! Markdown tables whose source is aligned.

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// The first row is the head.
pub(super) fn grid<const N: usize>(rows: &[[String; N]], sides: [Side; N]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
    let widths: [usize; N] = std::array::from_fn(width);
    let rule = |column: usize| match sides[column] {
        Side::Left => "-".repeat(widths[column]),
        Side::Right => format!("{}:", "-".repeat(widths[column] - 1)),
    };
    let cell = |row: &[String; N], column: usize| match (sides[column], widths[column]) {
        (Side::Left, width) => format!("{:<width$}", row[column]),
        (Side::Right, width) => format!("{:>width$}", row[column]),
    };
    let line = |cells: [String; N]| format!("| {} |\n", cells.join(" | "));
    let mut lines: Vec<String> = rows.iter().map(|row| line(std::array::from_fn(|column| cell(row, column)))).collect();
    lines.insert(lines.len().min(1), line(std::array::from_fn(rule)));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_say_their_side() {
        let rows = [["what", "now"], ["é", "12,345"]].map(|row| row.map(str::to_owned));
        let text = grid(&rows, [Side::Left, Side::Right]);
        assert_eq!(text, "| what |    now |\n| ---- | -----: |\n| é    | 12,345 |\n");
    }
}
