"""What a process has open: one client for each socket, with one link for each destination. Handlers share them.

So a second `dictConfig` finds the connection and the unacknowledged records of the first, and closing a handler loses
nothing. A forked child begins anew: its links forget what is the parent's.
"""

from __future__ import annotations

import os
import threading
from typing import Optional

from . import _exit
from ._link import Link

#: Destinations that a process may have open at a socket; the sidecar takes 4,096 connections in all.
MOST_LINKS = 64

#: Seconds after which another link of a process may find out for itself whether there is room.
WAIT_AGAIN_AFTER = 5.0

Destination = tuple[str, str, str]


class Client:
    """The links of this process to one sidecar."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: What all links together may keep for sending again, in bytes.
        self.window = 0
        self.links: dict[Destination, Link] = {}
        #: Records that went to the default destination because too many others were in use.
        self.redirected = 0
        self.pid = os.getpid()
        self._lock = threading.RLock()
        # The link whose wait for room was in vain, and when that was.
        self._waiter: Optional[Link] = None
        self._waited_at = 0.0

    def link(self, group: str, stream: str, app: str) -> Link:
        """The link to a destination. Where too many are in use, the one to the sidecar's default destination."""
        link = self.links.get((group, stream, app))
        if link is not None:
            return link
        with self._lock:
            link = self.links.get((group, stream, app))
            if link is None and len(self.links) >= MOST_LINKS and not self._make_room():
                self.redirected += 1
                group = stream = ""
                link = self.links.get(("", "", app))
            if link is None:
                link = self.links[(group, stream, app)] = Link(self, group, stream, app)
            return link

    def _make_room(self) -> bool:
        """Takes the place of the longest unused link that has nothing unacknowledged."""
        for destination, link in sorted(self.links.items(), key=lambda item: item[1].last_used):
            if destination[:2] != ("", "") and link.leave(for_good=True):
                del self.links[destination]
                return True
        return False

    def room_of(self, link: Link) -> int:
        """What of the window the other links leave to this one, in bytes."""
        if len(self.links) == 1:
            return self.window
        return self.window - sum(other.channel.held for other in list(self.links.values()) if other is not link)

    def may_wait(self, link: Link, now: float) -> bool:
        """Whether a link may wait for room: an episode of the sidecar's is waited for once, not once by each link."""
        return self._waiter in (None, link) or now - self._waited_at >= WAIT_AGAIN_AFTER

    def waited_in_vain(self, link: Link, now: float) -> None:
        self._waiter, self._waited_at = link, now

    def waits_no_more(self, link: Link) -> None:
        """The link has room again."""
        if self._waiter is link:
            self._waiter = None

    def connected(self) -> None:
        """A link has connected: from now on the end of the process matters."""
        _exit.arrange()

    def after_fork(self) -> None:
        """In the child: everything that was logged before is the parent's."""
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self.redirected = 0
        self._waiter = None
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
    return [link for client in list(_clients.values()) for link in list(client.links.values())]


def after_fork(client: Optional[Client] = None) -> None:
    """In the child of a fork: makes all clients the child's own, those that are not yet."""
    global _clients_lock
    if client is None or client.pid != os.getpid():
        _clients_lock = threading.RLock()
        _exit.forget_arrangements()
        for each in _clients.values():
            each.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
_exit.links_to_end = all_links
