"""The syslog daemon's part: reads a Unix socket until SIGTERM, then what is still in it, and says which numbers came.

`python -m benchmarks.reader stream|datagram PATH MARKER`. It only keeps what it reads and looks for numbers at the
end, so that it does not hold up the app more than a real daemon would. A record's number is the first after the marker.
"""

import json
import re
import selectors
import signal
import socket
import sys
from collections import Counter

READY = "ready"
AT_ONCE = 1 << 18
# How soon after SIGTERM it looks for the last time.
GLANCE = 0.1


class Reader:
    """The listening socket, its connections and all that came through them."""

    def __init__(self, kind, path):
        self.stream = kind == "stream"
        self.came = {}
        self.selector = selectors.DefaultSelector()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM if self.stream else socket.SOCK_DGRAM)
        listening.bind(path)
        if self.stream:
            listening.listen()
        self.listening = listening
        self.take(listening)

    def take(self, source):
        source.setblocking(False)
        self.selector.register(source, selectors.EVENT_READ)
        self.came[source] = []

    def turn(self, timeout):
        """Reads whatever is ready; whether there was anything."""
        ready = [key.fileobj for key, _ in self.selector.select(timeout)]
        for source in ready:
            if self.stream and source is self.listening:
                self.take(source.accept()[0])
            else:
                self.read(source)
        return bool(ready)

    def read(self, source):
        """All that is there now: a call for each datagram, but a `select` for many."""
        kept = self.came[source]
        try:
            while True:
                data = source.recv(AT_ONCE)
                if not data and self.stream:
                    self.selector.unregister(source)
                    return
                kept.append(data)
        except BlockingIOError:
            return

    def records(self):
        for kept in self.came.values():
            # SysLogHandler ends each record with a NUL; datagrams need none to be told apart.
            yield from b"".join(kept).split(b"\0") if self.stream else kept


def main():
    kind, path, marker = sys.argv[1:]
    reader = Reader(kind, path)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print(READY, flush=True)
    while not ended:
        reader.turn(GLANCE)
    while reader.turn(0):
        pass
    number = re.compile(re.escape(marker).encode() + rb"(\d+)")
    seen = Counter(int(found[1]) for found in map(number.search, reader.records()) if found)
    print(json.dumps({"unique": len(seen), "doubled": sum(seen.values()) - len(seen)}), flush=True)


if __name__ == "__main__":
    main()
