"""One `LOGGING` dict for each mode, as an app's settings have it; the handlers have the defaults that their users get.

`none` has no handler, and logging is disabled up to warnings, so that a call costs what a call costs. Where the app or
a library has errors to tell, they go to standard error in every mode, and only there: they carry no number.
"""

import logging
import logging.config
from typing import Any

from workloads.spec import WATCHTOWER, Spec

#: What the app logs to. Nobody else's records come there.
LOGGER = "inventory"
#: The emulator's and the benchmark's; nothing depends on it.
REGION = "us-east-1"


class FormattingNullHandler(logging.Handler):
    """Formats, and throws the text away: what any handler costs before it has done anything with the record."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def watchtower_handler(spec: Spec) -> dict[str, Any]:
    """Watchtower with its own client, as its documentation shows it for Django."""
    import boto3

    client = boto3.client("logs", region_name=REGION, endpoint_url=spec.endpoint_url)
    made = {
        "class": "watchtower.CloudWatchLogHandler",
        "boto3_client": client,
        "log_group_name": spec.group,
        "log_stream_name": spec.stream,
    }
    return made | {"use_queues": False} if spec.mode == "sync" else made


def handler(spec: Spec) -> dict[str, Any] | None:
    """What the mode's records go to."""
    if spec.mode in WATCHTOWER:
        return watchtower_handler(spec)
    return {
        "none": None,
        "null": {"class": "workloads.modes.FormattingNullHandler"},
        "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
        "splashdam": {"class": "splashdam.Handler", "socket": spec.socket},
        "shipper": {"class": "workloads.lines.LineHandler", "path": spec.socket},
    }[spec.mode]


def dictionary(spec: Spec) -> dict[str, Any]:
    """The settings' `LOGGING`."""
    made = handler(spec)
    logs = {} if made is None else {"logs": made | {"formatter": "app", "filters": ["request"]}}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": "workloads.context.RequestContext"}},
        "formatters": {"app": {"()": "workloads.context.SizedFormatter", "size": spec.bytes}},
        "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}, **logs},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            LOGGER: {"handlers": list(logs), "level": "INFO", "propagate": False},
            # Django's own configuration would send mail about errors.
            "django": {"handlers": [], "level": "ERROR"},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Once in each process that logs: Django calls it by `LOGGING_CONFIG`, Celery's children at their start."""
    logging.config.dictConfig(settings)
    if not settings["loggers"][LOGGER]["handlers"]:
        logging.disable(logging.WARNING)


def imports(spec: Spec) -> None:
    """Imports what the mode needs. Celery's parent does this before it forks, as it does for a real app's modules."""
    if spec.mode in WATCHTOWER:
        import watchtower  # noqa: F401
    if spec.mode == "splashdam":
        import splashdam  # noqa: F401
