"""The handler that writes to another shipper's socket: what it does when nobody is there."""

import logging
import socket
from contextlib import closing, contextmanager

import pytest

from workloads.lines import LineHandler


@pytest.fixture
def logger():
    """Not registered anywhere, so that no other test has its handlers."""
    return logging.Logger("lines")


def listen(path):
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(60)
    return listener


@contextmanager
def accepted(listener):
    with listener.accept()[0] as connection, connection.makefile("rb") as lines:
        yield lines


def test_a_broken_connection_is_made_anew_and_what_nobody_takes_is_counted(folder, logger):
    path = folder / "s"
    with closing(LineHandler(str(path))) as handler:
        logger.addHandler(handler)
        logger.warning("before")
        assert handler.lost == 1
        with listen(path) as listener:
            logger.warning("one")
            with accepted(listener) as first:
                assert first.readline() == b"one\n"
            logger.warning("two")
            with accepted(listener) as second:
                assert second.readline() == b"two\n"
        logger.warning("three")
        logger.warning("four")
        assert handler.lost == 3
        with listen(path) as listener:
            logger.warning("five")
            with accepted(listener) as third:
                assert third.readline() == b"five\n"
                handler.close()
                assert third.read() == b""
        assert handler.lost == 3
