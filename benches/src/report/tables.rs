//! Everything in figures, for the terminal and the page alike.

pub(super) mod api;
pub(super) mod pipeline;
pub(super) mod provenance;
pub(super) mod shippers;
pub(super) mod task;

use super::table::Cell;
use super::words;
use crate::results::Account;

/// A figure that may be absent.
fn maybe(value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    value.filter(|value| value.is_finite()).map_or_else(|| Cell::from("–"), |value| show(value).into())
}

fn count(value: u64) -> Cell {
    words::thousands(value as f64).into()
}

/// Lost of those emitted; nothing where none was to arrive.
fn lost(account: Account) -> Cell {
    if account.emitted == 0 {
        return "–".into();
    }
    let doubled = match account.doubled {
        0 => String::new(),
        count => format!(", {} doubled", words::thousands(count as f64)),
    };
    format!("{} of {}{doubled}", words::thousands(account.lost as f64), words::thousands(account.emitted as f64)).into()
}

fn memory(mib: f64) -> String {
    words::number(mib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_records_are_told_where_there_are_any() {
        let mut account = Account { emitted: 2_000, delivered: 1_999, doubled: 0, lost: 1 };
        assert_eq!(lost(account).text, "1 of 2,000");
        account.doubled = 3;
        assert_eq!(lost(account).text, "1 of 2,000, 3 doubled");
    }
}
