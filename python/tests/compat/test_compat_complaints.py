"""What Watchtower's users complain of (issue numbers in kislyuk/watchtower), where no other file has it."""

import logging
import os
import threading
import time

import pytest

import splashdam
from harness import numbers, start_sidecar
from programs import CREDENTIALS, PATIENCE

GROUP = "/splashdam/tests"


@pytest.fixture
def app(folder, emulator):
    """A logger that ships through a sidecar of its own, with the endpoint in the test's hands."""
    with start_sidecar(folder, emulator.url, "--backoff-max", "200ms") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="app", socket=sidecar.socket)
        logger = logging.Logger("app", logging.DEBUG)
        logger.addHandler(handler)
        yield logger
        handler.close()


def flushed(logger):
    return logger.handlers[0].flush(PATIENCE, "ended")


def test_slow_68(app, emulator, cloud):
    """Complaint 68: a call costs no round trip. Done one after the other, these would take 200 s."""
    emulator.control("faults", {"kind": "latency", "latency": "200", "operation": "PutLogEvents"})
    begun = time.monotonic()
    for n in range(1000):
        app.info("n=%d", n)
    assert time.monotonic() - begun < 20
    assert flushed(app).delivered == 1000
    assert numbers(cloud.messages("app")) == dict.fromkeys(range(1000), 1)


@pytest.mark.parametrize("operation", ["CreateLogGroup", "CreateLogStream"])
def test_stream_creation_in_an_outage_50(app, emulator, cloud, operation):
    """Complaint 50: creating blocks the app while AWS is away. Here it is the sidecar's, and the app goes on."""
    emulator.control("faults", {"kind": "hang", "seconds": 6, "operation": operation, "count": 1})
    begun = time.monotonic()
    app.info("n=0")
    assert time.monotonic() - begun < 6
    assert flushed(app).all_delivered
    assert cloud.messages("app") == ["n=0"]


def test_throttling_on_create_47(folder, emulator, cloud):
    """Complaint 47: 30 processes' worth of streams at once, and AWS throttles their creation."""
    cloud.logs.create_log_group(logGroupName=GROUP)
    emulator.control("faults", {"kind": "throttle", "operation": "CreateLogStream", "count": 10})
    with start_sidecar(folder, emulator.url, "--create-rate", "1000", "--backoff-max", "200ms") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        for n in range(30):
            logger = logging.Logger(f"stream{n}")
            logger.addHandler(handler)
            logger.info("n=%d", n)
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert [cloud.messages(f"stream{n}") for n in range(30)] == [[f"n={n}"] for n in range(30)]
        assert emulator.report()["calls"]["CreateLogStream"]["total"] == 30 + 10, (
            "each is created once, and once more for each refusal"
        )
        handler.close()


@pytest.mark.parametrize(
    "kind", ["server_error", "throttle", "expired_credentials", "reset_before_body", "commit_then_drop"]
)
def test_delivery_goes_on_after_errors_46_74(app, emulator, cloud, kind):
    """Complaints 46, 74: delivery dies after one error, or five in a row."""
    app.info("n=0")
    assert flushed(app).all_delivered
    emulator.control("faults", {"kind": kind, "count": 6})
    for n in range(1, 20):
        app.info("n=%d", n)
    assert flushed(app).all_delivered
    found = numbers(cloud.messages("app"))
    assert set(found) == set(range(20))
    assert set(found.values()) == {1} or kind == "commit_then_drop"


def test_poison_records_are_isolated_46_74(app, cloud):
    """Complaints 46, 74: what CloudWatch refuses costs its neighbours nothing, and is counted."""
    now = time.time()
    for at, text in [
        (now, "n=1"),
        (now - 30 * 86400, "too old"),
        (now + 86400, "too new"),
        (-5, "before 1970"),
        (now, "n=2"),
    ]:
        app.handle(logging.makeLogRecord({"msg": text, "created": at, "name": "app", "levelno": 20}))
    report = flushed(app)
    assert (report.delivered, report.rejected, report.pending) == (2, 3, 0) and not report.all_delivered
    assert sorted(cloud.messages("app")) == ["n=1", "n=2"]


def test_order_and_span_20_11_129(app, emulator, cloud):
    """Complaints 20, 11, 129: no sequence tokens; records of two days, logged out of order, arrive in time's order."""
    now = int(time.time())
    ages = [n * 5000 for n in range(40)]  # Up to 54 hours, of which one batch may span 24.
    for age in [*ages[1::2], *reversed(ages[::2])]:
        app.handle(logging.makeLogRecord({"msg": f"n={age}", "created": now - age, "name": "app", "levelno": 20}))
    assert flushed(app).all_delivered
    assert cloud.messages("app") == [f"n={age}" for age in reversed(ages)]
    assert emulator.report()["violations"]["total"] == 0


def test_no_thread_89_54_189(app):
    """Complaints 89, 54 (gunicorn), 189 (uWSGI without threads): nothing of ours needs one, not even at a flush."""
    before = os.listdir("/proc/self/task"), threading.active_count()
    app.info("n=0")
    assert flushed(app).all_delivered
    assert (os.listdir("/proc/self/task"), threading.active_count()) == before


def test_botocore_recursion_65_93_115(side, run_app, stream):
    """Complaints 65, 93, 115: everything at DEBUG, with an app that uses boto3 itself. Nothing of ours logs."""
    code = """if True:
        import boto3, logging, splashdam, sys
        handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1])
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        root.addHandler(handler)
        root.debug("first")
        handler.flush(60, "ended")
        boto3.client("logs", endpoint_url=sys.argv[2], region_name="eu-central-1").describe_log_groups()
        root.debug("last")
        assert handler.flush(60, "ended").all_delivered
        assert not [name for name in logging.root.manager.loggerDict if "splashdam" in name]
    """
    done = run_app(code, stream, side.emulator.url, environment=CREDENTIALS)
    assert done.returncode == 0, done.stderr
    messages = side.cloud.messages(stream)
    assert (messages[0], messages[-1]) == ("first", "last") and len(messages) > 10


def test_an_endpoint_that_is_down_at_start(folder, emulator, cloud):
    """ "Seen when run": with the endpoint down Watchtower's constructor raises, so gunicorn cannot start a worker."""
    emulator.control("outage", {"seconds": 2})
    with start_sidecar(folder, emulator.url, "--backoff-max", "200ms") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="app", socket=sidecar.socket)
        logger = logging.Logger("app")
        logger.addHandler(handler)
        logger.info("n=0")
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert cloud.messages("app") == ["n=0"]
        handler.close()


def test_records_of_a_burst_while_the_stream_is_created(app, cloud):
    """ "observed: 2 of 102 arrived, no warning": while Watchtower creates a stream, what comes is dropped."""
    for n in range(102):
        app.info("n=%d", n)
    assert flushed(app).delivered == 102
    assert numbers(cloud.messages("app")) == dict.fromkeys(range(102), 1)


def test_a_sidecar_that_comes_late_or_is_restarted(folder, emulator, cloud):
    """What was logged before there was a sidecar arrives with the next record, flush or end; so after a restart."""
    handler = splashdam.CloudWatchLogHandler(log_stream_name="app", socket=folder / "s")
    logger = logging.Logger("app")
    logger.addHandler(handler)
    logger.info("n=0")
    assert not handler.flush().reached
    with start_sidecar(folder, emulator.url, "--shutdown-deadline", "2s") as sidecar:
        logger.info("n=1")
        assert handler.flush(PATIENCE, "ended").all_delivered
        sidecar.process.terminate()
        logger.info("n=2")
        sidecar.process.wait(PATIENCE)
    with start_sidecar(folder, emulator.url):
        logger.info("n=3")
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert numbers(cloud.messages("app")) == dict.fromkeys(range(4), 1)
        assert handler.stats().adds_up and handler.stats().lost_total == 0
        handler.close()
