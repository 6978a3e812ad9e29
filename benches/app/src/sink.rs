//! Where records go: one variant for each mode.

use std::hint::black_box;
use std::path::Path;

use splashdam::Client;
use tokio::runtime::Handle;

use crate::cli::{LogArgs, Mode};
use crate::error::{Error, Result};
use lines::Lines;
use queue::Queue;
use remote::{Remote, Target};
use stdout::Stdout;
use sync::OneByOne;

mod failures;
mod lines;
mod queue;
mod remote;
mod splashdam_client;
mod stdout;
mod sync;

/// A record as PutLogEvents takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) timestamp_ms: i64,
    pub(crate) text: String,
}

impl Event {
    fn new(micros: u64, text: &str) -> Self {
        Self { timestamp_ms: i64::try_from(micros / 1_000).unwrap_or(i64::MAX), text: text.to_owned() }
    }
}

/// What the app itself knows of records that will not arrive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Given up before it reached the socket, in modes `splashdam` and `shipper`; none in other modes.
    pub(crate) lost_in_client: Option<u64>,
    /// Given up by the other modes.
    pub(crate) failed: u64,
    /// Why the last of them was; the client of splashdam does not say.
    pub(crate) because: String,
}

#[derive(Debug)]
pub(crate) enum Sink {
    None,
    Null,
    Stdout(Stdout),
    Splashdam(Client),
    Sync(OneByOne),
    Queue(Queue),
    Shipper(Lines),
}

impl Sink {
    pub(crate) fn open(args: &LogArgs, runtime: &Handle) -> Result<Self> {
        Ok(match args.mode {
            Mode::None => Self::None,
            Mode::Null => Self::Null,
            Mode::Stdout => Self::Stdout(Stdout::default()),
            Mode::Splashdam => Self::Splashdam(splashdam_client::open(socket(args)?)),
            Mode::Sync => Self::Sync(OneByOne::new(runtime.block_on(Remote::open(target(args)?))?)),
            Mode::Queue => Self::Queue(Queue::open(target(args)?)?),
            Mode::Shipper => Self::Shipper(Lines::open(socket(args)?)?),
        })
    }

    /// Takes a record. In mode `sync` it comes back as an event, for [`send`](Self::send).
    pub(crate) fn take(&self, micros: u64, text: &mut String) -> Option<Event> {
        match self {
            Self::None => {}
            Self::Null => {
                black_box(text.as_str());
            }
            Self::Stdout(stdout) => stdout.write(text),
            Self::Shipper(lines) => lines.write(text),
            Self::Splashdam(client) => {
                // What was not taken is in the client's own account.
                client.log(text);
            }
            Self::Sync(_) => return Some(Event::new(micros, text)),
            Self::Queue(queue) => queue.put(Event::new(micros, text)),
        }
        None
    }

    /// Sends what [`take`](Self::take) gave back.
    pub(crate) async fn send(&self, event: Event) {
        if let Self::Sync(sync) = self {
            sync.send(event).await;
        }
    }

    /// Ships what is left, and says what was given up.
    pub(crate) fn close(&self, runtime: &Handle) -> Ended {
        match self {
            Self::None | Self::Null => Ended::default(),
            Self::Stdout(stdout) => stdout.failures().ended(),
            Self::Splashdam(client) => splashdam_client::close(client),
            Self::Sync(sync) => runtime.block_on(sync.close()),
            Self::Queue(queue) => queue.close(),
            Self::Shipper(lines) => lines.ended(),
        }
    }
}

fn socket(args: &LogArgs) -> Result<&Path> {
    args.socket.as_deref().ok_or(Error::Missing { mode: args.mode.name(), flag: "--socket" })
}

fn target(args: &LogArgs) -> Result<Target> {
    let missing = Error::Missing { mode: args.mode.name(), flag: "--endpoint-url" };
    Ok(Target {
        endpoint_url: args.endpoint_url.clone().ok_or(missing)?,
        group: args.group.clone(),
        stream: args.stream.clone(),
    })
}
