//! Deliberate defects, for tests that must find them. In what ships none of this is left: the question is a constant `false`.

/// What is to be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Records are said to be durable as soon as they are in memory.
    DurableBeforeWritten,
    /// What is to survive a power loss is not synced.
    NoSync,
    /// The cursor says that one record more has ended.
    CursorAhead,
    /// A segment is deleted when its first record has ended.
    SegmentDeletedEarly,
    /// The last chunk on disk is not found again.
    LastChunkForgotten,
    /// One record more is taken for rejected than the answer says.
    RejectOffByOne,
    /// A call that nobody answered counts as delivered.
    AmbiguousIsDelivered,
    /// What is sent again after such a call is not counted.
    DuplicatesNotCounted,
    /// A client is told that one record more is here than is.
    ResumeTooHigh,
    /// Of what a client sends again one record too many is skipped.
    SkipOffByOne,
    /// After so many failures a batch is dropped.
    RetryGivesUp,
    /// The memory of chunks is never given back.
    PaymentLeaked,
    /// The drain is over when nothing is in flight.
    DrainForgetsTail,
    /// The disk is not told who the clients are.
    ChannelTableForgotten,
    /// Where one lane waits after a failure, all do.
    BackoffStopsAll,
    /// A record is rejected though no other of its bisection was accepted.
    RejectsWithoutProof,
    /// What the disk refused is not written again.
    ForgetsAfterError,
    /// Events are sent in the order of arrival, whatever their timestamps.
    TimesNotOrdered,
    /// A range of no records is noted as ended, which makes the cursor unreadable.
    NotesNothing,
    /// Who waits for room is not told of it.
    ResumeForgotten,
    /// Every flush is answered at once.
    FlushLies,
    /// The cursor names what has ended and is not on disk.
    NamesUnwritten,
}

#[cfg(test)]
impl Sabotage {
    /// All of them.
    pub(crate) const ALL: [Sabotage; 22] = [
        Sabotage::DurableBeforeWritten,
        Sabotage::NoSync,
        Sabotage::CursorAhead,
        Sabotage::SegmentDeletedEarly,
        Sabotage::LastChunkForgotten,
        Sabotage::RejectOffByOne,
        Sabotage::AmbiguousIsDelivered,
        Sabotage::DuplicatesNotCounted,
        Sabotage::ResumeTooHigh,
        Sabotage::SkipOffByOne,
        Sabotage::RetryGivesUp,
        Sabotage::PaymentLeaked,
        Sabotage::DrainForgetsTail,
        Sabotage::ChannelTableForgotten,
        Sabotage::BackoffStopsAll,
        Sabotage::RejectsWithoutProof,
        Sabotage::ForgetsAfterError,
        Sabotage::TimesNotOrdered,
        Sabotage::NotesNothing,
        Sabotage::ResumeForgotten,
        Sabotage::FlushLies,
        Sabotage::NamesUnwritten,
    ];
}

#[cfg(test)]
thread_local! {
    static PRESENT: std::cell::Cell<Option<Sabotage>> = const { std::cell::Cell::new(None) };
}

/// Whether this is to be done wrong now.
#[cfg(test)]
pub(crate) fn on(sabotage: Sabotage) -> bool {
    PRESENT.with(|present| present.get() == Some(sabotage))
}

/// Whether this is to be done wrong now.
#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn on(_: Sabotage) -> bool {
    false
}

/// From now on this is done wrong by what runs on this thread; `None`: nothing is.
#[cfg(test)]
pub(crate) fn set(sabotage: Option<Sabotage>) {
    PRESENT.with(|present| present.set(sabotage));
}
