"""Records without a count, counts that are wrong, and calls that raise."""

import errno
import logging
import signal
import sys
import threading

import pytest

import splashdam
from splashdam import _client, _names, _wire


def record(text, **more):
    return logging.makeLogRecord({"msg": text, **more})


def test_the_window_holds_with_many_streams(path):
    handler = splashdam.CloudWatchLogHandler(socket=path, log_stream_name="{logger_name}", window=64 * 1024, max_wait=0)
    for number in range(20):
        handler.handle(record("z" * 60_000, name=f"l{number}"))
    kept = handler.stats().window_bytes
    _client._clients.pop(str(path))
    assert kept <= 2 * 64 * 1024


def test_stats_while_another_thread_opens_streams(path, monkeypatch):
    handler = splashdam.CloudWatchLogHandler(socket=path, log_stream_name="{logger_name}", max_wait=0)
    errors, done = [], threading.Event()

    def ask():
        while not done.is_set():
            try:
                handler.stats()
            except RuntimeError as error:
                errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        for number in range(250):
            handler.handle(record("x", name=f"l{number}"))
    finally:
        done.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
        _client._clients.pop(str(path))
    assert errors == []


class TimeIsUpError(Exception):
    pass


def test_an_interrupted_flush_leaves_nothing_behind(logger, sidecar, link, monkeypatch):
    logger.info("1")
    sidecar.accept()
    sidecar.welcome()
    from splashdam import _flush

    def nap(*_):
        raise TimeIsUpError

    monkeypatch.setattr(_flush, "_nap", nap)
    with pytest.raises(TimeIsUpError):
        logger.handler.flush(timeout=5, level="ended")
    sidecar.delivered(1)
    logger.handler.flush(timeout=0)
    assert link.tickets == {}
    assert link.leave()


def test_a_record_logged_while_its_link_is_made_is_counted(path, monkeypatch):
    handler = splashdam.Handler(socket=path, max_wait=0)
    real, inside = _client.Link, []

    def made(*args):
        if not inside:
            inside.append(True)
            handler.handle(record("inner"))  # A `__del__`, a signal handler.
        return real(*args)

    monkeypatch.setattr(_client, "Link", made)
    handler.handle(record("outer"))
    logged = handler.stats().logged
    _client._clients.pop(str(path))
    assert logged == 2


FORK_HOOK = """
    import logging, os
    log = logging.getLogger("a")
    log.setLevel(1)
    os.register_at_fork(after_in_child=lambda: log.info("the child's first words"))
    import splashdam
    handler = splashdam.Handler(socket={path!r})
    log.addHandler(handler)
    pid = os.fork()
    if pid == 0:
        print(handler.stats().logged, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    os._exit(0)
"""


def test_what_an_earlier_fork_hook_logs_is_counted(python, path):
    assert python(FORK_HOOK.format(path=str(path))).stdout == "1\n"


LATE = """
    import logging, logging.handlers, splashdam
    target = splashdam.Handler(socket={path!r}, exit_timeout=0.1)
    logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=target))
    logging.warning("x")
"""


def test_records_that_come_at_the_very_end_are_not_lost_in_silence(python, path):
    assert "lost at the end of the process" in python(LATE.format(path=str(path))).stderr


HALF_MADE = """
    import splashdam
    try:
        splashdam.Handler(socket={path!r}, window=1)
    except ValueError as error:
        kept = error
"""


def test_a_handler_that_could_not_be_made_does_not_spoil_the_end(python, path):
    assert python(HALF_MADE.format(path=str(path))).stderr == ""


STICKY = """
    import logging, splashdam
    first = splashdam.Handler(socket={path!r}, wait_for="ended", exit_timeout=40.0)
    first.handle(logging.makeLogRecord({{"msg": "x"}}))
    first.exit_timeout = 0.0
    first.close()
    second = splashdam.Handler(socket={path!r}, wait_for="none", exit_timeout=0.0)
    second.handle(logging.makeLogRecord({{"msg": "x"}}))
"""


def test_a_closed_handlers_patience_is_not_the_next_ones(python, sidecar, path):
    assert python(STICKY.format(path=str(path))).seconds < 35


def test_a_subclass_sees_each_record_once(path, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    seen = []

    class Seeing(splashdam.Handler):
        def emit(self, record):
            seen.append(record)
            super().emit(record)

    Seeing(socket=path, max_wait=0).handle(record("%d", args=("x",)))
    _client._clients.pop(str(path))
    assert len(seen) == 1


def test_two_legal_names_stay_two(path):
    names = [_names.stream_name("日" * 400 + end) for end in "ab"]
    assert _wire._string(names[0]) != _wire._string(names[1])


@pytest.mark.parametrize("destination", [{"stream": "third"}, {"group": "other"}])
def test_every_redirected_record_is_counted(path, monkeypatch, destination):
    monkeypatch.setattr(_client, "MOST_LINKS", 1)
    splashdam.Handler(socket=path, stream="first", max_wait=0).handle(record("x"))
    handler = splashdam.Handler(socket=path, max_wait=0, **destination)
    for _ in range(10):
        handler.handle(record("x"))
    redirected = handler.stats().redirected
    _client._clients.pop(str(path))
    assert redirected == 10


def test_a_record_of_the_future_does_not_stop_the_looking(logger, sidecar, link):
    logger.handler.handle(record("1"))
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    link._look_at = 0  # The call of the future looks.
    logger.handler.handle(record("2", created=9e12))
    sidecar.delivered(2)
    wait = threading.Event().wait
    for number in range(3, 6):
        wait(0.3)
        logger.handler.handle(record(str(number)))
    assert logger.handler.stats().delivered == 2


def test_a_signal_handlers_own_os_error_comes_out(logger, sidecar, link):
    logger.info("1")
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)

    def up(*_):
        raise TimeoutError(errno.ETIMEDOUT, "the task took too long")

    def send(*_):
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, up)
    link._send = send
    try:
        with pytest.raises(TimeoutError):
            logger.info("2")
    finally:
        signal.signal(signal.SIGUSR1, before)
