"""The behaviours that Watchtower's users rely on: times, empty messages, errors, several handlers, other handlers."""

import copy
import logging
import logging.handlers
import queue
import time
from collections.abc import Mapping

import pytest

import splashdam


def test_the_timestamp_is_the_records(side, logger, stream):
    """Row "`record.created` as ms timestamp": cut down to the millisecond, whatever the time of the call is."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    now = time.time()
    created = [now - 3600, now - 0.0004, now, now + 3600]
    for n, at in enumerate(created):
        handler.handle(logging.makeLogRecord({"msg": f"n={n}", "created": at, "name": "x"}))
    assert len(side.arrived(handler, stream)) == 4
    assert [event["timestamp"] for event in side.cloud.events(stream)] == [int(at * 1000) for at in created]


@pytest.mark.parametrize("message, arguments", [("", ()), ("%s", ("",)), ("%s%s", ("", ""))])
def test_an_empty_message_is_warned_about_and_skipped(side, logger, stream, message, arguments):
    """Row "Empty message: warn and skip"."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    with pytest.warns(splashdam.SplashdamWarning, match="empty message"):
        logger.info(message, *arguments)
    logger.info("not empty")
    assert side.arrived(handler, stream) == ["not empty"]
    assert handler.stats().empty == 1


def test_an_empty_message_is_skipped_whatever_the_format_adds(side, logger, stream):
    """Row "Empty message": Watchtower looks at the message, not at the formatted text; a mapping is not empty."""
    handler = side.handler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.addHandler(handler)
    with pytest.warns(splashdam.SplashdamWarning):
        logger.info("")
    logger.info(" ")
    logger.info({})
    assert side.arrived(handler, stream) == ["INFO  ", "INFO {}"]


def test_several_handlers_and_one_handler_on_many_loggers(side, stream):
    """Row "several handlers, one handler on many loggers (cloudigrade: seven)"."""
    one, other = side.handler(stream), side.handler(stream)
    loggers = [logging.Logger(f"app{n}") for n in range(7)]
    for logger in loggers:
        logger.addHandler(one)
        logger.addHandler(other)
        logger.info("n=%d", loggers.index(logger))
    assert sorted(side.arrived(one, stream)) == sorted(f"n={n}" for n in [*range(7), *range(7)])
    assert one.stats().logged == other.stats().logged == 14, "the account is the destination's"
    one.close()
    other.close()


def test_python_may_tell_of_errors_or_not(side, logger, stream, monkeypatch, capsys):
    """Row "handleError": as `logging.raiseExceptions` says, on standard error or not at all."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    logger.info("%d", "no number")
    assert "--- Logging error ---" in capsys.readouterr().err
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.info("%d", "no number")
    assert capsys.readouterr().err == ""
    logger.info("fine")
    assert side.arrived(handler, stream) == ["fine"]
    assert handler.stats().failed == 2


def test_an_error_that_does_not_come_back_stays_out_of_the_app(side, logger, stream, told):
    """Row "handleError": a mapping that another thread changes while it is written is an error only now and then."""

    class Shared(Mapping):
        def __init__(self):
            self.failed = False

        def __iter__(self):
            if not self.failed:
                self.failed = True
                raise RuntimeError("dictionary changed size during iteration")
            return iter(["a"])

        def __len__(self):
            return 1

        def __getitem__(self, key):
            return 1

    handler = side.handler(stream)
    logger.addHandler(handler)
    logger.info(Shared())
    logger.info("after")
    assert side.arrived(handler, stream)[-1] == "after"
    assert len(side.cloud.messages(stream)) == 2 - len(told)


def test_a_queue_handler_and_its_listener(side, logger, stream):
    """`logging.config` builds these: our handler works behind a QueueListener and as a MemoryHandler's target."""
    handler = side.handler(stream)
    waiting = queue.Queue()
    logger.addHandler(logging.handlers.QueueHandler(waiting))
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()
    for n in range(20):
        logger.info("n=%d", n)
    listener.stop()
    logger.handlers = [logging.handlers.MemoryHandler(1000, target=handler)]
    logger.info("n=%d", 20)
    logger.handlers[0].flush()
    assert side.arrived(handler, stream) == [f"n={n}" for n in range(21)]


@pytest.mark.parametrize("duplicate", [copy.copy])
def test_a_handler_may_be_copied(side, logger, stream, duplicate):
    """Watchtower's can be copied as far as `logging.Handler` can: shallowly."""
    handler = duplicate(side.handler(stream))
    logger.addHandler(handler)
    logger.info("from a copy")
    assert side.arrived(handler, stream) == ["from a copy"]


@pytest.mark.parametrize("created", [1e300, -1e300, float("inf"), float("nan"), 2.0**62])
def test_a_time_that_is_none_is_told_and_the_app_goes_on(side, logger, stream, told, created):
    """Row "record.created": what fits no number of milliseconds costs that record."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    logger.info("before")
    handler.handle(logging.makeLogRecord({"msg": "when?", "created": created, "name": "x"}))
    logger.info("after")
    assert side.arrived(handler, stream) == ["before", "after"]
    assert len(told) == 1 and handler.stats().failed == 1


def test_a_time_that_is_none_does_not_cost_the_connection(side, logger, stream, told):
    """Row "delivery dies after one error (46, 74)": one bad record is no reason to connect anew."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    logger.info("before")
    assert side.arrived(handler, stream) == ["before"]
    handler.handle(logging.makeLogRecord({"msg": "when?", "created": 1e300, "name": "x"}))
    logger.info("after")
    assert side.arrived(handler, stream) == ["before", "after"]
    assert handler.stats().reconnects == 0
