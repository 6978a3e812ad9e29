//! CRC-32 (ISO-HDLC, as in zlib) over a segment's salt and the bytes named: what was written for another salt never fits.

/// The checksum of `bytes` under `salt`.
#[must_use]
pub fn checksum(salt: u64, bytes: &[u8]) -> u32 {
    let mut sum = Checksum::new(salt);
    sum.add(bytes);
    sum.value()
}

/// A checksum of bytes that come in parts.
#[derive(Clone, Debug)]
pub struct Checksum(crc32fast::Hasher);

impl Checksum {
    /// Of no bytes yet, under `salt`.
    #[must_use]
    pub fn new(salt: u64) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&salt.to_le_bytes());
        Checksum(hasher)
    }

    /// Goes on with `bytes`.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum so far.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_zlibs_crc_over_salt_and_bytes() {
        // The check value of CRC-32/ISO-HDLC is that of "123456789", which begins with the salt's eight bytes here.
        assert_eq!(checksum(u64::from_le_bytes(*b"12345678"), b"9"), 0xcbf4_3926);
    }

    #[test]
    fn parts_make_the_same_sum() {
        let mut sum = Checksum::new(7);
        sum.add(b"ab");
        sum.add(b"c");
        assert_eq!(sum.value(), checksum(7, b"abc"));
        assert_ne!(checksum(8, b"abc"), checksum(7, b"abc"));
    }
}
