//! The wire protocol against its test vectors, and against input that nobody meant.
//!
//! `vectors/protocol.json` was written by another program than the code under test, so the two can disagree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // also in helpers

use proptest::prelude::*;
use serde_json::{json, Value};
use splashdam::wire::{self, ClientFrame, Kind, Record, Records, RecordsFrame, SidecarFrame, WireError};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/protocol.json")).unwrap()
}

fn entries(vectors: &Value, part: &str) -> Vec<Value> {
    let entries = vectors[part].as_array().unwrap().clone();
    assert!(!entries.is_empty(), "{part} has no vectors");
    entries
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn level_name(level: wire::Level) -> &'static str {
    match level {
        wire::Level::Admitted => "admitted",
        wire::Level::Durable => "durable",
        wire::Level::Ended => "ended",
    }
}

fn client_meaning(frame: &ClientFrame<'_>) -> Result<Value, WireError> {
    Ok(match frame {
        ClientFrame::Hello(hello) => json!({
            "type": "hello", "min_version": hello.min_version, "max_version": hello.max_version,
            "client_id": to_hex(&hello.client_id), "pid": hello.pid, "oldest": hello.oldest,
            "app": hello.app, "group": hello.group, "stream": hello.stream,
        }),
        ClientFrame::Records { first_sequence, count, body } => {
            let mut records = Vec::new();
            for record in Records::new(body, *count) {
                let (timestamp_ms, text) = record?;
                let mut meaning = json!({"timestamp_ms": timestamp_ms, "text_hex": to_hex(text)});
                if let Ok(text) = std::str::from_utf8(text) {
                    meaning["text"] = json!(text);
                }
                records.push(meaning);
            }
            json!({"type": "records", "first_sequence": first_sequence, "count": count, "records": records})
        }
        ClientFrame::Flush { ticket, level, timeout_ms } => json!({
            "type": "flush", "ticket": ticket, "level": level_name(*level), "timeout_ms": timeout_ms,
        }),
        ClientFrame::Lost(lost) => json!({
            "type": "lost", "report": lost.report, "count": lost.count,
            "from_ms": lost.from_ms, "to_ms": lost.to_ms, "reason": lost.reason,
        }),
        ClientFrame::Bye => json!({"type": "bye"}),
    })
}

fn sidecar_meaning(frame: &SidecarFrame<'_>) -> Value {
    match frame {
        SidecarFrame::Welcome(welcome) => json!({
            "type": "welcome", "version": welcome.version, "flags": welcome.flags,
            "durable_is_disk": welcome.durable_is_disk(),
            "destination_refused": welcome.destination_refused(), "disabled": welcome.disabled(),
            "known_channel": welcome.known_channel(),
            "instance": to_hex(&welcome.instance), "resume": welcome.resume,
            "max_record": welcome.max_record, "max_frame": welcome.max_frame,
        }),
        SidecarFrame::Ack(ack) => json!({
            "type": "ack", "admitted_to": ack.admitted_to, "durable_to": ack.durable_to,
            "ended_to": ack.ended_to, "delivered": ack.delivered, "rejected": ack.rejected,
            "dropped": ack.dropped, "lost_to": ack.lost_to,
        }),
        SidecarFrame::FlushDone(done) => json!({
            "type": "flush_done", "ticket": done.ticket,
            "status": match done.status {
                wire::FlushStatus::Reached => "reached",
                wire::FlushStatus::TimedOut => "timed_out",
            },
            "delivered": done.delivered, "rejected": done.rejected, "dropped": done.dropped,
            "spooled": done.spooled, "pending": done.pending,
        }),
        SidecarFrame::Draining { deadline_ms } => {
            json!({"type": "draining", "deadline_ms": deadline_ms})
        }
        SidecarFrame::Error { code, text } => {
            json!({"type": "error", "code": code.0, "text": text})
        }
    }
}

/// Reads one whole frame, which must take up all of `bytes`.
fn whole(bytes: &[u8], max: u32) -> Result<(u8, &[u8]), WireError> {
    let (frame_type, payload, consumed) = wire::frame(bytes, max)?.expect("the frame is whole");
    assert_eq!(consumed, bytes.len());
    Ok((frame_type, payload))
}

#[test]
fn client_frames_match_the_vectors_both_ways() {
    for entry in entries(&vectors(), "client") {
        let bytes = hex(&entry["hex"]);
        let (frame_type, payload) = whole(&bytes, u32::MAX).unwrap();
        let frame = ClientFrame::decode(frame_type, payload).unwrap();
        assert_eq!(client_meaning(&frame).unwrap(), entry["frame"], "{}", entry["name"]);
        let mut encoded = Vec::new();
        frame.encode_into(&mut encoded);
        assert_eq!(encoded == bytes, entry["decode_only"] != json!(true), "{}", entry["name"]);
    }
}

#[test]
fn sidecar_frames_match_the_vectors_both_ways() {
    for entry in entries(&vectors(), "sidecar") {
        let bytes = hex(&entry["hex"]);
        let (frame_type, payload) = whole(&bytes, u32::MAX).unwrap();
        let frame = SidecarFrame::decode(frame_type, payload).unwrap();
        assert_eq!(sidecar_meaning(&frame), entry["frame"], "{}", entry["name"]);
        let mut encoded = Vec::new();
        frame.encode_into(&mut encoded);
        assert_eq!(encoded == bytes, entry["decode_only"] != json!(true), "{}", entry["name"]);
    }
}

#[test]
fn malformed_input_is_refused_for_the_reason_the_vectors_name() {
    for entry in entries(&vectors(), "malformed") {
        let bytes = hex(&entry["hex"]);
        let max = u32::try_from(entry["max_frame"].as_u64().unwrap()).unwrap();
        let error = whole(&bytes, max)
            .and_then(|(frame_type, payload)| match entry["from"].as_str().unwrap() {
                "client" => client_meaning(&ClientFrame::decode(frame_type, payload)?).map(drop),
                _ => SidecarFrame::decode(frame_type, payload).map(drop),
            })
            .expect_err(entry["name"].as_str().unwrap());
        assert_eq!(json!(error.name()), entry["error"], "{}: {error}", entry["name"]);
        assert_eq!(json!(error.code().0), entry["code"], "{}: {error}", entry["name"]);
    }
}

#[test]
fn incomplete_frames_wait_for_more() {
    for entry in entries(&vectors(), "incomplete") {
        assert_eq!(wire::frame(&hex(&entry["hex"]), 65_536), Ok(None), "{}", entry["name"]);
    }
}

#[test]
fn a_frame_of_exactly_the_limit_is_taken() {
    let mut bytes = Vec::new();
    ClientFrame::Flush { ticket: 1, level: wire::Level::Ended, timeout_ms: 0 }.encode_into(&mut bytes);
    let length = u32::try_from(bytes.len() - 4).unwrap();
    assert!(wire::frame(&bytes, length).unwrap().is_some());
    assert_eq!(wire::frame(&bytes, length - 1), Err(WireError::FrameTooLarge { length, max: length - 1 }));
}

#[test]
fn first_bytes_and_cuts_match_the_vectors() {
    for entry in entries(&vectors(), "first_bytes") {
        let kind = match wire::first_bytes(&hex(&entry["hex"])) {
            Kind::Framed => "framed",
            Kind::Text => "text",
            Kind::NeedMore => "need_more",
        };
        assert_eq!(json!(kind), entry["kind"], "{}", entry["hex"]);
    }
    for entry in entries(&vectors(), "text_cut") {
        let max = usize::try_from(entry["max"].as_u64().unwrap()).unwrap();
        let cut = wire::utf8_cut(entry["text"].as_str().unwrap().as_bytes(), max);
        assert_eq!(json!(cut), entry["cut"], "{entry}");
    }
}

#[test]
fn names_that_do_not_fit_are_cut_and_not_wrapped_round() {
    let long = "ü".repeat(40_000);
    let mut bytes = Vec::new();
    let lost = wire::Lost { report: 1, count: 1, from_ms: 0, to_ms: 0, reason: &long };
    ClientFrame::Lost(lost).encode_into(&mut bytes);
    let (frame_type, payload) = whole(&bytes, u32::MAX).unwrap();
    let ClientFrame::Lost(back) = ClientFrame::decode(frame_type, payload).unwrap() else {
        panic!("another frame came back");
    };
    assert_eq!(back.reason.len(), 65_534);
}

#[test]
fn the_limits_are_those_of_the_protocol() {
    // docs/protocol.md: a largest frame is `max_record` + 65,536, and a hello has at most 65,536 bytes.
    assert_eq!((wire::DEFAULT_MAX_RECORD, wire::FRAME_OVERHEAD, wire::MAX_HELLO), (262_144, 65_536, 65_536));
    assert_eq!((wire::FRAME_HEADER, wire::RECORD_HEADER, wire::RECORDS_HEADER), (5, 12, 17));
}

#[test]
fn a_frame_that_grows_says_how_much_it_holds() {
    let mut frame = RecordsFrame::with_capacity(0);
    assert!(frame.is_empty() && (frame.count(), frame.len()) == (0, wire::RECORDS_HEADER));
    frame.push(1, b"five!");
    frame.push(2, b"");
    let bytes = wire::RECORDS_HEADER + 2 * wire::RECORD_HEADER + 5;
    assert!(!frame.is_empty() && (frame.count(), frame.len()) == (2, bytes));
    let sizes: Vec<_> = frame.records().map(|record| record.unwrap().1.len()).collect();
    assert_eq!(sizes, [5, 0]);
    assert_eq!(Record { timestamp_ms: 1, text: b"five!" }.encoded_len(), wire::RECORD_HEADER + 5);
    assert_eq!(frame.finish(1).len(), bytes);
}

#[test]
fn of_two_acks_the_higher_of_each_field_counts() {
    let ack = |n: [u64; 7]| wire::Ack {
        admitted_to: n[0],
        durable_to: n[1],
        ended_to: n[2],
        delivered: n[3],
        rejected: n[4],
        dropped: n[5],
        lost_to: n[6],
    };
    let (one, other) = (ack([9, 2, 7, 4, 5, 1, 3]), ack([8, 3, 6, 5, 4, 2, 2]));
    assert_eq!(one.latest(other), ack([9, 3, 7, 5, 5, 2, 3]));
    assert_eq!(other.latest(one), one.latest(other));
}

#[test]
fn an_error_says_in_words_what_is_wrong_with_the_bytes() {
    let too_large = WireError::FrameTooLarge { length: 70_000, max: 65_536 };
    for (error, words) in [
        (WireError::UnknownType(0x7f), "0x7f"),
        (too_large, "70000 bytes, at most 65536"),
        (WireError::BadLevel(9), "level 9"),
        (WireError::BadStatus(7), "status 7"),
        (WireError::Truncated, "after the end"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

proptest! {
    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), max in any::<u32>()) {
        let _ = wire::first_bytes(&bytes);
        let _ = wire::frame(&bytes, max);
        let cut = wire::utf8_cut(&bytes, max as usize % 64);
        prop_assert!(cut <= bytes.len() && (cut > 0 || bytes.is_empty()));
        let _ = Record::decode(&bytes);
    }

    #[test]
    fn no_payload_panics(frame_type in prop::sample::select(&[1u8, 2, 3, 4, 5, 0x81, 0x82, 0x83, 0x84, 0x85, 0, 255][..]),
                         payload in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(ClientFrame::Records { count, body, .. }) = ClientFrame::decode(frame_type, &payload) {
            // At most one error, and it is the last item.
            let items: Vec<_> = Records::new(body, count).collect();
            prop_assert!(items.iter().rev().skip(1).all(Result::is_ok));
        }
        let _ = SidecarFrame::decode(frame_type, &payload);
    }

    #[test]
    fn records_come_back_as_they_went(first in 1..u64::MAX / 2,
                                      records in prop::collection::vec((any::<i64>(), ".{0,40}"), 1..20)) {
        let mut frame = RecordsFrame::with_capacity(16);
        for (at, (timestamp_ms, text)) in records.iter().enumerate() {
            if at % 2 == 0 {
                frame.push(*timestamp_ms, text.as_bytes());
            } else {
                let mut encoded = Vec::new();
                wire::append_record(&mut encoded, *timestamp_ms, text.as_bytes());
                frame.push_encoded(&encoded);
            }
        }
        let bytes = frame.finish(first);
        let (frame_type, payload) = whole(&bytes, u32::MAX).unwrap();
        let Ok(ClientFrame::Records { first_sequence, count, body }) = ClientFrame::decode(frame_type, payload) else {
            panic!("not a records frame");
        };
        prop_assert_eq!(first_sequence, first);
        let back: Vec<_> = Records::new(body, count)
            .map(|record| record.map(|(at, text)| (at, String::from_utf8(text.to_vec()).unwrap())))
            .collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(back, records);
        // The other way to write the same frame gives the same bytes.
        let mut again = Vec::new();
        ClientFrame::Records { first_sequence, count, body }.encode_into(&mut again);
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn cuts_are_between_characters(text in ".{1,40}", max in 4usize..40) {
        let cut = wire::utf8_cut(text.as_bytes(), max);
        prop_assert!(text.is_char_boundary(cut));
        prop_assert!(cut <= max);
        // Nothing is left behind that would have fitted.
        prop_assert!(cut == text.len() || cut + text[cut..].chars().next().unwrap().len_utf8() > max);
    }
}
