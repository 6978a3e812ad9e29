//! Records whose texts say which they are, so that every one can be found again at the far end.

/// What will become of a record at a healthy remote end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    TooOld,
    TooNew,
    Expired,
    /// CloudWatch refuses every call that holds it.
    Poison,
}

impl Fate {
    const ALL: [Fate; 5] = [Fate::Accepted, Fate::TooOld, Fate::TooNew, Fate::Expired, Fate::Poison];

    fn letter(self) -> u8 {
        b"onxep"[self as usize]
    }
}

/// Which record: whose, and its number from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) framed: bool,
    pub(super) client: usize,
    pub(super) number: usize,
    pub(super) fate: Fate,
}

/// A text that says all of that, in `size` bytes or a few more.
pub(super) fn text(key: Key, size: usize) -> Vec<u8> {
    let kind = if key.framed { 'F' } else { 'T' };
    let mut text = format!("{kind}{:04}{:07}{}", key.client, key.number, char::from(key.fate.letter())).into_bytes();
    text.resize(text.len().max(size), b'.');
    text.push(b'!');
    text
}

/// The record that a text stands for; `None` for a loss marker and for a line that was cut.
pub(super) fn key(text: &[u8]) -> Option<Key> {
    let (kind, rest) = text.split_first()?;
    let number = |range: std::ops::Range<usize>| std::str::from_utf8(rest.get(range)?).ok()?.parse().ok();
    let fate = Fate::ALL.into_iter().find(|fate| rest.get(11) == Some(&fate.letter()))?;
    if !matches!(kind, b'F' | b'T') || text.last() != Some(&b'!') {
        return None;
    }
    Some(Key { framed: *kind == b'F', client: number(0..4)?, number: number(4..11)?, fate })
}
