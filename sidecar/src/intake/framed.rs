//! Frames to records: the state of a framed connection, and what it takes out of the bytes.

use std::borrow::Cow;
use std::time::Duration;

use splashdam::wire::{
    frame, frame_type, ClientFrame, ErrorCode, Hello, Level, Lost, Records, WireError, FRAME_HEADER, MAX_HELLO,
};

use super::open::{Host, OpenChunks, Pushed};
use super::text::next_piece;
use super::Counters;
use crate::engine::account::Dropped;
use crate::engine::chunk::{ChannelIndex, Run};
use crate::engine::lane::LaneId;
use crate::engine::sabotage::{self, Sabotage};
use splashdam::wire::Ack;

/// A framed connection after its hello.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Its lane.
    pub(crate) lane: LaneId,
    /// Its channel there.
    pub(crate) index: ChannelIndex,
    /// The sequence that comes next.
    pub(crate) next: u64,
    /// Bytes taken of a record that is being split.
    pub(crate) piece: usize,
    /// The newest ack, and whether the client has been sent it.
    pub(crate) ack: Ack,
    pub(crate) ack_due: Option<Duration>,
    pub(crate) acked_at: Duration,
    /// Flushes that wait.
    pub(crate) flushes: usize,
}

/// What a client asked for that concerns more than its own bytes.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    /// The first frame.
    Hello(Hello<'a>),
    /// A barrier.
    Flush { ticket: u64, level: Level, timeout: Duration },
    /// Losses on its side.
    Lost(Lost<'a>),
    /// It is done.
    Bye,
}

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
}

impl From<WireError> for Broken {
    fn from(error: WireError) -> Self {
        Broken { code: error.code(), text: error.to_string() }
    }
}

/// One frame taken out of the bytes.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// No whole frame is there.
    More,
    /// A records frame, all of it taken; so many bytes are done with.
    Taken { consumed: usize, records: u64 },
    /// A records frame of which some found no room: it stays, and what was taken is skipped next time.
    Full { records: u64 },
    /// Something to be done by the caller; so many bytes are done with.
    Asked { consumed: usize, request: Request<'a> },
}

/// Sizes that a framed client must keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) max_record: u32,
    pub(crate) max_frame: u32,
}

/// Takes the first frame of `data`.
pub(crate) fn step<'a, H: Host>(
    data: &'a [u8],
    sizes: Sizes,
    channel: Option<&mut Channel>,
    open: &mut OpenChunks<H>,
    counters: &Counters,
) -> Result<Step<'a>, Broken> {
    let most = if channel.is_some() { sizes.max_frame } else { MAX_HELLO };
    let Some((kind, payload, consumed)) = frame(data, most)? else {
        // Its header tells: nobody waits for the rest, nor keeps what came of it.
        let is_hello = data.get(FRAME_HEADER - 1).is_none_or(|kind| *kind == frame_type::HELLO);
        return if channel.is_some() || is_hello { Ok(Step::More) } else { Err(bad_frame(NO_HELLO)) };
    };
    let frame = ClientFrame::decode(kind, payload)?;
    let asked = |request| Ok(Step::Asked { consumed, request });
    match (frame, channel) {
        (ClientFrame::Hello(hello), None) => asked(Request::Hello(hello)),
        (ClientFrame::Hello(_), Some(_)) => Err(bad_frame("a second hello on one connection")),
        (_, None) => Err(bad_frame(NO_HELLO)),
        (ClientFrame::Records { first_sequence, count, body }, Some(channel)) => {
            let records = Records::new(body, count);
            take_records(first_sequence, records, sizes, channel, open, counters).map(|(full, records)| {
                if full {
                    Step::Full { records }
                } else {
                    Step::Taken { consumed, records }
                }
            })
        }
        (ClientFrame::Flush { ticket, level, timeout_ms }, Some(_)) => {
            asked(Request::Flush { ticket, level, timeout: Duration::from_millis(timeout_ms.into()) })
        }
        (ClientFrame::Lost(lost), Some(_)) => asked(Request::Lost(lost)),
        (ClientFrame::Bye, Some(_)) => asked(Request::Bye),
    }
}

const NO_HELLO: &str = "the first frame is not a hello";

fn bad_frame(text: &str) -> Broken {
    Broken { code: ErrorCode::BAD_FRAME, text: text.to_owned() }
}

/// Takes the records that are new. True if one found no room; and how many were taken.
fn take_records<H: Host>(
    first_sequence: u64,
    records: Records<'_>,
    sizes: Sizes,
    channel: &mut Channel,
    open: &mut OpenChunks<H>,
    counters: &Counters,
) -> Result<(bool, u64), Broken> {
    if first_sequence > channel.next {
        let text = format!("records begin at sequence {first_sequence}, expected at most {}", channel.next);
        return Err(Broken { code: ErrorCode::BAD_SEQUENCE, text });
    }
    let mut taken = 0;
    let skipped = u64::from(sabotage::on(Sabotage::SkipOffByOne) && first_sequence < channel.next);
    for (sequence, record) in (first_sequence..).zip(records) {
        let (timestamp_ms, text) = record?;
        if sequence < channel.next + skipped {
            continue;
        }
        if !take_record(timestamp_ms, text, sizes, channel, open, counters) {
            return Ok((true, taken));
        }
        channel.next += 1;
        taken += 1;
    }
    Ok((false, taken))
}

/// Takes one record, in pieces if need be. False if there was no room; what was taken of it is remembered.
#[inline]
fn take_record<H: Host>(
    timestamp_ms: i64,
    text: &[u8],
    sizes: Sizes,
    channel: &mut Channel,
    open: &mut OpenChunks<H>,
    counters: &Counters,
) -> bool {
    let run = Run { channel: channel.index, first_sequence: channel.next, sequences: 1, records: 1 };
    if text.is_empty() {
        open.push_ended(channel.lane, run, Dropped::Empty);
        return true;
    }
    let most = sizes.max_record as usize;
    if channel.piece == 0 && text.len() <= most && simdutf8::basic::from_utf8(text).is_ok() {
        return open.push(channel.lane, timestamp_ms, text, run) == Pushed::Taken;
    }
    while channel.piece < text.len() {
        let rest = &text[channel.piece..];
        let (length, piece) = next_piece(rest, most);
        let run = Run { sequences: u32::from(length == rest.len()), ..run.clone() };
        if open.push(channel.lane, timestamp_ms, &piece, run) == Pushed::Full {
            return false;
        }
        counters.repaired.add(u64::from(matches!(piece, Cow::Owned(_))));
        counters.split.add(u64::from(length < text.len()));
        channel.piece += length;
    }
    channel.piece = 0;
    true
}
