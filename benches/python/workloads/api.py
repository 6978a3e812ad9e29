"""The API workload's server: this process is gunicorn's arbiter, and forks sync workers that load the Django site.

Workers die with the arbiter, stay in its process group, and each says its account as its last line. Sync workers close
the connection after each answer, as gunicorn does.
"""

import os
import sys
from typing import Any

from gunicorn.app.base import BaseApplication

from workloads import account, database, processes
from workloads.spec import Spec

#: For what a handler still sends at a worker's end. Watchtower itself gives up after 30 s.
GRACEFUL_SECONDS = 75


class Server(BaseApplication):
    """gunicorn, with a configuration that is given here."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each worker, after the fork: it has a logging configuration and a database connection of its own."""
        from workloads.site import application

        return application


class Readiness:
    """Says that the server listens when the last of its first workers has loaded the app.

    Each takes a token; whoever takes the last one speaks. A worker that comes in place of another finds none.
    """

    def __init__(self, workers: int) -> None:
        self.tokens, giving = os.pipe()
        os.set_blocking(self.tokens, False)
        os.write(giving, b"." * (workers - 1) + b"!")

    def worker_is_ready(self, worker: Any) -> None:
        account.count_this_process()
        try:
            token = os.read(self.tokens, 1)
        except BlockingIOError:
            return
        if token == b"!":
            host, port = worker.sockets[0].getsockname()[:2]
            os.write(sys.stderr.fileno(), f"listening on http://{host}:{port}\n".encode())


def settings(spec: Spec, listen: str) -> dict[str, Any]:
    """gunicorn's configuration; what is not here is its default."""
    return {
        "bind": listen,
        "workers": spec.workers,
        "worker_class": "sync",
        "proc_name": "workloads",
        "loglevel": "warning",
        "control_socket_disable": True,
        "graceful_timeout": GRACEFUL_SECONDS,
        "post_fork": lambda _arbiter, _worker: processes.die_with_parent(),
        "post_worker_init": Readiness(spec.workers).worker_is_ready,
    }


def run(spec: Spec, listen: str, path: str) -> int:
    try:
        database.prepare(path)
    except database.Unusable as error:
        sys.exit(f"workloads: {error}")
    os.environ.update(spec.environment())
    # Workers leave by SystemExit through this very frame: nothing may stand around it that has an end of its own.
    Server(settings(spec, listen)).run()
    return 0
