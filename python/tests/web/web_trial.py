"""An app in trouble beside the same app without a handler, and what is demanded of it."""

from web_load import Load
from web_servers import Gunicorn

from harness import wait_for

THREADS = ["--worker-class", "gthread", "--threads", "4"]
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

    def __init__(self, folder, name, flags=THREADS, count=3, size=0):
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

    def arrive(self, emulator, cloud):
        """A worker without requests does nothing, so requests go on until everything of before has arrived."""
        earlier = set(self.server.returned())

        def arrived():
            self.load.run(8)
            # The count costs less than reading all of them back.
            counted = emulator.report()["events"]["accepted"] >= len(earlier)
            return counted and earlier <= set(cloud.numbers())

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
