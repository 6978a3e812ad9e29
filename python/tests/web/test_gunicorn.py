"""A Django project under gunicorn: workers come, go and are killed, and no record goes with them."""

import os
import signal

import pytest
from web_load import Load, prove
from web_servers import Gunicorn

from harness import start_sidecar, wait_for

THREADS = ["--worker-class", "gthread", "--threads", "4"]
KINDS = {"sync": ["--worker-class", "sync"], "gthread": THREADS, "gevent": ["--worker-class", "gevent"]}
PRELOAD = {"preload": ["--preload"], "each-loads": []}

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
preload = pytest.mark.parametrize("preload", PRELOAD.values(), ids=PRELOAD)


@pytest.fixture
def sidecar(folder, emulator):
    with start_sidecar(folder, emulator.url) as running:
        yield running


@kinds
@preload
def test_recycled_and_reloaded_workers(folder, cloud, sidecar, kind, preload):
    """Workers leave because of `max_requests` and of a graceful reload (HUP) while requests run."""
    with Gunicorn(folder, *kind, *preload, "--max-requests", "25") as server:
        with Load(server, count=3) as load:
            # gevent's worker looks at its count of requests only once a second.
            wait_for("a recycled worker's successor answers", lambda: len(load.pids()) > 2)
            before = set(load.pids()) | set(server.workers())
            server.process.send_signal(signal.SIGHUP)
            wait_for("new workers answer", lambda: len(set(load.pids()) - before) >= 2)
            load.wait_for_answers(20)
        arrived = prove(cloud, server, sidecar)
    assert len(arrived) >= 3 * len(load.served())


@kinds
@preload
def test_workers_killed_right_after_logging(folder, cloud, sidecar, kind, preload):
    with Gunicorn(folder, *kind, *preload) as server:
        with Load(server) as load:
            for number in range(900_001, 900_004):
                load.wait_for_answers(10)
                assert server.get("killed", first=number).status is None
            load.wait_for_answers(10)
        assert {900_001, 900_002, 900_003} <= set(server.returned())
        prove(cloud, server, sidecar)


TIMEOUTS = {"sync": KINDS["sync"], "sync-preload": [*KINDS["sync"], "--preload"], "gevent": KINDS["gevent"]}


@pytest.mark.parametrize("kind", TIMEOUTS.values(), ids=TIMEOUTS)
def test_workers_killed_by_the_timeout(folder, cloud, sidecar, kind):
    """gunicorn sends SIGABRT, and SIGKILL a second later where that was not heard."""
    with Gunicorn(folder, *kind, "--timeout", "1") as server:
        heard, deaf = {"first": 900_001}, {"first": 900_002, "deaf": "yes"}
        for query in heard, deaf:
            assert server.get("sleep", **query).status in (None, 500)
        wait_for("new workers are there", lambda: len(server.workers()) == 2)
        load = Load(server)
        load.run(10)
        assert len(load.served()) == 10
        assert {900_001, 900_002} <= set(server.returned())
        prove(cloud, server, sidecar)
    assert any("SIGKILL" in line for line in server.lines), server.output()


def test_what_django_itself_logs(folder, cloud, sidecar):
    """An exception that no view caught arrives with its traceback, as one record of several lines."""
    with Gunicorn(folder) as server:
        assert server.get("fail", first=900_001).status == 500
        prove(cloud, server, sidecar)
    [message] = [text for text in cloud.messages() if "n=900001" in text]
    assert message.splitlines()[0].endswith("django.request: Internal Server Error: /fail")
    assert "Traceback" in message and "ValueError: n=900001" in message


def test_a_worker_told_to_go_while_it_logs(folder, cloud, sidecar):
    """SIGTERM from outside, as an orchestrator or an operator sends it to single workers, again and again."""
    with Gunicorn(folder, *THREADS) as server:
        with Load(server, count=5) as load:
            for _ in range(3):
                load.wait_for_answers(10)
                os.kill(server.workers()[0], signal.SIGTERM)
            load.wait_for_answers(10)
        prove(cloud, server, sidecar)
