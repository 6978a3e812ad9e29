//! A sidecar that does as it is told: the real protocol over a real socket, and a script for what goes wrong.
//!
//! It keeps every record it takes in, in order, and checks what a real one would: sequences without gaps.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use splashdam::wire::{
    self, Ack, ClientFrame, ErrorCode, FlushDone, FlushStatus, Level, Records, SidecarFrame, Welcome,
    FLAG_KNOWN_CHANNEL,
};

/// No condition takes this long unless it will never come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Acks {
    None,
    Admitted,
    Durable,
    Ended,
}

#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    pub(crate) acks: Acks,
    pub(crate) flags: u8,
    pub(crate) welcomes: bool,
    pub(crate) reads: bool,
    /// Says nothing at all, though it reads.
    pub(crate) mute: bool,
    pub(crate) resume: Option<u64>,
    pub(crate) error: Option<ErrorCode>,
    pub(crate) max_record: u32,
    /// Closes once it has taken so many bytes of a connection, wherever in a frame that is.
    pub(crate) kill_after: Option<usize>,
    pub(crate) draining: bool,
    /// Keeps texts; off where a test sends too many.
    pub(crate) keeps: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            acks: Acks::Ended,
            flags: 0,
            welcomes: true,
            reads: true,
            mute: false,
            resume: None,
            error: None,
            max_record: wire::DEFAULT_MAX_RECORD,
            kill_after: None,
            draining: false,
            keeps: true,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Channel {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) lost_to: u64,
    pub(crate) connection: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Hello {
    pub(crate) client_id: [u8; 16],
    pub(crate) oldest: u64,
    pub(crate) app: String,
    pub(crate) group: String,
    pub(crate) stream: String,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) channels: HashMap<[u8; 16], Channel>,
    pub(crate) hellos: Vec<Hello>,
    pub(crate) texts: Vec<String>,
    pub(crate) records: u64,
    pub(crate) repeated: u64,
    pub(crate) lost: Vec<(u64, u64, String)>,
    pub(crate) flushes: u64,
    pub(crate) byes: u64,
    pub(crate) connections: u64,
    pub(crate) open: u64,
    pub(crate) bytes: u64,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
    behaviour: Mutex<Behaviour>,
    stop: Mutex<bool>,
}

pub(crate) struct Fake {
    path: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Fake {
    pub(crate) fn start(path: &Path, behaviour: Behaviour) -> Self {
        Self::restart(path, behaviour, Seen::default())
    }

    /// One that knows what another one knew.
    pub(crate) fn restart(path: &Path, behaviour: Behaviour, seen: Seen) -> Self {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let shared = Arc::new(Shared {
            seen: Mutex::new(seen),
            changed: Condvar::new(),
            behaviour: Mutex::new(behaviour),
            stop: Mutex::new(false),
        });
        let inner = Arc::clone(&shared);
        let accept = thread::spawn(move || accept(&listener, &inner));
        Self { path: path.into(), shared, threads: vec![accept] }
    }

    /// Closes everything at once. Gives back what it knew.
    pub(crate) fn stop(mut self) -> Seen {
        self.end();
        std::mem::take(&mut *self.seen())
    }

    /// Its path is another one's now.
    pub(crate) fn elsewhere(mut self) -> Self {
        self.path = self.path.with_extension("gone");
        self
    }

    fn end(&mut self) {
        *self.shared.stop.lock().unwrap() = true;
        let _ = std::fs::remove_file(&self.path);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap()
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.behaviour.lock().unwrap());
    }

    /// Waits for a condition on what was seen.
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen();
        while !condition(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "never came: {what}; {} records, {} repeated, {} open",
                seen.records,
                seen.repeated,
                seen.open
            );
            seen = self.shared.changed.wait_timeout(seen, left.min(TICK)).unwrap().0;
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.end();
        }
    }
}

/// Waits for a condition that no fake knows of.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn accept(listener: &UnixListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    while !*shared.stop.lock().unwrap() {
        match listener.accept() {
            Ok((stream, _)) => {
                let number = {
                    let mut seen = shared.seen.lock().unwrap();
                    seen.connections += 1;
                    seen.open += 1;
                    seen.connections
                };
                let shared = Arc::clone(shared);
                threads.push(thread::spawn(move || {
                    Connection::new(stream, &shared, number).serve();
                    shared.seen.lock().unwrap().open -= 1;
                    shared.changed.notify_all();
                }));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("accept: {error}"),
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

struct Connection<'a> {
    stream: UnixStream,
    shared: &'a Shared,
    number: u64,
    received: Vec<u8>,
    taken: usize,
    magic: bool,
    hello: Option<[u8; 16]>,
    welcomed: bool,
    draining: bool,
    last_ack: Option<Ack>,
    flushes: Vec<(u64, Level, u64, Instant)>,
}

impl<'a> Connection<'a> {
    fn new(stream: UnixStream, shared: &'a Shared, number: u64) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(TICK)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        Self {
            stream,
            shared,
            number,
            received: Vec::new(),
            taken: 0,
            magic: false,
            hello: None,
            welcomed: false,
            draining: false,
            last_ack: None,
            flushes: Vec::new(),
        }
    }

    fn serve(mut self) {
        let mut bytes = vec![0; 64 * 1024];
        while !*self.shared.stop.lock().unwrap() {
            let behaviour = self.shared.behaviour.lock().unwrap().clone();
            if behaviour.reads {
                let room =
                    behaviour.kill_after.map_or(bytes.len(), |limit| limit.saturating_sub(self.taken).min(bytes.len()));
                if room == 0 {
                    return;
                }
                match (&self.stream).read(&mut bytes[..room]) {
                    Ok(0) => return,
                    Ok(read) => {
                        self.taken += read;
                        self.received.extend_from_slice(&bytes[..read]);
                        self.shared.seen.lock().unwrap().bytes += read as u64;
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => (),
                    Err(_) => return,
                }
            } else {
                thread::sleep(TICK);
            }
            if !self.turn(&behaviour) {
                return;
            }
            self.shared.changed.notify_all();
        }
    }

    fn turn(&mut self, behaviour: &Behaviour) -> bool {
        if !self.magic && self.received.len() >= 4 {
            assert_eq!(self.received[..4], wire::MAGIC);
            self.received.drain(..4);
            self.magic = true;
        }
        let received = std::mem::take(&mut self.received);
        let mut at = 0;
        if self.magic {
            while let Some((kind, payload, consumed)) =
                wire::frame(&received[at..], behaviour.max_record + wire::FRAME_OVERHEAD).unwrap()
            {
                if !self.take_in(ClientFrame::decode(kind, payload).unwrap(), behaviour) {
                    return false;
                }
                at += consumed;
            }
        }
        self.received = received[at..].to_vec();
        if behaviour.mute {
            return true;
        }
        if let (Some(code), true) = (behaviour.error, self.hello.is_some()) {
            self.say(&SidecarFrame::Error { code, text: "as told" });
            return false;
        }
        if behaviour.draining && self.welcomed && !self.draining {
            self.draining = true;
            self.say(&SidecarFrame::Draining { deadline_ms: 1000 });
        }
        if self.welcomed && behaviour.acks > Acks::None {
            self.acknowledge(behaviour);
        }
        true
    }

    fn say(&mut self, frame: &SidecarFrame<'_>) {
        let mut bytes = Vec::new();
        frame.encode_into(&mut bytes);
        let _ = self.stream.write_all(&bytes);
    }

    fn take_in(&mut self, frame: ClientFrame<'_>, behaviour: &Behaviour) -> bool {
        let shared = self.shared;
        let mut seen = shared.seen.lock().unwrap();
        match frame {
            ClientFrame::Hello(hello) => {
                assert!(self.hello.replace(hello.client_id).is_none(), "hello came twice");
                seen.hellos.push(Hello {
                    client_id: hello.client_id,
                    oldest: hello.oldest,
                    app: hello.app.into(),
                    group: hello.group.into(),
                    stream: hello.stream.into(),
                });
                let known = seen.channels.contains_key(&hello.client_id);
                let channel = seen.channels.entry(hello.client_id).or_insert_with(|| Channel {
                    first: hello.oldest,
                    last: hello.oldest - 1,
                    ..Channel::default()
                });
                channel.connection = self.number;
                let resume = behaviour.resume.unwrap_or(channel.last);
                channel.last = resume.max(hello.oldest - 1);
                drop(seen);
                if behaviour.welcomes && !behaviour.mute {
                    let flags = behaviour.flags | if known { FLAG_KNOWN_CHANNEL } else { 0 };
                    self.say(&SidecarFrame::Welcome(Welcome {
                        version: 1,
                        flags,
                        instance: [7; 16],
                        resume,
                        max_record: behaviour.max_record,
                        max_frame: behaviour.max_record + wire::FRAME_OVERHEAD,
                    }));
                    self.welcomed = true;
                }
            }
            ClientFrame::Records { first_sequence, count, body } => {
                assert!(self.welcomed, "records before the welcome");
                let mut channel = seen.channels[&self.hello.unwrap()].clone();
                assert!(first_sequence <= channel.last + 1, "a gap: {first_sequence} after {}", channel.last);
                for (sequence, record) in (first_sequence..).zip(Records::new(body, count)) {
                    let (_, text) = record.unwrap();
                    if sequence <= channel.last {
                        seen.repeated += 1;
                        continue;
                    }
                    channel.last = sequence;
                    seen.records += 1;
                    if behaviour.keeps {
                        seen.texts.push(String::from_utf8_lossy(text).into_owned());
                    }
                }
                seen.channels.insert(self.hello.unwrap(), channel);
            }
            ClientFrame::Flush { ticket, level, timeout_ms } => {
                seen.flushes += 1;
                let through = seen.channels[&self.hello.unwrap()].last;
                let deadline = Instant::now() + Duration::from_millis(timeout_ms.into());
                self.flushes.push((ticket, level, through, deadline));
            }
            ClientFrame::Lost(lost) => {
                let channel = seen.channels.get_mut(&self.hello.unwrap()).unwrap();
                if lost.report > channel.lost_to {
                    channel.lost_to = lost.report;
                    seen.lost.push((lost.report, lost.count, lost.reason.into()));
                }
            }
            ClientFrame::Bye => {
                seen.byes += 1;
                return false;
            }
        }
        true
    }

    fn acknowledge(&mut self, behaviour: &Behaviour) {
        let channel = self.shared.seen.lock().unwrap().channels[&self.hello.unwrap()].clone();
        let to = |level: Acks| if behaviour.acks >= level { channel.last } else { 0 };
        let ack = Ack {
            admitted_to: to(Acks::Admitted),
            durable_to: to(Acks::Durable),
            ended_to: to(Acks::Ended),
            delivered: to(Acks::Ended).saturating_sub(channel.first - 1),
            rejected: 0,
            dropped: 0,
            lost_to: channel.lost_to,
        };
        if self.last_ack != Some(ack) {
            self.last_ack = Some(ack);
            self.say(&SidecarFrame::Ack(ack));
        }
        let now = Instant::now();
        for (ticket, level, through, deadline) in std::mem::take(&mut self.flushes) {
            let mark = match level {
                Level::Admitted => ack.admitted_to,
                Level::Durable => ack.durable_to,
                Level::Ended => ack.ended_to,
            };
            let status = match (mark >= through, now >= deadline) {
                (true, _) => FlushStatus::Reached,
                (false, true) => FlushStatus::TimedOut,
                (false, false) => {
                    self.flushes.push((ticket, level, through, deadline));
                    continue;
                }
            };
            let (delivered, pending) = (ack.delivered, channel.last - ack.ended_to);
            self.say(&SidecarFrame::FlushDone(FlushDone {
                ticket,
                status,
                delivered,
                rejected: 0,
                dropped: 0,
                spooled: 0,
                pending,
            }));
        }
    }
}
