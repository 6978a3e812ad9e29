"""What the app adds to each record on its way to the handler, and what it counts.

The filter gives a record its number, its time and the request's id; the formatter makes the text as long as asked for.
Both belong to the one handler of the run, so that what is counted is what that handler was given.
"""

import logging
import threading

#: As in a Django app of our users, after the beginning that the endpoint looks for.
FORMAT = (
    "n=%(number)010d t=%(micros)016d %(asctime)s | %(levelname)s | %(filename)s:%(funcName)s:%(lineno)d"
    " | request_id=%(request_id)s | account=%(account_number)s | %(message)s"
)
ANONYMOUS = "-"


class Current(threading.local):
    """The request or task that this thread is at."""

    number = 0
    request_id = ANONYMOUS
    account_number = ANONYMOUS

    def begin(self, number: int, request_id: str, account_number: str = ANONYMOUS) -> None:
        """From here on records are numbered from `number`."""
        self.number, self.request_id, self.account_number = number, request_id, account_number


class Tally:
    """What this process has done. One thread serves requests or tasks in each process, so that nothing is locked."""

    def __init__(self) -> None:
        self.emitted = 0
        self.requests = 0


current = Current()
tally = Tally()


class RequestContext(logging.Filter):
    """Knows which request a record belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.number = current.number
        record.micros = int(record.created * 1e6)
        record.request_id = current.request_id
        record.account_number = current.account_number
        current.number += 1
        tally.emitted += 1
        return True


class SizedFormatter(logging.Formatter):
    """Formats as ever, and pads or cuts to so many bytes: all that the app logs is ASCII."""

    def __init__(self, size: int) -> None:
        super().__init__(FORMAT)
        self.size = size

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record)[: self.size].ljust(self.size, ".")
