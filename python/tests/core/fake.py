"""A sidecar that a test plays by hand. It speaks with tests/interop/wire.py: a second opinion on the protocol."""

import os
import socket
import threading

import wire

PATIENCE = 60
INSTANCE = b"\x0f" * 16


class FakeSidecar:
    """Listens, and does nothing by itself: each step is the test's."""

    def __init__(self, path):
        self.path = str(path)
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.settimeout(PATIENCE)
        self.server.bind(self.path)
        self.server.listen(64)
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()
        self.server.close()
        os.unlink(self.path)

    def accept(self):
        """Takes the next connection, and its hello."""
        self.hang_up()
        self.connection, _ = self.server.accept()
        self.connection.settimeout(PATIENCE)
        self.received = b""
        while len(self.received) < 4:
            self._more()
        assert self.received[:4] == wire.MAGIC
        self.received = self.received[4:]
        hello = self.frame()
        assert hello["type"] == "hello"
        return hello

    def _more(self):
        got = self.connection.recv(1 << 20)
        assert got, "the client has closed the connection"
        self.received += got

    def frame(self):
        """The next frame of the client."""
        while True:
            found = wire.split(self.received, 1 << 22)
            if found:
                kind, payload, used = found
                self.received = self.received[used:]
                return wire.decode("client", kind, payload)
            self._more()

    def frames(self):
        """All frames that have come, whole ones, without waiting."""
        self.connection.setblocking(False)
        try:
            while True:
                self._more()
        except BlockingIOError:
            pass
        except AssertionError:
            pass  # It has gone; what it wrote counts.
        finally:
            self.connection.settimeout(PATIENCE)
        found = []
        while wire.split(self.received, 1 << 22):
            found.append(self.frame())
        return found

    def texts(self):
        """The texts of all records that have come, by sequence; there is no gap."""
        found = {}
        for frame in self.frames():
            if frame["type"] == "records":
                assert frame["count"] == 1
                assert not found or frame["first_sequence"] == max(found) + 1, "a gap in the sequences"
                found[frame["first_sequence"]] = bytes.fromhex(frame["records"][0]["text_hex"]).decode()
        return found

    def say(self, **meaning):
        self.connection.sendall(wire.encode(meaning))

    def welcome(self, resume=0, flags=0, max_record=262144, version=1):
        meaning = {"version": version, "flags": flags, "instance": INSTANCE.hex(), "resume": resume}
        self.say(type="welcome", max_record=max_record, max_frame=max_record + 65536, **meaning)

    def ack(self, admitted_to=0, durable_to=0, ended_to=0, delivered=0, rejected=0, dropped=0, lost_to=0):
        names = dict(locals())
        del names["self"]
        self.say(type="ack", **names)

    def delivered(self, last):
        """Everything up to a sequence has been delivered."""
        self.ack(last, last, last, delivered=last)

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Served(threading.Thread):
    """A sidecar on a thread that keeps to the protocol by itself: takes records in, skips what it knows, acknowledges.

    `records` is every text by client and sequence, `last` the last sequence of each client.
    """

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = str(path)
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(64)
        self.lock = threading.Lock()
        self.records = {}
        self.last = {}
        self.errors = []
        self.threads = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _serve(self, connection):
        with connection:
            try:
                self._speak(connection)
            except OSError:
                pass
            except Exception as error:
                self.errors.append(error)

    def _speak(self, connection):
        received, known, client = b"", None, None
        while True:
            got = connection.recv(1 << 20)
            received += got
            if client is None and len(received) >= 4:
                assert received[:4] == wire.MAGIC, received[:4]
                received, client = received[4:], ""
            said = b""
            while client is not None and (found := wire.split(received, 1 << 22)):
                frame = wire.decode("client", found[0], found[1])
                received = received[found[2] :]
                if frame["type"] == "hello":
                    client = frame["client_id"]
                    flags = 8 if client in self.records else 0
                    known = self.records.setdefault(client, {})
                    self.last.setdefault(client, frame["oldest"] - 1)
                    head = {"version": 1, "flags": flags, "instance": INSTANCE.hex(), "resume": self.last[client]}
                    said += wire.encode({"type": "welcome", "max_record": 262144, "max_frame": 327680, **head})
                elif frame["type"] == "records":
                    sequence = frame["first_sequence"]
                    text = bytes.fromhex(frame["records"][0]["text_hex"]).decode()
                    with self.lock:  # What a client's connection before had sent may still be read beside this.
                        assert sequence <= self.last[client] + 1, f"a gap before {sequence}"
                        assert known.setdefault(sequence, text) == text, "another text for a sequence"
                        self.last[client] = max(self.last[client], sequence)
                elif frame["type"] == "flush":
                    count = {"delivered": len(known), "rejected": 0, "dropped": 0, "spooled": 0, "pending": 0}
                    said += wire.encode({"type": "flush_done", "ticket": frame["ticket"], "status": "reached", **count})
            if known:
                last, count = self.last[client], len(known)
                acks = {"admitted_to": last, "durable_to": last, "ended_to": last, "delivered": count}
                said += wire.encode({"type": "ack", **acks, "rejected": 0, "dropped": 0, "lost_to": 0})
            if not got:
                return
            if said:
                connection.sendall(said)

    def close(self):
        # Only this wakes a thread that waits in accept.
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.join(PATIENCE)
        for thread in self.threads:
            thread.join(PATIENCE)
        os.unlink(self.path)

    def texts(self):
        """All texts taken in, of all clients."""
        return [text for known in self.records.values() for text in known.values()]
