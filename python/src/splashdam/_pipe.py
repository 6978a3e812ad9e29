"""One connection to the sidecar: bytes out, frames in, never waiting. What the frames mean is the link's business.

The socket is made from `_socket`, which monkey-patching leaves alone: a call that never waits has nothing to gain from
gevent's or eventlet's wrappers, and pays for them at each record.
"""

from __future__ import annotations

import _socket
import errno
import socket
from collections import deque
from typing import Callable

from . import _wire
from ._quiet import raise_unless_ours

#: No waiting whatever flags the descriptor has, and no SIGPIPE in an app that asks for it.
FLAGS = getattr(socket, "MSG_NOSIGNAL", 0) | getattr(socket, "MSG_DONTWAIT", 0)
#: How much of a backlog is handed over in one call of the kernel.
BATCH = 64 * 1024
#: What the kernel is asked to keep of what the sidecar has not read, in bytes; it takes twice that, within its limit.
SEND_ROOM = 512 * 1024
#: A sidecar has little to say; one that says more at once is heard again at the next look.
MOST_READS = 16


class Pipe:
    """A connected socket and what is on its way in both directions."""

    __slots__ = (
        "_close",
        "_control",
        "_received",
        "_recv",
        "_rest",
        "_rest_is_records",
        "draining",
        "fileno",
        "send",
        "up",
    )

    def __init__(self, path: str) -> None:
        """Connects. Raises `OSError` where no sidecar listens, or too many wait to be accepted."""
        sock = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            # The kernel counts a small write as more than a kilobyte: its default is full after some 170 records.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_ROOM)
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        self.send: Callable[[bytes, int], int] = sock.send
        self._recv, self._close = sock.recv, sock.close
        self.fileno: int = sock.fileno()
        self._received = bytearray()
        self._control: deque[bytes] = deque()
        self._rest = b""
        self._rest_is_records = False
        #: Welcomed.
        self.up = False
        #: The sidecar reads no more; what it still says is listened to.
        self.draining = False

    def close(self) -> None:
        try:
            self._close()
        except OSError as error:  # Who makes a daemon of itself closes all descriptors it finds.
            raise_unless_ours(error)

    def started(self, frame: bytes, written: int) -> None:
        """So much of a records frame is written; the rest goes before anything else."""
        self._rest, self._rest_is_records = frame[written:], True

    def unwritten(self, sent: deque[bytes]) -> int:
        """How many of the records that were begun are not wholly the kernel's."""
        count, length = 0, 0
        if self._rest_is_records:
            for frame in reversed(sent):
                if length >= len(self._rest):
                    break
                length += len(frame)
                count += 1
        return count

    def ask(self, frame: bytes) -> None:
        """Queues a frame other than records; it goes between two of these."""
        self._control.append(frame)

    def busy(self) -> bool:
        """Whether something waits to be written that was begun or asked."""
        return bool(self._rest or self._control)

    def wants_to_write(self, unsent: deque[bytes]) -> bool:
        """Whether something could be written if the socket had room: else waiting for that would not wait at all."""
        if self.draining:
            return False
        return self.busy() or bool(unsent and self._may_send(unsent[0]))

    def _may_send(self, frame: bytes) -> bool:
        # The welcome will tell whether a frame may be larger.
        return self.up or len(frame) - 4 <= _wire.SAFE_FRAME

    def write(self, sent: deque[bytes], unsent: deque[bytes], most: int) -> bool:
        """Hands over what waits, about `most` bytes, moving frames from `unsent` to `sent` as they are begun.

        True if nothing waits any more. Raises `OSError` where the connection is gone.
        """
        while most > 0 and not self.draining:
            if not self._rest:
                if self._control:
                    self._rest, self._rest_is_records = self._control.popleft(), False
                elif unsent:
                    self._rest, self._rest_is_records = self._next_batch(sent, unsent), True
                if not self._rest:
                    break
            try:
                written = self.send(self._rest, FLAGS)
            except BlockingIOError:
                break
            self._rest = self._rest[written:]
            most -= written
        return not self._rest and not self._control and not unsent

    def _next_batch(self, sent: deque[bytes], unsent: deque[bytes]) -> bytes:
        batch, size = [], 0
        while unsent and size < BATCH and self._may_send(unsent[0]):
            frame = unsent[0]
            # In two places for a moment rather than in none.
            sent.append(frame)
            unsent.popleft()
            batch.append(frame)
            size += len(frame)
        return b"".join(batch)

    def read(self) -> tuple[list[_wire.Told], bool]:
        """The frames that have come, and whether the sidecar is still there.

        What was said before it went is still heard. Raises `ProtocolError` for what no sidecar says.
        """
        there = True
        for _ in range(MOST_READS):
            try:
                received = self._recv(65536, FLAGS)
            except BlockingIOError:
                break
            except OSError as error:
                raise_unless_ours(error)
                # With acknowledgements unread on its side, a reset after the data is a normal end.
                received = b""
            if not received:
                there = False
                break
            self._received += received
            if len(received) < 65536:
                break
        return (_wire.take(self._received) if self._received else []), there


def absence(error: OSError) -> str:
    """Why there was no connection, in words that help."""
    if error.errno == errno.ENOENT:
        return "there is no such socket; does the sidecar run, and do both see the same folder?"
    if error.errno == errno.ECONNREFUSED:
        return "nobody listens on it; does the sidecar run?"
    if error.errno == errno.EACCES:
        return "no permission; see the sidecar's --socket-mode"
    if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
        return "the sidecar does not accept; does it hang?"
    return error.strerror or str(error)
