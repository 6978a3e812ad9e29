//! Random bits without a dependency: the client id and the jitter of the backoff.
//!
//! Nothing here guards a secret. The id only has to differ between processes, forks and machines.

use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::time::SystemTime;

/// 128 random bits.
pub(crate) fn random_id() -> [u8; 16] {
    let mut id = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut id));
    if read.is_err() {
        // No such device in a bare root. The hasher's keys alone would not do: a fork inherits them.
        let (low, high) = id.split_at_mut(8);
        low.copy_from_slice(&hashed(1).to_le_bytes());
        high.copy_from_slice(&hashed(2).to_le_bytes());
    }
    id
}

fn hashed(salt: u8) -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(salt);
    hasher.write_u32(std::process::id());
    if let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        hasher.write_u128(now.as_nanos());
    }
    hasher.finish()
}

/// A small generator (xorshift) for jitter.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        let (low, _) = seed.split_at(8);
        let seed = low.iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
        // Zero is the one state it could never leave.
        Self(seed.max(1))
    }

    /// A number from 0 to `max`, both included.
    pub(crate) fn up_to(&mut self, max: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        match max.checked_add(1) {
            Some(bound) => self.0 % bound,
            None => self.0,
        }
    }
}
