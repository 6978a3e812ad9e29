"""What a process has open: one client for each socket, with one link for each destination. Handlers share them.

So a second `dictConfig` finds the connection and the unacknowledged records of the first, and closing a handler loses
nothing. A forked child begins anew: its links forget what is the parent's.
"""

from __future__ import annotations

import heapq
import os
import threading
from typing import Optional

from . import _exit, _quiet
from ._clock import clock
from ._link import Link

#: Destinations that a process may have open at a socket; the sidecar takes 4,096 connections in all.
MOST_LINKS = 256
#: A link that was not used for so many seconds may make room for another.
IDLE_AFTER = 10.0
#: Links that are asked for their place at a time, and the seconds until any is asked again where none had one to give.
MOST_ASKED, ASK_AGAIN_AFTER = 8, 1.0
#: Seconds after which another link of a process may find out for itself whether there is room.
WAIT_AGAIN_AFTER = 5.0
#: Where there are more links than this, what the others hold is added up 20 times a second, not at each look.
FEW_LINKS = 16
#: The least time between two lines on standard error, in seconds.
SAY_EVERY = 5.0

Destination = tuple[str, str, str]


class Client:
    """The links of this process to one sidecar."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: What all links together may keep for sending again, in bytes.
        self.window = 0
        self.links: dict[Destination, Link] = {}
        self.pid = os.getpid()
        self.lock = threading.RLock()
        # The link whose wait for room was in vain, and when that was.
        self._waiter: Optional[Link] = None
        self._waited_at = 0.0
        self._ask_again_at = 0.0
        self._held = (0.0, 0)
        # What was said on standard error: that the sidecar is away; of which link that it has no room.
        self._said_away = False
        self._said_full: Optional[Link] = None
        self._said_crowded = False
        self._say_again_at = 0.0

    def link(self, group: str, stream: str, app: str) -> Link:
        """The link to a destination. Where too many are in use, the one to the sidecar's default destination."""
        link = self.links.get((group, stream, app))
        if link is not None and not link.retired:
            return link
        with self.lock:
            link = self.links.get((group, stream, app))
            if link is not None and link.retired:
                del self.links[(group, stream, app)]
                link = None
            if link is None and len(self.links) >= MOST_LINKS and not self._make_room():
                self._is_crowded()
                group = stream = ""
                link = self.links.get(("", "", app))
            if link is None:
                # A signal handler that logs may have made it meanwhile.
                link = self.links.setdefault((group, stream, app), Link(self, group, stream, app))
            return link

    def _is_crowded(self) -> None:
        if not self._said_crowded:
            self._said_crowded = True
            _quiet.say(f"{self.path}: {MOST_LINKS} destinations are in use; records of others go to the sidecar's own")

    def _make_room(self) -> bool:
        """Takes the place of a link that was not used for long and has nothing unacknowledged."""
        now = clock.monotonic()
        if now < self._ask_again_at:
            return False
        idle = [
            item for item in self.links.items() if now - item[1].last_used >= IDLE_AFTER and item[0][:2] != ("", "")
        ]
        for destination, link in heapq.nsmallest(MOST_ASKED, idle, key=lambda item: item[1].last_used):
            if link.leave(for_good=True):
                self.links.pop(destination, None)
                return True
        self._ask_again_at = now + ASK_AGAIN_AFTER
        return False

    def room_of(self, link: Link, now: float, exactly: bool) -> int:
        """What of the window the other links leave to this one, in bytes."""
        if len(self.links) == 1:
            return self.window
        summed_at, held = self._held
        if exactly or len(self.links) <= FEW_LINKS or not 0 <= now - summed_at < 0.05:
            held = sum(each.channel.held for each in list(self.links.values()))
            self._held = (now, held)
        return self.window - held + link.channel.held

    def credit_of(self, room: int) -> int:
        """What of the room one link may use without looking: so little that all of them together keep within it."""
        return room if len(self.links) == 1 else room // (len(self.links) + 1)

    def may_wait(self, link: Link, now: float) -> bool:
        """Whether a link may wait for room: an episode of the sidecar's is waited for once, not once by each link."""
        return self._waiter in (None, link) or now - self._waited_at >= WAIT_AGAIN_AFTER

    def waited_in_vain(self, link: Link, now: float) -> None:
        self._waiter, self._waited_at = link, now

    def is_away(self, problem: str, now: float) -> None:
        """Says once an episode that nobody listens."""
        if not self._said_away:
            self._said_away = self._say(f"{problem}; records are kept, up to {self.window} bytes", now)

    def is_full(self, link: Link, now: float) -> None:
        """Says once an episode that records are lost."""
        if self._said_full is None and self._say(
            f"{link.problem()}; no room is left, new records are dropped until there is", now
        ):
            self._said_full = link

    def is_well(self, link: Link) -> None:
        """The link has room, and a sidecar that has welcomed it: its episode is over."""
        self._said_away = False
        if self._waiter is link:
            self._waiter = None
        if self._said_full is link:
            self._said_full = None

    def _say(self, what: str, now: float) -> bool:
        if now < self._say_again_at:
            return False
        self._say_again_at = now + SAY_EVERY
        _quiet.say(f"{self.path}: {what}")
        return True

    def after_fork(self) -> None:
        """In the child: everything that was logged before is the parent's."""
        self.pid = os.getpid()
        self.lock = threading.RLock()
        self._waiter = self._said_full = None
        self._said_away = False
        self._ask_again_at = self._say_again_at = 0.0
        for link in self.links.values():
            link.reset()


_clients: dict[str, Client] = {}
_clients_lock = threading.RLock()


def client_of(path: str) -> Client:
    """The process's client for a socket."""
    with _clients_lock:
        client = _clients.get(path)
        if client is None:
            client = _clients[path] = Client(path)
        return client


def all_links() -> list[Link]:
    """Every link of the process."""
    return [link for client in list(_clients.values()) for link in list(client.links.values())]


def after_fork() -> None:
    """In the child of a fork: makes all clients the child's own, those that are not yet."""
    global _clients_lock
    inherited = [client for client in _clients.values() if client.pid != os.getpid()]
    if inherited:
        _clients_lock = threading.RLock()
        _exit.forget_arrangements()
    for client in inherited:
        client.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
_exit.links_to_end = all_links
