"""Calls while another thread imports a module that we look for, or looks for a place among the links."""

import logging
import sys
import types

import pytest

import splashdam

DEADLOCK = """
    import logging, os, threading
    import splashdam
    from splashdam import _client, _link
    _client.MOST_LINKS, _client.IDLE_AFTER = 1, -1.0
    threading.Timer(20, os._exit, [3]).start()
    record = lambda: logging.makeLogRecord({{"msg": "x"}})
    first, second, third = (splashdam.Handler(socket={path!r}, stream=s, max_wait=0) for s in "abc")
    first.handle(record())
    inside, leaving = threading.Event(), threading.Event()
    link = first._link
    real_send, real_leave = link._send, link.leave

    def send(frame, flags):
        link._send = real_send
        inside.set()
        leaving.wait(10)
        second.handle(record())  # A signal handler or a `__del__` that logs to another stream.
        return real_send(frame, flags)

    def leave(for_good=False):
        leaving.set()  # The other thread has the client's lock by now.
        return real_leave(for_good)

    link._send, link.leave = send, leave
    thread = threading.Thread(target=lambda: inside.wait(10) and third.handle(record()))
    thread.start()
    first.handle(record())
    thread.join()
    os._exit(0)
"""


def test_a_link_that_is_asked_for_its_place_does_not_lock_up(python, sidecar, path):
    assert python(DEADLOCK.format(path=str(path))).returncode == 0


@pytest.mark.parametrize("name", ["asyncio", "greenlet", "multiprocessing.util", "billiard.util", "celery.signals"])
def test_a_record_while_somebody_imports(logger, sidecar, monkeypatch, name):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    monkeypatch.setattr(splashdam._exit, "_arranged", set())
    with monkeypatch.context() as importing:
        importing.setitem(sys.modules, name, types.ModuleType(name))
        logger.info("1")
    logger.info("2")
    stats = logger.handler.stats()
    assert (stats.failed, stats.logged) == (0, 2)
