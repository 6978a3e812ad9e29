//! Who a client is and which lane it feeds.

use splashdam::wire::{self, ErrorCode, Hello, SidecarFrame, Welcome};

use super::frames::Answered;
use super::{Durable, End, Intake, DAY_MS};
use crate::config::{Destination, Peer, UtcDate};
use crate::engine::time::Now;
use crate::engine::{self, lane::LaneId};
use crate::intake::connection::{Connection, Kind};
use crate::intake::framed::Channel;
use crate::intake::sockets::Sockets;
use crate::intake::Host;

const FENCED: &str = "a newer connection took over";

impl<H: Host, S: Sockets> Intake<H, S> {
    /// The destination of a client that names none.
    fn default_destination(&self, app: &str, pid: u32, uid: u32, now: Now) -> Option<Destination> {
        if let Some(disabled) = &self.options.disabled {
            return Some(disabled.clone());
        }
        let date = UtcDate::from_unix_ms(now.wall_ms);
        self.options.destinations.default_for(&self.options.pod, &Peer { app, pid, uid }, date)
    }

    fn connect(&self, destination: Option<Destination>) -> Option<LaneId> {
        let destination = destination?;
        self.host.apply(|engine, now| {
            let lane = engine.open_lane(&destination, now)?;
            engine.connected(lane);
            Some(lane)
        })
    }

    /// The connection turns out to be text.
    pub(super) fn begin_text(&mut self, connection: &mut Connection<S::Stream>) -> Result<(), End> {
        let now = self.host.now();
        let destination = self.default_destination("", 0, connection.uid, now);
        let lane = self.connect(destination).ok_or(End::Refused(ErrorCode::BUSY, "no lane is free"))?;
        connection.kind = Kind::Text { lane, day: now.wall_ms.div_euclid(DAY_MS) };
        self.counters.text.add(1);
        self.counters.clients.add(1);
        self.counters.left_ms.set(0);
        Ok(())
    }

    /// The lane of a text connection; where the stream's name holds the date it changes at midnight.
    pub(super) fn text_lane(&mut self, connection: &mut Connection<S::Stream>, now: Now) -> Option<LaneId> {
        let Kind::Text { lane, day } = &mut connection.kind else { return None };
        let today = now.wall_ms.div_euclid(DAY_MS);
        if *day != today {
            *day = today;
            let before = *lane;
            let (id, uid) = (connection.id, connection.uid);
            let destination = self.default_destination("", 0, uid, now);
            if let Some(next) = self.connect(destination) {
                connection.kind = Kind::Text { lane: next, day: today };
                self.open.seal(before);
                self.host.apply(|engine, now| engine.gone(before, None, id, now));
                return Some(next);
            }
        }
        connection.lane()
    }

    /// Answers a hello.
    pub(super) fn welcome(
        &mut self,
        slot: usize,
        connection: &mut Connection<S::Stream>,
        hello: Hello<'_>,
    ) -> Result<Answered, End> {
        if hello.min_version > wire::MAX_VERSION || hello.max_version < wire::MIN_VERSION {
            return Err(End::Refused(ErrorCode::UNSUPPORTED_VERSION, "this sidecar speaks protocol version 1"));
        }
        let now = self.host.now();
        let own = self.default_destination(hello.app, hello.pid, connection.uid, now);
        let (wanted, mut refused) = self.wanted(&hello, own.as_ref());
        let mut lane = self.connect(wanted.clone());
        if lane.is_none() && wanted != own {
            refused = true;
            lane = self.connect(own);
        }
        let lane = lane.ok_or(End::Refused(ErrorCode::BUSY, "no lane is free"))?;
        if refused {
            self.warn_refused(&hello);
        }
        // What this client's connection before left in the open chunk counts as received.
        self.open.seal(lane);
        let id = connection.id;
        let welcome = self.host.apply(|engine, now| engine.hello(lane, hello.client_id, hello.oldest, id, now));
        let welcome = match welcome {
            engine::Hello::Welcome(welcome) => welcome,
            engine::Hello::Full => {
                self.host.apply(|engine, now| engine.gone(lane, None, id, now));
                return Err(End::Refused(ErrorCode::BUSY, "the destination has too many clients"));
            }
            engine::Hello::Fenced => {
                self.host.apply(|engine, now| engine.gone(lane, None, id, now));
                return Err(End::Refused(ErrorCode::FENCED, FENCED));
            }
            engine::Hello::Later => {
                self.host.apply(|engine, now| engine.gone(lane, None, id, now));
                self.block_with_rest(slot, connection, lane);
                return Ok(Answered::Later);
            }
        };
        connection.kind = Kind::Framed(Some(Box::new(Channel {
            lane,
            index: welcome.channel,
            next: welcome.ack.admitted_to + 1,
            piece: 0,
            ack: welcome.ack,
            ack_due: None,
            acked_at: now.at,
            flushes: 0,
        })));
        let sizes = self.sizes();
        let disabled = self.options.disabled.is_some();
        let on_disk = self.options.durable == Durable::OnDisk;
        let flags = [
            (on_disk, wire::FLAG_DURABLE_IS_DISK),
            (refused, wire::FLAG_DESTINATION_REFUSED),
            (disabled, wire::FLAG_DISABLED),
            (welcome.known, wire::FLAG_KNOWN_CHANNEL),
        ];
        connection.say(&SidecarFrame::Welcome(Welcome {
            version: wire::MAX_VERSION.min(hello.max_version),
            flags: flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).sum(),
            instance: self.options.instance,
            resume: welcome.resume,
            max_record: sizes.max_record,
            max_frame: sizes.max_frame,
        }));
        connection.write_out();
        connection.say_ack(now.at);
        connection.write_out();
        self.counters.left_ms.set(0);
        self.fence(slot, welcome.fenced, id);
        Ok(Answered::Now)
    }

    /// The destination a client asks for, and whether it may not have it.
    fn wanted(&self, hello: &Hello<'_>, own: Option<&Destination>) -> (Option<Destination>, bool) {
        let own = own.cloned();
        if (hello.group.is_empty() && hello.stream.is_empty()) || self.options.disabled.is_some() {
            return (own, false);
        }
        let default = |named: &str, own: Option<&str>| match named {
            "" => own.unwrap_or_default().to_owned(),
            named => named.to_owned(),
        };
        let group = default(hello.group, own.as_ref().map(|own| own.group().as_str()));
        let stream = default(hello.stream, own.as_ref().map(|own| own.stream().as_str()));
        match Destination::parse(&group, &stream) {
            Ok(wanted) if self.options.destinations.permits(&wanted) => (Some(wanted), false),
            _ => (own, true),
        }
    }

    fn warn_refused(&mut self, hello: &Hello<'_>) {
        self.counters.refused_destinations.add(1);
        if !std::mem::replace(&mut self.warned_refused, true) {
            let (app, group, stream) = (hello.app, hello.group, hello.stream);
            tracing::warn!(
                app,
                group,
                stream,
                "a client may not have the destination it names; its records go to the default one (told once)"
            );
        }
    }

    /// A newer connection of a channel takes over: the older one is told and closed.
    fn fence(&mut self, slot: usize, fenced: Option<u64>, newer: u64) {
        let Some(older) = fenced.filter(|older| *older != newer) else { return };
        let Some(old_slot) = self.by_id.get(&older).copied().filter(|old| *old != slot) else { return };
        if let Some(connection) = self.connections.get_mut(old_slot).and_then(Option::take) {
            self.close(old_slot, connection, End::Refused(ErrorCode::FENCED, FENCED));
        }
    }
}
