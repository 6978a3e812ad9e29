"""Which stream a record goes to: templates, names, subclasses, changes later."""

import datetime
import logging
import logging.handlers
import os
import sys
import threading
import uuid

import pytest

import splashdam


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


@pytest.mark.parametrize("template", ["{oops", "{}", "{logger_name:d}"])
def test_a_template_that_cannot_be_filled_in(side, stream, told, template):
    """Row "handleError": it does not keep the app from starting; each record tells of it, as with Watchtower."""
    logger = logging.Logger("app")
    handler = side.handler(template)
    logger.addHandler(handler)
    logger.info("here")
    assert len(told) == 1 and handler.stats().failed == 1


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
