//! `report`: results as tables in the terminal, and as one HTML file that needs nothing beside it.
//!
//! ```text
//! Results ─► select ─┬─► headline   what a request and a task pay, in words and in a table
//!  (JSON)    stats   ├─► verdicts   the goals, by equivalence tests over paired rounds
//!                    ├─► plots      descriptions of plots ─► plot::draw ─► SVG
//!                    └─► tables     everything in figures
//!                          sections ─┬─► text   the terminal
//!                                    └─► page   HTML
//! ```
//!
//! Every figure is computed here from the runs; what the source documents measured stands in `document`. What was not run
//! is left out, with a sentence that says so. Nothing here measures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::error::{io, wrong, Result};
use crate::results::{Results, FORMAT};

mod document;
mod escape;
mod headline;
mod maximum;
mod page;
pub(crate) mod plot;
mod plots;
#[cfg(test)]
pub(crate) mod sample;
mod sections;
mod select;
mod stats;
mod table;
mod tables;
mod verdicts;
mod words;

/// A file of results is read whole: more than this is none of ours.
const LARGEST: u64 = 512 << 20;

/// Prints the tables of a file of results, and writes its page.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// What a command wrote with `--json`
    #[arg(value_name = "RESULTS.json")]
    results: PathBuf,
    /// Also write the report as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print every case of the API workload, too
    #[arg(long)]
    every_case: bool,
}

pub(crate) fn run(args: &ReportArgs) -> Result<ExitCode> {
    let results = read(&args.results)?;
    print!("{}", tables(&results));
    if args.every_case {
        let sections = sections::all(&results);
        sections.iter().flat_map(|section| &section.details).for_each(|table| println!("\n{}", table.text()));
    }
    if let Some(path) = &args.html {
        std::fs::write(path, html(&results)).map_err(io("write", path.display()))?;
        println!("The report with plots: {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Looked at first: a file of another format need not have any of the other fields.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

fn read(path: &Path) -> Result<Results> {
    let size = std::fs::metadata(path).map_err(io("read", path.display()))?.len();
    if size > LARGEST {
        return Err(wrong(path.display(), format!("{size} bytes are more than results can be ({LARGEST})")));
    }
    let text = std::fs::read_to_string(path).map_err(io("read", path.display()))?;
    let other = |error| {
        wrong(
            path.display(),
            format!("not results of splashdam-bench (`--json FILE` of all commands but `http` writes them): {error}"),
        )
    };
    let Format { format } = serde_json::from_str(&text).map_err(other)?;
    if format != FORMAT {
        let why =
            format!("is of format {format}, this program reads {FORMAT}; measure again, or use the one that wrote it");
        return Err(wrong(path.display(), why));
    }
    serde_json::from_str(&text).map_err(other)
}

/// What it comes to in figures, for the terminal; single cases of the API workload are left to the page.
pub(crate) fn tables(results: &Results) -> String {
    let mut text = format!("\n{}\n", headline::sentence(results));
    if !results.complete {
        text.push_str("\nInterrupted: this is what there is.\n");
    }
    let mut add = |table: &table::Table| {
        text.push('\n');
        text.push_str(&table.text());
    };
    headline::tables(results).iter().for_each(&mut add);
    verdicts::table(&verdicts::verdicts(results)).iter().for_each(&mut add);
    for section in sections::all(results) {
        section.tables.iter().for_each(&mut add);
    }
    text
}

/// The report as one file of HTML.
pub(crate) fn html(results: &Results) -> String {
    page::html(results)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        let results = sample::results();
        let read = read(file(&serde_json::to_string(&results).unwrap()).path()).unwrap();
        assert_eq!(read.api[0].latency.buckets, results.api[0].latency.buckets);
        // Not the numbers themselves: their last digits may be rounded.
        assert!(tables(&read) == tables(&results));
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        let mut results = sample::results();
        results.format += 1;
        let error = read(file(&serde_json::to_string(&results).unwrap()).path()).unwrap_err().to_string();
        assert!(error.contains("format 2") && error.contains("measure again"), "{error}");
        assert!(read(file("[]").path()).unwrap_err().to_string().contains("--json FILE"));
        assert!(read(Path::new("/not/there")).unwrap_err().to_string().contains("cannot read"));
    }

    #[test]
    fn the_terminal_gets_every_section() {
        let text = tables(&sample::results());
        for part in [
            "Django and Celery: added",
            "Goals",
            "beside the document's",
            "Load record",
            "Sweeps",
            "Recovery",
            "Soak",
            "This run",
            "Left out",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn an_interrupted_run_and_an_empty_one_have_a_report() {
        let empty = Results::default();
        assert!(tables(&empty).contains("Interrupted") && html(&empty).contains("interrupted"));
    }
}
