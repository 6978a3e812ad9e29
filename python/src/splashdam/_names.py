"""Where a handler's records go: the socket, and names that CloudWatch takes."""

from __future__ import annotations

import os
import sys
import threading
from datetime import datetime, timezone
from string import Formatter
from typing import Optional, Union

#: Where the sidecar listens unless it was told otherwise.
DEFAULT_SOCKET = "/run/splashdam/splashdam.sock"
#: `sun_path` has 108 bytes with its NUL (unix(7)).
LONGEST_PATH = 107
#: CloudWatch Logs: log group and stream names have at most 512 characters, and streams neither `:` nor `*`.
LONGEST_NAME = 512


def socket_path(given: Optional[Union[str, os.PathLike[str]]]) -> str:
    """The socket's path: as given, else by the variable SPLASHDAM_SOCKET, else the default. Raises `ValueError`."""
    path = os.fspath(given) if given is not None else os.environ.get("SPLASHDAM_SOCKET") or DEFAULT_SOCKET
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError(f"socket={given!r} is no path; leave it out for SPLASHDAM_SOCKET or {DEFAULT_SOCKET}")
    path = os.path.abspath(path)  # A daemon changes its folder.
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ValueError(f"socket={path!r} is longer than the {LONGEST_PATH} bytes that a Unix socket's path may have")
    return path


def is_disabled() -> bool:
    """`SPLASHDAM_DISABLED=1` makes all clients do nothing."""
    return os.environ.get("SPLASHDAM_DISABLED") == "1"


def program_name() -> str:
    """What the sidecar's `{app}` stands for unless the handler names an app."""
    return os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) else ""


def stream_name(name: str) -> str:
    """A name that CloudWatch takes for a stream."""
    return name.replace(":", "-").replace("*", "-")[:LONGEST_NAME]


class StreamTemplate:
    """Watchtower's stream template, and how often it must be filled in.

    Fields: machine_name, program_name, logger_name, process_id, thread_name, and strftime with a format (UTC).
    """

    def __init__(self, template: str) -> None:
        self.text = template
        # A template that is malformed, or asks for what is not known, fails at each record, where `handleError` tells.
        try:
            fields = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        except ValueError:
            fields = {"malformed"}
        self.by_logger = fields <= {"machine_name", "program_name", "process_id", "logger_name"}

    def fill(self, machine_name: str, logger_name: str) -> str:
        return self.text.format(
            machine_name=machine_name,
            program_name=sys.argv[0].replace(":", "") if getattr(sys, "argv", None) else "",
            process_id=os.getpid(),
            thread_name=threading.current_thread().name,
            logger_name=logger_name,
            strftime=datetime.now(timezone.utc),
        )
