//! Makes the database: users, their cloud accounts, images, instances, runs and daily usage.
//!
//! Everything in it follows from the sizes below; nothing is drawn by chance, so that every run asks the same of the same rows.
//! It is made in one transaction that takes the file for itself: several services may start on one file at once.

use std::path::Path;
use std::time::Duration;

use rusqlite::{params, Connection, Transaction, TransactionBehavior};

use crate::error::{Error, Result};

/// Their external accounts are numbered from 1.
pub(crate) const USERS: i64 = 300;
/// Days of usage, numbered from 0.
pub(crate) const DAYS: i64 = 60;
const ACCOUNTS_PER_USER: i64 = 2;
const INSTANCES_PER_ACCOUNT: i64 = 10;
const IMAGES: i64 = 120;

/// Says in the file that it is whole.
const VERSION: i64 = 1;
/// How long another process may take to make it.
const BUSY: Duration = Duration::from_secs(30);

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, account INTEGER NOT NULL UNIQUE, joined TEXT NOT NULL);
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY, user INTEGER NOT NULL REFERENCES users, cloud TEXT NOT NULL, name TEXT NOT NULL);
    CREATE TABLE images (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, product TEXT NOT NULL, status TEXT NOT NULL);
    CREATE TABLE instances (
        id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts, image INTEGER NOT NULL REFERENCES images,
        name TEXT NOT NULL UNIQUE);
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY, instance INTEGER NOT NULL REFERENCES instances, from_day INTEGER NOT NULL, to_day INTEGER);
    CREATE TABLE usage (
        user INTEGER NOT NULL REFERENCES users, day INTEGER NOT NULL, instances INTEGER NOT NULL, vcpus INTEGER NOT NULL,
        PRIMARY KEY (user, day)) WITHOUT ROWID;
    CREATE INDEX accounts_by_user ON accounts (user);
    CREATE INDEX instances_by_account ON instances (account);
    CREATE INDEX runs_by_instance ON runs (instance);
";

/// Makes and fills the file unless it is there.
pub(super) fn ensure(path: &Path) -> Result<()> {
    let named = |doing| move |source| Error::Database { doing, path: path.display().to_string(), source };
    let mut connection = Connection::open(path).map_err(named("open"))?;
    connection.busy_timeout(BUSY).map_err(named("open"))?;
    if version(&connection).map_err(named("read"))? == VERSION {
        return Ok(());
    }
    let fill = connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(named("lock"))?;
    // Another process may have been faster.
    if version(&fill).map_err(named("read"))? != VERSION {
        make(&fill).map_err(named("fill"))?;
        fill.commit().map_err(named("fill"))?;
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn make(fill: &Transaction<'_>) -> rusqlite::Result<()> {
    fill.execute_batch(SCHEMA)?;
    images(fill)?;
    users(fill)?;
    instances(fill)?;
    usage(fill)?;
    fill.pragma_update(None, "user_version", VERSION)
}

fn images(fill: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut image = fill.prepare("INSERT INTO images VALUES (?, ?, ?, 'inspected')")?;
    for id in 1..=IMAGES {
        let product = ["rhel", "openshift", "windows"][id as usize % 3];
        image.execute(params![id, format!("ami-{id:017x}"), product])?;
    }
    Ok(())
}

fn users(fill: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut user = fill.prepare("INSERT INTO users VALUES (?, ?, '2022-01-01')")?;
    let mut account = fill.prepare("INSERT INTO accounts (user, cloud, name) VALUES (?, ?, ?)")?;
    for id in 1..=USERS {
        // A user's id is not its external account: a query has something to find.
        user.execute(params![id, USERS + 1 - id])?;
        for place in 0..ACCOUNTS_PER_USER {
            account.execute(params![
                id,
                ["aws", "azure"][place as usize % 2],
                format!("cloud account {id}.{place}")
            ])?;
        }
    }
    Ok(())
}

fn instances(fill: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut instance = fill.prepare("INSERT INTO instances VALUES (?, ?, ?, ?)")?;
    let mut run = fill.prepare("INSERT INTO runs (instance, from_day, to_day) VALUES (?, ?, ?)")?;
    for id in 0..USERS * ACCOUNTS_PER_USER * INSTANCES_PER_ACCOUNT {
        let account = id / INSTANCES_PER_ACCOUNT + 1;
        instance.execute(params![id + 1, account, id % IMAGES + 1, format!("i-{id:017x}")])?;
        let half = id % (DAYS / 2);
        run.execute(params![id + 1, 0, half])?;
        // Every third runs still.
        run.execute(params![id + 1, half + 1, (id % 3 > 0).then_some(DAYS - 1 - half / 2)])?;
    }
    Ok(())
}

fn usage(fill: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut usage = fill.prepare("INSERT INTO usage VALUES (?, ?, ?, ?)")?;
    for user in 1..=USERS {
        for day in 0..DAYS {
            let instances = (user + day) % (ACCOUNTS_PER_USER * INSTANCES_PER_ACCOUNT);
            usage.execute(params![user, day, instances, instances * 4])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_at_once_make_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloud.db");
        std::thread::scope(|scope| {
            let all = [(); 4].map(|()| scope.spawn(|| ensure(&path)));
            all.into_iter().for_each(|one| one.join().unwrap().unwrap());
        });
        ensure(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        let count = |table: &str| {
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let tables = ["users", "accounts", "images", "instances", "runs", "usage"];
        assert_eq!(tables.map(count), [300, 600, 120, 6_000, 12_000, 18_000]);
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "not a database, but long enough to be looked at as one ".repeat(100)).unwrap();
        assert!(ensure(&path).unwrap_err().to_string().contains("notes.txt"));
    }
}
