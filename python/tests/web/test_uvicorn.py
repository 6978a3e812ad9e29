"""An asyncio app under uvicorn: every record arrives, and the loop never stands still for one."""

import re
import signal
from statistics import median

import pytest
from web_load import CLIENTS, Load
from web_servers import Uvicorn

from harness import start_sidecar

ROUNDS = 3
# Per round, in bytes: more than a socket takes (some 200 KiB), less than the 4 MiB that the handler keeps.
REQUESTS, COUNT, SIZE = 100, 10, 2000


@pytest.fixture
def sidecar(folder, emulator):
    with start_sidecar(folder, emulator.url) as running:
        yield running
        # A stopped process would not hear of its end.
        running.process.send_signal(signal.SIGCONT)


def everything(load):
    """The numbers of all requests that were answered, if all were."""
    assert len(load.served()) == len(load.answers), [answer for answer in load.answers if answer.status != 200]
    return range(1, 1 + len(load.answers) * load.count)


def prove(cloud, server, sidecar, load):
    """Ends both; then each number is there exactly once."""
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) in (0, -signal.SIGINT), server.output()
    assert sidecar.stop() == 0, sidecar.output()
    arrived = cloud.numbers()
    assert set(arrived) == set(everything(load)) and set(arrived.values()) == {1}


def test_async_handlers_and_threads(folder, cloud, sidecar):
    with Uvicorn(folder) as server:
        load = Load(server, count=10)
        load.run(60)
        for _ in range(10):
            load.ask("thread")
        prove(cloud, server, sidecar, load)
        # Before its end the app has waited for the outcome of every record.
        assert re.search(r"flushed: .*reached=True.* rejected=0, dropped=0, lost_in_client=0", server.output())


def gaps(server, load, rounds, hang=None):
    """The loop's longest gap in each round of requests."""
    load.run(CLIENTS)
    longest = []
    for _ in range(rounds):
        server.get("gap")
        if hang:
            hang.send_signal(signal.SIGSTOP)
        load.run(REQUESTS)
        longest.append(server.get("gap").body["longest"])
        if hang:
            hang.send_signal(signal.SIGCONT)
            # The next requests find room again, so that the next round begins a new episode.
            load.run(REQUESTS)
    return longest


def test_a_hung_sidecar_does_not_stall_the_loop(folder, cloud, sidecar):
    """A wait of the handler would show in every round; the machine's own moods do not."""
    with Uvicorn(folder, handler="control") as server:
        control = gaps(server, Load(server, count=COUNT, size=SIZE), ROUNDS)
    with Uvicorn(folder) as server:
        load = Load(server, count=COUNT, size=SIZE)
        measured = gaps(server, load, ROUNDS, hang=sidecar.process)
        told = [[round(1000 * gap, 1) for gap in row] for row in (measured, control)]
        print(f"longest gap of the loop, ms: {told[0]} with the sidecar hung, {told[1]} without a handler")
        assert min(measured) < 0.2 + 2 * median(control)
        prove(cloud, server, sidecar, load)
