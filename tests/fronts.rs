//! What the fronts for `log` and `tracing` make of an event.
#![cfg(all(feature = "log", feature = "tracing"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/fake.rs"]
mod fake;

use fake::{Behaviour, Fake, PATIENCE};
use log::Log;
use serde_json::{json, Value};
use splashdam::{Client, Format, Level, Logger};
use tracing_subscriber::prelude::*;

/// The texts that arrive while `act` runs with a client.
fn texts(act: impl FnOnce(&Client)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let fake = Fake::start(&path, Behaviour::default());
    let client = Client::builder(&path).build();
    act(&client);
    assert!(client.flush(Level::Ended, PATIENCE).all_delivered());
    fake.stop().texts
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn events() {
    let outer = tracing::info_span!("outer", id = 7, who = "a \"b\"", later = tracing::field::Empty);
    outer.in_scope(|| {
        outer.record("later", true);
        tracing::debug_span!("inner").in_scope(|| {
            tracing::warn!(target: "app", code = -3, ratio = 0.5, nan = f64::NAN, path = ?"x\ny", "it\nhappened {}", 1);
        });
    });
    tracing::info!(target: "app", "plain");
}

#[test]
fn the_layer_writes_message_fields_spans_level_and_target_as_json() {
    let texts = texts(|client| {
        let layer = splashdam::tracing::Layer::new(client.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
    });
    let expected = json!({
        "level": "WARN", "target": "app", "message": "it\nhappened 1",
        "fields": {"code": -3, "ratio": 0.5, "nan": "NaN", "path": "\"x\\ny\""},
        "spans": [{"name": "outer", "fields": {"id": 7, "who": "a \"b\"", "later": true}}, {"name": "inner"}],
    });
    assert_eq!(json(&texts[0]), expected);
    assert_eq!(texts[1], r#"{"level":"INFO","target":"app","message":"plain"}"#);
}

#[test]
fn the_layer_writes_text_for_people() {
    let texts = texts(|client| {
        let layer = splashdam::tracing::Layer::new(client.clone()).format(Format::Text);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), events);
    });
    assert_eq!(
        texts[0],
        "WARN app: outer{id=7 who=\"a \\\"b\\\"\" later=true}: inner: it\nhappened 1 code=-3 ratio=0.5 nan=NaN path=\"x\\ny\""
    );
    assert_eq!(texts[1], "INFO app: plain");
}

#[test]
fn the_fmt_layer_writes_one_record_for_each_event() {
    let texts = texts(|client| {
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_writer(splashdam::tracing::MakeRecords::new(client.clone()))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "app", n = 1, "first\nsecond");
            tracing::info!(target: "app", "third");
        });
    });
    assert_eq!(texts, [" INFO app: first\nsecond n=1", " INFO app: third"]);
}

#[test]
fn the_log_front_writes_json_and_text_up_to_its_level() {
    let record = |level, message: &str, logger: &Logger| {
        logger.log(&log::Record::builder().level(level).target("app").args(format_args!("{message}")).build());
    };
    let texts = texts(|client| {
        let logger = Logger::new(client.clone());
        record(log::Level::Warn, "a \"quote\"", &logger);
        record(log::Level::Debug, "not this", &logger);
        let logger = logger.max_level(log::LevelFilter::Debug).format(Format::Text);
        record(log::Level::Debug, "this", &logger);
        record(log::Level::Trace, "not this", &logger);
    });
    assert_eq!(texts, [r#"{"level":"WARN","target":"app","message":"a \"quote\""}"#, "DEBUG app: this"]);
}
