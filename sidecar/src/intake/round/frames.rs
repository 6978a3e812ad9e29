//! Frames: records into open chunks, and what a client asks.

use splashdam::wire;

use super::{End, Intake};
use crate::engine::flush::{Asker, Level};
use crate::engine::marker::Loss;
use crate::intake::connection::Connection;
use crate::intake::framed::{self, Request, Step};
use crate::intake::sockets::Sockets;
use crate::intake::Host;

/// Whether a client's question has been dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Now,
    /// It stays where it is until its lane resumes.
    Later,
}

impl<H: Host, S: Sockets> Intake<H, S> {
    pub(super) fn take_frames(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        data: &[u8],
        consumed: &mut usize,
    ) -> Result<u64, End> {
        let sizes = self.sizes();
        let since = connection.partial_since.take();
        let begin = *consumed;
        let mut taken = 0;
        let mut asked = 0;
        loop {
            let rest = &data[*consumed..];
            let step = framed::step(rest, sizes, connection.channel(), &mut self.open, &self.counters);
            match step.map_err(End::Broken)? {
                Step::More => break,
                Step::Taken { consumed: bytes, records } => {
                    *consumed += bytes;
                    taken += records;
                }
                Step::Full { records } => {
                    taken += records;
                    if let Some(lane) = connection.lane() {
                        self.block_with_rest(slot, connection, lane);
                    }
                    break;
                }
                Step::Asked { consumed: bytes, request } => {
                    if self.answer(slot, connection, request)? == Answered::Later {
                        break;
                    }
                    *consumed += bytes;
                    asked += 1;
                    if asked >= wire::MAX_WAITING_FLUSHES || connection.is_clogged() {
                        // Answers take memory: the rest of its questions after it has read these.
                        connection.replay = true;
                        break;
                    }
                }
            }
        }
        // The clock of what is kept, and of a hello that is still to come. Of frames that are kept until others are dealt with it
        // goes on from one to the next: who reads an answer now and then keeps room no longer for it.
        let owes = *consumed < data.len() || connection.owes_hello();
        if owes && (connection.replay || !connection.ended) {
            let since = since.filter(|_| connection.replay || *consumed == begin);
            connection.partial_since = Some(since.unwrap_or(self.host.now().at));
            self.sweep_soon();
        }
        if taken > 0 {
            self.ack_soon(connection);
        }
        connection.write_out();
        Ok(taken)
    }

    fn answer(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        request: Request<'_>,
    ) -> Result<Answered, End> {
        let id = connection.id;
        match request {
            Request::Hello(hello) => return self.welcome(slot, connection, hello),
            Request::Bye => return Err(End::Left),
            Request::Lost(lost) => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let (lane, index) = (channel.lane, channel.index);
                let loss = Loss::of_client(index, lost.reason, lost.count, lost.from_ms, lost.to_ms);
                self.host.apply(|engine, now| engine.lost(lane, index, lost.report, loss, now));
            }
            Request::Flush { ticket, level, timeout } => {
                let Some(channel) = connection.channel() else { return Ok(Answered::Now) };
                let asker = Asker::Client { connection: id, channel: channel.index, ticket };
                let lane = channel.lane;
                let too_many = channel.flushes >= wire::MAX_WAITING_FLUSHES;
                channel.flushes += 1;
                self.open.seal(lane);
                self.host.apply(|engine, now| match level {
                    wire::Level::Admitted => engine.answer_now(lane, asker, true, now),
                    _ if too_many => engine.answer_now(lane, asker, false, now),
                    wire::Level::Durable => engine.flush(lane, asker, Level::Durable, timeout, now),
                    wire::Level::Ended => engine.flush(lane, asker, Level::Ended, timeout, now),
                });
            }
        }
        Ok(Answered::Now)
    }
}
