//! How long to let small writes gather before they are read.
//!
//! A program that writes one record a call costs the reader a system call and a wake-up each, unless the reader lets some
//! gather. The kernel's socket buffer holds [`SOCKET_BUFFER`] bytes, of which every write takes its length and
//! [`WRITE_OVERHEAD`]; a writer blocks when it is full (after 167 writes of 200 bytes). So the pause is as long as the writer,
//! at its present rate, takes to fill half of that: it never blocks, and a read finds many records.

use std::time::Duration;

/// What the kernel lets a Unix stream socket hold by default (`net.core.wmem_default`), in bytes.
const SOCKET_BUFFER: f64 = 212_992.0;

/// What the kernel counts for each write beside its bytes (measured: 167 writes of 200 bytes fill a buffer).
const WRITE_OVERHEAD: f64 = 1_076.0;

/// Longest pause: what a lone record may wait.
const LONGEST: Duration = Duration::from_millis(4);

/// A shorter pause costs more in wake-ups than it saves.
const SHORTEST: Duration = Duration::from_micros(150);

/// Reads of at least this much are a bulk writer's: nothing needs to gather.
const BULK: usize = 32 * 1024;

/// How long a connection is left alone that sends a line or frame in ever more parts: twice as long after each, from the second on.
/// Each of its writes costs the reader as much as a record would, and wakes the writer where its buffer was full.
const PART: Duration = Duration::from_millis(1);
const LONGEST_PART: Duration = Duration::from_millis(32);

/// What a turn may take: a full read of ordinary records takes less.
const TURN: Duration = Duration::from_micros(250);

/// Whose turns take longer is left alone for so long at most.
const LONGEST_REST: Duration = Duration::from_millis(20);

/// The rate of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    last_read: Duration,
    /// Before this moment it can be left alone.
    alone_until: Duration,
    /// Reads one after the other that brought nothing whole.
    parts: u32,
    /// The last read brought very much.
    is_bulk: bool,
}

impl Pace {
    /// Until when it can be left alone where others have more to say.
    pub(crate) fn rests_until(&self, now: Duration) -> Option<Duration> {
        Some(self.alone_until).filter(|until| *until > now)
    }

    /// Its turn took so long, and so many others want theirs: time is what they share, not bytes. Who writes little is not to
    /// blame for a long turn: it was the scheduler's.
    pub(crate) fn after_turn(&mut self, took: Duration, others: u32, now: Duration) {
        if took > TURN && self.is_bulk {
            self.alone_until = self.alone_until.max(now + (took * others).min(LONGEST_REST));
        }
    }

    /// Whether its last read brought very much.
    pub(crate) fn is_bulk(&self) -> bool {
        self.is_bulk
    }

    /// Whether it sends in parts what others send as a whole.
    pub(crate) fn is_in_parts(&self) -> bool {
        self.parts > 1
    }

    /// A read brought `bytes`: nothing whole with what was there before, or something.
    pub(crate) fn after_part(&mut self, is_part: bool, bytes: usize, now: Duration) {
        self.parts = if is_part && bytes < BULK { self.parts.saturating_add(1) } else { 0 };
        if self.is_in_parts() {
            let rest = PART * 2_u32.saturating_pow(self.parts - 2);
            self.alone_until = now + rest.min(LONGEST_PART);
        }
    }

    /// A read brought `bytes` in `records` records. How long this connection can be left alone now; `None`: it has no say.
    pub(crate) fn after_read(&mut self, bytes: usize, records: u64, now: Duration) -> Option<Duration> {
        let pause = self.pause(bytes, records, now);
        self.alone_until = now + pause.filter(|pause| *pause >= SHORTEST).unwrap_or_default();
        pause
    }

    fn pause(&mut self, bytes: usize, records: u64, now: Duration) -> Option<Duration> {
        let since = now.saturating_sub(self.last_read);
        self.last_read = now;
        self.is_bulk = bytes >= BULK;
        if self.is_bulk {
            return Some(Duration::ZERO);
        }
        if records == 0 {
            return None;
        }
        let length = bytes as f64 / records as f64;
        let half = SOCKET_BUFFER / 2.0 / (length + WRITE_OVERHEAD);
        let pause = since.mul_f64((half / records as f64).min(1e6));
        Some(pause.min(LONGEST))
    }
}

/// The shortest of the pauses that the connections allow, if it is worth pausing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pause(Option<Duration>);

impl Pause {
    pub(crate) fn allow(&mut self, pause: Option<Duration>) {
        self.0 = self.0.into_iter().chain(pause).min();
    }

    pub(crate) fn worth_taking(self) -> Option<Duration> {
        self.0.filter(|pause| *pause >= SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(records: u64, bytes: usize, since_us: u64) -> Option<Duration> {
        let mut pace = Pace::default();
        pace.after_read(1, 1, Duration::from_secs(1));
        let pause = pace.after_read(bytes, records, Duration::from_secs(1) + Duration::from_micros(since_us));
        let mut all = Pause::default();
        all.allow(pause);
        all.worth_taking()
    }

    #[test]
    fn a_steady_writer_fills_half_of_the_buffer() {
        // 25,000/s: 25 records of 200 bytes in a millisecond; half the buffer is 83 of them.
        let pause = pause(25, 5_000, 1_000).unwrap();
        assert!((3_200..3_500).contains(&pause.as_micros()), "{pause:?}");
    }

    #[test]
    fn who_says_little_can_be_left_alone_for_a_moment_and_who_says_much_cannot() {
        let (mut pace, second) = (Pace::default(), Duration::from_secs(1));
        assert_eq!(pace.rests_until(second), None);
        let pause = pace.after_read(5_000, 25, 2 * second).unwrap();
        assert_eq!(pace.rests_until(2 * second), Some(2 * second + pause));
        pace.after_read(65_536, 300, 3 * second);
        assert_eq!(pace.rests_until(3 * second), None);
    }

    #[test]
    fn who_sends_a_line_in_ever_more_parts_is_left_alone_ever_longer() {
        let (mut pace, second) = (Pace::default(), Duration::from_secs(1));
        let rest = |pace: &mut Pace| {
            pace.after_part(true, 1, second);
            pace.rests_until(second).map(|until| (until - second).as_millis())
        };
        assert_eq!(rest(&mut pace), None, "any line may come in two parts");
        let rests: Vec<_> = (0..8).filter_map(|_| rest(&mut pace)).collect();
        assert_eq!(rests, [1, 2, 4, 8, 16, 32, 32, 32]);
        pace.after_part(false, 80, second);
        assert!(!pace.is_in_parts(), "it is whole now");
        (0..5).for_each(|_| pace.after_part(true, BULK, 3 * second));
        assert_eq!(pace.rests_until(3 * second), None, "parts of a large frame");
    }

    #[test]
    fn whose_turns_take_long_has_fewer_of_them() {
        // Of a second with so many others, each of which has as much to say as there is time for.
        let share = |turn: Duration, others: u32| {
            let (mut pace, mut now, mut taken) = (Pace::default(), Duration::ZERO, Duration::ZERO);
            while now < Duration::from_secs(1) {
                if pace.rests_until(now).is_none() {
                    taken += turn;
                    now += turn;
                    pace.after_read(BULK, 100, now);
                    pace.after_turn(turn, others, now);
                }
                now += others * TURN;
            }
            (100.0 * taken.as_secs_f64()).round() as u32
        };
        assert_eq!(share(TURN, 2), 33);
        assert!((29..=35).contains(&share(20 * TURN, 2)), "{}", share(20 * TURN, 2));
        assert_eq!(share(20 * TURN, 0), 100, "alone it need not wait for anybody");
        let mut little = Pace::default();
        little.after_read(200, 1, TURN);
        let rests = little.rests_until(TURN);
        little.after_turn(20 * TURN, 2, TURN);
        assert_eq!(little.rests_until(TURN), rests, "one that was held up");
    }

    #[test]
    fn a_slow_writer_waits_no_longer_than_the_longest() {
        assert_eq!(pause(1, 200, 900_000), Some(LONGEST));
    }

    #[test]
    fn fast_and_bulk_writers_are_not_kept_waiting() {
        assert_eq!(pause(100, 20_000, 100), None);
        assert_eq!(pause(300, 65_536, 300), None);
    }
}
