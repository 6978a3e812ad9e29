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
    format!("{} of {}", words::thousands(account.lost as f64), words::thousands(account.emitted as f64)).into()
}

fn memory(mib: f64) -> String {
    words::number(mib)
}
