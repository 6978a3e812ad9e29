//! A table before it is shown, so that terminal and page say the same.

use std::fmt::Write;

use super::escape;
use super::verdicts::Outcome;
use crate::results::Mode;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Said below it in small letters, line by line.
    pub(super) small: String,
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// Gives the row its colour.
    pub(super) mode: Option<Mode>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub(super) title: String,
    /// How to read it.
    pub(super) note: String,
    pub(super) columns: Vec<String>,
    /// So many of the columns are words, the rest figures.
    pub(super) words: usize,
    pub(super) rows: Vec<Row>,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Cell {
    pub(super) fn with_small(text: impl Into<String>, small: impl Into<String>) -> Self {
        Self { text: text.into(), small: small.into(), outcome: None }
    }

    fn plain(&self) -> String {
        let verdict = self.outcome.map_or("", Outcome::name);
        let small = self.small.replace('\n', "; ");
        let parts = [self.text.as_str(), verdict, small.as_str()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    }

    fn html(&self) -> String {
        let mut html = match self.outcome {
            Some(outcome) => format!("<span class=\"verdict {0}\">{0}</span>", outcome.name()),
            None => String::new(),
        };
        html.push_str(&escape::text(&self.text));
        for line in self.small.lines() {
            let _ = write!(html, "<small>{}</small>", escape::text(line));
        }
        html
    }
}

impl Table {
    pub(super) fn new(title: impl Into<String>, note: impl Into<String>, words: usize, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { title: title.into(), note: note.into(), columns, words, rows: Vec::new() }
    }

    pub(super) fn push(&mut self, mode: Option<Mode>, cells: Vec<Cell>) {
        self.rows.push(Row { cells, mode });
    }

    /// With columns as wide as their widest cell.
    pub(super) fn text(&self) -> String {
        let mut grid = vec![self.columns.clone()];
        grid.extend(self.rows.iter().map(|row| row.cells.iter().map(Cell::plain).collect()));
        let width =
            |column: usize| grid.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for row in &grid {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = if index < self.words {
                    write!(line, "{cell:<width$}  ")
                } else {
                    write!(line, "{cell:>width$}  ")
                };
            }
            let _ = writeln!(text, "  {}", line.trim_end());
        }
        if !self.note.is_empty() {
            let _ = writeln!(text, "  ({})", self.note);
        }
        text
    }

    pub(super) fn html(&self) -> String {
        // Words wrap only where a table is all words.
        let kind = if self.words == self.columns.len() { "table prose" } else { "table" };
        let mut html = format!("<div class=\"{kind}\"><h3>{}</h3>", escape::text(&self.title));
        html.push_str("<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>");
        for (index, column) in self.columns.iter().enumerate() {
            let class = if index < self.words { "" } else { " class=\"figure\"" };
            let _ = write!(html, "<th scope=\"col\"{class}>{}</th>", escape::text(column));
        }
        html.push_str("</tr></thead><tbody>");
        for row in &self.rows {
            let class = row.mode.map_or(String::new(), |mode| format!(" class=\"mode-{}\"", mode.name()));
            let _ = write!(html, "<tr{class}>");
            for (index, cell) in row.cells.iter().enumerate() {
                let class = if index < self.words { "" } else { " class=\"figure\"" };
                let _ = write!(html, "<td{class}>{}</td>", cell.html());
            }
            html.push_str("</tr>");
        }
        html.push_str("</tbody></table></div>");
        if !self.note.is_empty() {
            let _ = write!(html, "<p class=\"note\">{}</p>", escape::text(&self.note));
        }
        html.push_str("</div>");
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("A & B", "a note", 1, &["mode", "p50"]);
        table.push(Some(Mode::Sync), vec!["<sync>".into(), Cell::with_small("33.0 ms", "×3.7")]);
        table.push(None, vec!["null".into(), Cell { outcome: Some(Outcome::Met), ..Cell::default() }]);
        table
    }

    #[test]
    fn columns_line_up_in_the_terminal() {
        let text = table().text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            ["A & B", "  mode              p50", "  <sync>  33.0 ms  ×3.7", "  null              met", "  (a note)"]
        );
    }

    #[test]
    fn the_page_shows_the_same_safely() {
        let html = table().html();
        assert!(
            html.contains("<h3>A &amp; B</h3>")
                && html.contains("&lt;sync&gt;")
                && html.contains("<small>×3.7</small>")
        );
        assert!(html.contains("<tr class=\"mode-sync\">") && html.contains("verdict met"));
    }
}
