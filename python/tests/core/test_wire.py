"""The protocol's test vectors (tests/vectors/protocol.json), which every client library keeps to."""

import json
from pathlib import Path

import pytest

from splashdam import _wire

VECTORS = json.loads((Path(__file__).parents[3] / "tests" / "vectors" / "protocol.json").read_text(encoding="utf-8"))


def named(entries):
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


def encoded(frame):
    """The bytes that this client sends for a meaning, or None for what it never sends."""
    kind = frame["type"]
    if kind == "hello" and frame["max_version"] == 1:
        client_id = bytes.fromhex(frame["client_id"])
        names = (frame["app"], frame["group"], frame["stream"])
        return _wire.hello(client_id, frame["pid"], frame["oldest"], *names)[len(_wire.MAGIC) :]
    if kind == "records" and frame["count"] == 1:
        record = frame["records"][0]
        return _wire.record(frame["first_sequence"], record["timestamp_ms"], bytes.fromhex(record["text_hex"]))
    if kind == "flush":
        return _wire.flush(frame["ticket"], frame["level"], frame["timeout_ms"])
    if kind == "lost":
        span = (frame["from_ms"], frame["to_ms"])
        return _wire.lost(frame["report"], frame["count"], *span, frame["reason"])
    return _wire.BYE if kind == "bye" else None


OURS = [entry for entry in VECTORS["client"] if not entry.get("decode_only") and encoded(entry["frame"]) is not None]


def test_the_magic():
    assert _wire.MAGIC.hex() == VECTORS["magic"]


def test_every_type_of_frame_is_among_the_vectors():
    assert {entry["frame"]["type"] for entry in OURS} == {"hello", "records", "flush", "lost", "bye"}


@pytest.mark.parametrize("entry", named(OURS))
def test_encodes(entry):
    assert encoded(entry["frame"]).hex() == entry["hex"]


@pytest.mark.parametrize("entry", named(entry for entry in OURS if entry["frame"]["type"] == "records"))
def test_a_record_is_read_back_from_its_frame(entry):
    frame, record = bytes.fromhex(entry["hex"]), entry["frame"]["records"][0]
    assert _wire.sequence_of(frame) == entry["frame"]["first_sequence"]
    assert _wire.timestamp_of(frame) == record["timestamp_ms"]
    assert frame[_wire.RECORD_HEAD :].hex() == record["text_hex"]


def meaning(told):
    """What was decoded, with the vectors' names."""
    found = dict(told._asdict())
    if isinstance(told, _wire.Welcome):
        found["instance"] = found["instance"].hex()
        for flag in ("durable_is_disk", "destination_refused", "disabled", "known_channel"):
            found[flag] = getattr(told, flag)
    if isinstance(told, _wire.FlushDone):
        found["status"] = ("reached", "timed_out")[told.status]
    return found


@pytest.mark.parametrize("entry", named(VECTORS["sidecar"]))
def test_decodes(entry):
    received = bytearray.fromhex(entry["hex"])
    [told] = _wire.take(received)
    expected = {name: value for name, value in entry["frame"].items() if name != "type"}
    assert meaning(told) == expected
    assert not received


@pytest.mark.parametrize("entry", named(VECTORS["sidecar"]))
def test_a_frame_that_is_not_whole_waits(entry):
    whole = bytes.fromhex(entry["hex"])
    for length in range(len(whole)):
        received = bytearray(whole[:length])
        assert _wire.take(received) == []
        assert received == whole[:length]


MALFORMED = [entry for entry in VECTORS["malformed"] if entry["from"] == "sidecar" and entry["error"] != "unknown_type"]


@pytest.mark.parametrize("entry", named(MALFORMED))
def test_what_no_sidecar_says_is_refused(entry):
    with pytest.raises(_wire.ProtocolError):
        _wire.take(bytearray.fromhex(entry["hex"]))


def test_a_frame_of_an_unknown_type_is_skipped():
    later, ack = bytes.fromhex("03000000f00102"), bytes.fromhex(VECTORS["sidecar"][-1]["hex"])
    assert len(_wire.take(bytearray(later + ack))) == 1


@pytest.mark.parametrize("entry", VECTORS["text_cut"])
def test_text_is_cut_between_characters(entry):
    assert _wire.cut(entry["text"].encode(), entry["max"]) == entry["cut"]
