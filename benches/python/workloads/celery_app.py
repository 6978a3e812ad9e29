"""The Celery app: real Celery, prefork, Redis; acknowledgement, prefetching and serialising are its defaults.

The parent imports what the mode needs; each child configures logging after the fork, so that no handler, no client and
no connection is shared. Celery's children end by `os._exit` after a signal: what a handler does at the end of its
process it has to do on its own account, or the app does it for it (`--end-logging`).
"""

import logging
import os
import time
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown, worker_ready

from workloads import account, modes
from workloads.broker import Board
from workloads.context import current
from workloads.spec import Spec

SPEC = Spec.current()
log = logging.getLogger("inventory.tasks")

app = Celery("workloads", broker=f"redis+socket://{SPEC.broker}")
app.conf.update(
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
)


class Child:
    """One child of the pool, or the parent before there is one."""

    def __init__(self) -> None:
        self.board = Board(SPEC.broker)
        self.speaks = False
        self.end_began = 0.0

    def will_speak(self) -> None:
        """Gives the account after all else that listens to the end: a handler may listen from its first record on."""
        if not self.speaks:
            self.speaks = True
            self.board.child_will_tell(os.getpid())
            worker_process_shutdown.connect(self.speak, weak=False)

    def speak(self, **_: object) -> None:
        took = time.monotonic() - self.end_began
        self.board.child_tells(account.account() | {"flush_seconds": took})


child = Child()


@setup_logging.connect
def leave_logging_alone(**_: object) -> None:
    """Celery configures nothing where somebody listens to this."""
    modes.imports(SPEC)


@worker_process_init.connect
def begin(**_: object) -> None:
    modes.configure(modes.dictionary(SPEC))
    child.board.worker_is_ready()


@worker_ready.connect
def parent_is_ready(**_: object) -> None:
    child.board.worker_is_ready()


@worker_process_shutdown.connect
def end(**_: object) -> None:
    child.end_began = time.monotonic()
    if SPEC.end_logging:
        logging.shutdown()


@app.task
def inspect(request: int, tasks: int, task: int, first: int, end: int) -> None:
    """One of a request's tasks: waits as long as its work takes, and logs the records from `first` up to `end`."""
    began = time.perf_counter()
    identity: Any = inspect.request.id
    current.begin(first, identity, str(1_460_000 + request))
    if SPEC.task_ms:
        time.sleep(SPEC.task_ms / 1000)
    for number in range(first, end):
        log.info("Inspected instance i-%08x, event %d of %d", task, number - first + 1, end - first)
    micros = round((time.perf_counter() - began) * 1e6)
    child.will_speak()
    child.board.task_ended(request, tasks, micros)
