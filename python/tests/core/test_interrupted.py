"""Calls that are cut short, called again from inside, or made by many threads: nothing is lost, doubled, misnumbered.

Interruptions are real signals whose handlers raise, as gunicorn's time-out and Celery's soft time limit do.
"""

import errno
import logging
import random
import signal
import threading
import time

import pytest

import splashdam
from fake import Served
from programs import wait_for
from splashdam import _client

INTERRUPTIONS = 400


@pytest.fixture
def served(path):
    made = Served(path)
    yield made
    made.close()
    assert made.errors == []


@pytest.fixture
def handler(served, path):
    made = splashdam.Handler(socket=path)
    yield made
    for link in _client._clients.pop(str(path)).links.values():
        link.reset()


def logger_of(handler):
    logger = logging.Logger("t")
    logger.addHandler(handler)
    return logger


class TimeIsUp(Exception):
    """Like Celery's, an ordinary exception."""


class WorkerAbort(BaseException):
    """Like SystemExit."""


@pytest.fixture
def alarm():
    """Sets the handler of SIGALRM; puts the old one back."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [TimeIsUp, WorkerAbort, TimeoutError])
def test_exceptions_in_the_middle_of_calls_cost_nothing(served, handler, alarm, error, monkeypatch):
    # Here the standard library itself swallows every Exception, while it makes the record.
    monkeypatch.setattr(logging, "logMultiprocessing", False)
    monkeypatch.setattr(logging, "logAsyncioTasks", False, raising=False)
    logger = logger_of(handler)
    seeded = random.Random(error.__name__)
    raised, returned, came_out, began = [], [], 0, 0

    def up(*_):
        raised.append(began)
        raise error

    def log_until(before):
        nonlocal began
        signal.setitimer(signal.ITIMER_REAL, seeded.uniform(1e-5, 2e-3))
        while len(raised) == before:
            began += 1
            logger.info("n=%d", began)
            returned.append(began)

    alarm(up)
    while len(raised) < INTERRUPTIONS:
        before = len(raised)
        try:
            log_until(before)
        except error:
            came_out += 1
        if len(raised) % 10 == 0:
            # On a slow machine the other side falls behind, and each repair would have more to send again.
            assert handler.flush(60, "admitted").reached
    assert came_out >= INTERRUPTIONS * 0.95, "what else the standard library may swallow"
    assert handler.flush(60, "ended").reached
    texts = served.texts()
    assert len(texts) == len(set(texts)), "nothing twice"
    missing = {f"n={number}" for number in returned} - set(texts)
    assert not missing, "every record whose call returned is there"
    assert handler.stats().lost == {}
    assert handler.stats().failed == 0


def test_a_signal_handler_may_log(served, handler, alarm):
    logger = logger_of(handler)
    seeded = random.Random(5)
    inside = []

    def tick(*_):
        logger.info("inside %d", len(inside))
        inside.append(f"inside {len(inside)}")
        signal.setitimer(signal.ITIMER_REAL, seeded.uniform(1e-5, 5e-4))

    alarm(tick)
    tick()
    count = 0
    while len(inside) < INTERRUPTIONS:
        count += 1
        logger.info("outside %d", count)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert handler.flush(60, "ended").reached
    expected = [f"outside {number + 1}" for number in range(count)] + inside
    assert sorted(served.texts()) == sorted(expected)


def test_a_flush_from_inside_of_a_call_does_not_wait(served, handler):
    """A signal handler that ends logging while a call is under way: that call cannot go on before it returns."""
    logger = logger_of(handler)
    logger.info("first")
    link = handler._open()
    took = []

    def send(*_):
        before = time.monotonic()
        took.append(handler.flush(30, "ended").timed_out)
        assert time.monotonic() - before < 20
        raise BlockingIOError(errno.EAGAIN, "as if there were no room")

    link._send = send
    logger.info("second")
    assert took == [True]
    assert handler.flush(60, "ended").reached
    assert sorted(served.texts()) == ["first", "second"]


def test_many_threads_and_a_flushing_one(served, handler):
    logger = logger_of(handler)
    threads = [
        threading.Thread(target=lambda at=at: [logger.info("t%d n%d", at, number) for number in range(3000)])
        for at in range(8)
    ]
    for thread in threads:
        thread.start()
    flushes = 0
    while any(thread.is_alive() for thread in threads):
        handler.flush(10, "admitted")
        flushes += 1
    for thread in threads:
        thread.join()
    assert flushes > 0
    assert handler.flush(60, "ended").all_delivered
    [known] = served.records.values()
    assert sorted(known.values()) == sorted(f"t{at} n{number}" for at in range(8) for number in range(3000))
    for at in range(8):
        order = [int(text.split("n")[1]) for _, text in sorted(known.items()) if text.startswith(f"t{at} ")]
        assert order == list(range(3000)), "each thread's records keep their order"


def test_a_record_logged_while_a_record_is_formatted_is_kept(served, handler):
    logger = logger_of(handler)

    class Lazy:
        def __str__(self):
            logger.info("inner")
            return "lazy"

    logger.info("outer %s", Lazy())
    assert handler.flush(60, "ended").reached
    assert sorted(served.texts()) == ["inner", "outer lazy"]


def test_a_state_left_busy_by_an_interruption_is_repaired(served, handler):
    """The one place where an exception can leave it: between the last byte codes of a call."""
    from splashdam import _link

    logger = logger_of(handler)
    logger.info("first")
    handler._open()._state = _link.BUSY
    logger.info("second")
    assert handler.flush(60, "ended").reached
    assert served.texts() == ["first", "second"]


def test_a_stack_that_is_used_up_costs_that_record_alone(served, handler, monkeypatch):
    logger = logger_of(handler)
    monkeypatch.setattr(logging, "raiseExceptions", False)

    def deeper():
        try:
            deeper()
        except RecursionError:
            logger.info("deep")  # May find no stack at all for its own frames: then it is the app's.
            raise

    with pytest.raises(RecursionError):
        deeper()
    logger.info("after")
    assert handler.flush(60, "ended").reached
    wait_for("the later record arrived", lambda: "after" in served.texts())
