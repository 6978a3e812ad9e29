//! What stands between those who log and stderr: a bounded queue, and one thread that writes.
//!
//! Whoever reads stderr may stop, or go away: a log driver that hangs, a disk that is full. Nobody who logs waits for that or
//! fails by it: there is room for 1,024 lines of 1 MiB together; what does not fit, or cannot be written, is left out and counted.
//! Once all that waited is written, one line says how many are missing.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{bounded, Receiver, Sender};
use tracing_subscriber::fmt::MakeWriter;

/// Most lines that wait.
const LINES: usize = 1_024;
/// Most bytes that wait.
const BYTES: usize = 1 << 20;

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// To be answered when everything before it is written.
    Flush(Sender<()>),
}

/// The queue's end for those who log. Each write is one line.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Bytes that wait.
    bytes: AtomicUsize,
    /// Lines that are missing, until that is said.
    missing: AtomicU64,
}

impl Queue {
    /// Starts the thread that writes to `out`; `notice` makes the line that says how many are missing.
    ///
    /// # Errors
    /// The kernel's, where it gives us no thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        notice: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, messages) = bounded(LINES);
        let counts = Arc::new(Counts::default());
        let mut scribe = Scribe { out, notice, counts: Arc::clone(&counts) };
        // It ends with the process: nobody waits for a write that may never return.
        std::thread::Builder::new().name("diagnostics".to_owned()).spawn(move || scribe.run(&messages))?;
        Ok(Queue { sender, counts })
    }

    /// Takes a line, or counts it. Never waits.
    fn put(&self, line: &[u8]) {
        let before = self.counts.bytes.fetch_add(line.len(), Ordering::Relaxed);
        if before + line.len() > BYTES || self.sender.try_send(Message::Line(line.to_vec())).is_err() {
            self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.counts.missing.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes a line even if it has to wait for room. False if there was none until `deadline`.
    pub(super) fn put_by(&self, line: &[u8], deadline: Instant) -> bool {
        self.counts.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let taken = self.sender.send_deadline(Message::Line(line.to_vec()), deadline).is_ok();
        if !taken {
            self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        }
        taken
    }

    /// Waits until everything so far is written. False if that was not before `deadline`.
    pub(super) fn flush(&self, deadline: Instant) -> bool {
        let (written, answer) = bounded(1);
        self.sender.send_deadline(Message::Flush(written), deadline).is_ok() && answer.recv_deadline(deadline).is_ok()
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Queue;

    fn make_writer(&self) -> Queue {
        self.clone()
    }
}

/// Who writes.
struct Scribe<W, N> {
    out: W,
    notice: N,
    counts: Arc<Counts>,
}

impl<W: Write, N: Fn(u64) -> String> Scribe<W, N> {
    fn run(&mut self, messages: &Receiver<Message>) {
        for message in messages {
            match message {
                Message::Line(line) => {
                    self.write(&line);
                    self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
                    if messages.is_empty() {
                        self.tell();
                    }
                }
                Message::Flush(written) => {
                    self.tell();
                    // Whoever asked may have gone.
                    let _ = written.send(());
                }
            }
        }
    }

    fn write(&mut self, line: &[u8]) {
        if self.out.write_all(line).is_err() {
            self.counts.missing.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell(&mut self) {
        let missing = self.counts.missing.swap(0, Ordering::Relaxed);
        if missing > 0 && self.out.write_all((self.notice)(missing).as_bytes()).is_err() {
            self.counts.missing.fetch_add(missing, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// Takes nothing before it may, and nothing while it is broken.
    #[derive(Clone)]
    struct Reader {
        gate: Receiver<()>,
        text: Arc<Mutex<String>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The gate's end is what opens it for good.
            let _ = self.gate.recv();
            let mut text = self.text.lock().unwrap();
            if text.ends_with("gone\n") {
                text.push_str("back\n");
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            text.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stage() -> (Queue, Sender<()>, Arc<Mutex<String>>) {
        let (open, gate) = bounded(0);
        let text = Arc::default();
        let reader = Reader { gate, text: Arc::clone(&text) };
        (Queue::start(reader, |missing| format!("{missing} missing\n")).unwrap(), open, text)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn nobody_waits_for_a_reader_that_hangs_and_what_is_missing_is_said_once() {
        let (mut queue, open, text) = stage();
        let lines = 3 * LINES;
        for line in 0..lines {
            queue.write_all(format!("{line}\n").as_bytes()).unwrap();
            // The first one is under way; the others wait.
            while line == 0 && !queue.sender.is_empty() {
                std::thread::yield_now();
            }
        }
        assert!(!queue.flush(Instant::now()) && !queue.put_by(b"no room\n", Instant::now()));
        drop(open);
        assert!(queue.put_by(b"last\n", soon()) && queue.flush(soon()));
        let text = text.lock().unwrap().clone();
        let numbers: Vec<usize> = text.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(numbers.into_iter().eq(0..=LINES), "the oldest, in order: {text}");
        let notices: Vec<&str> = text.lines().filter(|line| line.ends_with("missing")).collect();
        assert_eq!(notices, [format!("{} missing", lines - LINES - 1)]);
        assert!(text.contains("last\n"), "{text}");
    }

    #[test]
    fn bytes_are_bounded_as_lines_are() {
        let (mut queue, open, text) = stage();
        let long = [b'x'; BYTES / 4];
        for _ in 0..6 {
            queue.write_all(&long).unwrap();
        }
        drop(open);
        assert!(queue.flush(soon()));
        assert_eq!(text.lock().unwrap().len(), 4 * long.len() + "2 missing\n".len());
    }

    #[test]
    fn a_reader_that_goes_away_costs_its_lines_only() {
        let (mut queue, open, text) = stage();
        drop(open);
        for line in ["one\n", "gone\n", "not seen\n", "two\n"] {
            queue.write_all(line.as_bytes()).unwrap();
            assert!(queue.flush(soon()));
        }
        assert_eq!(*text.lock().unwrap(), "one\ngone\nback\n1 missing\ntwo\n");
    }
}
