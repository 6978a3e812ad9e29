"""The sidecar is away, hangs or cannot deliver while gunicorn serves: the app serves on.

Nothing is lost but what no worker has room for, and that is counted. The latencies are printed (pytest -s).
"""

import json
import signal
from contextlib import suppress

import pytest
from web_trial import THREADS, Trial

from harness import start_sidecar, wait_for

KINDS = {
    "gthread": THREADS,
    "gevent": ["--worker-class", "gevent"],
}


def start(folder, emulator, *flags):
    # An app that is connected keeps the intake open for half the deadline.
    return start_sidecar(folder, emulator.url, "--shutdown-deadline", "6s", *flags)


def test_absent_at_start(folder, emulator, cloud):
    with Trial(folder, "absent") as trial:
        trial.load.run(150)
        with start(folder, emulator) as sidecar:
            trial.arrive(emulator, cloud)
            trial.judge()
            trial.prove(cloud, sidecar)
            assert sidecar.account()["possible_duplicates"] == 0


def test_absent_for_too_long(folder, emulator, cloud):
    """More than the workers keep: the newest records go, and the streams say how many."""
    with Trial(folder, "absent for too long", count=20, size=10_000) as trial:
        # 16 MB; each of the two workers keeps 4 MiB.
        trial.load.run(80)
        with start(folder, emulator) as sidecar:
            trial.judge()
            # What the workers have kept, and the count of what they have not, they hand over at their end.
            assert trial.server.stop() == 0, trial.server.output()
            sidecar.stop()
    arrived, returned = cloud.numbers(), trial.server.returned()
    assert set(arrived) <= set(returned) and set(arrived.values()) == {1}
    markers = [json.loads(text) for text in cloud.messages() if text.startswith("{") and '"splashdam":"loss"' in text]
    told = sum(marker["count"] for marker in markers)
    assert told == sidecar.account()["lost_by_clients"] == len(returned) - len(arrived) > 0


def test_restarted(folder, emulator, cloud):
    with Trial(folder, "restarted") as trial:
        with start(folder, emulator) as sidecar, trial.load:
            trial.load.wait_for_answers(30)
            sidecar.stop()
            trial.load.wait_for_answers(30)
        assert sidecar.account()["possible_duplicates"] == 0
        with start(folder, emulator) as sidecar:
            trial.arrive(emulator, cloud)
            trial.judge()
            trial.prove(cloud, sidecar)


@pytest.mark.parametrize("spool", [True, False], ids=["spool", "no-spool"])
def test_killed(folder, emulator, cloud, spool):
    """Without a spool, what had not ended is still with the app, which sends it again, delivered or not."""
    flags = ["--spool-dir", folder / "spool"] if spool else []
    with Trial(folder, "killed") as trial:
        with start(folder, emulator, *flags) as sidecar, trial.load:
            trial.load.wait_for_answers(30)
            sidecar.process.kill()
            sidecar.process.wait()
            trial.load.wait_for_answers(30)
        with start(folder, emulator, *flags) as sidecar:
            trial.arrive(emulator, cloud)
            trial.judge()
            trial.prove(cloud, sidecar, known=spool)


@pytest.mark.parametrize("flags", KINDS.values(), ids=KINDS)
def test_hung(folder, emulator, cloud, flags):
    """More than a socket takes, less than the handler keeps: 300 requests of 20 records of 500 bytes, two workers."""
    with start(folder, emulator) as sidecar, Trial(folder, "hung", flags, count=20, size=500) as trial:
        trial.load.run(8)
        sidecar.process.send_signal(signal.SIGSTOP)
        try:
            trial.load.run(300)
        finally:
            sidecar.process.send_signal(signal.SIGCONT)
        trial.arrive(emulator, cloud)
        trial.judge()
        trial.prove(cloud, sidecar)


def answers(emulator):
    with suppress(OSError):
        return emulator.report()


def test_endpoint_down(folder, emulator, cloud):
    with start(folder, emulator, "--backoff-max", "1s") as sidecar, Trial(folder, "endpoint down") as trial:
        with trial.load:
            trial.load.wait_for_answers(30)
            emulator.control("outage", {"seconds": 2})
            trial.load.wait_for_answers(30)
            wait_for("the outage is over", lambda: answers(emulator))
        trial.arrive(emulator, cloud)
        trial.judge()
        trial.prove(cloud, sidecar)
