//! Numbers in the records, and which of them arrived.
//!
//! A benchmark's records begin with a marker and a decimal number (`n=0000001234 …`). Each number is marked
//! in a bitmap of fixed size, so that lost and doubled records are counted exactly. A second marker right
//! after the number may carry the time of the call in microseconds since the epoch (`n=12 t=1700000000000000`).

/// How far into a message the number's marker may begin.
pub(crate) const REACH: usize = 64;
/// More digits than a `u64` holds are not a number of ours.
const MAX_DIGITS: usize = 19;

/// What the numbers and times in the records look like.
#[derive(Debug, Clone)]
pub struct Markers {
    /// Stands before the number; `n=` unless set.
    pub number: String,
    /// Stands between the number and the time; ` t=` unless set.
    pub emit: String,
}

impl Default for Markers {
    fn default() -> Self {
        Self { number: "n=".to_owned(), emit: " t=".to_owned() }
    }
}

impl Markers {
    /// The markers as they look inside a JSON string.
    pub(crate) fn escaped(&self) -> Self {
        let escape = |text: &str| {
            let json = serde_json::Value::from(text).to_string();
            json[1..json.len() - 1].to_owned()
        };
        Self { number: escape(&self.number), emit: escape(&self.emit) }
    }

    /// Reads the number, and the time if there is one, from the beginning of a message.
    #[inline]
    pub(crate) fn read(&self, message: &[u8]) -> Option<(u64, Option<u64>)> {
        let marker = self.number.as_bytes();
        let at = if message.starts_with(marker) {
            0
        } else {
            // The rare way: a formatter has put something before the record's own text.
            let reach = message.len().min(REACH + marker.len());
            memchr::memmem::find(&message[..reach], marker)?
        };
        let (number, rest) = digits(&message[at + marker.len()..])?;
        let emit = rest.strip_prefix(self.emit.as_bytes()).and_then(digits);
        Some((number, emit.map(|(micros, _)| micros)))
    }
}

#[inline]
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut rest = text;
    // Eight at a time: a counting endpoint reads millions of these a second.
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let Some(eight) = eight_digits(*chunk) else { break };
        number = number.wrapping_mul(100_000_000).wrapping_add(eight);
        rest = after;
        if text.len() - rest.len() > MAX_DIGITS {
            return None;
        }
    }
    while let Some((&byte, after)) = rest.split_first() {
        if !byte.is_ascii_digit() || text.len() - rest.len() > MAX_DIGITS {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        rest = after;
    }
    (1..=MAX_DIGITS).contains(&(text.len() - rest.len())).then_some((number, rest))
}

/// Eight decimal digits at once, each in a byte of one word; none if one of them is no digit.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const ALL: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(text) ^ (ALL * 0x30);
    // A byte above nine reaches the top bit, by itself or with 0x76 added.
    if (word | word.wrapping_add(ALL * 0x76)) & (ALL * 0x80) != 0 {
        return None;
    }
    // Neighbours become pairs, pairs become quartets, quartets the number.
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8);
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let high = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    Some(high.wrapping_add(low) >> 32)
}

/// The bitmap and its counts.
#[derive(Debug)]
pub(crate) struct Marks {
    words: Vec<u64>,
    max: u64,
    pub(crate) unique: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_range: u64,
    pub(crate) unmarked: u64,
    pub(crate) highest: Option<u64>,
}

impl Marks {
    /// Room for the numbers below `max`.
    pub(crate) fn new(max: u64) -> Self {
        let words = usize::try_from(max.div_ceil(64)).unwrap_or(usize::MAX);
        Self { words: vec![0; words], max, unique: 0, doubled: 0, out_of_range: 0, unmarked: 0, highest: None }
    }

    #[inline]
    pub(crate) fn mark(&mut self, number: u64) {
        if number >= self.max {
            self.out_of_range += 1;
            return;
        }
        let word = &mut self.words[(number / 64) as usize];
        let bit = 1 << (number % 64);
        if *word & bit == 0 {
            self.unique += 1;
        } else {
            self.doubled += 1;
        }
        *word |= bit;
        self.highest = self.highest.max(Some(number));
    }

    /// How many of the numbers from `from` until below `until` arrived.
    pub(crate) fn within(&self, from: u64, until: u64) -> u64 {
        let until = until.min(self.max);
        let (first, last) = (from / 64, until.div_ceil(64));
        let word = |index: u64| {
            let word = self.words.get(usize::try_from(index).unwrap_or(usize::MAX)).copied().unwrap_or(0);
            let low = if index == first { u64::MAX << (from % 64) } else { u64::MAX };
            let beyond = if index + 1 == last { last * 64 - until } else { 0 };
            let high = u64::MAX >> beyond;
            u64::from((word & low & high).count_ones())
        };
        (first..last).map(word).sum()
    }

    /// The lowest `most` numbers below the highest one that did not arrive.
    pub(crate) fn first_missing(&self, most: usize) -> Vec<u64> {
        let end = self.highest.unwrap_or(0);
        let holes = self.words.iter().enumerate().filter(|(_, word)| **word != u64::MAX);
        let numbers = holes.flat_map(|(index, word)| {
            (0..64).filter(move |bit| word & (1 << bit) == 0).map(move |bit| index as u64 * 64 + bit)
        });
        numbers.take_while(|number| *number < end).take(most).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_read() {
        let markers = Markers::default();
        assert_eq!(markers.read(b"n=0000001234 text"), Some((1234, None)));
        assert_eq!(markers.read(b"n=7 t=1700000000000000 text"), Some((7, Some(1_700_000_000_000_000))));
        assert_eq!(markers.read(b"INFO app: n=5"), Some((5, None)));
        assert_eq!(markers.read(b"n=9999999999999999999"), Some((9_999_999_999_999_999_999, None)));
        for none in [&b""[..], b"n", b"n=", b"n=x", b"m=5", b"n=99999999999999999999"] {
            assert_eq!(markers.read(none), None, "{}", none.escape_ascii());
        }
    }

    #[test]
    fn any_length_of_number_is_read() {
        for length in 1..=MAX_DIGITS {
            let text = "1234567890123456789"[..length].to_owned();
            let expected: u64 = text.parse().unwrap();
            for end in ["", " ", "x", "/", ":", "\u{7f}", " padding behind the number"] {
                let message = format!("n={text}{end}");
                assert_eq!(Markers::default().read(message.as_bytes()), Some((expected, None)), "{message}");
            }
        }
    }

    #[test]
    fn the_marker_may_begin_within_reach() {
        let markers = Markers::default();
        let at = |column: usize| format!("{}n=3", "x".repeat(column));
        assert_eq!(markers.read(at(REACH).as_bytes()), Some((3, None)));
        assert_eq!(markers.read(at(REACH + 1).as_bytes()), None);
    }

    #[test]
    fn json_lines_have_escaped_markers() {
        let markers = Markers { number: "{\"n\":".to_owned(), emit: ",\"t\":".to_owned() };
        assert_eq!(markers.read(br#"{"n":12,"t":34}"#), Some((12, Some(34))));
        assert_eq!(markers.escaped().read(br#"{\"n\":12,\"t\":34}"#), Some((12, Some(34))));
    }

    #[test]
    fn ranges_are_counted_at_any_edge() {
        let mut marks = Marks::new(300);
        let arrived = |number: u64| !number.is_multiple_of(3) || number == 192;
        (0..300).filter(|number| arrived(*number)).for_each(|number| marks.mark(number));
        for from in [0, 1, 63, 64, 65, 127, 128, 191, 192, 193, 299, 300, 400] {
            for until in [0, 1, 63, 64, 65, 128, 192, 193, 256, 299, 300, 500] {
                let expected = (from..until.min(300)).filter(|number| arrived(*number)).count() as u64;
                assert_eq!(marks.within(from, until), expected, "{from}..{until}");
            }
        }
    }

    #[test]
    fn marks_count_each_case() {
        let mut marks = Marks::new(100);
        for number in [0, 1, 1, 64, 99, 100, u64::MAX] {
            marks.mark(number);
        }
        assert_eq!((marks.unique, marks.doubled, marks.out_of_range), (4, 1, 2));
        assert_eq!(marks.highest, Some(99));
        assert_eq!(marks.first_missing(3), [2, 3, 4]);
        assert_eq!(marks.first_missing(1_000).len(), 96);
    }
}
