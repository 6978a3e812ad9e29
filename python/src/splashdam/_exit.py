"""The end of a process: what was logged is handed over, and waited for as the handlers say, within a bound.

`atexit` covers the ordinary end; ours runs before `logging.shutdown`, which was registered first. The children of
multiprocessing (and billiard) leave by `os._exit`, but run their finalizers before; Celery's send a signal.
Most ends have nothing to do here: what was logged is the kernel's already.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _quiet
from ._clock import clock
from ._flush import Barrier, await_all

if TYPE_CHECKING:
    from ._link import Link

#: Set by `_client`: every link of the process.
links_to_end: Callable[[], list[Link]] = list
_arranged: set[str] = set()
_began: Optional[float] = None


def arrange() -> None:
    """Makes sure that the end of this process is not missed."""
    for name in ("multiprocessing.util", "billiard.util"):
        # A module may be there and not yet loaded: then the next connection asks again.
        finalize: Any = getattr(sys.modules.get(name), "Finalize", None)
        if finalize is not None and name not in _arranged:
            finalize(None, end, exitpriority=-100)
            _arranged.add(name)
    shutdown: Any = getattr(sys.modules.get("celery.signals"), "worker_process_shutdown", None)
    if shutdown is not None and "celery" not in _arranged:
        shutdown.connect(_end_of_a_worker, weak=False, dispatch_uid="splashdam")
        _arranged.add("celery")


def _end_of_a_worker(**_: object) -> None:
    end()


def forget_arrangements() -> None:
    """In a forked child, whose finalizers are its own."""
    global _began
    _arranged.clear()
    _began = None


def end() -> None:
    """Hands over what can be handed over, waits where that is wanted, and says what was left behind."""
    global _began
    now = clock.monotonic()
    # Whatever else arranges for it: all ends of a process share one time.
    _began = now if _began is None else _began
    links = links_to_end()
    barriers = []
    for link in links:
        # Also where nothing is waited for, what the kernel takes at once is handed over.
        wait_for, exit_timeout, _ = link.patience()
        waits = wait_for != "none"
        deadline = _began + exit_timeout if waits and _has_business(link) else now
        barriers.append(Barrier(link, wait_for if waits else "admitted", deadline))
    await_all([barrier for barrier in barriers if _has_business(barrier.link)], patient=True)
    tell_of_the_rest(links)


def deadline(seconds: float) -> float:
    """The end of a wait that begins now; at the end of the process all waits share one time."""
    now = clock.monotonic()
    return now + seconds if _began is None else min(now, _began) + seconds


def is_over() -> bool:
    """Whether the process has come to its end: what stays behind now is told by nobody else."""
    return _began is not None


def tell_of_the_rest(links: Iterable[Link]) -> None:
    """One line for each socket where something stays behind."""
    left: dict[str, list[int]] = {}
    problems: dict[str, str] = {}
    for link in links:
        count = link.unhanded()
        if count > link.told_as_lost:
            before = 0 if link.told_as_lost else link.channel.losses.untold()
            sums = left.setdefault(link.client.path, [0, 0])
            sums[0] += count - link.told_as_lost
            sums[1] += before
            link.told_as_lost = count  # There may be more than one end.
            problems[link.client.path] = link.problem()
    for path, (count, before) in left.items():
        more = f", {before} were dropped before" if before else ""
        _quiet.say(f"{path}: {problems[path]}; {count} records are lost at the end of the process{more}")


def _has_business(link: Link) -> bool:
    return bool(link.channel.unended() or link.unhanded() or link.channel.losses.untold())


atexit.register(end)
