"""Python logging to AWS CloudWatch Logs through the splashdam sidecar: one write to a Unix socket for each record.

    import logging, splashdam
    logging.getLogger().addHandler(splashdam.Handler())

`Handler` is for new code; `CloudWatchLogHandler` takes the place of Watchtower's in a ``LOGGING`` dict. There is no
thread and no queue: when a call of ``logger.info`` returns, the record is the kernel's and survives the process. What
the sidecar has not acknowledged is kept (4 MiB) and sent again after a reconnect, which happens at the next record, at
`flush` or at the end of the process: without a thread nothing can happen sooner.
"""

from ._formatters import CloudWatchLogFormatter, JsonFormatter
from ._handler import Handler
from ._report import FlushReport, Stats
from ._watchtower import CloudWatchLogHandler, SplashdamWarning

__version__ = "0.1.0"
__all__ = [
    "CloudWatchLogFormatter",
    "CloudWatchLogHandler",
    "FlushReport",
    "Handler",
    "JsonFormatter",
    "SplashdamWarning",
    "Stats",
]
