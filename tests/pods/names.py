"""A name server of one name, as small as the protocol allows (RFC 1035): what a cluster's DNS is to a pod."""

import socket
import struct
import threading

A, AAAA = 1, 28
NO_SUCH_NAME = 3


class NameServer:
    """Answers on port 53 of one address of the loopback until it is left; `asked` has the names in order."""

    def __init__(self, name, address="127.0.0.1", listen="127.0.5.3"):
        self.name = name
        self.address = socket.inet_aton(address)
        self.listen = listen
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((listen, 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # Wakes the thread: a datagram that asks for nothing.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.listen, 53))
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            if not query:
                return
            self.socket.sendto(self.answer(query), peer)

    def answer(self, query):
        name, end = question(query)
        self.asked.append(name)
        (kind,) = struct.unpack_from(">H", query, end)
        known = name == self.name
        # A link back to the question's name, class IN, a minute.
        found = struct.pack(">HHHIH", 0xC00C, A, 1, 60, 4) + self.address if known and kind == A else b""
        flags = 0x8180 if known else 0x8180 | NO_SUCH_NAME
        return query[:2] + struct.pack(">HHHHH", flags, 1, int(bool(found)), 0, 0) + query[12 : end + 4] + found


def question(query):
    """The name that is asked for, and where it ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), at + 1
