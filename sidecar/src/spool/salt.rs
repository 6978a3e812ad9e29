//! Salts: 64 bits that no log line can know.

use std::fs::File;
use std::io::{self, Read};

/// A source of salts: splitmix64, begun with random bits of the kernel.
#[derive(Debug)]
pub(super) struct Salts(u64);

impl Salts {
    /// Begins with the kernel's randomness.
    pub(super) fn new() -> io::Result<Self> {
        let mut seed = [0; 8];
        File::open("/dev/urandom")?.read_exact(&mut seed)?;
        Ok(Salts(u64::from_le_bytes(seed)))
    }

    /// The same salts for the same seed, for simulations.
    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Salts(seed)
    }

    /// The next salt. Never zero: a file's untouched part is full of zeros.
    pub(super) fn next_salt(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salts_differ() {
        let mut salts = Salts::new().unwrap();
        assert_ne!(salts.next_salt(), salts.next_salt());
        // The first output of splitmix64 for the seed 0.
        assert_eq!(Salts(0).next_salt(), 0xe220_a839_7b1d_cdaf);
    }
}
