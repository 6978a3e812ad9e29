//! The seeds in `fuzz/corpus`, made from what really goes over the wire and to the disk:
//! `cargo test -p splashdam-sidecar --lib write_seeds -- --ignored` writes them anew.

use std::fs;
use std::path::Path;

use super::folder;
use crate::config::Destination;
use crate::engine::spool::{ChannelMark, Cursor, DiskRun};
use crate::fuzz::segments::File;
use crate::spool::checksum::checksum;
use crate::spool::cursor;
use crate::spool::entry::Head;
use crate::spool::header::Header;
use crate::spool::name::SegmentName;

const SALT: u64 = 0x9b1f_6a50_1c33_a2e0;

fn put(target: &str, name: &str, data: &[u8]) {
    let folder = folder("corpus", target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), data).unwrap();
}

#[test]
#[ignore = "writes fuzz/corpus anew"]
fn write_seeds() {
    frames();
    lines();
    segments();
    config();
    answers();
}

/// The frames of the test vectors, one by one and all of a direction in one stream.
fn frames() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/protocol.json");
    let vectors: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for side in ["client", "sidecar", "malformed"] {
        let mut all = vec![7];
        for (index, entry) in vectors[side].as_array().unwrap().iter().enumerate() {
            let hex = entry["hex"].as_str().unwrap();
            let bytes: Vec<u8> =
                (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
            put("frames", &format!("{side}-{index:02}"), &[&[3], &bytes[..]].concat());
            all.extend_from_slice(&bytes);
        }
        put("frames", &format!("{side}-all"), &all);
    }
    put("frames", "magic", b"\x01\xffSPD\x01\0\0\0\x05");
}

fn lines() {
    let long = "0123456789 äöü €€€ 🦀 ".repeat(20);
    let streams: [(&str, [u8; 5], &[u8]); 9] = [
        ("plain", [0, 99, 7, 0, 0], b"one\ntwo\r\n\n{\"a\": 1}\npart"),
        ("long", [0, 19, 5, 0, 1], long.as_bytes()),
        ("long-full", [0, 11, 50, 3, 1], long.as_bytes()),
        ("nul", [1, 30, 3, 2, 0], b"a\nb\r\0c\0\0d"),
        ("bad", [0, 12, 4, 0, 0], b"ok\n\xff\xfeab\nfine\n\xe2\x82\n\xf0\x9f\xa6"),
        ("surrogates", [0, 8, 3, 0, 0], b"\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80abc\n"),
        ("continuations", [0, 9, 2, 0, 1], b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"),
        ("cr", [0, 5, 3, 0, 0], b"12345\r\n123456\r\n\r\n\r\r\n1234567\r"),
        ("single", [0, 0, 1, 0, 0], "aßz\n🦀\n".as_bytes()),
    ];
    for (name, head, stream) in streams {
        put("lines", name, &[&head, stream].concat());
    }
}

fn destination() -> Destination {
    Destination::parse("/app", "pod").unwrap()
}

/// A segment of `chunks` chunks of two records each, from `base` on, as the writer lays it out.
fn segment(base: u64, chunks: u64, records_ended: bool) -> File {
    let name = SegmentName { base, salt: SALT + base };
    let channels = vec![ChannelMark { client: [7; 16], admitted: base, ended: base / 2, ..ChannelMark::default() }];
    let mut bytes = Header { name, created_ms: 1_700_000_000_000, destination: destination(), channels }.encode();
    for first in (0..chunks).map(|chunk| base + 2 * chunk) {
        let mut data = Vec::new();
        for offset in [first, first + 1] {
            splashdam::wire::append_record(&mut data, 1_700_000_000_000, format!("record {offset}").as_bytes());
        }
        if records_ended && first == base {
            data.clear();
        }
        let run = |client: u8, at| DiskRun { client: [client; 16], first_sequence: at, sequences: 1, records: 1 };
        let head = Head {
            data: data.len() as u32,
            data_sum: checksum(name.salt, &data),
            records: 2,
            after: first,
            first,
            arrived_ms: 1_700_000_000_000,
            runs: vec![run(7, first), run(0, 0)],
        };
        head.encode(name.salt, &mut bytes);
        bytes.extend_from_slice(&data);
    }
    File::Segment(name, bytes)
}

fn segments() {
    let cursor = |watermark| {
        let channels = vec![ChannelMark { client: [7; 16], admitted: 9, ended: 4, ..ChannelMark::default() }];
        let cursor = Cursor { watermark, ended: vec![watermark + 2..watermark + 4], channels, clean: false };
        File::Cursor(cursor::encode(8, &cursor))
    };
    let lane = || File::Lane(br#"{"group":"/app","stream":"pod"}"#.to_vec());
    let cut = |file: File, by: usize| match file {
        File::Segment(name, bytes) => File::Segment(name, bytes[..bytes.len() - by].to_vec()),
        other => other,
    };
    let folders = [
        ("whole", vec![lane(), cursor(2), segment(0, 4, false), segment(8, 3, true)]),
        ("torn", vec![lane(), cursor(0), cut(segment(0, 4, false), 30)]),
        ("hole", vec![lane(), segment(0, 2, false), segment(20, 2, false)]),
        ("overlap", vec![segment(0, 4, false), segment(4, 4, false)]),
        ("cursor-alone", vec![lane(), cursor(40)]),
        ("spare", vec![segment(0, 1, false), File::Spare(vec![0; 64])]),
        ("header-only", vec![lane(), segment(5, 0, false)]),
        ("no-lane-file", vec![segment(0, 1, false), cursor(1)]),
    ];
    for (name, files) in folders {
        for right in [false, true] {
            let bytes: Vec<u8> =
                files.iter().flat_map(|file| file.encode(right && !matches!(file, File::Lane(_)))).collect();
            put("segments", &format!("{name}{}", if right { "-put-right" } else { "" }), &bytes);
        }
    }
}

fn config() {
    let files: [(&str, &str); 10] = [
        ("least", "group = \"g\""),
        ("variables", "\0SPLASHDAM_GROUP=/apps/{app}\nSPLASHDAM_MEMORY=32Mi\nmemory limit=67108864"),
        ("templates", "group = \"/apps/{pod}/{app}\"\nstream = \"{pod}-{date}-{uid}\"\nallow = [\"a:*\", \"b:c\"]\n"),
        ("spool", "group = \"g\"\nspool_dir = \"/var/spool/s\"\nspool_max = \"1GiB\"\nspool_survives = \"power-loss\"\n"),
        ("sizes", "group=\"g\"\nmemory = \"64MiB\"\nmax_record = 1000000\nlinger = \"250ms\"\nbackoff = \"1s\"\n"),
        ("creation", "group = \"g\"\ntags = { team = \"x y\" }\nretention_days = 30\nclass = \"DELIVERY\"\nkms_key = \"arn:aws:kms:eu-west-1:1:key/2\"\n"),
        ("mistakes", "memroy = 1\nlinger = 7\n[section]\nsocket_mode = \"999\"\n\0SPLASHDAM_WORKERS=0\nSPLASHDAM_TYPO=1"),
        ("broken", "group = \"unfinished\nmemory = [1, {2"),
        ("clowder", "\0\0{\"logging\":{\"type\":\"cloudwatch\",\"cloudwatch\":{\"logGroup\":\"/c\",\"region\":\"us-east-1\",\"accessKeyId\":\"AKIA1234567890\",\"secretAccessKey\":\"a-secret-of-clowders-file\"}},\"metadata\":{\"name\":\"app\"}}"),
        ("listeners", "group = \"g\"\nadmin = \"off\"\nhealth = \"[::]:13133\"\nsocket = \"/a \\\"b\\\"\"\nsocket_mode = \"0660\"\nregion = \"eu-west-1\"\nendpoint_url = \"http://127.0.0.1:1\"\n"),
    ];
    for (name, text) in files {
        put("config", name, text.as_bytes());
    }
}

fn answers() {
    let ok = "x-amzn-requestid: 5e7d\ncontent-type: application/x-amz-json-1.1\n\n";
    let rejects = r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":3,"tooOldLogEventEndIndex":1,"expiredLogEventEndIndex":2}}"#;
    let odd = r#"{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":-1,"tooOldLogEventEndIndex":2147483647,"expiredLogEventEndIndex":null}}"#;
    let error = |code: &str| format!("{ok}{{\"__type\":\"{code}\",\"message\":\"said\"}}");
    let answers: [(&str, u16, String); 12] = [
        ("accepted", 200, format!("{ok}{{}}")),
        ("token", 200, format!("{ok}{{\"nextSequenceToken\":\"49\"}}")),
        ("rejects", 200, format!("{ok}{rejects}")),
        ("rejects-odd", 200, format!("{ok}{odd}")),
        ("no-body", 200, ok.to_owned()),
        ("no-id", 200, "\n\n{}".to_owned()),
        ("other-success", 202, format!("{ok}{{}}")),
        ("throttled", 400, format!("retry-after: 3\n{}", error("ThrottlingException"))),
        ("missing", 400, error("com.amazonaws.logs#ResourceNotFoundException")),
        ("refused", 400, error("InvalidParameterException:http://x")),
        ("unavailable", 503, "retry-after: 99999999999999999999\n\n<html>busy</html>".to_owned()),
        ("redirect", 301, "location: http://elsewhere/\n\n".to_owned()),
    ];
    for (name, status, text) in answers {
        for shape in [5_u8, 40] {
            let head = [&status.to_le_bytes()[..], &[shape]].concat();
            put("answer", &format!("{name}-{shape}"), &[&head, text.as_bytes()].concat());
        }
    }
}
