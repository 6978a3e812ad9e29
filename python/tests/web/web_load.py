"""Requests from a few clients at a time, and the proof that what the app logged is what CloudWatch has."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from harness import wait_for

CLIENTS = 4


class Load:
    """Clients that ask for `log` with numbers that nobody used before; each keeps its answers."""

    def __init__(self, server, first=1, count=1, size=0):
        self.server, self.count, self.size = server, count, size
        self.firsts = itertools.count(first, count)
        self.answers = []
        self.over = threading.Event()

    def ask(self, path="log", **query):
        """One request; `next` of a count is atomic, so any thread may ask."""
        answer = self.server.get(path, first=next(self.firsts), count=self.count, size=self.size, **query)
        self.answers.append(answer)
        return answer

    def run(self, requests):
        """So many requests, `CLIENTS` at a time."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(lambda _: self.ask(), range(requests)))

    def __enter__(self):
        """From here on the clients ask without a pause, until the block ends."""
        self.threads = [threading.Thread(target=self._ask_on) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        return self

    def _ask_on(self):
        while not self.over.is_set():
            self.ask()

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def wait_for_answers(self, more):
        """Waits until so many more requests were answered with 200."""
        before = len(self.served())
        wait_for(f"{more} more answers came", lambda: len(self.served()) >= before + more)

    def served(self):
        return [answer for answer in list(self.answers) if answer.status == 200]

    def pids(self):
        """The workers that answered, each once, in the order of their first answers."""
        return list(dict.fromkeys(answer.body["pid"] for answer in self.served()))


def prove(cloud, server, sidecar):
    """Ends the app, then the sidecar; CloudWatch then has every record whose log call returned, and none twice."""
    assert server.stop() == 0, server.output()
    returned = server.returned()
    assert len(set(returned)) == len(returned) > 0
    # It ends when it has delivered all; with --fail-on-loss its 0 says that nothing was lost, to its knowledge.
    assert sidecar.stop() == 0, sidecar.output()
    arrived = cloud.numbers()
    assert [number for number in returned if number not in arrived] == []
    assert [number for number, times in arrived.items() if times > 1] == []
    return arrived
