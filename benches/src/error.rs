//! What can go wrong with a measurement: each says what was being done, and with what.

use std::io;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {doing} {what}: {source}")]
    Io { doing: &'static str, what: String, source: io::Error },
    #[error("{what}: not done after {seconds:.0} s")]
    Late { what: String, seconds: f64 },
    #[error("{what}: {why}")]
    Wrong { what: String, why: String },
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Names the operation and its object; for `map_err`.
pub(crate) fn io(doing: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> Error {
    let what = what.to_string();
    move |source| Error::Io { doing, what, source }
}

pub(crate) fn wrong(what: impl ToString, why: impl ToString) -> Error {
    Error::Wrong { what: what.to_string(), why: why.to_string() }
}
