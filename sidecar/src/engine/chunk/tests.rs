use super::*;

/// A sealed chunk of the given records, all of the text channel.
pub(crate) fn chunk_of(budget: &Arc<Budget>, records: &[(i64, &str)]) -> Chunk {
    let bytes: usize = records.iter().map(|(_, text)| text.len() + RECORD_HEADER).sum();
    let payment = budget.claim(Kind::Chunk, bytes + CHUNK_OVERHEAD).unwrap();
    let mut builder = ChunkBuilder::new(budget, payment, bytes, Duration::ZERO);
    for (stamp, text) in records {
        builder.push(*stamp, text.as_bytes());
        builder.own(Run::of_text(1));
    }
    builder.seal()
}

#[test]
fn records_come_back_as_they_went_in() {
    let budget = Budget::new(1 << 20);
    let chunk = chunk_of(&budget, &[(5, "five"), (7, "sieben"), (6, "ß")]);
    let back: Vec<_> = chunk.iter().map(|r| (r.timestamp_ms, r.text.to_vec())).collect();
    assert_eq!(back, [(5, b"five".to_vec()), (7, b"sieben".to_vec()), (6, "ß".as_bytes().to_vec())]);
    assert_eq!((chunk.min_ms, chunk.max_ms, chunk.sorted), (5, 7, false));
    assert_eq!(chunk.cost(), 4 + 6 + 2 + 3 * 26);
    assert_eq!(chunk.range(1..2).next().unwrap().text, b"sieben");
    assert_eq!(chunk.runs, [Run::of_text(3)]);
}

#[test]
fn a_small_chunk_gives_its_block_back() {
    let budget = Budget::new(1 << 20);
    let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
    let mut builder = ChunkBuilder::new(&budget, payment, BLOCK, Duration::ZERO);
    builder.push(1, b"lone");
    builder.own(Run::of_text(1));
    let chunk = builder.seal();
    assert_eq!(budget.used(), 16 + CHUNK_OVERHEAD);
    drop(chunk);
    assert_eq!(budget.used(), 0);
}

#[test]
fn runs_join_only_where_sequences_go_on() {
    let budget = Budget::new(1 << 20);
    let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
    let mut builder = ChunkBuilder::new(&budget, payment, BLOCK, Duration::ZERO);
    for (channel, sequence) in [(1, 1), (1, 2), (2, 1), (1, 3), (1, 5)] {
        builder.push(1, b"x");
        builder.own(Run { channel, first_sequence: sequence, sequences: 1, records: 1 });
    }
    let runs: Vec<_> = builder.seal().runs.iter().map(|r| (r.channel, r.first_sequence, r.records)).collect();
    assert_eq!(runs, [(1, 1, 2), (2, 1, 1), (1, 3, 1), (1, 5, 1)]);
}

#[test]
fn torn_bytes_end_the_walk() {
    assert_eq!(Records::new(&[0; RECORD_HEADER - 1]).count(), 0);
    let mut bytes = vec![0; RECORD_HEADER];
    bytes[8] = 9;
    assert_eq!(Records::new(&bytes).count(), 0);
}

/// A run of records of which each is a sequence.
fn run(channel: ChannelIndex, first_sequence: u64, records: u32) -> Run {
    Run { channel, first_sequence, sequences: records, records }
}

fn restored(budget: &Arc<Budget>, data: Vec<u8>) -> Option<Chunk> {
    let payment = budget.claim(Kind::Recalled, Chunk::paid_for(data.len(), 0)).unwrap();
    Chunk::restored(budget, payment, data)
}

#[test]
fn a_chunk_comes_back_from_its_bytes_as_it_was() {
    let budget = Budget::new(1 << 20);
    for records in
        [&[(5, "five"), (7, "sieben"), (6, "ß")][..], &[(0, "a"), (7, "b"), (7, "c")], &[(TIMESTAMP_MAX_MS, "z")]]
    {
        let chunk = chunk_of(&budget, records);
        let back = restored(&budget, chunk.data().to_vec()).unwrap();
        assert!(back.iter().eq(chunk.iter()));
        assert_eq!((back.records, back.cost(), back.paid()), (chunk.records, chunk.cost(), chunk.paid()));
        assert_eq!((back.min_ms, back.max_ms, back.sorted), (chunk.min_ms, chunk.max_ms, chunk.sorted));
    }
}

#[test]
fn bytes_that_are_no_whole_records_or_of_no_possible_time_do_not_come_back() {
    let budget = Budget::new(1 << 20);
    let whole = chunk_of(&budget, &[(5, "five"), (7, "sieben")]).data().to_vec();
    let at = |stamp: i64| [&stamp.to_le_bytes()[..], &1u32.to_le_bytes(), b"x"].concat();
    assert!([&whole, &at(0), &at(TIMESTAMP_MAX_MS)].into_iter().all(|data| restored(&budget, data.clone()).is_some()));
    let torn = [vec![], whole[..whole.len() - 1].to_vec(), [&whole[..], &[0]].concat()];
    let no_time = [at(-1), at(TIMESTAMP_MAX_MS + 1), [at(-1), at(5)].concat(), [at(5), at(i64::MAX)].concat()];
    for data in torn.into_iter().chain(no_time) {
        assert!(restored(&budget, data.clone()).is_none(), "{data:?}");
    }
}

#[test]
fn a_chunk_from_disk_is_paid_for_with_its_runs_but_the_first() {
    for (runs, more) in [(0, 0), (1, 0), (2, 1), (5, 4)] {
        assert_eq!(Chunk::paid_for(1_000, runs), 1_000 + CHUNK_OVERHEAD + more * size_of::<Run>());
    }
}

#[test]
fn a_tombstone_that_takes_another_in_keeps_the_last_run_of_each_channel() {
    let budget = Budget::new(1 << 20);
    let tombstone = |run: Run| Chunk::tombstone(&budget, run, Duration::ZERO);
    let first_piece = Run { channel: 1, first_sequence: 13, sequences: 0, records: 2 };
    let mut chunk = tombstone(run(1, 1, 10));
    for (next, runs) in [
        (run(2, 1, 5), vec![run(1, 1, 10), run(2, 1, 5)]),
        (run(1, 11, 2), vec![Run { records: 12, ..run(1, 11, 2) }, run(2, 1, 5)]),
        (first_piece, vec![Run { records: 14, ..run(1, 11, 2) }, run(2, 1, 5)]),
        (run(2, 6, 1), vec![Run { records: 14, ..run(1, 11, 2) }, Run { records: 6, ..run(2, 6, 1) }]),
    ] {
        assert!(chunk.absorb(&tombstone(next)));
        assert_eq!(chunk.runs, runs);
        assert_eq!(chunk.records, runs.iter().map(|run| run.records).sum::<u32>());
    }
    let before = (chunk.records, chunk.runs.clone());
    assert!(!chunk.absorb(&tombstone(run(3, 1, u32::MAX - 19))), "more than a chunk counts");
    assert_eq!((chunk.records, chunk.runs.clone()), before);
    assert!(chunk.absorb(&tombstone(run(3, 1, u32::MAX - 20))));
}

#[test]
fn an_open_chunk_takes_what_fits_its_bytes_and_a_thousand_records_at_most() {
    let budget = Budget::new(1 << 20);
    let open = |capacity: usize| {
        let payment = budget.claim(Kind::Chunk, capacity + CHUNK_OVERHEAD).unwrap();
        ChunkBuilder::new(&budget, payment, capacity, Duration::from_secs(9))
    };
    let mut builder = open(100);
    assert_eq!((builder.room(), builder.records(), builder.arrived()), (100, 0, Duration::from_secs(9)));
    builder.push(1, &[b'x'; 30]);
    builder.push(1, &[b'x'; 20]);
    assert_eq!((builder.room(), builder.records()), (26, 2));
    assert!(builder.fits(14) && !builder.fits(15), "12 bytes stand before each text");
    let mut builder = open(BLOCK);
    for record in 0..CHUNK_RECORDS {
        assert!(builder.fits(1), "record {record}");
        builder.push(1, b"x");
    }
    assert!(!builder.fits(1) && builder.room() > BLOCK / 2);
}

#[test]
fn a_chunk_less_than_half_full_is_moved_and_pays_for_what_it_holds() {
    let budget = Budget::new(1 << 20);
    for (bytes, paid) in
        [(BLOCK / 2 - 1, BLOCK / 2 - 1 + CHUNK_OVERHEAD), (BLOCK / 2, CHUNK_CLAIM), (BLOCK, CHUNK_CLAIM)]
    {
        let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
        let mut builder = ChunkBuilder::new(&budget, payment, BLOCK, Duration::ZERO);
        builder.push(1, &vec![b'x'; bytes - RECORD_HEADER]);
        builder.own(Run::of_text(1));
        let chunk = builder.seal();
        assert_eq!((chunk.paid(), budget.used(), chunk.data().len()), (paid, paid, bytes));
    }
}

#[test]
fn a_chunk_of_many_clients_pays_for_their_runs_too_where_there_is_room() {
    // Eight runs are part of what every chunk pays beside its records; memory for runs doubles.
    for (clients, total, more) in [(8, 1 << 20, 0), (9, 1 << 20, 16), (33, 1 << 20, 64), (33, CHUNK_CLAIM, 0)] {
        let budget = Budget::new(total);
        let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
        let mut builder = ChunkBuilder::new(&budget, payment, BLOCK, Duration::ZERO);
        for client in 1..=clients {
            builder.push(1, &vec![b'x'; BLOCK / clients as usize - RECORD_HEADER]);
            builder.own(run(client, 1, 1));
        }
        assert_eq!(builder.seal().paid(), CHUNK_CLAIM + more * size_of::<Run>(), "{clients} clients");
    }
}

#[test]
fn the_block_of_a_chunk_that_has_ended_is_used_again() {
    let budget = Budget::new(1 << 20);
    let payment = budget.claim(Kind::Chunk, CHUNK_CLAIM).unwrap();
    let mut builder = ChunkBuilder::new(&budget, payment, BLOCK, Duration::ZERO);
    builder.push(1, &[b'x'; BLOCK - RECORD_HEADER]);
    let chunk = builder.seal();
    assert_eq!(budget.free_listed(), 0);
    drop(chunk);
    assert_eq!((budget.used(), budget.free_listed()), (0, BLOCK));
}
