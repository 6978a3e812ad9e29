//! The page: one file, no request to anywhere, no script needed to read it. All text goes through `escape`.

use std::fmt::Write;

use base64::Engine;

use super::plot::{svg, Ink, Plot};
use super::sections::{self, Section};
use super::verdicts::{self, Verdict};
use super::{escape, headline, words};
use crate::results::{Mode, Results};

const STYLE: &str = include_str!("page/style.css");
/// Nothing may be loaded: not by us, and not by a name in the results that found a way out of its quotes.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(super) fn html(results: &Results) -> String {
    let sections = sections::all(results);
    let mut page = String::with_capacity(1 << 20);
    head(&mut page);
    page.push_str("<body><main>");
    top(&mut page, results, &sections);
    for section in &sections {
        part(&mut page, section);
    }
    raw(&mut page, results);
    page.push_str("</main></body></html>\n");
    page
}

fn head(page: &mut String) {
    let _ = write!(
        page,
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"><link rel=\"icon\" href=\"data:,\">\
         <title>What logging costs: splashdam-bench</title><style>{STYLE}{}</style></head>",
        colours()
    );
}

fn colours() -> String {
    let of = |mode: Mode| format!(".mode-{0} td:first-child,.key-{0}{{--ink:{1}}}", mode.name(), Ink::of(mode).css());
    Mode::ALL.map(of).concat()
}

fn top(page: &mut String, results: &Results, sections: &[Section]) {
    let machine = &results.machine;
    let _ = write!(
        page,
        "<header><p class=\"over\">splashdam-bench · {} · {} CPUs, {} · {} minutes</p><h1>What logging costs</h1>",
        escape::text(&results.began),
        machine.cpus,
        escape::text(&machine.model),
        words::number(results.seconds / 60.0)
    );
    if !results.complete {
        page.push_str("<p class=\"warning\" role=\"alert\">This run was interrupted: what follows is what there was until then.</p>");
    }
    let _ = write!(page, "<p class=\"headline\">{}</p></header>", escape::text(&headline::sentence(results)));
    contents(page, sections);
    page.push_str("<section id=\"headline\"><h2>What each mode pays</h2>");
    modes(page);
    for table in headline::tables(results) {
        page.push_str(&table.html());
    }
    page.push_str("</section>");
    goals(page, &verdicts::verdicts(results));
}

fn contents(page: &mut String, sections: &[Section]) {
    page.push_str("<nav aria-label=\"Contents\"><a href=\"#headline\">Headline</a><a href=\"#goals\">Goals</a>");
    for section in sections.iter().filter(|section| !section.is_empty()) {
        let _ = write!(page, "<a href=\"#{}\">{}</a>", section.id, escape::text(section.title));
    }
    page.push_str("<a href=\"#raw\">Raw data</a></nav>");
}

/// What the six words mean, in the colours that they have in every plot.
fn modes(page: &mut String) {
    let said = |mode| match mode {
        Mode::None => "nothing is logged",
        Mode::Null => "formatted and thrown away",
        Mode::Stdout => "lines to a pipe that is read",
        Mode::Splashdam => "client, socket, sidecar, remote",
        Mode::Sync => "a call to the remote for each record",
        Mode::Queue => "unbounded queue in the process, a thread sends",
        Mode::Shipper => "lines to the socket of another shipper",
    };
    page.push_str("<ul class=\"key\">");
    for mode in Mode::ALL {
        let _ = write!(page, "<li class=\"key-{0}\"><b>{0}</b> {1}</li>", mode.name(), said(mode));
    }
    page.push_str("</ul>");
}

fn goals(page: &mut String, verdicts: &[Verdict]) {
    page.push_str("<section id=\"goals\"><h2>Goals</h2>");
    let Some(table) = verdicts::table(verdicts) else {
        page.push_str("<p class=\"empty\">No goal can be judged by this run: it has no rounds of null and splashdam.</p></section>");
        return;
    };
    page.push_str("<p class=\"tally\">");
    for (outcome, count) in verdicts::count(verdicts) {
        let _ = write!(page, "<span class=\"verdict {0}\">{count} {0}</span>", outcome.name());
    }
    page.push_str("</p>");
    page.push_str(&verdicts::matrix(verdicts).map_or(String::new(), |matrix| matrix.html()));
    let others: Vec<Verdict> = verdicts.iter().filter(|verdict| verdict.column.is_none()).cloned().collect();
    page.push_str(&verdicts::table(&others).map_or(String::new(), |table| table.html()));
    let _ = write!(page, "<details><summary>Every goal in words</summary>{}</details></section>", table.html());
}

fn part(page: &mut String, section: &Section) {
    let _ = write!(page, "<section id=\"{}\"><h2>{}</h2>", section.id, escape::text(section.title));
    if section.is_empty() {
        let _ = write!(page, "<p class=\"empty\">{}</p></section>", escape::text(section.empty));
        return;
    }
    let _ = write!(page, "<p class=\"intro\">{}</p>", escape::text(section.intro));
    if !section.plots.is_empty() {
        page.push_str("<div class=\"plots\">");
        section.plots.iter().for_each(|plot| figure(page, plot));
        page.push_str("</div>");
    }
    for table in &section.tables {
        page.push_str(&table.html());
    }
    for table in &section.details {
        let _ = write!(page, "<details><summary>{}</summary>{}</details>", escape::text(&table.title), table.html());
    }
    page.push_str("</section>");
}

fn figure(page: &mut String, plot: &Plot) {
    let _ = write!(
        page,
        "<figure id=\"plot-{}\"><h3>{}</h3><div class=\"drawing\">",
        escape::id(&plot.title),
        escape::text(&plot.title)
    );
    match svg(plot) {
        Ok(drawn) => page.push_str(&drawn),
        Err(why) => {
            let _ = write!(page, "<p class=\"warning\">This plot could not be drawn: {}</p>", escape::text(&why));
        }
    }
    let _ = write!(page, "</div><figcaption>{}</figcaption></figure>", escape::text(&plot.caption));
}

/// The results themselves: to download without a network, and for programs that read pages.
fn raw(page: &mut String, results: &Results) {
    page.push_str("<section id=\"raw\"><h2>Raw data</h2>");
    match serde_json::to_string(results) {
        Ok(json) => {
            let _ = write!(
                page,
                "<p><a class=\"download\" download=\"splashdam-bench.json\" href=\"data:application/json;base64,{}\">Download the results as \
                 JSON</a> ({} KiB): every run with its distribution. <code>splashdam-bench report FILE</code> makes this page from it, \
                 <code>splashdam-bench compare A B</code> says what changed between two.</p>\
                 <script type=\"application/json\" id=\"results\">{}</script>",
                base64::engine::general_purpose::STANDARD.encode(&json),
                words::thousands(json.len() as f64 / 1_024.0),
                escape::json(&json)
            );
        }
        Err(error) => {
            let _ = write!(
                page,
                "<p class=\"warning\">The results could not be written as JSON: {}</p>",
                escape::text(&error.to_string())
            );
        }
    }
    page.push_str("</section>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_in_results_stay_text() {
        let mut results = sample::results();
        results.machine.model = "</title><script>alert(3)</script>".to_owned();
        results.command = "\"><img src=x onerror=alert(4)>".to_owned();
        let page = html(&results);
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("<script type=\"application/json\" id=\"results\">") && !page.contains("<img"));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = html(&sample::results());
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        for sign in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!outside.contains(sign), "{sign}");
        }
    }

    #[test]
    fn the_download_is_the_results() {
        let results = sample::results();
        let page = html(&results);
        let from = page.find("base64,").unwrap() + 7;
        let encoded = page[from..].split('"').next().unwrap();
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        assert!(decoded == serde_json::to_vec(&results).unwrap());
    }

    #[test]
    fn every_plot_is_drawn_described_and_found_once() {
        let page = html(&sample::results());
        let figures = page.matches("<figure").count();
        assert!(figures > 50 && !page.contains("could not be drawn"), "{figures}");
        assert_eq!(
            [page.matches("<svg").count(), page.matches("<figcaption>").count(), page.matches("role=\"img\"").count()],
            [figures; 3]
        );
        let ids: std::collections::BTreeSet<_> =
            page.split("<figure id=\"").skip(1).map(|rest| rest.split('"').next()).collect();
        assert_eq!(ids.len(), figures);
    }

    #[test]
    fn what_was_not_run_is_said() {
        let mut results = sample::results();
        results.tasks.clear();
        let page = html(&results);
        assert!(page.contains("The task workload was not run.") && !page.contains("href=\"#tasks\""));
    }
}
