//! The sidecar's account, read from `/metrics`.

use std::collections::BTreeMap;
use std::fmt;

/// All samples of one scrape, summed over the labels that we do not ask for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scrape {
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads OpenMetrics text.
    pub(crate) fn parse(text: &str) -> Self {
        let mut samples = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = split(line) else { continue };
            *samples.entry(series.to_owned()).or_insert(0.0) += value;
        }
        Self { samples }
    }

    /// The sum of all series of one name that carry `label` (`kind="first"`), or of all with an empty one.
    pub(crate) fn sum(&self, name: &str, label: &str) -> f64 {
        let wanted = |series: &str| match series.strip_prefix(name) {
            Some("") => label.is_empty(),
            Some(rest) => rest.starts_with('{') && rest.contains(label),
            None => false,
        };
        self.samples.iter().filter(|(series, _)| wanted(series)).map(|(_, value)| value).sum()
    }

    pub(crate) fn account(&self) -> Account {
        let count = |name: &str| self.sum(&format!("splashdam_{name}"), "") as i64;
        Account {
            received: count("records_received_total"),
            recovered: count("records_recovered_total"),
            generated: count("records_generated_total"),
            delivered: count("records_delivered_total"),
            rejected: count("records_rejected_total"),
            dropped: count("records_dropped_total"),
            in_memory: count("in_memory_records"),
            spooled: count("spooled_records"),
        }
    }
}

/// Series and value of a sample. A label's value may hold anything, so begin behind the last brace.
fn split(line: &str) -> Option<(&str, f64)> {
    let end = line.rfind('}').map_or_else(|| line.find(' '), |brace| Some(brace + 1))?;
    let value = line[end..].split_ascii_whitespace().next()?.parse().ok()?;
    Some((line[..end].trim_end(), value))
}

/// What came in and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) received: i64,
    pub(crate) recovered: i64,
    pub(crate) generated: i64,
    pub(crate) delivered: i64,
    pub(crate) rejected: i64,
    pub(crate) dropped: i64,
    pub(crate) in_memory: i64,
    pub(crate) spooled: i64,
}

impl Account {
    /// Does every record that came stand somewhere, once?
    pub(crate) fn adds_up(&self) -> bool {
        self.received + self.recovered + self.generated
            == self.delivered + self.rejected + self.dropped + self.in_memory + self.spooled
    }

    /// Records that have ended.
    pub(crate) fn ended(&self) -> i64 {
        self.delivered + self.rejected + self.dropped
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut put = |first: bool, sign: &str, count: i64, name: &str| match (first, count) {
            (false, 0) => Ok(()),
            _ => write!(f, "{sign}{count} {name}"),
        };
        put(true, "", self.received, "received")?;
        put(false, " + ", self.recovered, "recovered")?;
        put(false, " + ", self.generated, "generated")?;
        put(true, if self.adds_up() { " = " } else { " ≠ " }, self.delivered, "delivered")?;
        put(false, " + ", self.rejected, "rejected")?;
        put(false, " + ", self.dropped, "dropped")?;
        put(false, " + ", self.in_memory, "in memory")?;
        put(false, " + ", self.spooled, "spooled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE splashdam_records_received counter\n\
        splashdam_records_received_total{log_group=\"a b}\"} 7\n\
        splashdam_records_received_total{log_group=\"c\"} 3 1700000000\n\
        splashdam_records_received_total_other 99\n\
        splashdam_records_delivered_total 8\n\
        splashdam_in_memory_records 2\n\
        splashdam_attempts_total{kind=\"first\"} 5\n\
        splashdam_attempts_total{kind=\"retry\"} 1\n\
        # EOF\n";

    #[test]
    fn samples_are_summed_over_labels() {
        let scrape = Scrape::parse(TEXT);
        let account = scrape.account();
        assert_eq!((account.received, account.delivered, account.in_memory), (10, 8, 2));
        assert!(account.adds_up());
        assert_eq!(account.to_string(), "10 received = 8 delivered + 2 in memory");
        assert_eq!(scrape.sum("splashdam_attempts_total", "kind=\"first\""), 5.0);
        assert_eq!(scrape.sum("splashdam_attempts_total", ""), 6.0);
    }

    #[test]
    fn a_record_too_few_is_seen() {
        let account = Account { received: 5, delivered: 4, ..Account::default() };
        assert!(!account.adds_up());
        assert_eq!(account.to_string(), "5 received ≠ 4 delivered");
    }
}
