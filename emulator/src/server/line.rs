//! A TCP connection that can end in a reset.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const ARMED: u8 = 0;
const DISARMED: u8 = 1;
const CUT: u8 = 2;

/// Says how the connection is to end. Armed at first: a task that is ended from outside leaves a reset behind,
/// as a crashed server would.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut(Arc<AtomicU8>);

impl Cut {
    /// The connection ends in a reset, whatever comes.
    pub(super) fn cut(&self) {
        self.0.store(CUT, Ordering::Release);
    }

    /// The connection came to its own end: close it in order, unless it was cut.
    pub(super) fn disarm(&self) {
        let _ = self.0.compare_exchange(ARMED, DISARMED, Ordering::AcqRel, Ordering::Acquire);
    }

    fn resets(&self) -> bool {
        self.0.load(Ordering::Acquire) != DISARMED
    }
}

/// How many events were taken by the call whose answer has not left yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsaid(Arc<AtomicU64>);

impl Unsaid {
    pub(super) fn set(&self, events: u64) {
        self.0.store(events, Ordering::Release);
    }

    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// The connection; below TLS, so that a reset is one there too.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    cut: Cut,
    unsaid: Unsaid,
}

impl Line {
    pub(super) fn new(stream: TcpStream, cut: Cut, unsaid: Unsaid) -> Self {
        Self { stream, cut, unsaid }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.cut.resets() {
            // Without a linger the kernel answers what is still under way with a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            // All that was written before is with the kernel.
            self.unsaid.take();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
