"""Every keyword of Watchtower's constructor is accepted, by name and by place, and does what docs/python.md says."""

import inspect
import logging
import logging.config
import sys
import warnings
from datetime import timedelta

import pytest
import watchtower

import splashdam
from splashdam import _watchtower

#: Each keyword with a value that is not its default.
EVERY_KEYWORD = {
    "log_group_name": "/splashdam/tests",
    "log_stream_name": "to be replaced",
    "use_queues": False,
    "send_interval": timedelta(seconds=1),
    "max_batch_size": 512 * 1024,
    "max_batch_count": 1000,
    "boto3_client": object(),
    "boto3_profile_name": "nobody",
    "create_log_group": False,
    "log_group_tags": {"team": "shop"},
    "json_serialize_default": str,
    "log_group_retention_days": 14,
    "create_log_stream": False,
    "max_message_size": 100_000,
    "boto3_session": object(),
    "endpoint_url": "http://127.0.0.1:1",
    "level": "INFO",
}


@pytest.fixture
def first_word():
    """As in a process whose settings nothing was said about yet."""
    _watchtower._warned.clear()
    yield
    _watchtower._warned.clear()


def watchtowers_names():
    """The names of Watchtower's own arguments, in their order."""
    parameters = inspect.signature(watchtower.CloudWatchLogHandler.__init__).parameters.values()
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"]


def test_our_arguments_stand_where_watchtowers_stand():
    """Row "Constructor keywords": accept every one, also by place."""
    ours = inspect.signature(splashdam.CloudWatchLogHandler.__init__).parameters
    assert [name for name in ours if name != "self"][: len(watchtowers_names())] == watchtowers_names()


def test_the_defaults_are_watchtowers():
    """Row "Constructor keywords": `max_message_size` alone differs: long texts are split, and cut only if it is set."""
    theirs = inspect.signature(watchtower.CloudWatchLogHandler.__init__).parameters
    ours = inspect.signature(splashdam.CloudWatchLogHandler.__init__).parameters
    differs = {
        name: (theirs[name].default, ours[name].default)
        for name in watchtowers_names()
        if (theirs[name].default or None) != (ours[name].default or None)
    }
    assert differs == {"max_message_size": (262144, None)}


def test_every_keyword_is_accepted_and_records_arrive(side, logger, stream):
    """Row "Constructor keywords": no TypeError."""
    handler = splashdam.CloudWatchLogHandler(**{**EVERY_KEYWORD, "log_stream_name": stream}, socket=side.socket)
    logger.addHandler(handler)
    logger.info("n=1")
    logger.debug("below the level")
    assert side.arrived(handler, stream) == ["n=1"]


@pytest.mark.parametrize("name", sorted(EVERY_KEYWORD))
def test_each_keyword_alone_is_accepted(side, logger, stream, name):
    """Row "Constructor keywords": none of them needs another, and none is an error."""
    handler = splashdam.CloudWatchLogHandler(
        **{name: EVERY_KEYWORD[name], "log_stream_name": stream}, socket=side.socket
    )
    logger.addHandler(handler)
    logger.info("n=1")
    assert side.arrived(handler, stream) == ["n=1"]


@pytest.mark.parametrize("name", [n for n in sorted(EVERY_KEYWORD) if n not in ("level", "log_stream_name")])
def test_none_is_accepted_for_each_keyword(side, logger, stream, name):
    """Row "Constructor keywords": None for stream or retention is tolerated; here: for anything."""
    handler = splashdam.CloudWatchLogHandler(**{"log_stream_name": stream, "socket": side.socket, name: None})
    logger.addHandler(handler)
    logger.info("n=1")
    assert side.arrived(handler, stream) == ["n=1"]


def test_no_stream_is_the_sidecars_own(side, logger):
    """Row "Constructor keywords": None for the stream."""
    handler = side.handler(None)
    logger.addHandler(handler)
    logger.info("nobody named a stream")
    assert "nobody named a stream" in side.arrived(handler, "default")


def test_positional_arguments_in_watchtowers_order(side, logger, stream):
    """Row "Constructor keywords": Watchtower hands what comes behind its own arguments to `logging.Handler`."""
    handler = splashdam.CloudWatchLogHandler(
        "/splashdam/tests", stream, False, 1, 1000, 10, object(), "profile", False, {"a": "b"}, repr, 7, False, 100,
        None, None, logging.WARNING, socket=side.socket,
    )  # fmt: skip
    logger.addHandler(handler)
    logger.warning({"an object": object})
    logger.info("below the level")
    assert side.arrived(handler, stream) == ['{"an object": "<class \'object\'>"}']
    assert handler.level == logging.WARNING
    assert (handler.log_group_retention_days, handler.max_message_size) == (7, 100)


def test_the_default_group_is_the_sidecars(side, logger, stream):
    """Row "Constructor keywords": Watchtower's default name means that nobody named a group."""
    handler = side.handler(stream, log_group_name="watchtower")
    logger.addHandler(handler)
    logger.info("n=1")
    assert side.arrived(handler, stream) == ["n=1"]
    assert handler.stats().refused == 0


def test_a_refused_group_is_said_once_and_the_records_arrive_all_the_same(side, run_app, stream):
    """Row "Constructor keywords": `log_group_name` becomes the destination, which the sidecar may refuse."""
    code = """if True:
        import logging, splashdam, sys
        handler = splashdam.CloudWatchLogHandler(log_group_name="/somebody/elses", log_stream_name="s")
        logging.getLogger().addHandler(handler)
        for n in range(3):
            logging.getLogger(str(n)).warning("refused %s", sys.argv[1])
        assert handler.flush(60, "ended").all_delivered
        assert handler.stats().refused == 1, handler.stats()
    """
    done = run_app(code, stream)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("refuses the destination") == 1 and "/somebody/elses:s" in done.stderr
    assert side.cloud.messages("default").count(f"refused {stream}") == 3


def test_what_the_sidecar_decides_is_warned_about_once_in_a_process(side, stream, first_word):
    """Row "Constructor keywords": tags, retention, batch sizes, clients: accepted, and said once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            side.handler(stream, log_group_tags={"a": "b"}, log_group_retention_days=1, boto3_client=object())
        side.handler(stream, max_batch_count=5)
    assert [w.category for w in caught] == [splashdam.SplashdamWarning]
    for name in ("log_group_tags", "log_group_retention_days", "boto3_client"):
        assert name in str(caught[0].message)


def test_watchtowers_defaults_are_not_worth_a_word(side, stream, first_word):
    """Row "Constructor keywords": who sets nothing, or what was the default anyway, is left in peace."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        side.handler(stream)
        side.handler(stream, use_queues=True, send_interval=60, max_batch_size=1024 * 1024, max_batch_count=10000)
        side.handler(stream, log_group_tags={}, log_group_retention_days=None, use_queues=False)


@pytest.mark.parametrize("keywords", [{"log_group": "x"}, {"stream_name": "x"}, {"log_group_retention_days": 1}])
def test_a_warning_names_the_line_that_made_the_handler(side, keywords, first_word):
    """Row "Constructor keywords": Python shows a DeprecationWarning only where the code that is to change is named."""

    def make():
        return splashdam.CloudWatchLogHandler(socket=side.socket, **keywords), sys._getframe().f_lineno

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, line = make()
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, line)]


def test_the_old_names_of_group_and_stream(side, logger, stream):
    """Row "Constructor keywords": aliases `log_group` and `stream_name`, deprecated in Watchtower, too."""
    with pytest.warns(DeprecationWarning) as caught:
        handler = splashdam.CloudWatchLogHandler(log_group="/splashdam/tests", stream_name=stream, socket=side.socket)
    assert len(caught) == 2
    assert (handler.log_group_name, handler.log_stream_name) == ("/splashdam/tests", stream)
    logger.addHandler(handler)
    logger.info("n=1")
    assert side.arrived(handler, stream) == ["n=1"]


@pytest.mark.parametrize(
    "keywords",
    [
        {"boto3_client": object(), "boto3_profile_name": "both"},
        {"boto3_session": object(), "endpoint_url": "http://127.0.0.1:1"},
        {"boto3_profile_name": "there is no such profile"},
        {"log_group": "old", "log_group_name": "new"},
        {"stream_name": "old", "log_stream_name": "new"},
    ],
)
def test_what_watchtower_refuses_is_no_error_here(side, keywords):
    """Row "Constructor keywords": Watchtower raises for these; an app that starts is worth more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        handler = splashdam.CloudWatchLogHandler(socket=side.socket, **keywords)
    assert "old" not in (handler.log_group_name, handler.log_stream_name)


def test_repr_is_watchtowers():
    """It stands in people's debug output."""
    handler = splashdam.CloudWatchLogHandler("/my/app", "my stream")
    assert repr(handler) == "CloudWatchLogHandler(log_group_name='/my/app', log_stream_name='my stream')"


def test_the_constant_that_overriding_sizes_add():
    """Row "overridable": an own `_size` adds `EXTRA_MSG_PAYLOAD_SIZE`; without it every record would be an error."""
    ours = splashdam.CloudWatchLogHandler.EXTRA_MSG_PAYLOAD_SIZE
    assert ours == watchtower.CloudWatchLogHandler.EXTRA_MSG_PAYLOAD_SIZE


@pytest.mark.parametrize("name", ["log_group_name", "log_stream_name"])
def test_a_subclass_that_sets_attributes_before_the_constructor(name):
    """Row "overridable": these are plain attributes in Watchtower; whoever set them early was overruled, no more."""

    class Own(splashdam.CloudWatchLogHandler):
        def __init__(self):
            setattr(self, name, None)
            super().__init__("/my/app", "mine")

    assert (Own().log_group_name, Own().log_stream_name) == ("/my/app", "mine")
