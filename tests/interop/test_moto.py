"""Records through the real binary into moto, read back with boto3.

moto neither enforces limits nor throttles, and takes about ten full batches a second: what is proved here is the wire
format towards AWS, names, order and texts, not limits and not speed.
"""

import json
import os
import secrets
import time

import pytest

import wire
from programs import PATIENCE, Program, Sidecar

ODD = [
    "plain",
    "  blanks kept  ",
    'quotes " and \\ backslashes \\" \\\\',
    "tab\tand bell\u0007 and escape \u001b[31m and del \u007f",
    "umlauts äöü, ß, and 漢字, and 🦀, and e\u0301 decomposed, and \u2028 a line separator",
    "\ufeffa byte order mark stays",
    "x" * 10_000,
]
JSON_LINES = [
    json.dumps({"level": "info", "n": n, "text": 'a "quoted" \n newline', "umlaut": "ü"}, ensure_ascii=bool(n % 2))
    for n in range(50)
]


def events(logs, group, stream):
    """All events of a stream, first to last."""
    found, token = [], None
    while True:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True, **({"nextToken": token} if token else {})
        )
        if token == page["nextForwardToken"]:
            return found
        found += page["events"]
        token = page["nextForwardToken"]


def texts(logs, group, stream):
    return [event["message"] for event in events(logs, group, stream)]


class FramedClient:
    """The framed protocol in its simplest form: hello, records, flush, bye."""

    def __init__(self, sidecar, stream=""):
        self.socket = sidecar.connect()
        self.received = b""
        self.last = 0
        hello = {"type": "hello", "min_version": 1, "max_version": 1, "client_id": secrets.token_hex(16), "pid": 1}
        hello |= {"oldest": 1, "app": "interop", "group": "", "stream": stream}
        self.socket.sendall(wire.MAGIC + wire.encode(hello))
        self.welcome = self.next_frame()
        assert self.welcome["type"] == "welcome", self.welcome

    def next_frame(self):
        while (found := wire.split(self.received, 2**20)) is None:
            more = self.socket.recv(65_536)
            assert more, "the sidecar closed the connection"
            self.received += more
        kind, payload, used = found
        self.received = self.received[used:]
        return wire.decode("sidecar", kind, payload)

    def send(self, records):
        body = [{"timestamp_ms": at, "text_hex": text.encode().hex()} for at, text in records]
        frame = {"type": "records", "first_sequence": self.last + 1, "count": len(body), "records": body}
        self.socket.sendall(wire.encode(frame))
        self.last += len(body)

    def flush(self, level="ended"):
        """Waits until all has ended; returns flush_done and the last ack before it."""
        self.socket.sendall(wire.encode({"type": "flush", "ticket": 7, "level": level, "timeout_ms": 30_000}))
        ack = None
        while (frame := self.next_frame())["type"] != "flush_done":
            assert frame["type"] == "ack", frame
            ack = frame
        return frame, ack

    def bye(self):
        self.socket.sendall(wire.encode({"type": "bye"}))
        while self.socket.recv(65_536):
            pass


def test_text_arrives_verbatim_and_in_order(moto, logs, folder):
    # One attempt at a time keeps the order strictly, also within a millisecond.
    flags = ["--group", "/interop/text", "--stream", "text", "--in-flight-max", "1"]
    numbered = [f"record {n:05}" for n in range(2_000)]
    with Sidecar(folder, moto.url, *flags) as sidecar:
        with sidecar.connect() as client:
            for line in ODD + JSON_LINES + numbered:
                client.sendall(line.encode() + b"\n")
            client.sendall(
                b"\r\n\n" + b"carriage return removed\r\n" + b"bad \xff\xfe bytes\n" + b"no newline at the end"
            )
        assert sidecar.stop() == 0, sidecar.output()
        account = sidecar.account()
    expected = ODD + JSON_LINES + numbered
    expected += ["carriage return removed", "bad \ufffd\ufffd bytes", "no newline at the end"]
    assert texts(logs, "/interop/text", "text") == expected
    assert (account["received"], account["delivered"]) == (len(expected), len(expected))


def test_several_text_clients_lose_nothing(moto, logs, folder):
    with Sidecar(folder, moto.url, "--group", "/interop/many", "--stream", "many") as sidecar:
        clients = [sidecar.connect() for _ in range(8)]
        for n in range(250):
            for at, client in enumerate(clients):
                client.sendall(f"client {at} record {n}\n".encode())
        for client in clients:
            client.close()
        assert sidecar.stop() == 0, sidecar.output()
    found = texts(logs, "/interop/many", "many")
    assert sorted(found) == sorted(f"client {at} record {n}" for at in range(8) for n in range(250))


def test_nul_separates_records_of_several_lines(moto, logs, folder):
    flags = ["--group", "/interop/nul", "--stream", "nul", "--text-delimiter", "nul"]
    records = ["Traceback:\n  File x\n  File y", "one line", "ends with a newline\n"]
    with Sidecar(folder, moto.url, *flags) as sidecar:
        with sidecar.connect() as client:
            client.sendall("\0".join(records).encode())
        assert sidecar.stop() == 0, sidecar.output()
    assert sorted(texts(logs, "/interop/nul", "nul")) == sorted(records)


def test_framed_records_are_acknowledged_and_arrive_in_order(moto, logs, folder):
    with Sidecar(folder, moto.url, "--group", "/interop/framed", "--stream", "framed") as sidecar:
        client = FramedClient(sidecar)
        now = int(time.time() * 1000)
        records = [(now - 5_000 + n, text) for n, text in enumerate(ODD + JSON_LINES)]
        records += [(now - 4_000 + n, f"several\nlines {n}") for n in range(2_000)]
        for start in range(0, len(records), 300):
            client.send(records[start : start + 300])
        done, ack = client.flush()
        assert (done["status"], done["delivered"], done["pending"]) == ("reached", len(records), 0)
        assert (done["rejected"], done["dropped"], done["spooled"]) == (0, 0, 0)
        assert ack is None or ack["ended_to"] <= len(records)
        client.bye()
        assert sidecar.stop() == 0, sidecar.output()
    found = [(event["timestamp"], event["message"]) for event in events(logs, "/interop/framed", "framed")]
    assert found == records


def test_a_resent_frame_is_not_delivered_twice(moto, logs, folder):
    with Sidecar(folder, moto.url, "--group", "/interop/again", "--stream", "again") as sidecar:
        client = FramedClient(sidecar)
        now = int(time.time() * 1000)
        client.send([(now, "one"), (now + 1, "two")])
        client.last = 0
        client.send([(now, "one"), (now + 1, "two"), (now + 2, "three")])
        done, _ = client.flush()
        assert (done["status"], done["delivered"]) == ("reached", 3)
        client.bye()
        assert sidecar.stop() == 0, sidecar.output()
    assert texts(logs, "/interop/again", "again") == ["one", "two", "three"]


def test_what_was_durable_survives_a_kill(moto, logs, folder):
    flags = ["--group", "/interop/durable", "--stream", "durable", "--spool-dir", folder / "spool"]
    nobody = "http://127.0.0.1:1"
    with Sidecar(folder, nobody, *flags) as sidecar:
        client = FramedClient(sidecar)
        now = int(time.time() * 1000)
        client.send([(now + n, f"record {n}") for n in range(1000)])
        done, _ = client.flush("durable")
        assert (done["status"], done["delivered"], done["spooled"]) == ("reached", 0, 1000)
        sidecar.process.kill()
        sidecar.process.wait()
        client.socket.close()
    sidecar.socket.unlink()
    with Sidecar(folder, moto.url, *flags) as sidecar:
        assert sidecar.stop() == 0, sidecar.output()
    assert texts(logs, "/interop/durable", "durable") == [f"record {n}" for n in range(1000)]


def test_a_framed_client_may_name_its_stream(moto, logs, folder):
    with Sidecar(folder, moto.url, "--group", "/interop/named", "--stream", "default") as sidecar:
        client = FramedClient(sidecar, stream="my/own stream, ünïcode")
        assert not client.welcome["destination_refused"]
        client.send([(int(time.time() * 1000), "here")])
        assert client.flush()[0]["delivered"] == 1
        client.bye()
    assert texts(logs, "/interop/named", "my/own stream, ünïcode") == ["here"]


def test_group_and_stream_are_created_as_configured(moto, logs, folder):
    flags = ["--group", "/interop/created", "--stream", "new"]
    flags += ["--retention-days", "14", "--tags", "team=shop", "--tags", "cost centre=a+b"]
    assert not logs.describe_log_groups(logGroupNamePrefix="/interop/created")["logGroups"]
    with Sidecar(folder, moto.url, *flags) as sidecar:
        with sidecar.connect() as client:
            client.sendall(b"first\n")
        assert sidecar.stop() == 0, sidecar.output()
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/interop/created")["logGroups"]
    assert group["retentionInDays"] == 14
    assert logs.list_tags_log_group(logGroupName="/interop/created")["tags"] == {"team": "shop", "cost centre": "a+b"}
    (stream,) = logs.describe_log_streams(logGroupName="/interop/created")["logStreams"]
    assert stream["logStreamName"] == "new"


def test_a_group_that_exists_keeps_its_settings(moto, logs, folder):
    logs.create_log_group(logGroupName="/interop/exists", tags={"owner": "somebody else"})
    logs.put_retention_policy(logGroupName="/interop/exists", retentionInDays=365)
    flags = ["--group", "/interop/exists", "--stream", "new", "--retention-days", "1", "--tags", "team=shop"]
    with Sidecar(folder, moto.url, *flags) as sidecar:
        with sidecar.connect() as client:
            client.sendall(b"first\n")
        assert sidecar.stop() == 0, sidecar.output()
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/interop/exists")["logGroups"]
    assert group["retentionInDays"] == 365
    assert logs.list_tags_log_group(logGroupName="/interop/exists")["tags"] == {"owner": "somebody else"}
    assert texts(logs, "/interop/exists", "new") == ["first"]


@pytest.mark.parametrize("days, code", [("13", 2), ("14", 0)])
def test_a_retention_that_aws_does_not_know_is_a_configuration_error(folder, days, code):
    command = [os.environ["SPLASHDAM_BIN"], "run", "--socket", folder / "s", "--group", "g", "--retention-days", days]
    command += ["--region", "x-1", "--admin", "off", "--exit-if-no-client", "10ms"]
    with Program(command) as program:
        assert program.process.wait(PATIENCE) == code, program.output()
