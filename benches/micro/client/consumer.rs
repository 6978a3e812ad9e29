//! The least that a client takes for a sidecar: it reads frames, counts their records, and says that all of them have ended.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use splashdam::wire::{self, Ack, ClientFrame, FlushDone, FlushStatus, SidecarFrame, Welcome};

pub(crate) struct Consumer {
    path: PathBuf,
    thread: JoinHandle<u64>,
}

impl Consumer {
    pub(crate) fn start(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        Self { path: path.to_owned(), thread: thread::spawn(move || serve(&listener)) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the client's good-bye; says how many records came.
    pub(crate) fn end(self) -> u64 {
        self.thread.join().expect("the consumer's thread")
    }
}

fn serve(listener: &UnixListener) -> u64 {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut received, mut records) = (Vec::new(), 0);
    let mut bytes = vec![0; 256 * 1024];
    let mut skip = wire::MAGIC.len();
    loop {
        let read = stream.read(&mut bytes).unwrap();
        received.extend_from_slice(&bytes[..read]);
        if received.len() < skip {
            continue;
        }
        let mut at = std::mem::take(&mut skip);
        while let Some((kind, payload, consumed)) = wire::frame(&received[at..], u32::MAX).unwrap() {
            at += consumed;
            match ClientFrame::decode(kind, payload).unwrap() {
                ClientFrame::Records { count, .. } => records += u64::from(count),
                ClientFrame::Hello(_) => say(&mut stream, &SidecarFrame::Welcome(welcome())),
                ClientFrame::Flush { ticket, .. } => say(&mut stream, &flushed(ticket, records)),
                ClientFrame::Lost(lost) => assert_eq!(lost.count, 0, "{lost:?}"),
                ClientFrame::Bye => return records,
            }
        }
        received.drain(..at);
        if read == 0 {
            return records;
        }
        let to = records;
        say(
            &mut stream,
            &SidecarFrame::Ack(Ack { admitted_to: to, durable_to: to, ended_to: to, delivered: to, ..Ack::default() }),
        );
    }
}

fn welcome() -> Welcome {
    Welcome {
        version: wire::MAX_VERSION,
        flags: 0,
        instance: [0; 16],
        resume: 0,
        max_record: wire::DEFAULT_MAX_RECORD,
        max_frame: wire::DEFAULT_MAX_RECORD + wire::FRAME_OVERHEAD,
    }
}

fn flushed(ticket: u64, delivered: u64) -> SidecarFrame<'static> {
    let status = FlushStatus::Reached;
    SidecarFrame::FlushDone(FlushDone { ticket, status, delivered, rejected: 0, dropped: 0, spooled: 0, pending: 0 })
}

fn say(stream: &mut UnixStream, frame: &SidecarFrame<'_>) {
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    // A client that has said good-bye reads no more.
    let _ = stream.write_all(&bytes);
}
