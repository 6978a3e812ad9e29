//! Frames of both directions, whole and in pieces. The first byte says how large the pieces are.

use splashdam::wire::{
    first_bytes, frame, ClientFrame, Kind, Records, RecordsFrame, SidecarFrame, WireError, DEFAULT_MAX_RECORD,
    FRAME_OVERHEAD,
};

/// The largest frame, as a sidecar with default settings allows it.
const MOST: u32 = DEFAULT_MAX_RECORD + FRAME_OVERHEAD;

/// What a stream comes to: frames by type and payload, then why it ends there, or the bytes that are not a frame yet.
type Course = (Vec<(u8, Vec<u8>)>, Result<usize, WireError>);

/// Tries one stream.
pub fn run(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    check_first_bytes(stream);
    let course = split(stream, stream.len().max(1));
    assert_eq!(split(stream, usize::from(*step).max(1)), course, "other frames in other pieces");
    for (kind, payload) in &course.0 {
        check_client(*kind, payload);
        check_sidecar(*kind, payload);
    }
    if let Err(error) = course.1 {
        assert!(!error.to_string().is_empty() && error.code().0 > 0);
    }
}

/// Once it is said what a client is, more bytes say the same.
fn check_first_bytes(stream: &[u8]) {
    let kinds = (0..=stream.len().min(8)).map(|end| first_bytes(&stream[..end]));
    let mut known = Kind::NeedMore;
    for kind in kinds {
        assert!(known == Kind::NeedMore || kind == known);
        known = kind;
    }
    assert!(stream.len() < 4 || known != Kind::NeedMore);
}

/// Takes the frames out of a stream that arrives in pieces of `step` bytes.
fn split(stream: &[u8], step: usize) -> Course {
    let (mut buffer, mut frames) = (Vec::new(), Vec::new());
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match frame(&buffer, MOST) {
                Ok(Some((kind, payload, used))) => {
                    assert!(used > payload.len() && used <= buffer.len());
                    frames.push((kind, payload.to_vec()));
                    buffer.drain(..used);
                }
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(buffer.len()))
}

/// Writing what was read gives the bytes that were read; what came behind them is a later version's.
fn check_written(kind: u8, payload: &[u8], bytes: &[u8]) {
    let (again, written, used) = frame(bytes, u32::MAX).unwrap().expect("a frame that we wrote is whole");
    assert_eq!((again, used), (kind, bytes.len()));
    assert!(payload.starts_with(written), "{payload:?} became {written:?}");
}

fn check_client(kind: u8, payload: &[u8]) {
    let Ok(frame) = ClientFrame::decode(kind, payload) else { return };
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    check_written(kind, payload, &bytes);
    if let ClientFrame::Records { first_sequence, count, body } = frame {
        assert_eq!(bytes[5..], *payload, "a frame of records has nothing behind them");
        check_records(first_sequence, count, body, &bytes);
    }
}

/// The records that can be read are those that were written, and no more than there are bytes for.
fn check_records(first_sequence: u64, count: u32, body: &[u8], whole: &[u8]) {
    let mut built = RecordsFrame::with_capacity(0);
    for record in Records::new(body, count) {
        let Ok((timestamp_ms, text)) = record else { return };
        built.push(timestamp_ms, text);
    }
    assert_eq!(built.count(), count);
    assert_eq!(built.finish(first_sequence), whole);
}

fn check_sidecar(kind: u8, payload: &[u8]) {
    let Ok(frame) = SidecarFrame::decode(kind, payload) else { return };
    let mut bytes = Vec::new();
    frame.encode_into(&mut bytes);
    check_written(kind, payload, &bytes);
    assert!(ClientFrame::decode(kind, payload).is_err(), "a frame of both directions");
}
