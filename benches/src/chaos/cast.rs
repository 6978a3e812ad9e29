//! Who writes what: the clients of a run, each with numbers of its own.

use super::crowd::{Crew, Place};
use super::plan::{Life, Plan};

/// Bytes of a record.
pub(crate) const SIZE: usize = 120;
/// Streams that clients name; the empty one is the sidecar's own.
const STREAMS: &[&str] = &["", "chaos-1", "chaos-2"];
/// Processes of clients that stay, and clients in each.
const CREWS: u64 = 4;
const CLIENTS: u64 = 4;
const TEXTS: usize = 2;
/// Parts of the whole rate: of the client with old timestamps, of each that is killed, of each text client.
const SMALL: f64 = 1.0 / 24.0;

/// Numbers, given out in ranges.
#[derive(Debug, Default)]
struct Numbers(u64);

impl Numbers {
    fn take(&mut self, count: u64) -> u64 {
        let first = self.0;
        self.0 += count;
        first
    }
}

/// Who writes what.
#[derive(Debug)]
pub(crate) struct Cast<'a> {
    pub(crate) crews: Vec<Crew>,
    /// First numbers and lives.
    pub(crate) places: Vec<(u64, &'a [Life])>,
    /// First numbers.
    pub(crate) texts: Vec<u64>,
    /// Records a second of each that is killed, and of each text client.
    pub(crate) small: f64,
    /// Of each text client.
    pub(crate) text_numbers: u64,
    /// All that were given out.
    pub(crate) numbers: u64,
}

pub(crate) fn cast(plan: &Plan, rate: u64) -> Cast<'_> {
    let mut numbers = Numbers::default();
    let small = rate as f64 * SMALL;
    // It may take longer than planned, never so much.
    let most = |rate: f64| (rate * (2.0 * plan.seconds + 120.0)) as u64;
    let each = rate as f64 / (CREWS * CLIENTS) as f64;
    let crew = |kind, clients, rate: f64, first, streams| Crew {
        kind,
        clients,
        first,
        most: most(rate),
        rate,
        size: SIZE,
        streams,
    };
    let mut crews: Vec<_> =
        (0..CREWS).map(|_| crew("steady", CLIENTS, each, numbers.take(CLIENTS * most(each)), STREAMS)).collect();
    crews.push(crew("old", 1, small, numbers.take(most(small)), &STREAMS[..1]));
    let places = plan.mortals.iter().map(|lives| (numbers.take(Place::numbers(lives, small)), lives.as_slice()));
    let places = places.collect();
    let texts = (0..TEXTS).map(|_| numbers.take(most(small))).collect();
    Cast { crews, places, texts, small, text_numbers: most(small), numbers: numbers.0 }
}
