use super::*;
use crate::wire::{append_record, FLAG_DURABLE_IS_DISK, FLAG_KNOWN_CHANNEL};

fn welcome(flags: u8, resume: u64) -> Welcome {
    Welcome {
        version: 1,
        flags,
        instance: [0; 16],
        resume,
        max_record: wire::DEFAULT_MAX_RECORD,
        max_frame: wire::DEFAULT_MAX_RECORD + wire::FRAME_OVERHEAD,
    }
}

/// A channel with one sealed frame for each number, holding that many records, all of them sent.
fn sent(max_window: usize, frames: &[u32]) -> Channel {
    let mut channel = Channel::new(max_window);
    for count in frames {
        for _ in 0..*count {
            let mut record = Vec::new();
            append_record(&mut record, 100, b"text");
            channel.append(&record, 100);
        }
        channel.seal();
    }
    while channel.unsent().is_some() {
        channel.mark_sent();
    }
    channel
}

fn identity(channel: &Channel) {
    let settled = channel.counts().total() + channel.given_up;
    assert_eq!(channel.last(), settled + channel.unended());
}

#[test]
fn frames_leave_when_durable_and_not_before() {
    let mut channel = sent(1 << 20, &[2, 3, 1]);
    channel.ack(&Ack { admitted_to: 6, durable_to: 4, ended_to: 2, delivered: 2, ..Ack::default() });
    assert_eq!(channel.oldest(), 3, "sequence 5 of the second frame is not durable");
    assert_eq!(channel.unended(), 4);
    channel.ack(&Ack { admitted_to: 6, durable_to: 6, ended_to: 6, delivered: 4, rejected: 1, dropped: 1, lost_to: 0 });
    assert_eq!((channel.oldest(), channel.unended(), channel.window_bytes()), (7, 0, 0));
    identity(&channel);
}

#[test]
fn a_lying_ack_frees_nothing_that_was_not_sent_and_goes_no_further_than_the_last() {
    let mut channel = sent(1 << 20, &[2]);
    let mut record = Vec::new();
    append_record(&mut record, 0, b"not sent");
    channel.append(&record, 0);
    channel.seal();
    channel.ack(&Ack {
        admitted_to: 99,
        durable_to: 99,
        ended_to: 99,
        delivered: u64::MAX,
        rejected: 9,
        dropped: 0,
        lost_to: 0,
    });
    assert_eq!(channel.oldest(), 3);
    assert_eq!(channel.mark(Level::Ended), 3);
    assert_eq!(channel.unended(), 0);
}

#[test]
fn the_same_sidecar_resumes_after_what_it_has() {
    let mut channel = sent(1 << 20, &[2, 3, 1]);
    let gone = channel.welcome(&welcome(FLAG_KNOWN_CHANNEL, 3));
    assert_eq!(gone, Gone::default());
    assert_eq!(channel.unsent().map(|frame| frame.first), Some(3), "a frame that it has in part goes whole");
    assert_eq!(channel.sent_to(), 2);
    identity(&channel);
}

#[test]
fn a_known_channel_with_a_gap_has_lost_what_was_not_durable() {
    let mut channel = sent(1, &[5, 5, 5]);
    channel.ack(&Ack { admitted_to: 10, durable_to: 0, ended_to: 2, delivered: 2, ..Ack::default() });
    assert!(!channel.make_room(), "the third frame is not admitted");
    assert_eq!((channel.oldest(), channel.at_risk()), (11, 8));
    let gone = channel.welcome(&welcome(FLAG_KNOWN_CHANNEL, 4));
    assert_eq!((gone.lost, gone.unconfirmed), (6, 0));
    assert_eq!(gone.span, Some(Span::at(100)));
    assert_eq!(channel.unended(), 15 - 2 - 6);
    identity(&channel);
}

#[test]
fn a_sidecar_that_forgot_the_channel_counts_from_the_oldest_held() {
    let mut channel = sent(1, &[5, 5, 5]);
    channel.ack(&Ack { admitted_to: 10, durable_to: 0, ended_to: 2, delivered: 3, ..Ack::default() });
    assert!(!channel.make_room());
    let gone = channel.welcome(&welcome(0, 10));
    assert_eq!((gone.lost, gone.unconfirmed), (0, 7));
    assert_eq!(channel.sent_to(), 10);
    identity(&channel);
    channel.mark_sent();
    channel.ack(&Ack { admitted_to: 15, durable_to: 15, ended_to: 15, delivered: 5, ..Ack::default() });
    assert_eq!(channel.counts().delivered, 8);
    assert_eq!(channel.unended(), 0);
    identity(&channel);
}

#[test]
fn outcomes_of_records_that_must_be_sent_again_are_not_counted_twice() {
    let mut channel = sent(1 << 20, &[5, 5]);
    // Out of order: the second five ended, the first did not; then the sidecar was replaced.
    channel.ack(&Ack { admitted_to: 10, durable_to: 0, ended_to: 0, delivered: 4, rejected: 1, ..Ack::default() });
    let gone = channel.welcome(&welcome(0, 0));
    assert_eq!((gone.unconfirmed, channel.unended()), (0, 10));
    channel.ack(&Ack { admitted_to: 10, durable_to: 10, ended_to: 10, delivered: 10, ..Ack::default() });
    assert_eq!((channel.counts().delivered, channel.unended()), (10, 0));
    identity(&channel);
}

#[test]
fn what_ended_without_a_word_how_is_waited_for_no_longer() {
    let mut channel = sent(1 << 20, &[5, 5]);
    // Killed before it had noted how three of the first six ended; one of those behind them is counted already.
    let gone = channel.ack(&Ack { admitted_to: 10, durable_to: 10, ended_to: 6, delivered: 4, ..Ack::default() });
    assert_eq!((gone.lost, gone.unconfirmed, channel.unended()), (0, 2, 4));
    identity(&channel);
    let gone = channel.ack(&Ack { admitted_to: 10, durable_to: 10, ended_to: 10, delivered: 7, ..Ack::default() });
    assert_eq!((gone.unconfirmed, channel.unended(), channel.mark(Level::Ended)), (1, 0, 10));
    identity(&channel);
}

#[test]
fn a_window_on_disk_is_never_freed_early() {
    let mut channel = sent(1, &[5, 5]);
    channel.welcome(&welcome(FLAG_KNOWN_CHANNEL | FLAG_DURABLE_IS_DISK, 10));
    channel.ack(&Ack { admitted_to: 10, ..Ack::default() });
    assert!(!channel.make_room());
    assert_eq!((channel.oldest(), channel.at_risk()), (1, 0));
    channel.ack(&Ack { admitted_to: 10, durable_to: 7, ended_to: 3, delivered: 3, ..Ack::default() });
    assert_eq!((channel.oldest(), channel.spooled()), (6, 4));
}

#[test]
fn a_record_too_large_for_the_new_sidecar_is_cut_and_counted() {
    let mut channel = Channel::new(1 << 22);
    let mut record = Vec::new();
    append_record(&mut record, 7, &vec![b'x'; 200_000]);
    channel.append(&record, 7);
    let small = Welcome { max_record: 1_000, max_frame: 66_536, ..welcome(0, 0) };
    channel.welcome(&small);
    assert_eq!(channel.truncated(), 1);
    assert!(channel.unsent().is_some_and(|frame| frame.bytes.len() < 1_100 && frame.last() == 1));
}

#[test]
fn small_frames_do_not_keep_large_memory() {
    let channel = sent(1 << 20, &[1; 100]);
    assert!(channel.window_bytes() < 100 * 200, "{}", channel.window_bytes());
}

#[test]
fn a_sidecar_that_forgot_what_was_durable_within_a_frame_loses_no_more_than_there_was() {
    let mut channel = sent(1 << 20, &[2, 2]);
    channel.ack(&Ack { admitted_to: 4, durable_to: 3, ended_to: 2, delivered: 2, ..Ack::default() });
    assert_eq!(channel.oldest(), 3, "the second frame is not wholly durable");
    let gone = channel.welcome(&welcome(FLAG_DURABLE_IS_DISK | FLAG_KNOWN_CHANNEL, 1));
    assert_eq!((gone.lost, gone.unconfirmed), (0, 0));
    assert_eq!(channel.sent_to(), 2);
    identity(&channel);
}
