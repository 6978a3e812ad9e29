"""What docs/python.md promises under "What is lost when" and "At the end of a process", row by row."""

import asyncio
import json
import logging
import signal
import time

import pytest

import splashdam
from harness import numbers, start_sidecar, wait_for
from programs import PATIENCE
from splashdam import _talk

SMALL = 64 * 1024


def logger_of(handler):
    logger = logging.Logger("app")
    logger.addHandler(handler)
    return logger


def handler_at(folder, **keywords):
    return splashdam.CloudWatchLogHandler(log_stream_name="app", socket=folder / "s", **keywords)


def lines(cloud):
    """The numbers that arrived, and the counts of the loss markers."""
    messages = cloud.messages("app")
    markers = [json.loads(text) for text in messages if '"splashdam":"loss"' in text]
    return numbers(messages), sum(marker["count"] for marker in markers)


def test_a_sidecar_that_is_not_there_yet(folder, emulator, cloud, capfd):
    """Nothing is lost up to `window`; what comes beyond is counted as `queue_full`, said once, and marked."""
    handler = handler_at(folder, window=SMALL)
    logger = logger_of(handler)
    for n in range(200):
        logger.error("n=%d %s", n, "x" * 1000)
    lost = handler.stats().lost["queue_full"]
    assert 0 < lost < 200 and handler.stats().adds_up and handler.stats().window_bytes <= SMALL
    with start_sidecar(folder, emulator.url):
        wait_for("it is back", lambda: handler.flush(PATIENCE, "ended").reached)
        wait_for("the loss is marked", lambda: lines(cloud)[1] == lost)
        assert lines(cloud)[0] == dict.fromkeys(range(200 - lost), 1)
        assert handler.stats().delivered == 200 - lost and handler.stats().adds_up
        handler.close()
    said = capfd.readouterr().err
    assert said.count("there is no such socket") == 1 and said.count("splashdam:") <= 2, said


def test_an_absent_sidecar_is_said_once_however_many_streams_there_are(folder, run_app):
    """One line for the episode and one for the end of the process: they are about the sidecar, not about a stream."""
    code = """if True:
        import logging, splashdam
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", exit_timeout=0.3)
        logging.getLogger().addHandler(handler)
        for n in range(300):
            logging.getLogger(f"logger{n % 30}").error("n=%d", n)
    """
    done = run_app(code, environment={"SPLASHDAM_SOCKET": str(folder / "nobody")})
    assert done.returncode == 0
    assert "300 records are lost at the end of the process" in done.stderr
    assert done.stderr.count("there is no such socket") <= 2


def test_a_sidecar_that_hangs(folder, emulator, cloud):
    """A call waits once an episode; then up to `window` is kept; then new records are dropped, counted, and marked."""
    with start_sidecar(folder, emulator.url) as sidecar:
        handler = handler_at(folder, window=SMALL)
        logger = logger_of(handler)
        logger.error("n=0")
        assert handler.flush(PATIENCE, "ended").all_delivered
        sidecar.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        for n in range(1, 4000):
            logger.error("n=%d %s", n, "x" * 1000)
        assert time.monotonic() - begun < 20, "with a wait for each it would be 15 minutes"
        lost = handler.stats().lost["queue_full"]
        assert lost > 0 and handler.stats().adds_up
        sidecar.process.send_signal(signal.SIGCONT)
        assert handler.flush(PATIENCE, "ended").reached
        wait_for("the loss is marked", lambda: handler.flush(0) and lines(cloud)[1] == lost)
        assert lines(cloud)[0] == dict.fromkeys(range(4000 - lost), 1)
        assert handler.stats().delivered == 4000 - lost and handler.stats().adds_up
        handler.close()


def test_a_flush_tells_of_all_losses(folder, emulator, cloud, monkeypatch):
    """The loss is told to the sidecar when it reads again: all of it, for the flush may be the app's last call."""
    monkeypatch.setattr(_talk, "REPORT_EVERY", 3600)
    handler = handler_at(folder, window=SMALL)
    logger = logger_of(handler)
    losses = handler._link_to("app").channel.losses
    with start_sidecar(folder, emulator.url):
        logger.error("n=0")
        for reason in ("queue_full", "unconfirmed"):
            losses.add(reason, 1, (1, 2))
            assert handler.flush(PATIENCE, "ended").reached
        assert not losses.untold()
        handler.close()


def test_a_sidecar_that_is_killed_while_the_app_lives_on(folder, emulator, cloud):
    """Without a spool nothing is lost as long as less than `window` was on its way."""
    emulator.control("faults", {"kind": "unavailable"})
    handler = handler_at(folder)
    logger = logger_of(handler)
    with start_sidecar(folder, emulator.url) as sidecar:
        for n in range(500):
            logger.error("n=%d", n)
        assert handler.flush(PATIENCE, "admitted").reached
        sidecar.process.kill()
        sidecar.process.wait()
    emulator.control("faults", method="DELETE")
    with start_sidecar(folder, emulator.url):
        logger.error("n=500")
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert set(cloud.numbers("app")) == set(range(501))
        handler.close()


def test_a_sidecar_that_is_killed_with_more_than_the_window(folder, emulator, cloud):
    """What had been let go of (`at_risk`) is lost with it, and counted exactly."""
    emulator.control("faults", {"kind": "unavailable"})
    handler = handler_at(folder, window=SMALL)
    logger = logger_of(handler)
    with start_sidecar(folder, emulator.url) as sidecar:
        for n in range(500):
            logger.error("n=%d %s", n, "x" * 1000)
            if n % 20 == 0:
                assert handler.flush(PATIENCE, "admitted").reached
        assert handler.stats().at_risk > 0 and handler.stats().lost_total == 0
        sidecar.process.kill()
        sidecar.process.wait()
    emulator.control("faults", method="DELETE")
    with start_sidecar(folder, emulator.url):
        logger.error("n=500")
        assert handler.flush(PATIENCE, "ended").reached
        arrived = cloud.numbers("app")
        stats = handler.stats()
        assert set(stats.lost) <= {"sidecar_lost", "unconfirmed"} and stats.adds_up
        assert stats.lost_total == 501 - len(arrived) > 0
        handler.close()


@pytest.mark.parametrize("wait_for_level", ["durable", "ended"])
def test_the_end_waits_for_what_was_asked_for(folder, emulator, cloud, run_app, wait_for_level):
    """`wait_for`: with `durable` the spool has everything when the app is gone, with `ended` CloudWatch has."""
    code = """if True:
        import logging, splashdam, sys
        handler = splashdam.CloudWatchLogHandler(log_stream_name="app", wait_for=sys.argv[1], exit_timeout=60)
        logging.getLogger("app").addHandler(handler)
        for n in range(300):
            logging.getLogger("app").error("n=%d", n)
    """
    spool = ["--spool-dir", folder / "spool"] if wait_for_level == "durable" else []
    # For good, or for as long as whoever does not wait is gone.
    emulator.control("faults", {"kind": "unavailable", **({} if spool else {"count": 4})})
    with start_sidecar(folder, emulator.url, *spool) as sidecar:
        done = run_app(code, wait_for_level, environment={"SPLASHDAM_SOCKET": str(sidecar.socket)})
        assert (done.returncode, done.stderr) == (0, "")
        sidecar.process.kill()
        sidecar.process.wait()
    if spool:
        emulator.control("faults", method="DELETE")
        with start_sidecar(folder, emulator.url, *spool):
            wait_for("delivery begins", lambda: "app" in cloud.streams())
            wait_for("all arrived", lambda: len(cloud.numbers("app")) == 300)
    assert set(cloud.numbers("app")) == set(range(300))


def test_nothing_happens_between_calls_and_flush_0_is_a_call(folder, emulator, cloud):
    """Without a thread: what is kept is handed over by the next record or flush; `flush(0)` does not wait."""
    handler = handler_at(folder)
    logger_of(handler).error("n=0")
    with start_sidecar(folder, emulator.url):
        time.sleep(0.5)  # Whatever would happen by itself has the time to; nothing does, so this cannot be too short.
        assert cloud.streams() == [] and handler.stats().unsent == 1

        def arrived():
            handler.flush(0)
            return cloud.streams() == ["app"] and cloud.messages("app") == ["n=0"]

        wait_for("a flush handed it over", arrived)
        handler.close()


def test_a_loop_is_never_stopped(folder, emulator):
    """asyncio: neither a call nor `flush()` waits in the loop's thread; `flush_async` waits beside it."""

    async def main():
        logger.error("n=0")
        assert (await handler.flush_async(PATIENCE, "ended")).all_delivered
        sidecar.process.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        for n in range(2000):
            logger.error("%d %s", n, "x" * 1000)
        assert not handler.flush(30, "ended").reached
        assert time.monotonic() - begun < 15
        assert handler.stats().lost["queue_full"] > 0
        report = await handler.flush_async(0.1, "ended")
        assert report.timed_out and not report.all_delivered
        sidecar.process.send_signal(signal.SIGCONT)
        assert (await handler.flush_async(PATIENCE, "ended")).reached

    with start_sidecar(folder, emulator.url) as sidecar:
        handler = handler_at(folder, window=SMALL)
        logger = logger_of(handler)
        asyncio.run(main())
        handler.close()
