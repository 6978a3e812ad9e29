"""`logging.config`: by class and by factory, from files, with None values, again and again, and under load."""

import copy
import io
import logging
import logging.config
import threading
import time
import uuid

import pytest

import splashdam
from harness import numbers


@pytest.fixture
def names():
    """Names of loggers that are forgotten by `logging.config` after the test."""
    tag = uuid.uuid4().hex[:12]
    names = [f"{tag}.{n}" for n in range(7)]
    yield names
    for name in names:
        for handler in list(logging.getLogger(name).handlers):
            logging.getLogger(name).removeHandler(handler)
            handler.close()


def config(handler, names, **more):
    """A dictConfig with one handler on many loggers; nobody else's are touched."""
    loggers = {name: {"handlers": ["cloudwatch"], "level": "INFO", "propagate": False} for name in names}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"cloudwatch": handler},
        "loggers": loggers,
        **more,
    }


def configured(names):
    """The handler that the loggers have after a dictConfig."""
    (handler,) = logging.getLogger(names[0]).handlers
    assert all(logging.getLogger(name).handlers == [handler] for name in names)
    return handler


def own_handler(**keywords):
    return splashdam.CloudWatchLogHandler(**keywords)


@pytest.mark.parametrize(
    "how",
    [
        {"class": "splashdam.CloudWatchLogHandler"},
        {"()": "splashdam.CloudWatchLogHandler"},
        {"()": splashdam.CloudWatchLogHandler},
        {"()": own_handler},
        {"()": "splashdam.Handler"},
    ],
)
def test_dictconfig_by_class_and_by_factory(side, names, stream, how):
    """Row "`class:` and `():` in dictConfig"."""
    keyword = "stream" if how.get("()") == "splashdam.Handler" else "log_stream_name"
    logging.config.dictConfig(config({**how, keyword: stream, "socket": side.socket}, names))
    for n, name in enumerate(names):
        logging.getLogger(name).info("n=%d", n)
        logging.getLogger(name).debug("below the level")
    assert side.arrived(configured(names), stream) == [f"n={n}" for n in range(7)]


def test_cloudigrades_configuration(side, names, stream):
    """Rows "None for stream or retention", "Trap", "one handler on many loggers": the settings of a real app."""
    client = object()
    settings = {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {"verbose": {"format": "%(levelname)s | requestid:%(request_id)s | %(message)s"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "stream": io.StringIO(),
                "formatter": "verbose",
                "filters": ["request_id"],
            },
            "watchtower": {
                "level": "INFO",
                "class": "splashdam.CloudWatchLogHandler",
                "socket": side.socket,
                "boto3_client": client,
                "log_group_name": None,
                "log_stream_name": None,
                "log_group_retention_days": None,
                "formatter": "verbose",
                "use_queues": True,
                "send_interval": 1.0,
                "max_batch_count": 1000,
            },
        },
        "loggers": {
            name: {"handlers": ["console", "watchtower"], "level": "INFO", "propagate": False} for name in names
        },
    }
    logging.config.dictConfig(settings)
    for name in names:
        logging.getLogger(name).info("%s from %s", stream, name)
    handler = logging.getLogger(names[0]).handlers[1]
    arrived = [text for text in side.arrived(handler, "default") if stream in text]
    assert arrived == [f"INFO | requestid:r-1 | {stream} from {name}" for name in names]


class RequestIdFilter(logging.Filter):
    """As cloudigrade's: it belongs to the console handler, and the record keeps what it sets."""

    def filter(self, record):
        record.request_id = "r-1"
        return True


def test_a_configuration_read_from_yaml_or_json(side, names, stream):
    """Row "Constructor keywords": plain data, as a file has it, every absent value None."""
    keywords = ["log_group_name", "boto3_client", "boto3_profile_name", "log_group_tags", "json_serialize_default"]
    keywords += ["log_group_retention_days", "max_message_size", "send_interval", "max_batch_size", "max_batch_count"]
    handler = {"class": "splashdam.CloudWatchLogHandler", "socket": side.socket, "log_stream_name": stream}
    handler.update(dict.fromkeys(keywords), level="INFO", filters=[])
    logging.config.dictConfig(copy.deepcopy(config(handler, names)))
    logging.getLogger(names[3]).info("here")
    assert side.arrived(configured(names), stream) == ["here"]


def test_a_formatter_by_dictconfig(side, names, stream):
    """Row "CloudWatchLogFormatter": as a formatter of its own, with the attributes in the configuration."""
    formatters = {"json": {"()": "splashdam.CloudWatchLogFormatter", "add_log_record_attrs": ["levelname"]}}
    handler = {"class": "splashdam.CloudWatchLogHandler", "socket": side.socket, "formatter": "json"}
    logging.config.dictConfig(config({**handler, "log_stream_name": stream}, names, formatters=formatters))
    logging.getLogger(names[0]).warning("careful")
    assert side.arrived(configured(names), stream) == ['{"msg": "careful", "levelname": "WARNING"}']


INI = """[loggers]
keys=root
[handlers]
keys=one,two
[formatters]
keys=plain
[formatter_plain]
format=%(levelname)s %(message)s
[handler_one]
class=splashdam.CloudWatchLogHandler
formatter=plain
args=()
kwargs={'log_group': 'watchtower', 'stream_name': STREAM, 'send_interval': 5, 'log_group_retention_days': 90}
[handler_two]
class=splashdam.CloudWatchLogHandler
level=ERROR
args=('watchtower', STREAM)
[logger_root]
level=INFO
handlers=one,two
"""


def test_an_ini_file(side, run_app, stream, tmp_path):
    """Complaint 83: `fileConfig` takes keywords in `kwargs`, and what Watchtower took by place in `args`."""
    path = tmp_path / "logging.ini"
    path.write_text(INI.replace("STREAM", repr(stream)))
    code = """if True:
        import logging, logging.config, sys
        logging.config.fileConfig(sys.argv[1])
        logging.getLogger("a").info("info")
        logging.getLogger("a").error("error")
    """
    done = run_app(code, path)
    assert done.returncode == 0, done.stderr
    side.wait_for_messages(stream, ["INFO info", "ERROR error", "error"])


def test_a_second_dictconfig_is_quick_and_loses_nothing(side, names, stream):
    """Complaint 141: a second dictConfig freezes Django and Celery."""
    settings = config(
        {"class": "splashdam.CloudWatchLogHandler", "socket": side.socket, "log_stream_name": stream}, names
    )
    begun = time.monotonic()
    for n in range(20):
        logging.config.dictConfig(settings)
        logging.getLogger(names[n % 7]).info("n=%d", n)
    assert time.monotonic() - begun < 20, "each waits for an acknowledgement, never for a batch or a time-out"
    handler = configured(names)
    assert numbers(side.arrived(handler, stream)) == dict.fromkeys(range(20), 1)
    assert handler.stats().adds_up


def test_a_second_dictconfig_under_load_loses_nothing(side, names, stream):
    """Complaints 141, 171, 206: it closes the handlers of loggers it does not even name, while threads log to them."""
    handler = side.handler(stream)
    busy = logging.Logger("busy")
    busy.addHandler(handler)
    over = threading.Event()
    counts = [0] * 4

    def work(at):
        while not over.is_set():
            busy.info("n=%d", at * 1_000_000 + counts[at])
            counts[at] += 1

    threads = [threading.Thread(target=work, args=(at,)) for at in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        other = {"class": "splashdam.CloudWatchLogHandler", "socket": side.socket, "log_stream_name": stream + "-other"}
        for _ in range(10):
            logging._addHandlerRef(handler)  # As at the first time: dictConfig closes each handler once.
            logging.config.dictConfig(config(other, names))
            logging.getLogger(names[0]).info("configured")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expected = {at * 1_000_000 + n: 1 for at, count in enumerate(counts) for n in range(count)}
    assert sum(counts) > 0 and numbers(side.arrived(handler, stream)) == expected
    assert side.arrived(configured(names), stream + "-other") == ["configured"] * 10


def test_flush_log_close_log_again(side, logger, stream):
    """Complaints 171, 206 ("message after logging system shutdown"): close is reversible."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    handler.flush()
    logger.info("n=0")
    handler.flush()
    logger.info("n=1")
    handler.close()
    handler.close()
    logger.info("n=2")
    handler.flush()
    handler.close()
    logger.info("n=3")
    assert side.arrived(handler, stream) == [f"n={n}" for n in range(4)]


def test_log_after_logging_shutdown(side, run_app, stream):
    """Complaints 171, 206: also when `logging.shutdown` itself was called, by hand or by an earlier exit function."""
    code = """if True:
        import atexit, logging, splashdam, sys
        logger = logging.getLogger("app")
        atexit.register(lambda: logger.error("n=3"))
        logger.addHandler(splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1]))
        logger.error("n=0")
        logging.shutdown()
        logger.error("n=1")
        logging.shutdown()
        logger.error("n=2")
    """
    done = run_app(code, stream)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    side.wait_for_messages(stream, [f"n={n}" for n in range(4)])
