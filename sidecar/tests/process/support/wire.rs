//! A framed client that sends what it is told, be it nonsense.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use splashdam::wire::{self, Ack, ClientFrame, FlushDone, Hello, Level, RecordsFrame, SidecarFrame, Welcome};

use super::PATIENCE;

/// A client id that is all one byte.
pub(crate) fn id(byte: u8) -> [u8; 16] {
    [byte; 16]
}

/// What the sidecar said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Welcome(Welcome),
    Ack(Ack),
    Flushed(FlushDone),
    Draining,
    Error(u16, String),
    /// It has closed the connection.
    End,
}

/// A framed connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: UnixStream,
    read: Vec<u8>,
    ack: Ack,
}

impl Wire {
    #[track_caller]
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Wire { stream, read: Vec::new(), ack: Ack::default() }
    }

    #[track_caller]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    #[track_caller]
    pub(crate) fn send(&mut self, frame: &ClientFrame<'_>) {
        let mut bytes = Vec::new();
        frame.encode_into(&mut bytes);
        self.raw(&bytes);
    }

    /// Says hello as this client, whose next sequence or oldest unsafe one is `oldest`.
    #[track_caller]
    pub(crate) fn hello(&mut self, client: u8, oldest: u64) -> Welcome {
        self.hello_to(client, oldest, "", "")
    }

    #[track_caller]
    pub(crate) fn hello_to(&mut self, client: u8, oldest: u64, group: &str, stream: &str) -> Welcome {
        self.raw(&wire::MAGIC);
        self.send(&hello(client, oldest, group, stream));
        match self.told() {
            Told::Welcome(welcome) => welcome,
            other => panic!("instead of a welcome: {other:?}"),
        }
    }

    /// Sends records of the present moment.
    #[track_caller]
    pub(crate) fn records<T: AsRef<[u8]>>(&mut self, first: u64, texts: impl IntoIterator<Item = T>) {
        let now = super::now_ms();
        self.records_at(first, texts.into_iter().map(|text| (now, text)));
    }

    /// Sends records of these moments, in one frame.
    #[track_caller]
    pub(crate) fn records_at<T: AsRef<[u8]>>(&mut self, first: u64, records: impl IntoIterator<Item = (i64, T)>) {
        let mut frame = RecordsFrame::with_capacity(1024);
        for (timestamp, text) in records {
            frame.push(timestamp, text.as_ref());
        }
        self.raw(&frame.finish(first));
    }

    /// Asks for a flush and waits for the answer.
    #[track_caller]
    pub(crate) fn flush(&mut self, level: Level) -> FlushDone {
        let timeout_ms = u32::try_from(PATIENCE.as_millis()).unwrap();
        self.send(&ClientFrame::Flush { ticket: 7, level, timeout_ms });
        match self.told_but_acks() {
            Told::Flushed(done) => done,
            other => panic!("instead of a flush_done: {other:?}"),
        }
    }

    /// The same where the sidecar may have closed the connection.
    pub(crate) fn try_flush(&mut self) -> Told {
        let mut bytes = Vec::new();
        let timeout_ms = u32::try_from(PATIENCE.as_millis()).unwrap();
        ClientFrame::Flush { ticket: 7, level: Level::Ended, timeout_ms }.encode_into(&mut bytes);
        match self.stream.write_all(&bytes) {
            Ok(()) => self.told_but_acks(),
            Err(_) => Told::End,
        }
    }

    /// The next thing that is not an ack.
    #[track_caller]
    pub(crate) fn told_but_acks(&mut self) -> Told {
        loop {
            match self.told() {
                Told::Ack(_) => {}
                other => return other,
            }
        }
    }

    /// Waits until the newest ack says enough.
    #[track_caller]
    pub(crate) fn until_ack(&mut self, enough: impl Fn(&Ack) -> bool) -> Ack {
        while !enough(&self.ack) {
            match self.told() {
                Told::Ack(_) => {}
                other => panic!("instead of an ack: {other:?}"),
            }
        }
        self.ack
    }

    /// The error that the sidecar closes with.
    #[track_caller]
    pub(crate) fn error(&mut self) -> (u16, String) {
        let told = self.told_but_acks();
        let Told::Error(code, text) = told else { panic!("instead of an error: {told:?}") };
        assert_eq!(self.told(), Told::End);
        (code, text)
    }

    /// The next frame.
    #[track_caller]
    pub(crate) fn told(&mut self) -> Told {
        loop {
            if let Some((kind, payload, length)) = wire::frame(&self.read, u32::MAX).unwrap() {
                let told = match SidecarFrame::decode(kind, payload).unwrap() {
                    SidecarFrame::Welcome(welcome) => Told::Welcome(welcome),
                    SidecarFrame::Ack(ack) => {
                        self.ack = ack;
                        Told::Ack(ack)
                    }
                    SidecarFrame::FlushDone(done) => Told::Flushed(done),
                    SidecarFrame::Draining { .. } => Told::Draining,
                    SidecarFrame::Error { code, text } => Told::Error(code.0, text.to_owned()),
                };
                self.read.drain(..length);
                return told;
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Told::End,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Told::End,
                Ok(length) => self.read.extend_from_slice(&bytes[..length]),
                Err(error) => panic!("the sidecar says nothing: {error}"),
            }
        }
    }

    /// The connection itself.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

/// A hello of protocol version 1.
pub(crate) fn hello<'a>(client: u8, oldest: u64, group: &'a str, stream: &'a str) -> ClientFrame<'a> {
    ClientFrame::Hello(Hello {
        min_version: 1,
        max_version: 1,
        client_id: id(client),
        pid: std::process::id(),
        oldest,
        app: "tests",
        group,
        stream,
    })
}
