"""tests/vectors/protocol.json against wire.py, which knows docs/protocol.md and none of the Rust code."""

import json
from pathlib import Path

import pytest

import wire

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "protocol.json").read_text(encoding="utf-8"))
FRAMES = [(sender, entry) for sender in ("client", "sidecar") for entry in VECTORS[sender]]


def name(value):
    return value.get("name", value.get("hex", value.get("text"))) if isinstance(value, dict) else value


def whole(received, max_frame=2**32 - 1):
    kind, payload, used = wire.split(received, max_frame)
    assert used == len(received)
    return kind, payload


def test_there_is_something_to_compare():
    assert all(VECTORS[part] for part in ("client", "sidecar", "malformed", "incomplete", "first_bytes", "text_cut"))
    assert {entry["frame"]["type"] for _, entry in FRAMES} == {
        "hello", "records", "flush", "lost", "bye", "welcome", "ack", "flush_done", "draining", "error",
    }  # fmt: skip
    assert bytes.fromhex(VECTORS["magic"]) == wire.MAGIC


@pytest.mark.parametrize("sender, entry", FRAMES, ids=name)
def test_decodes(sender, entry):
    kind, payload = whole(bytes.fromhex(entry["hex"]))
    assert wire.decode(sender, kind, payload) == entry["frame"]


@pytest.mark.parametrize("sender, entry", [f for f in FRAMES if not f[1].get("decode_only")], ids=name)
def test_encodes(sender, entry):
    assert wire.encode(entry["frame"]).hex() == entry["hex"]


@pytest.mark.parametrize("entry", VECTORS["malformed"], ids=name)
def test_refuses(entry):
    with pytest.raises(wire.WireError) as refused:
        kind, payload = whole(bytes.fromhex(entry["hex"]), entry["max_frame"])
        wire.decode(entry["from"], kind, payload)
    assert (refused.value.name, refused.value.code) == (entry["error"], entry["code"])


@pytest.mark.parametrize("entry", VECTORS["incomplete"], ids=name)
def test_waits_for_more(entry):
    assert wire.split(bytes.fromhex(entry["hex"]), 65_536) is None


@pytest.mark.parametrize("entry", VECTORS["first_bytes"], ids=name)
def test_tells_the_kinds_of_client_apart(entry):
    assert wire.first_bytes(bytes.fromhex(entry["hex"])) == entry["kind"]


@pytest.mark.parametrize("entry", VECTORS["text_cut"], ids=name)
def test_cuts_between_characters(entry):
    assert wire.text_cut(entry["text"], entry["max"]) == entry["cut"]
