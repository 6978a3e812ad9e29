//! The app's logger: formats a record on the caller's thread and hands it to the sink. Cheap to clone.
//!
//! The text is made in a buffer of the thread, used again for each record. Only `sync` and `queue` copy it, because the SDK's
//! types own their text.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::cli::LogArgs;
use crate::clock::unix_micros;
use crate::error::Result;
use crate::record::{self, Entry};
use crate::sink::{Ended, Event, Sink};

thread_local! {
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

#[derive(Debug, Clone)]
pub(crate) struct Logger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sink: Sink,
    runtime: Handle,
    bytes: usize,
    emitted: AtomicU64,
}

impl Logger {
    /// A logger whose calls, where it makes any in the caller's stead, run on `runtime`. Not to be called from a task of it.
    pub(crate) fn open(args: &LogArgs, runtime: &Handle) -> Result<Self> {
        let inner = Inner {
            sink: Sink::open(args, runtime)?,
            runtime: runtime.clone(),
            bytes: args.bytes as usize,
            emitted: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Logs from a task. What is awaited does nothing but in mode `sync`: there, the task waits for its turn and for the answer,
    /// and leaves its thread to others meanwhile.
    pub(crate) fn log(&self, entry: &Entry<impl Display>) -> impl Future<Output = ()> + Send + '_ {
        let left = self.take(entry);
        async move {
            if let Some(event) = left {
                let inner = Arc::clone(&self.inner);
                // In a task of its own: a request ends where its client goes away, but what it has logged is sent.
                let _ = self.inner.runtime.spawn(async move { inner.sink.send(event).await }).await;
            }
        }
    }

    /// Logs from a thread. In mode `sync` it waits.
    pub(crate) fn log_blocking(&self, entry: &Entry<impl Display>) {
        if let Some(event) = self.take(entry) {
            self.inner.runtime.block_on(self.inner.sink.send(event));
        }
    }

    /// Formats a record and lets the sink have it. What comes back is to be sent while the caller waits.
    fn take(&self, entry: &Entry<impl Display>) -> Option<Event> {
        let inner = &*self.inner;
        if matches!(inner.sink, Sink::None) {
            return None;
        }
        inner.emitted.fetch_add(1, Ordering::Relaxed);
        TEXT.with_borrow_mut(|text| {
            let micros = unix_micros();
            record::write(text, entry, micros, inner.bytes);
            inner.sink.take(micros, text)
        })
    }

    /// Records logged so far.
    pub(crate) fn emitted(&self) -> u64 {
        self.inner.emitted.load(Ordering::Relaxed)
    }

    /// Has everything shipped that was logged, for as long as the mode allows. Not to be called from a task.
    pub(crate) fn close(&self) -> Ended {
        self.inner.sink.close(&self.inner.runtime)
    }
}
