"""The task workload's launcher: Redis, Celery's worker, and a client that sends requests and awaits them.

A request is sent as so many tasks, and is over when the last of them has ended. The last line, on standard error, is
the result. The app's CPU time is that of this process, of Celery's parent and of its children.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from workloads import processes
from workloads.broker import Board, Broker, Stuck
from workloads.spec import Spec
from workloads.versions import versions

#: Of a warm shutdown, which includes what handlers still send.
LONGEST_END = 120  # seconds
MOST_DURATIONS = 100_000


@dataclass(frozen=True)
class Plan:
    """How much is asked for."""

    tasks: int
    records: int
    requests: int
    warm_up: int
    first: int

    @classmethod
    def of(cls, asked: argparse.Namespace) -> Self:
        return cls(**{field.name: getattr(asked, field.name) for field in fields(cls)})

    def borders(self, request: int) -> list[int]:
        """The number of each task's first record, and one past the last task's last: even shares, none left out."""
        base = self.first + request * self.records
        return [base + self.records * task // self.tasks for task in range(self.tasks + 1)]


@dataclass
class Measured:
    """What the measured requests came to."""

    request_seconds: list[float] = field(default_factory=list)
    task_micros: list[int] = field(default_factory=list)
    began_micros: int = 0
    ended_micros: int = 0
    cpu_seconds: float = 0
    broker_cpu_seconds: float = 0

    def sampled(self) -> list[int]:
        """At most so many durations, drawn evenly."""
        if len(self.task_micros) <= MOST_DURATIONS:
            return self.task_micros
        return random.Random(MOST_DURATIONS).sample(self.task_micros, MOST_DURATIONS)


class Requests:
    """Sends a request after the other."""

    def __init__(self, plan: Plan, broker: Broker, worker: "subprocess.Popen[bytes]") -> None:
        from workloads.celery_app import inspect

        self.plan, self.broker, self.worker, self.task = plan, broker, worker, inspect
        self.board = Board(broker.path)

    def ready(self, workers: int) -> None:
        """Waits for Celery's parent and for each of its children."""
        for _ in range(workers + 1):
            self.board.await_one("ready", self.worker)

    def send(self, request: int) -> tuple[float, list[int]]:
        """Gives its wall time and its tasks' durations."""
        borders = self.plan.borders(request)
        began = time.perf_counter()
        for task, (first, end) in enumerate(pairwise(borders)):
            self.task.delay(request, self.plan.tasks, task, first, end)
        self.board.await_request(request, self.worker)
        return time.perf_counter() - began, self.board.durations(request)

    def cpu(self) -> tuple[float, float]:
        """Of the app, and of Redis."""
        app = time.process_time() + sum(map(processes.cpu_seconds, processes.family(self.worker.pid)))
        return app, processes.cpu_seconds(self.broker.process.pid)

    def measure(self) -> Measured:
        for request in range(self.plan.warm_up):
            self.send(request)
        found, before = Measured(began_micros=now_micros()), self.cpu()
        for request in range(self.plan.warm_up, self.plan.warm_up + self.plan.requests):
            seconds, durations = self.send(request)
            found.request_seconds.append(seconds)
            found.task_micros += durations
        after, found.ended_micros = self.cpu(), now_micros()
        found.cpu_seconds, found.broker_cpu_seconds = after[0] - before[0], after[1] - before[1]
        return found


def now_micros() -> int:
    return time.time_ns() // 1000


@contextmanager
def celery_worker(spec: Spec) -> Iterator["subprocess.Popen[bytes]"]:
    """`celery worker` with its children, in our process group. Its output is ours."""
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "workloads.celery_app", "worker"]
    command += ["--pool", "prefork", "--concurrency", str(spec.workers), "--loglevel", "WARNING"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=processes.die_with_parent)
    try:
        yield worker
    finally:
        # Its children die with it.
        worker.kill()
        worker.wait()


def end(worker: "subprocess.Popen[bytes]") -> None:
    """A warm shutdown: children end what they are at, and hear that they are to end."""
    worker.terminate()
    try:
        code = worker.wait(LONGEST_END)
    except subprocess.TimeoutExpired:
        raise Stuck(f"Celery's worker did not end within {LONGEST_END} s") from None
    if code:
        raise Stuck(f"Celery's worker ended with {code}")


def measured(spec: Spec, plan: Plan, broker: Broker) -> dict[str, Any]:
    with celery_worker(spec) as worker:
        requests = Requests(plan, broker, worker)
        requests.ready(spec.workers)
        found = requests.measure()
        end(worker)
    accounts = requests.board.accounts()
    lost = [account["lost_in_client"] for account in accounts if "lost_in_client" in account]
    return {
        **vars(found),
        "task_micros": found.sampled(),
        "emitted": sum(account["emitted"] for account in accounts),
        "lost_in_client": sum(lost),
        # Children end side by side.
        "flush_seconds": max((account["flush_seconds"] for account in accounts), default=0.0),
        "versions": versions(),
    }


def run(spec: Spec, plan: Plan) -> int:
    # What is to be ended at the end shall be ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="workloads-") as folder, Broker(Path(folder)) as broker:
            spec = replace(spec, broker=broker.path)
            os.environ.update(spec.environment())
            result = measured(spec, plan, broker)
    except Stuck as error:
        sys.exit(f"workloads: {error}")
    print(f"result: {json.dumps(result)}", file=sys.stderr, flush=True)
    return 0
