"""The framed protocol, version 1 (docs/protocol.md): the frames a client sends, and those that it hears.

Absent: no I/O, no state. A records frame of this client holds one record, so that it is the kernel's when `emit`
returns; its sequence, timestamp and text can be read back from the frame itself, which is all that is kept of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple, Optional, Union

MAGIC = b"\xffSPD"
VERSION = 1
#: The longest record a sidecar takes whole unless it was configured otherwise; the welcome tells.
DEFAULT_MAX_RECORD = 256 * 1024
#: The largest frame that every sidecar takes, whatever its welcome will say.
SAFE_FRAME = 64 * 1024
#: No frame of a sidecar is longer; one that claims to be comes from something else.
MAX_FROM_SIDECAR = 2 * 65536

#: A records frame up to its text: length, type, sequence, count (1), timestamp, length of the text.
RECORD = struct.Struct("<IBQIqI")
#: What of a records frame with one record is not its text, in bytes.
RECORD_HEAD = RECORD.size
#: The length field counts what follows it.
RECORD_LENGTH = RECORD.size - 4
RECORDS = 2

LEVELS = {"admitted": 1, "durable": 2, "ended": 3}

#: Codes of the error frame that this client tells apart.
UNSUPPORTED_VERSION, BAD_SEQUENCE, NOT_PERMITTED = 3, 4, 9


class ProtocolError(Exception):
    """Bytes that no sidecar sends."""


class Welcome(NamedTuple):
    """The answer to a hello."""

    version: int
    flags: int
    instance: bytes
    resume: int
    max_record: int
    max_frame: int

    @property
    def durable_is_disk(self) -> bool:
        return bool(self.flags & 1)

    @property
    def destination_refused(self) -> bool:
        return bool(self.flags & 2)

    @property
    def disabled(self) -> bool:
        return bool(self.flags & 4)

    @property
    def known_channel(self) -> bool:
        return bool(self.flags & 8)


class Ack(NamedTuple):
    """Watermarks and cumulative counts of a channel."""

    admitted_to: int = 0
    durable_to: int = 0
    ended_to: int = 0
    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    lost_to: int = 0


class FlushDone(NamedTuple):
    """The answer to a flush; `status` 0 is reached, 1 is time ran out."""

    ticket: int
    status: int
    delivered: int
    rejected: int
    dropped: int
    spooled: int
    pending: int


class Draining(NamedTuple):
    """The sidecar reads no more."""

    deadline_ms: int


class Error(NamedTuple):
    """The sidecar closes the connection."""

    code: int
    text: str


Told = Union[Welcome, Ack, FlushDone, Draining, Error]

_HELLO = struct.Struct("<HH16sIQ")
_FLUSH = struct.Struct("<IBQBI")
_LOST = struct.Struct("<QQqq")
_WELCOME = struct.Struct("<HB16sQII")
_ACK = struct.Struct("<7Q")
_FLUSH_DONE = struct.Struct("<QB5Q")
BYE = struct.pack("<IB", 1, 5)


def cut(text: bytes, limit: int) -> int:
    """Where UTF-8 text is cut so that at most `limit` bytes stand before it: between characters, behind the first."""
    if len(text) <= limit:
        return len(text)
    at = limit
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    if at == 0:
        at = 1
        while at < len(text) and text[at] & 0xC0 == 0x80:
            at += 1
    return at


def parts(text: bytes, longest: int) -> Iterator[bytes]:
    """The text in parts of at most so many bytes, cut between characters."""
    at = 0
    while len(text) - at > longest:
        # Only as much is looked at as may be cut: a long text is not copied once for each of its parts.
        part = text[at : at + longest + 4]
        part = part[: cut(part, longest)]
        yield part
        at += len(part)
    yield text[at:]


def _string(text: str) -> bytes:
    # CloudWatch's own limit for names is 512 characters, of four bytes at most; a hello may have 65,536 bytes in all.
    encoded = text.encode("utf-8", "replace")
    encoded = encoded[: cut(encoded, 2048)]
    return struct.pack("<H", len(encoded)) + encoded


def hello(client_id: bytes, pid: int, oldest: int, app: str, group: str, stream: str) -> bytes:
    """Magic and hello, which begin a connection."""
    payload = _HELLO.pack(VERSION, VERSION, client_id, pid, oldest) + _string(app) + _string(group) + _string(stream)
    return MAGIC + struct.pack("<IB", 1 + len(payload), 1) + payload


def record(sequence: int, timestamp_ms: int, text: bytes) -> bytes:
    """A records frame of one record. Raises `struct.error` where the timestamp is no 64-bit number."""
    size = len(text)
    return RECORD.pack(RECORD_LENGTH + size, RECORDS, sequence, 1, timestamp_ms, size) + text


def sequence_of(frame: bytes) -> int:
    """The sequence of the record in a frame that `record` made."""
    return int.from_bytes(frame[5:13], "little")


def timestamp_of(frame: bytes) -> int:
    """The timestamp of the record in a frame that `record` made."""
    return int.from_bytes(frame[17:25], "little", signed=True)


def flush(ticket: int, level: str, timeout_ms: int) -> bytes:
    """A request to be told when everything sent so far has reached a level."""
    return _FLUSH.pack(14, 3, ticket, LEVELS[level], timeout_ms)


def lost(report: int, count: int, from_ms: int, to_ms: int, reason: str) -> bytes:
    """Tells of records that the client itself gave up."""
    payload = _LOST.pack(report, count, from_ms, to_ms) + _string(reason)
    return struct.pack("<IB", 1 + len(payload), 4) + payload


def take(received: bytearray) -> list[Told]:
    """Takes the whole frames out of what was received. Frames of an unknown type are a later version's, and skipped."""
    told: list[Told] = []
    at = 0
    while len(received) - at >= 4:
        length = int.from_bytes(received[at : at + 4], "little")
        if not 1 <= length <= MAX_FROM_SIDECAR:
            raise ProtocolError(f"a frame of {length} bytes")
        if len(received) - at < 4 + length:
            break
        frame = decode(received[at + 4], bytes(received[at + 5 : at + 4 + length]))
        if frame is not None:
            told.append(frame)
        at += 4 + length
    del received[:at]
    return told


def decode(kind: int, payload: bytes) -> Optional[Told]:
    """The meaning of one frame of the sidecar, or None for a type that this version does not know."""
    try:
        if kind == 0x82:
            return Ack._make(_ACK.unpack_from(payload))
        if kind == 0x81:
            return Welcome._make(_WELCOME.unpack_from(payload))
        if kind == 0x83:
            done = FlushDone._make(_FLUSH_DONE.unpack_from(payload))
            if done.status > 1:
                raise ProtocolError(f"a flush answered with status {done.status}")
            return done
        if kind == 0x84:
            return Draining(*struct.unpack_from("<I", payload))
        if kind == 0x85:
            code, length = struct.unpack_from("<HH", payload)
            if len(payload) < 4 + length:
                raise ProtocolError("an error whose text is cut off")
            return Error(code, payload[4 : 4 + length].decode("utf-8"))
    except (struct.error, UnicodeDecodeError) as error:
        raise ProtocolError(f"frame {kind:#04x}: {error}") from error
    return None
