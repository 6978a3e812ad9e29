"""The wire protocol, version 1, written from docs/protocol.md alone: a second opinion on the Rust implementation.

Frames are dictionaries with the names that tests/vectors/protocol.json uses. No I/O here.
"""

import contextlib
import struct

MAGIC = b"\xffSPD"
HELLO, RECORDS, FLUSH, LOST, BYE = 0x01, 0x02, 0x03, 0x04, 0x05
WELCOME, ACK, FLUSH_DONE, DRAINING, ERROR = 0x81, 0x82, 0x83, 0x84, 0x85
CLIENT_TYPES = {HELLO, RECORDS, FLUSH, LOST, BYE}
SIDECAR_TYPES = {WELCOME, ACK, FLUSH_DONE, DRAINING, ERROR}
LEVELS = {1: "admitted", 2: "durable", 3: "ended"}
STATUSES = {0: "reached", 1: "timed_out"}
WELCOME_FLAGS = ("durable_is_disk", "destination_refused", "disabled", "known_channel")
ACK_FIELDS = ("admitted_to", "durable_to", "ended_to", "delivered", "rejected", "dropped", "lost_to")
DONE_COUNTS = ("delivered", "rejected", "dropped", "spooled", "pending")
LAST_SEQUENCE = 2**64 - 2
# What the sidecar answers a client with, where it is not bad_frame (1).
CODES = {"frame_too_large": 2, "bad_versions": 3, "bad_sequence": 4}


class WireError(Exception):
    """Bytes that are no frame; `name` is the kind."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name
        self.code = CODES.get(name, 1)


class Cursor:
    """Reads fields from a payload."""

    def __init__(self, payload):
        self.rest = payload

    def take(self, length):
        if length > len(self.rest):
            raise WireError("truncated")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self, kind):
        kind = "<" + kind
        return struct.unpack(kind, self.take(struct.calcsize(kind)))[0]

    def string(self):
        try:
            return self.take(self.number("H")).decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("bad_utf8") from None


def string(text):
    encoded = text.encode("utf-8")
    return struct.pack("<H", len(encoded)) + encoded


def first_bytes(start):
    """What kind of client begins like this: framed, text, or need_more."""
    if start[:4] == MAGIC:
        return "framed"
    return "need_more" if MAGIC.startswith(start) else "text"


def text_cut(text, limit):
    """Where a text over the limit is cut, in bytes: between characters, but never before the first one."""
    encoded = text.encode("utf-8")
    cut = 0
    for character in text:
        width = len(character.encode("utf-8"))
        if cut and cut + width > limit:
            break
        cut += width
        if cut > limit:
            break
    return min(cut, len(encoded))


def split(received, max_frame):
    """The first frame as (type, payload, bytes used), or None where more bytes are needed."""
    if len(received) < 4:
        return None
    (length,) = struct.unpack_from("<I", received)
    if length == 0:
        raise WireError("empty_frame")
    if length > max_frame:
        raise WireError("frame_too_large")
    if len(received) < 4 + length:
        return None
    return received[4], received[5 : 4 + length], 4 + length


def frame(kind, payload=b""):
    return struct.pack("<IB", 1 + len(payload), kind) + payload


def record(timestamp_ms, text):
    return struct.pack("<qI", timestamp_ms, len(text)) + text


def encode(meaning):
    """The bytes of a frame, from its meaning."""
    kind, m = meaning["type"], meaning
    if kind == "hello":
        head = struct.pack("<HH", m["min_version"], m["max_version"]) + bytes.fromhex(m["client_id"])
        names = string(m["app"]) + string(m["group"]) + string(m["stream"])
        return frame(HELLO, head + struct.pack("<IQ", m["pid"], m["oldest"]) + names)
    if kind == "records":
        body = b"".join(record(r["timestamp_ms"], bytes.fromhex(r["text_hex"])) for r in m["records"])
        return frame(RECORDS, struct.pack("<QI", m["first_sequence"], m["count"]) + body)
    if kind == "flush":
        level = {name: number for number, name in LEVELS.items()}[m["level"]]
        return frame(FLUSH, struct.pack("<QBI", m["ticket"], level, m["timeout_ms"]))
    if kind == "lost":
        span = struct.pack("<QQqq", m["report"], m["count"], m["from_ms"], m["to_ms"])
        return frame(LOST, span + string(m["reason"]))
    if kind == "bye":
        return frame(BYE)
    if kind == "welcome":
        head = struct.pack("<HB", m["version"], m["flags"]) + bytes.fromhex(m["instance"])
        return frame(WELCOME, head + struct.pack("<QII", m["resume"], m["max_record"], m["max_frame"]))
    if kind == "ack":
        return frame(ACK, struct.pack("<7Q", *(m[name] for name in ACK_FIELDS)))
    if kind == "flush_done":
        status = {name: number for number, name in STATUSES.items()}[m["status"]]
        return frame(FLUSH_DONE, struct.pack("<QB5Q", m["ticket"], status, *(m[name] for name in DONE_COUNTS)))
    if kind == "draining":
        return frame(DRAINING, struct.pack("<I", m["deadline_ms"]))
    if kind == "error":
        return frame(ERROR, struct.pack("<H", m["code"]) + string(m["text"]))
    raise ValueError(f"no frame is called {kind}")


def decode(sender, kind, payload):
    """The meaning of a frame that `sender` ("client" or "sidecar") sent."""
    if kind not in (CLIENT_TYPES if sender == "client" else SIDECAR_TYPES):
        raise WireError("unknown_type")
    return DECODERS[kind](Cursor(payload))


def decode_hello(c):
    meaning = {"type": "hello", "min_version": c.number("H"), "max_version": c.number("H")}
    meaning |= {"client_id": c.take(16).hex(), "pid": c.number("I"), "oldest": c.number("Q")}
    meaning |= {"app": c.string(), "group": c.string(), "stream": c.string()}
    if not 1 <= meaning["min_version"] <= meaning["max_version"]:
        raise WireError("bad_versions")
    if meaning["oldest"] == 0:
        raise WireError("bad_sequence")
    return meaning


def decode_records(c):
    first, count = c.number("Q"), c.number("I")
    if first == 0 or count == 0 or first + count - 1 > LAST_SEQUENCE:
        raise WireError("bad_sequence")
    records = []
    for _ in range(count):
        timestamp_ms = c.number("q")
        text = c.take(c.number("I"))
        one = {"timestamp_ms": timestamp_ms, "text_hex": text.hex()}
        with contextlib.suppress(UnicodeDecodeError):  # A whole frame all the same: the sidecar repairs it.
            one["text"] = text.decode("utf-8")
        records.append(one)
    if c.rest:
        raise WireError("trailing_bytes")
    return {"type": "records", "first_sequence": first, "count": count, "records": records}


def decode_flush(c):
    ticket, level, timeout_ms = c.number("Q"), c.number("B"), c.number("I")
    if level not in LEVELS:
        raise WireError("bad_level")
    return {"type": "flush", "ticket": ticket, "level": LEVELS[level], "timeout_ms": timeout_ms}


def decode_lost(c):
    meaning = {"type": "lost", "report": c.number("Q"), "count": c.number("Q")}
    return meaning | {"from_ms": c.number("q"), "to_ms": c.number("q"), "reason": c.string()}


def decode_welcome(c):
    meaning = {"type": "welcome", "version": c.number("H"), "flags": c.number("B"), "instance": c.take(16).hex()}
    meaning |= {name: bool(meaning["flags"] >> bit & 1) for bit, name in enumerate(WELCOME_FLAGS)}
    return meaning | {"resume": c.number("Q"), "max_record": c.number("I"), "max_frame": c.number("I")}


def decode_ack(c):
    return {"type": "ack"} | {name: c.number("Q") for name in ACK_FIELDS}


def decode_flush_done(c):
    ticket, status = c.number("Q"), c.number("B")
    counts = {name: c.number("Q") for name in DONE_COUNTS}
    if status not in STATUSES:
        raise WireError("bad_status")
    return {"type": "flush_done", "ticket": ticket, "status": STATUSES[status]} | counts


DECODERS = {
    HELLO: decode_hello,
    RECORDS: decode_records,
    FLUSH: decode_flush,
    LOST: decode_lost,
    BYE: lambda c: {"type": "bye"},
    WELCOME: decode_welcome,
    ACK: decode_ack,
    FLUSH_DONE: decode_flush_done,
    DRAINING: lambda c: {"type": "draining", "deadline_ms": c.number("I")},
    ERROR: lambda c: {"type": "error", "code": c.number("H"), "text": c.string()},
}
