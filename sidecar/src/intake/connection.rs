//! One client's connection: its socket, what of its bytes is not yet taken, and what it is still to be told.

use std::io;
use std::time::Duration;

use splashdam::wire::{Ack, FlushDone, FlushStatus, SidecarFrame, MAX_HELLO};

use super::framed::Channel;
use super::pace::Pace;
use super::sockets::Stream;
use super::{FIRST_READ, LOOK, READ};
use crate::engine::budget::Payment;
use crate::engine::flush::Flushed;
use crate::engine::lane::LaneId;
use crate::engine::ConnectionId;

/// Unsent bytes beyond which a client that does not read its acks is not read, either.
const OUT_BYTES: usize = 16 * 1024;

/// What kind of client it is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// It has not sent enough to tell.
    Unknown,
    /// Lines, into this lane, since this day (the stream's name may contain the date).
    Text { lane: LaneId, day: i64 },
    /// Frames; `None` until the hello.
    Framed(Option<Box<Channel>>),
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) id: ConnectionId,
    pub(crate) stream: S,
    pub(crate) kind: Kind,
    /// The client's user.
    pub(crate) uid: u32,
    /// Bytes that were read and not taken, with their payment.
    pub(crate) rest: Vec<u8>,
    pub(crate) paid: Option<Payment>,
    /// `rest` may hold whole records: they come before anything new.
    pub(crate) replay: bool,
    /// The kernel may have bytes for us.
    pub(crate) readable: bool,
    /// The kernel said that the other side has closed: then a short read is not the last.
    pub(crate) closing: bool,
    /// The other side has ended writing; we have read to the end.
    pub(crate) ended: bool,
    /// Its lane has no room, or others of the lane come first.
    pub(crate) blocked: bool,
    /// The lane whose other connections wait until `rest` is taken.
    pub(crate) first_for: Option<LaneId>,
    /// There is no room for what it might not send whole: looked at again in a moment.
    pub(crate) starved: bool,
    /// Nothing whole was found in the kernel, and no more has come since.
    pub(crate) looked: bool,
    /// Since when something is kept that is not a whole frame or that waits for its client to read its answers, or a hello is
    /// due.
    pub(crate) partial_since: Option<Duration>,
    pub(crate) pace: Pace,
    /// It is left alone for a moment, and somebody will come back to it.
    pub(crate) rests: bool,
    pub(crate) accepted_at: Duration,
    out: Vec<u8>,
    written: usize,
    /// Writing has failed: acks are of no use to it any more, but its data is.
    deaf: bool,
}

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetched {
    Bytes(usize),
    Nothing,
    End,
}

impl<S: Stream> Connection<S> {
    pub(crate) fn new(id: ConnectionId, stream: S, uid: u32, now: Duration) -> Self {
        Connection {
            id,
            stream,
            kind: Kind::Unknown,
            uid,
            rest: Vec::new(),
            paid: None,
            replay: false,
            readable: true,
            closing: false,
            ended: false,
            blocked: false,
            first_for: None,
            starved: false,
            looked: false,
            partial_since: None,
            pace: Pace::default(),
            rests: false,
            accepted_at: now,
            out: Vec::new(),
            written: 0,
            deaf: false,
        }
    }

    pub(crate) fn lane(&self) -> Option<LaneId> {
        match &self.kind {
            Kind::Unknown | Kind::Framed(None) => None,
            Kind::Text { lane, .. } => Some(*lane),
            Kind::Framed(Some(channel)) => Some(channel.lane),
        }
    }

    pub(crate) fn channel(&mut self) -> Option<&mut Channel> {
        match &mut self.kind {
            Kind::Framed(channel) => channel.as_deref_mut(),
            _ => None,
        }
    }

    /// Whether it has said that it speaks in frames, and not yet who it is.
    pub(crate) fn owes_hello(&self) -> bool {
        matches!(self.kind, Kind::Framed(None))
    }

    /// Until when it is left alone, where others are busy; not one that leaves, nor one that must get on before others.
    pub(crate) fn rests_until(&self, now: Duration) -> Option<Duration> {
        let at_once = self.closing || self.ended || self.blocked || self.replay || !self.readable;
        self.pace.rests_until(now).filter(|_| !at_once)
    }

    /// Most bytes to read at a time: little until it is known whether its lane has room for them; of a hello, which goes to no
    /// lane, as much as is missing.
    pub(crate) fn read_most(&self) -> usize {
        match &self.kind {
            Kind::Text { .. } | Kind::Framed(Some(_)) => READ,
            Kind::Framed(None) => self.hello_missing().clamp(FIRST_READ, MAX_HELLO as usize),
            Kind::Unknown => FIRST_READ,
        }
    }

    /// Bytes missing of a hello that has begun.
    fn hello_missing(&self) -> usize {
        let length = self.rest.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
        (size_of::<u32>() + length).saturating_sub(self.rest.len())
    }

    /// Reads into `buffer`, at most [`READ`] bytes.
    pub(crate) fn fetch(&mut self, buffer: &mut [u8]) -> Fetched {
        let most = buffer.len().min(READ);
        loop {
            return match self.stream.read(&mut buffer[..most]) {
                Ok(0) => self.end(),
                Ok(bytes) => {
                    // A short read has emptied the socket, and the next bytes bring an event of their own; but an end that
                    // was announced together with these bytes brings none.
                    self.readable = bytes == most || self.closing;
                    Fetched::Bytes(bytes)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Fetched::Nothing
                }
                // A client that left acks unread resets the connection; all it sent has been read before.
                Err(_) => self.end(),
            };
        }
    }

    /// Looks behind what is kept, with which `buffer` begins, at what the kernel has: at most [`LOOK`] bytes, or one frame if
    /// all of it is there. Nothing is taken.
    pub(crate) fn look(&mut self, buffer: &mut [u8]) -> Fetched {
        let kept = self.rest.len();
        let most = buffer.len().min(kept + LOOK);
        let seen = match self.peek(&mut buffer[kept..most]) {
            Fetched::Bytes(seen) => seen,
            other => return other,
        };
        let framed = matches!(self.kind, Kind::Framed(_));
        let Some(length) = buffer[..kept + seen].first_chunk().filter(|_| framed) else { return Fetched::Bytes(seen) };
        let frame = size_of::<u32>() + u32::from_le_bytes(*length) as usize;
        if frame <= kept + seen || frame > buffer.len() {
            return Fetched::Bytes(seen);
        }
        if frame <= kept + self.stream.waiting() {
            self.peek(&mut buffer[kept..frame])
        } else if self.closing {
            // It never becomes whole.
            self.end()
        } else {
            Fetched::Bytes(seen)
        }
    }

    fn peek(&mut self, buffer: &mut [u8]) -> Fetched {
        loop {
            return match self.stream.peek(buffer) {
                Ok(0) => self.end(),
                Ok(bytes) => Fetched::Bytes(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Fetched::Nothing
                }
                Err(_) => self.end(),
            };
        }
    }

    /// Takes as many bytes from the kernel as `seen` has, which have been looked at before.
    pub(crate) fn skip(&mut self, seen: &mut [u8]) {
        // They are there, and nobody else reads them: a short read is a signal's.
        let mut skipped = 0;
        while skipped < seen.len() {
            match self.stream.read(&mut seen[skipped..]) {
                Ok(0) => break,
                Ok(bytes) => skipped += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }

    fn end(&mut self) -> Fetched {
        self.ended = true;
        self.readable = false;
        Fetched::End
    }

    /// Whether it has to read its acks before it is read again.
    pub(crate) fn is_clogged(&self) -> bool {
        self.out.len() - self.written > OUT_BYTES
    }

    /// Puts a frame in line.
    pub(crate) fn say(&mut self, frame: &SidecarFrame<'_>) {
        if !self.deaf {
            frame.encode_into(&mut self.out);
        }
    }

    /// Puts the newest ack in line, if there is nothing in line already: then a later one will do.
    pub(crate) fn say_ack(&mut self, now: Duration) {
        let idle = self.out.len() == self.written;
        let Some(channel) = self.channel() else { return };
        if !idle {
            channel.ack_due = Some(now);
            return;
        }
        channel.ack_due = None;
        channel.acked_at = now;
        // What is in the open chunk is in memory, too.
        let ack = Ack { admitted_to: channel.next.saturating_sub(1), ..channel.ack };
        self.say(&SidecarFrame::Ack(ack));
    }

    pub(crate) fn say_flushed(&mut self, ticket: u64, flushed: Flushed) {
        let status = if flushed.reached { FlushStatus::Reached } else { FlushStatus::TimedOut };
        self.say(&SidecarFrame::FlushDone(FlushDone {
            ticket,
            status,
            delivered: flushed.delivered,
            rejected: flushed.rejected,
            dropped: flushed.dropped,
            spooled: flushed.spooled,
            pending: flushed.pending,
        }));
    }

    /// Writes what is in line, as far as the socket takes it. A failure ends writing only.
    pub(crate) fn write_out(&mut self) {
        while self.written < self.out.len() {
            match self.stream.write(&self.out[self.written..]) {
                Ok(0) => break,
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.deaf = true;
                    break;
                }
            }
        }
        self.out.clear();
        self.written = 0;
    }
}

#[cfg(test)]
mod tests;
