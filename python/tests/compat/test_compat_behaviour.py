"""The behaviours that Watchtower's users rely on: formats, streams, times, empty messages, hooks, other handlers."""

import copy
import datetime
import io
import json
import logging
import logging.handlers
import os
import queue
import sys
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from types import MappingProxyType

import pytest

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


@pytest.mark.parametrize(
    "template",
    [
        "{machine_name}",
        "{program_name}",
        "{logger_name}",
        "{process_id}",
        "{thread_name}",
        "{strftime:%Y-%m-%d}",
        "{machine_name}/{program_name}/{logger_name}/{process_id}",
        "{thread_name}-{strftime:%y%m%d}-{logger_name!s:>40}",
    ],
)
def test_the_fields_of_the_stream_template(side, template):
    """Row "Constructor keywords": every documented field, filled in as Watchtower fills them in."""
    tag = uuid.uuid4().hex[:8]
    logger = logging.Logger(f"fields.{tag}")
    handler = side.handler(tag + template)
    logger.addHandler(handler)
    logger.warning("here")
    logger.removeHandler(handler)
    today = datetime.datetime.now(datetime.timezone.utc)
    program = sys.argv[0].replace(":", "")
    fields = {"machine_name": os.uname().nodename, "program_name": program, "process_id": os.getpid()}
    fields.update(logger_name=logger.name, thread_name=threading.current_thread().name, strftime=today)
    assert side.arrived(handler, (tag + template).format(**fields)) == ["here"]
    handler.close()


def test_the_stream_is_looked_up_for_each_record(side, stream):
    """Row "Stream name formatted per record": one handler, a stream for each logger and thread."""
    handler = side.handler(f"{stream}/{{logger_name}}/{{thread_name}}")
    loggers = [logging.Logger(f"logger{n}") for n in range(3)]

    def work():
        for logger in loggers:
            logger.addHandler(handler)
            logger.error("from %s", logger.name)

    for n in range(2):
        thread = threading.Thread(target=work, name=f"thread{n}")
        thread.start()
        thread.join()
        for logger in loggers:
            logger.removeHandler(handler)
    assert handler.flush(60, "ended").all_delivered
    for n in range(2):
        for logger in loggers:
            assert side.cloud.messages(f"{stream}/{logger.name}/thread{n}") == [f"from {logger.name}"]
    handler.close()


def test_names_that_cloudwatch_does_not_take_are_mended(side, logger, stream):
    """Row "Stream name": colons, stars and overlong names would be refused by CloudWatch for ever."""
    handler = side.handler(f"{stream}/a:b*c/{{strftime:%H:%M}}/" + "ü" * 600)
    logger.addHandler(handler)
    logger.info("here")
    assert handler.flush(60, "ended").all_delivered
    (name,) = [name for name in side.cloud.streams() if name.startswith(stream)]
    assert name.startswith(f"{stream}/a-b-c/") and side.cloud.messages(name) == ["here"]
    assert len(name) == 512


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


def test_a_subclass_with_a_stream_name_of_its_own(side, logger, stream):
    """Row "overridable `_get_stream_name`"; Watchtower's `_get_machine_name` is there, too."""

    class Own(splashdam.CloudWatchLogHandler):
        def _get_stream_name(self, message):
            return f"{stream}-{message.levelname}-{self._get_machine_name()}"

        def _get_machine_name(self):
            return "machine"

    handler = Own(socket=side.socket)
    logger.addHandler(handler)
    logger.info("info")
    logger.error("error")
    assert side.arrived(handler, f"{stream}-INFO-machine") == ["info"]
    assert side.arrived(handler, f"{stream}-ERROR-machine") == ["error"]


@pytest.mark.parametrize("broken", ["template", "override"])
def test_a_stream_name_that_fails_is_told_and_the_app_goes_on(side, logger, stream, told, broken):
    """Row "handleError": a failing `_get_stream_name` costs that record and nothing else."""

    class Own(splashdam.CloudWatchLogHandler):
        def _get_stream_name(self, message):
            if "bad" in message.msg:
                raise KeyError("no such name")
            return stream

    if broken == "override":
        handler = Own(socket=side.socket)
        logger.addHandler(handler)
        logger.info("bad")
        logger.info("good")
        assert side.arrived(handler, stream) == ["good"]
    else:
        handler = side.handler("{nobody}")
        logger.addHandler(handler)
        logger.info("bad")
    assert [error for _, error in told] == [KeyError]
    assert handler.stats().failed == 1


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


RAISES = pytest.mark.xfail(strict=True, reason="the constructor raises")


@pytest.mark.parametrize("template", [pytest.param("{oops", marks=RAISES), "{}", "{logger_name:d}"])
def test_a_template_that_cannot_be_filled_in(side, stream, told, template):
    """Row "handleError": it does not keep the app from starting; each record tells of it, as with Watchtower."""
    logger = logging.Logger("app")
    handler = side.handler(template)
    logger.addHandler(handler)
    logger.info("here")
    assert len(told) == 1 and handler.stats().failed == 1


@pytest.mark.xfail(strict=True, reason="an error that the second try does not repeat is raised into the app")
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


def test_group_and_stream_may_be_changed_later(side, logger, stream):
    """Row "Stream name formatted per record": Watchtower reads both attributes at each record."""
    handler = side.handler(f"{stream}-before")
    logger.addHandler(handler)
    logger.info("before")
    handler.log_stream_name = f"{stream}-after"
    logger.info("after")
    assert side.arrived(handler, f"{stream}-before") == ["before"]
    assert side.cloud.messages(f"{stream}-after") == ["after"]
    handler.log_group_name = "/somebody/elses"
    logger.info("%s refused", stream)
    assert f"{stream} refused" in side.arrived(handler, "default")


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


def test_odd_texts_arrive(side, logger, stream):
    """Lone surrogates, NUL, control characters and newlines: what is no UTF-8 is written out, the rest is verbatim."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    odd = ["a\ud800b", "nul \0 bell \a", "line\nline\r\n", "\ufeffmark \u2028", "🦀 e\u0301", "%s and %d unfilled"]
    for text in odd:
        logger.info(text)
    assert side.arrived(handler, stream) == ["a\\ud800b", *odd[1:]]


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
