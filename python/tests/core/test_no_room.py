"""No room: what is kept, what is lost, what is said, and who waits for how long. Waits are counted, not timed."""

import asyncio
import errno

import pytest

import splashdam
from splashdam import _client, _clock, _pipe, _quiet

WINDOW = 64 * 1024


@pytest.fixture
def waits(monkeypatch):
    """The seconds of each wait. Nothing really waits: the other side does not move meanwhile."""
    asked = []
    clock = [1000.0]

    def wait_ready(wanted, seconds):
        asked.append(seconds)
        clock[0] += max(seconds, 0.001)  # As real time, it passes whatever is left of a second.

    monkeypatch.setattr(_quiet, "wait_ready", wait_ready)
    monkeypatch.setattr(_clock.clock, "monotonic", lambda: clock[0])
    return asked


@pytest.fixture
def logger(logger, path):
    """A logger with a small window, that may wait."""
    logger.removeHandler(logger.handler)
    logger.handler = splashdam.Handler(socket=path, window=WINDOW, max_wait=0.25)
    logger.addHandler(logger.handler)
    return logger


def log(logger, numbers, size=1000):
    for number in numbers:
        logger.info("n=%d %s", number, "x" * size)


def test_without_a_sidecar_the_window_fills_and_then_the_newest_go(logger, waits, capfd):
    log(logger, range(1, 201))
    stats = logger.handler.stats()
    assert WINDOW - 2000 < stats.window_bytes <= WINDOW
    assert stats.lost == {"queue_full": 200 - stats.unsent}
    assert (stats.logged, stats.adds_up) == (200, True)
    assert waits == [], "nobody to wait for"
    said = capfd.readouterr().err.splitlines()
    assert len(said) <= 2, "one line that it is away, one that records are dropped"
    assert "there is no such socket" in said[-1]


def test_what_was_kept_arrives_and_what_was_lost_is_told(logger, waits, path):
    from fake import FakeSidecar

    log(logger, range(1, 201))
    kept = logger.handler.stats().unsent
    with FakeSidecar(path) as sidecar:
        logger.handler._open()._retry_at = 0.0
        log(logger, [201])
        sidecar.accept()
        sidecar.welcome()
        found = dict(sidecar.texts())
        while len(found) < kept:
            logger.handler.flush(timeout=0)
            sidecar.delivered(max(found))
            found.update(sidecar.texts())
        assert [text.split()[0] for text in found.values()] == [f"n={n}" for n in range(1, kept + 1)]
        sidecar.delivered(kept)
        logger.handler.flush(timeout=0)
        logger.handler.flush(timeout=0)
        [told] = [frame for frame in sidecar.frames() if frame["type"] == "lost"]
        lost = logger.handler.stats().lost["queue_full"]
        assert (told["count"], told["reason"]) == (lost, "queue_full")


def fill(logger, sidecar):
    """Logs until the sidecar, which reads nothing, has no more room in its socket, or the window has none."""
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    last = 1
    while not (logger.handler.stats().unsent or logger.handler.stats().lost):
        last += 1
        log(logger, [last])
    return last


@pytest.mark.parametrize("window", [WINDOW, 4 << 20], ids=["the window is full", "the socket is full"])
def test_a_call_waits_once_an_episode(logger, sidecar, waits, window):
    logger.handler.window = window
    last = fill(logger, sidecar)
    assert sum(waits) == pytest.approx(0.25)
    waits.clear()
    log(logger, range(last + 1, last + 5000))
    assert waits == [], "the episode goes on"
    assert logger.handler.stats().lost["queue_full"] > 0
    while logger.handler.stats().unsent:
        sidecar.frames()
        logger.handler.flush(timeout=0)
    sidecar.delivered(logger.handler._open().channel.last())
    logger.handler.flush(timeout=0)
    waits.clear()
    log(logger, range(10_000, 15_000))
    assert sum(waits) == pytest.approx(0.25), "and so does a call of the next one"


def test_an_episode_is_waited_for_once_by_all_links_of_a_process(logger, sidecar, waits, path):
    other = splashdam.Handler(socket=path, stream="other", window=WINDOW, max_wait=0.25)
    logger.addHandler(other)
    log(logger, range(1, 1000))
    assert other.stats().lost["queue_full"] > 0
    assert logger.handler.stats().lost["queue_full"] > 0
    assert sum(waits) == pytest.approx(0.25)


def test_a_wait_ends_when_there_is_room(logger, sidecar, waits, monkeypatch):
    logger.handler.window = 4 << 20
    monkeypatch.setattr(_quiet, "wait_ready", lambda wanted, seconds: waits.append(seconds) or sidecar.frames())
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    for last in range(2, 3500):
        log(logger, [last])
    stats = logger.handler.stats()
    assert (stats.lost, stats.unsent) == ({}, 0)
    assert 0 < len(waits) < 100


def test_nobody_waits_where_a_loop_runs(logger, sidecar, waits):
    async def app():
        return fill(logger, sidecar)

    last = asyncio.run(app())
    assert waits == []
    assert logger.handler.stats().logged == last


def test_nobody_waits_in_a_greenlet(logger, sidecar, waits):
    greenlet = pytest.importorskip("greenlet")
    greenlet.greenlet(lambda: fill(logger, sidecar)).switch()
    assert waits == []


def test_a_flush_where_a_loop_runs_does_not_wait_either(logger, sidecar, waits):
    log(logger, [1])
    sidecar.accept()

    async def app():
        return logger.handler.flush(timeout=60, level="ended")

    report = asyncio.run(app())
    assert (waits, report.timed_out, report.pending) == ([], True, 1)


def test_with_a_disk_nothing_leaves_the_window_before_it_is_durable(logger, sidecar, waits):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome(flags=1)
    for last in range(20, 400, 20):
        log(logger, range(last - 18, last + 1))
        sidecar.frames()
        sidecar.ack(admitted_to=last)
    stats = logger.handler.stats()
    assert stats.at_risk == 0
    assert stats.lost["queue_full"] > 0
    assert sum(waits) == pytest.approx(0.25), "once, for an ack"


def test_one_record_is_kept_however_long_it_is(logger, waits):
    log(logger, [1], size=200_000)
    assert logger.handler.stats().unsent == 1


def test_links_share_the_window(path, waits):
    handlers = [splashdam.Handler(socket=path, stream=f"s{at}", window=WINDOW) for at in range(8)]
    import logging

    for at in range(400):
        handlers[at % 8].handle(logging.makeLogRecord({"msg": f"n={at} " + "x" * 1000}))
    total = sum(link.channel.held for link in _client._clients[str(path)].links.values())
    assert total <= WINDOW + 8 * 1100
    _client._clients.pop(str(path))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOENT, "does the sidecar run"),
        (errno.ECONNREFUSED, "nobody listens"),
        (errno.EACCES, "--socket-mode"),
        (errno.EAGAIN, "does it hang"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_the_line_says_what_to_do(code, words):
    import os

    assert words in _pipe.absence(OSError(code, os.strerror(code)))


def test_a_standard_error_that_nobody_reads_stops_nobody(monkeypatch):
    import io
    import os

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    stream = io.TextIOWrapper(io.FileIO(writer, "w"), write_through=True)
    monkeypatch.setattr("sys.stderr", stream)
    _quiet.say("this would wait for ever")
    os.read(reader, 65536)
    _quiet.say("this is read")
    os.set_blocking(reader, False)
    assert b"this is read" in os.read(reader, 1 << 20)
    monkeypatch.undo()
    stream.close()
    os.close(reader)


@pytest.mark.parametrize("stream", [None, object()])
def test_a_missing_standard_error_is_no_matter(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    _quiet.say("nobody hears it")
