//! The last line of a sidecar, read back.

use std::collections::BTreeMap;

/// How every record ended, as the sidecar says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account(BTreeMap<String, u64>);

impl Account {
    /// The last line in what was said on stderr, if it was said.
    pub(crate) fn find(stderr: &str) -> Option<Self> {
        let line = stderr.lines().rev().find(|line| line.contains("final account"))?;
        let (_, fields) = line.split_once("account:")?;
        let field = |field: &str| {
            let (name, value) = field.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        fields.split_whitespace().map(field).collect::<Option<_>>().map(Account)
    }

    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> u64 {
        *self.0.get(name).unwrap_or_else(|| panic!("the account has no {name}: {self:?}"))
    }

    pub(crate) fn received(&self) -> u64 {
        self.get("received")
    }

    pub(crate) fn recovered(&self) -> u64 {
        self.get("recovered")
    }

    pub(crate) fn spooled(&self) -> u64 {
        self.get("spooled")
    }

    pub(crate) fn generated(&self) -> u64 {
        self.get("generated")
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.get("delivered")
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.get("rejected")
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.get("dropped")
    }

    pub(crate) fn possible_duplicates(&self) -> u64 {
        self.get("possible_duplicates")
    }

    /// Every record came somehow and is somewhere.
    #[track_caller]
    pub(crate) fn adds_up(&self) {
        let came = ["received", "recovered", "generated"].map(|name| self.get(name)).iter().sum::<u64>();
        let went = ["delivered", "rejected", "dropped", "spooled", "in_memory"].map(|name| self.get(name));
        assert_eq!(came, went.iter().sum::<u64>(), "{self:?}");
    }

    /// So many records came or were left behind, and all were delivered.
    #[track_caller]
    pub(crate) fn all_came_and_were_delivered(&self, records: u64) {
        self.adds_up();
        let ended = (self.received() + self.recovered(), self.delivered(), self.rejected(), self.dropped());
        assert_eq!(ended, (records, records + self.generated(), 0, 0), "{self:?}");
    }

    /// So many records came, and all were delivered.
    #[track_caller]
    pub(crate) fn all_delivered(&self, records: u64) {
        self.adds_up();
        let ended = (self.received(), self.delivered(), self.rejected(), self.dropped());
        assert_eq!(ended, (records, records + self.generated(), 0, 0), "{self:?}");
    }
}
