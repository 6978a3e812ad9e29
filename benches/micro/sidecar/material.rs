//! Records of two kinds, and chunks of them.

use std::sync::Arc;
use std::time::Duration;

use criterion::Throughput;
use splashdam_sidecar::engine::budget::{Budget, Kind, BLOCK};
use splashdam_sidecar::engine::chunk::{Chunk, ChunkBuilder, Run, CHUNK_CLAIM};

pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

/// What records look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Texts {
    /// A line without anything that needs an escape.
    Plain,
    /// A line of JSON with 18 quotes, as structured loggers write.
    Json,
}

impl Texts {
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Json];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
        }
    }

    /// A text of 207 bytes.
    pub(crate) fn text(self) -> String {
        let (begin, filling, end) = match self {
            Self::Plain => (
                "n=0000001234 t=1700000000000000 INFO api.operations request=00000000000004d2 GET /concurrent/ answered ",
                "-",
                "",
            ),
            Self::Json => (
                r#"{"level":"INFO","logger":"api.operations","request":"00000000000004d2","path":"/concurrent/","micros":"#,
                "4",
                "}",
            ),
        };
        let text = [begin, &filling.repeat(207 - begin.len() - end.len()), end].concat();
        assert_eq!(text.matches('"').count(), if matches!(self, Self::Json) { 18 } else { 0 });
        text
    }
}

/// An open chunk of one block.
pub(crate) fn builder(budget: &Arc<Budget>) -> ChunkBuilder {
    let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).expect("the budget has room for a chunk");
    ChunkBuilder::new(budget, payment, BLOCK, Duration::ZERO)
}

/// Fills a chunk with one text.
pub(crate) fn fill(mut builder: ChunkBuilder, text: &[u8]) -> ChunkBuilder {
    while builder.fits(text.len()) {
        builder.push(NOW_MS, text);
        builder.own(Run::of_text(1));
    }
    builder
}

pub(crate) fn full_chunk(budget: &Arc<Budget>, texts: Texts) -> Chunk {
    fill(builder(budget), texts.text().as_bytes()).seal()
}

pub(crate) fn throughput(records: u32, text_bytes: u32) -> Throughput {
    Throughput::ElementsAndBytes { elements: records.into(), bytes: text_bytes.into() }
}
