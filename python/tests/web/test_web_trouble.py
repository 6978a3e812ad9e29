"""The sidecar is away, hangs or cannot deliver while gunicorn serves: the app serves on, and nothing is lost."""

import signal
from contextlib import suppress

import pytest
from web_load import Load
from web_servers import Gunicorn

from harness import start_sidecar, wait_for

KINDS = {
    "gthread": ["--worker-class", "gthread", "--threads", "4"],
    "gevent": ["--worker-class", "gevent"],
}
# The handler waits for room so long, once per episode.
WAIT = 0.25


def tell(name, answers):
    """Prints the latencies as p50, p99 and max, in milliseconds; gives the longest in seconds."""
    times = sorted(answer.seconds for answer in answers)
    p50, p99 = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
    print(f"{name}: {len(times)} requests, p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {1000 * times[-1]:.1f} ms")
    return times[-1]


class Trial:
    """An app in trouble beside the same app without a handler, which says what the machine needs by itself."""

    def __init__(self, folder, name, flags=KINDS["gthread"], count=3, size=0):
        with Gunicorn(folder, *flags, settings="shop.settings_control") as server:
            self.control = tell(f"{name}, no handler", Load(server, 1, count, size).run(150))
        self.name = name
        self.server = Gunicorn(folder, *flags)
        self.load = Load(self.server, 1, count, size)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.__exit__()

    def judge(self):
        """Every request was answered, none of them late."""
        longest = tell(self.name, self.load.answers)
        assert [answer for answer in self.load.answers if answer.status != 200] == []
        assert longest < 2 * WAIT + 10 * self.control

    def arrive(self, cloud):
        """A worker without requests does nothing, so requests go on until everything of before has arrived."""
        earlier = set(self.server.returned())

        def arrived():
            self.load.run(8)
            return earlier <= set(cloud.numbers())

        wait_for("the records of before have arrived", arrived)

    def prove(self, cloud, sidecar, known=True):
        """All that was logged is there; twice only what the sidecar, if it can know, calls possible duplicates."""
        assert self.server.stop() == 0, self.server.output()
        cloud.wait_for_numbers(self.server.returned())
        sidecar.stop()
        arrived = cloud.numbers()
        assert set(arrived) == set(self.server.returned())
        account = sidecar.account()
        doubled = sum(times - 1 for times in arrived.values())
        possible = account["possible_duplicates"]
        print(f"{self.name}: {len(arrived)} records, {doubled} of them twice; possible duplicates: {possible}")
        assert doubled <= possible or not known
        assert account["lost_by_clients"] == account["dropped"] == account["rejected"] == 0


def start(folder, emulator, *flags):
    # An app that is connected keeps the intake open for half the deadline.
    return start_sidecar(folder, emulator.url, "--shutdown-deadline", "3s", *flags)


def test_absent_at_start(folder, emulator, cloud):
    with Trial(folder, "absent") as trial:
        trial.load.run(150)
        with start(folder, emulator) as sidecar:
            trial.arrive(cloud)
            trial.judge()
            trial.prove(cloud, sidecar)
            assert sidecar.account()["possible_duplicates"] == 0


def test_restarted(folder, emulator, cloud):
    with Trial(folder, "restarted") as trial:
        with start(folder, emulator) as sidecar, trial.load:
            trial.load.wait_for_answers(30)
            sidecar.stop()
            trial.load.wait_for_answers(30)
        assert sidecar.account()["possible_duplicates"] == 0
        with start(folder, emulator) as sidecar:
            trial.arrive(cloud)
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
            trial.arrive(cloud)
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
        trial.arrive(cloud)
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
        trial.arrive(cloud)
        trial.judge()
        trial.prove(cloud, sidecar)
