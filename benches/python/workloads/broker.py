"""A Redis of our own on a Unix socket, and what workers and launcher tell each other through it beside Celery.

Awaiting a request must not become its cost. So no results are kept: each task appends its duration to one list, a
single command, whose answer says how many have ended; the last one wakes the launcher. Redis has a session of its own,
so that its CPU time is not the app's, and keeps nothing on disk.
"""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import redis

from workloads import processes

PATIENCE = 60  # seconds
#: Fewer than a task's wait and its records may take at a slow endpoint; more, and the run is stuck.
STALLED = 300  # seconds


class Stuck(Exception):
    """Nothing moves any more; the text says what was waited for."""


class Board:
    """Notes in Redis. Each process makes its own."""

    def __init__(self, path: str) -> None:
        # Blocking commands bound themselves.
        self.redis: Any = redis.Redis(unix_socket_path=path, socket_timeout=None)

    def worker_is_ready(self) -> None:
        self.redis.lpush("ready", 1)

    def child_will_tell(self, pid: int) -> None:
        self.redis.sadd("children", pid)

    def child_tells(self, account: dict[str, Any]) -> None:
        self.redis.rpush("accounts", json.dumps(account))

    def task_ended(self, request: int, tasks: int, micros: int) -> None:
        if self.redis.rpush(f"ended:{request}", micros) == tasks:
            self.redis.lpush(f"over:{request}", 1)

    def await_one(self, key: str, worker: "subprocess.Popen[bytes]", moving: str = "") -> None:
        """Waits for a note. Gives up when the worker has ended, or when nothing moves: by default, the note itself."""
        before, since = -1, time.monotonic()
        while not self.redis.blpop(key, timeout=1):
            now = self.redis.llen(moving) if moving else 0
            if now != before:
                before, since = now, time.monotonic()
            if worker.poll() is not None:
                raise Stuck(f"Celery's worker ended with {worker.returncode} while the launcher waited for {key!r}")
            if time.monotonic() - since > (STALLED if moving else PATIENCE):
                raise Stuck(f"the launcher waited for {key!r} in vain; {max(now, 0)} tasks had ended")

    def await_request(self, request: int, worker: "subprocess.Popen[bytes]") -> None:
        self.await_one(f"over:{request}", worker, moving=f"ended:{request}")

    def durations(self, request: int) -> list[int]:
        """In microseconds, of a request's tasks; forgets them."""
        found = [int(micros) for micros in self.redis.lrange(f"ended:{request}", 0, -1)]
        self.redis.delete(f"ended:{request}")
        return found

    def accounts(self) -> list[dict[str, Any]]:
        """What the children said at their end. All that ended a task have to speak."""
        told = [json.loads(account) for account in self.redis.lrange("accounts", 0, -1)]
        expected = self.redis.scard("children")
        if len(told) != expected:
            raise Stuck(f"{len(told)} of {expected} Celery children gave an account at their end")
        return told


class Broker:
    """redis-server, from `with` on ready, and gone at its end."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Stuck("redis-server is not installed: the task workload needs a real one")
        self.path = str(folder / "redis")
        self.log = folder / "redis.log"
        command = [program, "--port", "0", "--unixsocket", self.path, "--save", "", "--appendonly", "no"]
        command += ["--dir", str(folder), "--logfile", str(self.log)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, preexec_fn=processes.die_with_parent, start_new_session=True
        )

    def __enter__(self) -> Self:
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def _wait(self) -> None:
        """Until it answers."""
        client: Any = redis.Redis(unix_socket_path=self.path)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = self.log.read_text() if self.log.exists() else ""
                    raise Stuck(f"redis-server does not answer at {self.path}:\n{said}") from None
                time.sleep(0.01)
            else:
                client.close()
                return
