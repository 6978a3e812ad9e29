//! What an emulator is to do, decided once at its start.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::counting::scan::MAX_MARKER;
use crate::error::Error;
use crate::faults::Fault;
use crate::marks::Markers;
use crate::operation::Operation;
use crate::sigv4::Credentials;
use crate::store::Room;

/// How closely calls are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything is parsed, checked and kept.
    Strict,
    /// Records are found, marked and forgotten.
    Counting,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Counting => "counting",
        }
    }
}

/// Where a TLS identity comes from.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsSource {
    Files { cert: std::path::PathBuf, key: std::path::PathBuf },
    SelfSigned { ca_out: Option<std::path::PathBuf> },
}

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) mode: Mode,
    /// Make missing groups and streams instead of refusing.
    pub(crate) auto_create: bool,
    /// Whose signatures are good; none to let every call pass.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) quotas: BTreeMap<Operation, f64>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) seed: u64,
    pub(crate) room: Room,
    pub(crate) markers: Markers,
    pub(crate) count_max: u64,
    pub(crate) expect: Option<u64>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsSource>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mode: Mode::Strict,
            auto_create: false,
            credentials: Some(Credentials::default()),
            quotas: BTreeMap::new(),
            faults: Vec::new(),
            seed: 0,
            room: Room { events: 1_000_000, bytes: 256 << 20 },
            markers: Markers::default(),
            count_max: 20_000_000,
            expect: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// The quotas of an AWS account.
pub(crate) fn aws_quotas() -> BTreeMap<Operation, f64> {
    Operation::ALL.into_iter().filter_map(|operation| Some((operation, operation.quota()?))).collect()
}

/// Bits in the largest bitmap: half a gigabyte of memory.
const MAX_COUNT: u64 = 1 << 32;

impl Config {
    /// Refuses what could not work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, why: String| Err(Error::Setting { setting, why });
        if self.count_max > MAX_COUNT {
            return wrong("count-max", format!("at most {MAX_COUNT}"));
        }
        let escaped = self.markers.escaped();
        if self.markers.number.is_empty() || escaped.number.len() > MAX_MARKER {
            return wrong("count-marker", format!("1 to {MAX_MARKER} bytes, as JSON"));
        }
        if self.markers.emit.is_empty() || escaped.emit.len() > MAX_MARKER {
            return wrong("emit-marker", format!("1 to {MAX_MARKER} bytes, as JSON"));
        }
        Ok(())
    }
}
