//! The messages of requests, formatted only where something is logged.

use std::fmt::{self, Display, Formatter};

#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    Asked { path: &'static str, identity: u64 },
    Authenticated { identity: u64, user: i64 },
    Unknown { identity: u64 },
    Computed { accounts: i64, running: i64, newest: i64 },
    Answered { path: &'static str, items: usize },
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Asked { path, identity } => write!(f, "GET {path} asked for by account {identity:07}"),
            Self::Authenticated { identity, user } => write!(f, "account {identity:07} is user {user}"),
            Self::Unknown { identity } => write!(f, "account {identity:07} is unknown, nothing is counted for it"),
            Self::Computed { accounts, running, newest } => {
                write!(f, "{accounts} cloud accounts, {running} instances running on day {newest}")
            }
            Self::Answered { path, items } => write!(f, "GET {path} answered with 200 and {items} items"),
        }
    }
}
