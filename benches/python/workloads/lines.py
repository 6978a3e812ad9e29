"""Lines to a Unix stream socket, as a shipper of somebody else's takes them; nothing but the standard library."""

import logging
import socket


class LineHandler(logging.Handler):
    """One write for each record, over one connection of its process, which waits while the reader is slow.

    A line that cannot be written is written once more on a new connection; what cannot be written then is counted.
    Nobody answers a line: of what was written into a connection that broke afterwards, nothing is known.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.connection: socket.socket | None = None
        #: Lines that could not be written.
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode()
        if not (self.write(line) or (self.connect() and self.write(line))):
            self.lost += 1

    def connect(self) -> bool:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(self.path)
        except OSError:
            connection.close()
            return False
        self.connection = connection
        return True

    def write(self, line: bytes) -> bool:
        """Whether it could be written; a connection that failed is given up."""
        if self.connection is None:
            return False
        try:
            self.connection.sendall(line)
        except OSError:
            self.disconnect()
            return False
        return True

    def disconnect(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def close(self) -> None:
        """What was written is the reader's: there is nothing to wait for."""
        self.acquire()
        try:
            self.disconnect()
        finally:
            self.release()
        super().close()
