//! One look at `/metrics`: everything in it is of the same moment.

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) struct Scrape(String);

impl Scrape {
    pub(crate) fn new(metrics: String) -> Self {
        Scrape(metrics)
    }

    /// The sum of a metric over its groups; `label` narrows it, as in `reason="shutdown"`.
    #[track_caller]
    pub(crate) fn get(&self, name: &str, label: &str) -> u64 {
        let of_metric = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let lines = self.0.lines().filter(of_metric).filter(|line| line.contains(label));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
    }

    /// Records that came, somehow.
    pub(crate) fn came(&self) -> u64 {
        self.sum(&["records_received_total", "records_recovered_total", "records_generated_total"])
    }

    /// Records without an outcome.
    pub(crate) fn waiting(&self) -> u64 {
        self.sum(&["in_memory_records", "spooled_records"])
    }

    /// Records that were on disk and could not be read.
    pub(crate) fn corrupt(&self) -> u64 {
        self.get("splashdam_records_dropped_total", "reason=\"corrupt\"")
    }

    fn sum(&self, names: &[&str]) -> u64 {
        names.iter().map(|name| self.get(&format!("splashdam_{name}"), "")).sum()
    }

    /// Every record came somehow and is somewhere.
    #[track_caller]
    pub(crate) fn adds_up(&self) {
        let ended = self.sum(&["records_delivered_total", "records_rejected_total", "records_dropped_total"]);
        assert_eq!(self.came(), ended + self.waiting(), "{}", self.0);
    }
}
