"""Waits that burn the processor, have no bound, or stop those who may not be stopped."""

import asyncio
import threading
import time

import pytest

import splashdam


def test_waiting_for_a_sidecar_that_drains_costs_no_processor_time(logger, sidecar):
    logger.info("1")
    sidecar.accept()
    sidecar.welcome()
    sidecar.say(type="draining", deadline_ms=25000)
    logger.handler.flush(timeout=0)
    logger.info("2")
    began = time.process_time()
    logger.handler.flush(timeout=1.0)
    assert time.process_time() - began < 0.5


def test_waiting_for_a_welcome_with_a_large_record_costs_no_processor_time(logger, sidecar):
    logger.info("x" * 100_000)
    began = time.process_time()
    logger.handler.flush(timeout=1.0)
    assert time.process_time() - began < 0.5


def test_a_thread_that_waits_for_room_does_not_stop_the_loop(logger, sidecar, path):
    logger.removeHandler(logger.handler)
    handler = splashdam.Handler(socket=path, max_wait=20.0)
    logger.addHandler(handler)
    logger.info("first")
    sidecar.accept()
    sidecar.welcome()

    def fill():
        while handler.stats().lost_total == 0:
            logger.info("y" * 2000)

    async def serve():
        thread = threading.Thread(target=fill)
        logger.info("the loop's own")
        thread.start()
        slowest = 0.0
        while thread.is_alive():
            began = time.monotonic()
            logger.info("the loop's own")
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.001)
        return slowest

    assert asyncio.run(serve()) < 15


FROZEN = """
    import logging, os, threading, time
    import splashdam
    handler = splashdam.Handler(socket={path!r}, max_wait=0.1, exit_timeout=0.2)
    handler.handle(logging.makeLogRecord({{"msg": "x"}}))
    time.monotonic = lambda: 1000.0  # What freezegun does.
    threading.Timer(50, os._exit, [3]).start()
    {step}
    os._exit(0)
"""


@pytest.mark.parametrize(
    "step",
    [
        "handler.flush(timeout=0.2)",
        "[handler.handle(logging.makeLogRecord({'msg': 'y' * 1000})) for _ in range(10000)]",
    ],
)
def test_a_frozen_clock_hangs_nobody(python, sidecar, path, step):
    assert python(FROZEN.format(path=str(path), step=step)).returncode == 0


ENDS = """
    import logging, multiprocessing.util, splashdam
    handler = splashdam.Handler(socket={path!r}, exit_timeout=8.0)
    handler.handle(logging.makeLogRecord({{"msg": "x"}}))
"""


def test_the_end_waits_once(python, path):
    assert python(ENDS.format(path=str(path))).seconds < 14


def test_a_very_long_text_takes_time_in_proportion(logger):
    def seconds(size):
        text = b"x" * size
        began = time.process_time()
        logger.handler._open().log(0, text)
        return time.process_time() - began

    seconds(1 << 20)
    assert seconds(48 << 20) < 20 * max(seconds(12 << 20), 0.005)


def test_a_flush_within_a_call_does_not_wait_for_that_call(logger, sidecar, link):
    logger.info("1")
    sidecar.accept()
    sidecar.welcome()
    sidecar.delivered(1)
    logger.handler.flush(timeout=0)
    real, took = link._send, []
    logger.handler.exit_timeout = 30.0

    def send(frame, flags):
        link._send = real
        began = time.monotonic()
        logger.handler.flush()  # A signal handler's.
        took.append(time.monotonic() - began)
        return real(frame, flags)

    link._send = send
    logger.info("2")
    assert took[0] < 15


def test_after_a_flush_in_vain_the_next_one_does_not_wait(logger, sidecar):
    """`logging.shutdown` flushes each handler twice: its flush and its close."""
    logger.handler.wait_for, logger.handler.exit_timeout = "ended", 4.0
    logger.info("1")
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush()
    flushes = [frame for frame in sidecar.frames() if frame["type"] == "flush"]
    counts = {"delivered": 0, "rejected": 0, "dropped": 0, "spooled": 0, "pending": 1}
    sidecar.say(type="flush_done", ticket=flushes[-1]["ticket"], status="timed_out", **counts)
    began = time.monotonic()
    logger.handler.flush()
    assert time.monotonic() - began < 3
