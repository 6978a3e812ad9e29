"""The ends and the children of processes: what was logged before arrives, and nothing hangs."""

import signal
import time
import warnings
from pathlib import Path

import pytest

import splashdam
from harness import numbers, start_sidecar, wait_for

APPS = Path(__file__).parent / "apps"

SETUP = """if True:
    import logging, os, signal, sys, splashdam
    logger = logging.getLogger("app")
    keywords = {} if len(sys.argv) < 3 else {"exit_timeout": float(sys.argv[2])}
    handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1], **keywords)
    logger.addHandler(handler)
    for n in range(200):
        logger.error("n=%d", n)
"""


@pytest.mark.parametrize(
    "end, code",
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('unhandled')", 1),
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.abort()", -signal.SIGABRT),
        ("logging.shutdown(); os._exit(0)", 0),
    ],
)
def test_whatever_ends_the_process(side, run_app, stream, end, code):
    """Complaint "lost on SIGTERM (29)", Watchtower's "terminating process": what is logged is the kernel's."""
    done = run_app(SETUP + f"    {end}\n", stream)
    assert done.returncode == code, done.stderr
    side.wait_for_messages(stream, [f"n={n}" for n in range(200)])


def test_boto3_is_not_needed_and_nothing_is_asked_at_start(run_app):
    """Complaint "Django start blocked for two minutes (203, 190)": no import, connection or wait."""
    code = """if True:
        import sys
        sys.modules["boto3"] = sys.modules["botocore"] = None  # An import would raise.
        before = set(sys.modules)
        def connections(event, arguments):
            if event.startswith(("socket.", "subprocess.")):
                raise AssertionError(event)
        import splashdam
        sys.addaudithook(connections)
        splashdam.CloudWatchLogHandler(log_group_name="/nobody", log_group_retention_days=3, log_group_tags={"a": "b"})
        new = [sys.modules[name] for name in set(sys.modules) - before]
        assert not [module for module in new if "site-packages" in (getattr(module, "__file__", None) or "")]
    """
    done = run_app(code)
    assert done.returncode == 0, done.stderr


def test_warnings_as_errors_do_not_break_the_app(side, run_app, stream):
    """Python's -W error: what our warnings tell of is an error at configuration; a call that logs never raises."""
    code = """if True:
        import logging, splashdam, sys
        try:
            splashdam.CloudWatchLogHandler(log_group_retention_days=3)
        except splashdam.SplashdamWarning:
            pass
        else:
            raise AssertionError("no warning")
        logger = logging.getLogger("app")
        handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1], log_group_retention_days=3)
        logger.addHandler(handler)
        logger.error("before")
        logger.error("")
        logger.error("after")
        assert handler.flush(60, "ended").all_delivered
    """
    done = run_app(code, stream, flags=["-W", "error"])
    assert done.returncode == 0, done.stderr
    assert side.cloud.messages(stream) == ["before", "after"]


def test_an_empty_message_counts_once_where_its_warning_is_an_error(side, logger, stream, told):
    """Python's -W error: the warning is told by handleError, and the empty message counts as that alone."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logger.error("")
    assert [error for _, error in told] == [splashdam.SplashdamWarning]
    assert (handler.stats().empty, handler.stats().failed) == (1, 0)


def test_warnings_as_errors_do_not_cost_a_long_text(side, run_app, stream):
    """Python's -W error and `max_message_size`: the error is told, what is left of the text arrives."""
    code = """if True:
        import logging, splashdam, sys
        handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1], max_message_size=100)
        logging.getLogger("app").addHandler(handler)
        logging.getLogger("app").error("x" * 100)
        handler.flush(60, "ended")
    """
    assert run_app(code, stream, flags=["-W", "error"]).returncode == 0
    assert side.read(stream) == ["x" * 74]


@pytest.mark.parametrize("warmth", ["cold", "warm"])
@pytest.mark.parametrize("how", ["os.fork", "fork", "pool", "spawn", "forkserver"])
def test_children_of_every_kind(side, run_app, stream, how, warmth):
    """Complaints 31, 22, 89, 54: children log and end by whatever way, of a parent that is connected or not."""
    done = run_app(APPS / "children.py", stream, how, warmth)
    assert (done.returncode, done.stderr) == (0, "")
    starts = [100, 200, 300] + [0] * (warmth == "warm")
    expected = {n: 1 for first in starts for n in range(first, first + 50)}
    wait_for("the children's records arrived", lambda: len(numbers(side.read(stream))) == len(expected))
    assert numbers(side.read(stream)) == expected


def test_a_child_has_a_stream_of_its_own_from_its_first_record_on(side, run_app, stream):
    """Row "Stream name formatted per record": Watchtower's default template has {process_id} in it."""
    code = """if True:
        import logging, os, splashdam, sys
        logger = logging.getLogger("app")
        logger.addHandler(splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1] + "-{process_id}"))
        logger.error("parent")
        if os.fork() == 0:
            logger.error("child one")
            logger.error("child two")
            os._exit(0)
        print(os.getpid(), os.wait()[0])
    """
    done = run_app(code, stream)
    assert done.returncode == 0, done.stderr
    parent, child = (f"{stream}-{pid}" for pid in done.stdout.split())
    wait_for("all arrived somewhere", lambda: len(side.read(parent)) + len(side.read(child)) == 3)
    assert (side.read(parent), side.read(child)) == (["parent"], ["child one", "child two"])


@pytest.mark.parametrize("flushing", ["handler.flush()", "handler.close()", "logging.shutdown()"])
def test_the_end_never_hangs_where_there_is_no_sidecar(folder, stream, run_app, flushing):
    """Complaints 132, 197 (flush and close hang at exit): `exit_timeout` is the bound, and it is said what was lost."""
    begun = time.monotonic()
    environment = {"SPLASHDAM_SOCKET": str(folder / "nobody")}
    done = run_app(SETUP + f"    {flushing}\n", stream, 0.3, environment=environment)
    assert time.monotonic() - begun < 10
    assert done.returncode == 0 and "200 records are lost at the end of the process" in done.stderr


@pytest.mark.parametrize("flushing, timeout", [("pass", 2), ("handler.flush()", 0.3), ("logging.shutdown()", 0.3)])
def test_the_end_never_hangs_where_the_sidecar_does(folder, emulator, stream, run_app, flushing, timeout):
    """Complaints 132, 197: a sidecar that is stopped in its tracks; what the kernel has arrives when it goes on."""
    with start_sidecar(folder, emulator.url) as sidecar:
        sidecar.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        environment = {"SPLASHDAM_SOCKET": str(sidecar.socket)}
        done = run_app(SETUP + f"    {flushing}\n", stream, timeout, environment=environment)
        assert time.monotonic() - begun < 10
        assert (done.returncode, done.stderr) == (0, "")
        sidecar.process.send_signal(signal.SIGCONT)
        wait_for("what the kernel had arrived", lambda: emulator.report()["marks"]["unique"] == 200)


def test_a_sidecar_that_ended_first_is_no_news(folder, emulator, run_app):
    """At the end of a pod both get the signal: an app with nothing left to hand over has nothing to complain about."""
    code = """if True:
        import logging, os, signal, splashdam, sys
        handler = splashdam.CloudWatchLogHandler(log_stream_name="s")
        logging.getLogger("app").addHandler(handler)
        logging.getLogger("app").error("n=1")
        assert handler.flush(60, "ended").all_delivered
        os.kill(int(sys.argv[1]), signal.SIGKILL)
        os.unlink(handler.socket)
    """
    with start_sidecar(folder, emulator.url) as sidecar:
        done = run_app(code, sidecar.process.pid, environment={"SPLASHDAM_SOCKET": str(sidecar.socket)})
    assert (done.returncode, done.stderr) == (0, "")
