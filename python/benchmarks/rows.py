"""The rows: which handler, with what format, how many records, how fast; and where the goals are."""

from dataclasses import dataclass

# As in a Django app of our users: about 200 bytes a record. The record's number is the beginning of the request's id,
# because the emulator looks for it within the first 64 bytes; the bare format has it at the beginning of the message.
APP_FORMAT = (
    "%(asctime)s | %(levelname)s | %(filename)s:%(funcName)s:%(lineno)d | request_id=%(request_id)s"
    " | account_number=%(account_number)s | %(message)s"
)
FORMATS = {"app": APP_FORMAT, "message": "%(message)s"}
MARKER = "id="

OURS = ("handler", "cloudwatch")
# Kinds that make calls to CloudWatch themselves.
WATCHTOWER = ("queue", "sync")
SYSLOG = ("syslog-stream", "syslog-datagram")


@dataclass(frozen=True)
class Row:
    """One line of the table; each run of it is a fresh process."""

    name: str
    kind: str
    records: int = 20_000
    quick: int = 2_000
    warm_up: int = 2_000
    format: str = "app"
    latency_ms: int = 0
    # Microseconds from one call to the next; 0 is as fast as it goes.
    pace_us: int = 0
    kill: bool = False


FAST = ("none", "null", *OURS, "queue", *SYSLOG)

ROWS = (
    *(Row(kind, kind) for kind in FAST),
    Row("sync-0ms", "sync", 1_000, 60, 5),
    Row("sync-5ms", "sync", 400, 40, 5, latency_ms=5),
    Row("sync-20ms", "sync", 150, 20, 5, latency_ms=20),
    *(Row(f"{kind}.bare", kind, format="message") for kind in FAST if kind != "none"),
    *(Row(f"{kind}.paced", kind, 4_000, 400, 200, pace_us=500) for kind in ("null", *OURS, "queue", "syslog-stream")),
    *(Row(f"{kind}.kill", kind, 5_000, 1_000, 0, kill=True) for kind in (*OURS, "queue", *SYSLOG)),
    Row("sync-0ms.kill", "sync", 200, 20, 0, kill=True),
)
BY_NAME = {row.name: row for row in ROWS}
