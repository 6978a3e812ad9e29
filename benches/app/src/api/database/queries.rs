//! What requests ask of the database. Each is one statement, prepared once for each connection.

use rusqlite::{Connection, OptionalExtension, Result};
use serde::Serialize;

pub(crate) use super::fill::DAYS;
use super::fill::USERS;

/// Usage of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Day {
    day: i64,
    instances: i64,
    vcpus: i64,
}

/// An external account that has a user: requests take turns at all of them.
pub(crate) fn known(base: u64) -> u64 {
    base / 16 % USERS.unsigned_abs() + 1
}

/// An external account that has none.
pub(crate) fn unknown(base: u64) -> u64 {
    known(base) + USERS.unsigned_abs()
}

/// The user behind an external account.
pub(crate) fn user(database: &Connection, account: u64) -> Result<Option<i64>> {
    let mut query = database.prepare_cached("SELECT id FROM users WHERE account = ?")?;
    query.query_row([i64::try_from(account).unwrap_or(i64::MAX)], |row| row.get(0)).optional()
}

/// How many cloud accounts a user has.
pub(crate) fn accounts(database: &Connection, user: i64) -> Result<i64> {
    let mut query = database.prepare_cached("SELECT count(*) FROM accounts WHERE user = ?")?;
    query.query_row([user], |row| row.get(0))
}

/// The last day for which usage is known.
pub(crate) fn newest_day(database: &Connection, user: i64) -> Result<Option<i64>> {
    let mut query = database.prepare_cached("SELECT max(day) FROM usage WHERE user = ?")?;
    query.query_row([user], |row| row.get(0))
}

/// How many of a user's instances run on a day.
pub(crate) fn running(database: &Connection, user: i64, day: i64) -> Result<i64> {
    let mut query = database.prepare_cached(
        "SELECT count(DISTINCT instances.id) FROM accounts
         JOIN instances ON instances.account = accounts.id JOIN runs ON runs.instance = instances.id
         WHERE accounts.user = ?1 AND runs.from_day <= ?2 AND (runs.to_day IS NULL OR runs.to_day >= ?2)",
    )?;
    query.query_row([user, day], |row| row.get(0))
}

/// A user's usage from one day to another, both included.
pub(crate) fn usage(database: &Connection, user: i64, from: i64, to: i64) -> Result<Vec<Day>> {
    let mut query = database.prepare_cached(
        "SELECT day, instances, vcpus FROM usage WHERE user = ? AND day BETWEEN ? AND ? ORDER BY day",
    )?;
    let day = |row: &rusqlite::Row<'_>| Ok(Day { day: row.get(0)?, instances: row.get(1)?, vcpus: row.get(2)? });
    let days = query.query_map([user, from, to], day)?;
    days.collect()
}

#[cfg(test)]
mod tests {
    use super::super::fill;
    use super::*;

    #[test]
    fn a_known_account_is_found_with_all_that_belongs_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloud.db");
        fill::ensure(&path).unwrap();
        let database = Connection::open(&path).unwrap();
        for base in [0, 16, 16 * 299, 16 * 300] {
            let user = user(&database, known(base)).unwrap().unwrap();
            assert_eq!(accounts(&database, user).unwrap(), 2);
            assert_eq!(newest_day(&database, user).unwrap(), Some(DAYS - 1));
            assert!(running(&database, user, DAYS - 1).unwrap() > 0);
            assert_eq!(usage(&database, user, DAYS / 2, DAYS - 1).unwrap().len(), 30);
        }
    }

    #[test]
    fn an_unknown_account_has_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloud.db");
        fill::ensure(&path).unwrap();
        let database = Connection::open(&path).unwrap();
        for base in [0, 16 * 299] {
            assert_eq!(user(&database, unknown(base)).unwrap(), None);
        }
        assert_eq!(newest_day(&database, 0).unwrap(), None);
        assert_eq!(usage(&database, 0, 0, DAYS).unwrap(), []);
    }
}
