"""What was asked for, as every process of a run has it: handed on in the environment, through fork and exec."""

import argparse
import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Self

MODES = ("none", "null", "stdout", "splashdam", "sync", "queue", "shipper")
#: Those that write to a socket.
SOCKET = ("splashdam", "shipper")
#: Those in which the library calls CloudWatch from within the app.
WATCHTOWER = ("sync", "queue")
VARIABLE = "WORKLOADS_SPEC"


@dataclass(frozen=True)
class Spec:
    mode: str = "none"
    socket: str = ""
    endpoint_url: str = ""
    group: str = "bench"
    stream: str = "bench"
    #: Of a record's text.
    bytes: int = 207
    workers: int = 2
    database: str = ""
    query_ms: float = 12.0
    task_ms: float = 44.7
    broker: str = ""
    end_logging: bool = False

    @classmethod
    def of(cls, asked: argparse.Namespace) -> Self:
        given = vars(asked)
        return cls(**{field.name: given[field.name] for field in fields(cls) if field.name in given})

    @classmethod
    def current(cls) -> Self:
        """That of this process; nothing is logged where nobody said anything."""
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))

    def environment(self) -> dict[str, str]:
        return {VARIABLE: json.dumps(asdict(self))}

    def problem(self) -> str | None:
        """Why it cannot be run."""
        if self.mode in SOCKET and not self.socket:
            return f"--mode {self.mode} needs --socket, the sidecar's or the shipper's"
        if self.mode in WATCHTOWER and not self.endpoint_url:
            return f"--mode {self.mode} needs --endpoint-url"
        if self.mode in WATCHTOWER and not os.environ.get("AWS_ACCESS_KEY_ID"):
            return f"--mode {self.mode} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        return None
