"""What a record becomes: formatters, JSON, attributes, odd texts; and what the next handler finds."""

import datetime
import io
import json
import logging
import logging.handlers
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

import pytest
import watchtower

import splashdam


class OwnMapping(Mapping):
    """A mapping that `json` does not know."""

    def __init__(self, **items):
        self.items_ = items

    def __getitem__(self, key):
        return self.items_[key]

    def __iter__(self):
        return iter(self.items_)

    def __len__(self):
        return len(self.items_)


@pytest.mark.parametrize("make", [dict, OrderedDict, OwnMapping, lambda **items: MappingProxyType(items)])
def test_mappings_become_json(side, logger, stream, make):
    """Row "CloudWatchLogFormatter": Mapping messages become JSON."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    for n in range(10):
        logger.critical(make(src="foo", event=str(n), stack=[1, 2, 3, n], details={}))
    expected = [{"src": "foo", "event": str(n), "stack": [1, 2, 3, n], "details": {}} for n in range(10)]
    assert [json.loads(text) for text in side.arrived(handler, stream)] == expected


def test_dates_are_written_by_isoformat_and_other_objects_by_repr(side, logger, stream):
    """Row "CloudWatchLogFormatter": dates by isoformat, else repr."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    at = datetime.datetime(2026, 11, 21, 12, 0, 1, 5, tzinfo=datetime.timezone.utc)
    logger.info({"at": at, "day": at.date(), "set": {1}, "bytes": b"x", "an ü": "漢", "deep": [{"at": at}]})
    (text,) = side.arrived(handler, stream)
    assert json.loads(text) == {
        "at": at.isoformat(),
        "day": "2026-11-21",
        "set": "{1}",
        "bytes": "b'x'",
        "an ü": "漢",
        "deep": [{"at": at.isoformat()}],
    }


@pytest.mark.parametrize("on_the_formatter", [False, True])
def test_json_serialize_default(side, logger, stream, on_the_formatter):
    """Row "Constructor keywords": `json_serialize_default`, given to the handler or to a formatter."""
    if on_the_formatter:
        handler = side.handler(stream)
        handler.setFormatter(splashdam.CloudWatchLogFormatter(json_serialize_default=lambda o: "mine"))
    else:
        handler = side.handler(stream, json_serialize_default=lambda o: "mine")
    logger.addHandler(handler)
    logger.info({"at": datetime.datetime.now()})
    assert side.arrived(handler, stream) == ['{"at": "mine"}']


def test_json_serialize_default_taken_away_afterwards(side, logger, stream, told):
    """Row "CloudWatchLogFormatter": what cannot be written is told by handleError, and the app goes on."""
    handler = side.handler(stream)
    handler.formatter.json_serialize_default = None
    logger.addHandler(handler)
    logger.info({"at": datetime.datetime.now()})
    logger.info({"at": "text"})
    assert side.arrived(handler, stream) == ['{"at": "text"}']
    assert [error for _, error in told] == [TypeError]
    assert handler.stats().failed == 1


def test_attributes_of_the_record_are_added(side, logger, stream):
    """Row "CloudWatchLogFormatter": `add_log_record_attrs`, set on the handler's formatter after construction."""
    handler = side.handler(stream)
    handler.formatter.add_log_record_attrs = ["levelname", "filename", "process", "thread", "msg"]
    logger.addHandler(handler)
    logger.critical("text with %s", "arguments")
    logger.critical({"request": "hello", "metadata": {"size": 9000}})
    attributes = {"levelname": "CRITICAL", "filename": os.path.basename(__file__)}
    attributes.update(process=os.getpid(), thread=threading.get_ident())
    expected = [
        {"msg": "text with arguments", **attributes},
        {"request": "hello", "metadata": {"size": 9000}, **attributes},
    ]
    assert [json.loads(text) for text in side.arrived(handler, stream)] == expected


def test_attributes_given_to_a_formatter(side, logger, stream):
    """Row "CloudWatchLogFormatter": by keyword, by a subclass's class attribute, and one that the record lacks."""

    class Subclass(splashdam.CloudWatchLogFormatter):
        add_log_record_attrs = ("levelname",)

    handler = side.handler(stream)
    logger.addHandler(handler)
    handler.setFormatter(splashdam.CloudWatchLogFormatter(add_log_record_attrs=("levelname", "message", "nobody")))
    logger.info("one")
    handler.setFormatter(Subclass())
    logger.info("two")
    one, two = [json.loads(text) for text in side.arrived(handler, stream)]
    assert one == {"msg": "one", "levelname": "INFO", "message": "one", "nobody": None}
    assert two == {"msg": "two", "levelname": "INFO"}


def test_watchtowers_own_formatter_may_stay(side, logger, stream):
    """A half-done move: our handler with Watchtower's formatter, which changes the record, and with ours behind it."""
    first, second = side.handler(stream), side.handler(stream)
    first.setFormatter(watchtower.CloudWatchLogFormatter(add_log_record_attrs=["levelname"]))
    second.formatter.add_log_record_attrs = ["levelname"]
    logger.handlers = [first, second]
    logger.info("text")
    logger.info({"a": 1})
    expected = ['{"msg": "text", "levelname": "INFO"}'] * 2 + ['{"a": 1, "levelname": "INFO"}'] * 2
    assert side.arrived(first, stream) == expected


def test_the_record_is_left_as_it_was(side, logger, stream):
    """Row "CloudWatchLogFormatter": theirs mutates `record.msg`; ours must not, nor the app's mapping."""
    seen = []

    class Next(logging.Handler):
        def emit(self, record):
            seen.append((record.msg, record.args))

    handler = side.handler(stream)
    handler.formatter.add_log_record_attrs = ["levelname"]
    logger.addHandler(handler)
    logger.addHandler(Next())
    mapping = {"a": 1}
    logger.info(mapping)
    logger.info("text %s", 1)
    assert len(side.arrived(handler, stream)) == 2
    assert seen == [({"a": 1}, ()), ("text %s", (1,))] and seen[0][0] is mapping and mapping == {"a": 1}


def test_a_format_of_the_apps_own_and_a_traceback(side, logger, stream):
    """Row "Format in the calling thread with the configured formatter, level and filters"."""
    handler = side.handler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(threadName)s %(message)s"))
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    logger.addHandler(handler)
    thread = threading.Thread(target=logger.info, args=("from a thread",), name="worker-7")
    thread.start()
    thread.join()
    logger.info("a secret")
    try:
        raise ValueError("ü ☃")
    except ValueError:
        logger.exception("went %s", "wrong")
    first, second = side.arrived(handler, stream)
    assert first == "INFO worker-7 from a thread"
    assert second.startswith("ERROR MainThread went wrong\nTraceback (most recent call last):\n")
    assert second.endswith("ValueError: ü ☃")


def test_a_format_that_needs_what_only_another_handler_sets(side, logger, stream, told):
    """Row "Trap": cloudigrade's format needs `request_id`, which only the console handler's filter sets."""

    class RequestId(logging.Filter):
        def filter(self, record):
            record.request_id = "r-1"
            return True

    console = logging.StreamHandler(io.StringIO())
    console.addFilter(RequestId())
    handler = side.handler(stream)
    for each in (console, handler):
        each.setFormatter(logging.Formatter("requestid:%(request_id)s | %(message)s"))
    logger.handlers = [console, handler]
    logger.info("console first")
    logger.handlers = [handler, console]
    logger.info("console last")
    assert side.arrived(handler, stream) == ["requestid:r-1 | console first"]
    assert [(record.msg, error) for record, error in told] == [("console last", ValueError)]


def test_odd_texts_arrive(side, logger, stream):
    """Lone surrogates, NUL, control characters and newlines: what is no UTF-8 is written out, the rest is verbatim."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    odd = ["a\ud800b", "nul \0 bell \a", "line\nline\r\n", "\ufeffmark \u2028", "🦀 e\u0301", "%s and %d unfilled"]
    for text in odd:
        logger.info(text)
    assert side.arrived(handler, stream) == ["a\\ud800b", *odd[1:]]
