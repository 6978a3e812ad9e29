//! Why the app could not run: each says what was being done, and with what.

use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {doing} {what}: {source}")]
    Io { doing: &'static str, what: String, source: io::Error },
    #[error("cannot {doing} the database {path}: {source}")]
    Database { doing: &'static str, path: String, source: rusqlite::Error },
    #[error("cannot open {connections} connections to the database {path}: {source}")]
    Pool { connections: u32, path: String, source: r2d2::Error },
    #[error("cannot {doing} at {endpoint}: {why}; is the endpoint there, and are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set?")]
    Remote { doing: &'static str, endpoint: String, why: String },
    #[error("mode {mode} needs {flag}")]
    Missing { mode: &'static str, flag: &'static str },
    #[error("the {0} ended before its time")]
    Thread(&'static str),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Names the operation and its object; for `map_err`.
pub(crate) fn io(doing: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    let what = what.to_string();
    move |source| Error::Io { doing, what, source }
}
