"""A sidecar and its socket without a kernel: obvious, deterministic, and as nasty as it is told to be."""

import errno
import os

import wire

SMALL_RECORD = 4096


class Socket:
    """The client's end. What the sidecar has not read of it dies with the sidecar."""

    def __init__(self, world):
        self.world = world
        self.to_sidecar, self.to_client = bytearray(), bytearray()
        self.open_here, self.open_there = True, True
        self.client_id, self.greeted = None, False

    def setblocking(self, _):
        pass

    def setsockopt(self, *_):
        pass

    def fileno(self):
        return -1

    def connect(self, _):
        if not self.world.up:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self.world.sockets.append(self)

    def send(self, data, _flags):
        if not self.open_there:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        taken = min(len(data), self.world.room - len(self.to_sidecar))
        if taken <= 0:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.to_sidecar += data[:taken]
        return taken

    def recv(self, most, _flags):
        if not self.to_client:
            if not self.open_there:
                return b""
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        taken = bytes(self.to_client[:most])
        del self.to_client[:most]
        return taken

    def close(self):
        self.open_here = False


class Channel:
    """What the sidecar knows of one client: the oldest it may hold, the last it has, what has ended."""

    def __init__(self, before):
        self.last = self.durable = self.ended = before
        self.delivered = 0
        self.lost_to = self.reported = 0


class World:
    """The sidecar (`up` or not, with a disk or not), its sockets, and CloudWatch: how often each text arrived."""

    def __init__(self, disk, room):
        self.up, self.disk, self.room = True, disk, room
        self.sockets, self.channels = [], {}
        self.texts, self.arrived = {}, {}

    def reported(self):
        """Losses that it was told of and has not forgotten."""
        return sum(channel.reported for channel in self.channels.values())

    def socket(self, *_):
        return Socket(self)

    def kill(self):
        """Everything unread and everything in memory is gone; so is the table, but for what the disk has."""
        self.up = False
        for socket in self.sockets:
            socket.open_there = False
        self.sockets.clear()
        for client_id, channel in list(self.channels.items()):
            if self.disk:
                channel.last = channel.durable
            else:
                del self.channels[client_id]
        self.texts = {key: text for key, text in self.texts.items() if key[0] in self.channels}

    def start(self):
        self.up = True

    def read(self, most):
        """Takes at most so many bytes of each connection in."""
        for socket in list(self.sockets):
            taken, rest = socket.to_sidecar[:most], socket.to_sidecar[most:]
            socket.to_sidecar = rest
            socket.seen = getattr(socket, "seen", b"") + bytes(taken)
            self._take_frames(socket)
            if not socket.open_here and not socket.to_sidecar and socket in self.sockets:
                self.sockets.remove(socket)

    def _take_frames(self, socket):
        if not socket.greeted:
            if len(socket.seen) < 4:
                return
            assert socket.seen[:4] == wire.MAGIC
            socket.seen, socket.greeted = socket.seen[4:], True
        while found := wire.split(socket.seen, SMALL_RECORD + 65536):
            kind, payload, used = found
            socket.seen = socket.seen[used:]
            self._take(socket, wire.decode("client", kind, payload))

    def _take(self, socket, frame):
        if frame["type"] == "hello":
            self._greet(socket, frame)
            return
        channel = self.channels[socket.client_id]
        if frame["type"] == "records":
            sequence, text = frame["first_sequence"], frame["records"][0]["text_hex"]
            assert sequence <= channel.last + 1, "a gap in the sequences"
            if sequence == channel.last + 1:
                channel.last = sequence
                self.texts[socket.client_id, sequence] = bytes.fromhex(text).decode()
        elif frame["type"] == "lost" and frame["report"] > channel.lost_to:
            channel.lost_to = frame["report"]
            channel.reported += frame["count"]
        elif frame["type"] == "flush":
            counts = {"delivered": channel.delivered, "rejected": 0, "dropped": 0, "spooled": 0, "pending": 0}
            self._say(socket, type="flush_done", ticket=frame["ticket"], status="timed_out", **counts)

    def _greet(self, socket, frame):
        socket.client_id = frame["client_id"]
        for other in list(self.sockets):
            if other is not socket and other.client_id == socket.client_id:
                other.open_there = False  # Fenced.
                self.sockets.remove(other)
        known = socket.client_id in self.channels
        channel = self.channels.setdefault(socket.client_id, Channel(frame["oldest"] - 1))
        self._say(
            socket,
            type="welcome",
            version=1,
            flags=(1 if self.disk else 0) | (8 if known else 0),
            instance="0f" * 16,
            resume=channel.last,
            max_record=SMALL_RECORD,
            max_frame=SMALL_RECORD + 65536,
        )
        if channel.last < frame["oldest"] - 1:  # The client reports the gap; the lane goes on from F.
            channel.last = channel.durable = channel.ended = frame["oldest"] - 1

    def _say(self, socket, **meaning):
        socket.to_client += wire.encode(meaning)

    def write_to_disk(self):
        for channel in self.channels.values():
            if self.disk:
                channel.durable = channel.last

    def deliver(self, most):
        """Ends at most so many records of each channel."""
        for client_id, channel in self.channels.items():
            for sequence in range(channel.ended + 1, min(channel.last, channel.ended + most) + 1):
                text = self.texts[client_id, sequence]
                self.arrived[text] = self.arrived.get(text, 0) + 1
                channel.ended = sequence
                channel.delivered += 1
            channel.durable = max(channel.durable, channel.ended)

    def acknowledge(self):
        for socket in self.sockets:
            channel = self.channels.get(socket.client_id)
            if channel is not None:
                marks = {"admitted_to": channel.last, "durable_to": channel.durable, "ended_to": channel.ended}
                counts = {"delivered": channel.delivered, "rejected": 0, "dropped": 0, "lost_to": channel.lost_to}
                self._say(socket, type="ack", **marks, **counts)
