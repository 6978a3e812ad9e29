//! A read of text divided into lines.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use splashdam_sidecar::intake::{Lines, Pushed};

use crate::material::Texts;

const READ: usize = 64 * 1024;

pub(crate) fn bench(criterion: &mut Criterion) {
    let lines = Lines { delimiter: b'\n', max_record: 256 * 1024 };
    let line = format!("{}\n", Texts::Plain.text());
    let ascii = line.repeat(READ / line.len());
    // One character of two bytes in each line: the check for UTF-8 has no short way.
    let foreign = ascii.replace("answered ", "geprüft ");
    let broken = [ascii.as_bytes(), b"\xff\n"].concat();

    let mut group = criterion.benchmark_group("lines");
    for (name, data) in [("ascii", ascii.as_bytes()), ("utf8", foreign.as_bytes()), ("one_repaired", &broken)] {
        let records = lines.take(data, false, |_| Pushed::Taken).records;
        assert_eq!(records, line_ends(data), "{name}");
        group.throughput(Throughput::ElementsAndBytes { elements: records, bytes: data.len() as u64 });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                lines.take(black_box(data), false, |text| {
                    black_box(text);
                    Pushed::Taken
                })
            });
        });
    }
    group.finish();
}

fn line_ends(data: &[u8]) -> u64 {
    data.iter().filter(|byte| **byte == b'\n').count() as u64
}
