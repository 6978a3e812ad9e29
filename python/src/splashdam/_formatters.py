"""Formatters that make JSON, which CloudWatch Logs recognises and indexes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Callable, Optional


def json_default(value: object) -> str:
    """For `json.dumps`: dates and times as ISO 8601, everything else as its `repr`."""
    return value.isoformat() if isinstance(value, date) else repr(value)


class CloudWatchLogFormatter(logging.Formatter):
    """Watchtower's formatter: a message that is a mapping becomes JSON, other text is formatted as usual.

    `add_log_record_attrs` names attributes of the log record that are added to the mapping; text then becomes
    ``{"msg": text, …}``. `json_serialize_default` is what `json.dumps` calls for values it does not know.
    Unlike Watchtower's, this one leaves the record as it is, so that the next handler gets what was logged,
    and an attribute that the record does not have becomes ``null`` instead of costing the record.
    """

    add_log_record_attrs: Sequence[str] = ()

    def __init__(
        self,
        *args: Any,
        json_serialize_default: Optional[Callable[[Any], Any]] = None,
        add_log_record_attrs: Optional[Sequence[str]] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.json_serialize_default: Optional[Callable[[Any], Any]] = json_serialize_default or json_default
        if add_log_record_attrs is not None:
            self.add_log_record_attrs = add_log_record_attrs

    def format(self, record: logging.LogRecord) -> str:
        if self.add_log_record_attrs:
            return self.to_json(self.with_attributes(record))
        if isinstance(record.msg, Mapping):
            return self.to_json(record.msg)
        return super().format(record)

    def to_json(self, message: Mapping[Any, Any]) -> str:
        if not isinstance(message, dict):
            message = dict(message)  # `json` knows no other mapping.
        return json.dumps(message, default=self.json_serialize_default)

    def with_attributes(self, record: logging.LogRecord) -> dict[Any, Any]:
        """The message as a new mapping, with the attributes asked for."""
        message = dict(record.msg) if isinstance(record.msg, Mapping) else {"msg": record.getMessage()}
        for name in self.add_log_record_attrs:
            if name != "msg":
                message[name] = self.attribute(record, name)
        return message

    def attribute(self, record: logging.LogRecord, name: str) -> Any:
        """An attribute; those that `logging` sets only while it formats are made here."""
        if name == "asctime":
            return self.formatTime(record, self.datefmt)
        if name == "message":
            return record.getMessage()
        return getattr(record, name, None)


#: What every log record has, and what `logging` adds while it formats: the rest came by ``extra``.
_USUAL = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(CloudWatchLogFormatter):
    """Every record as one JSON object: the message, attributes of the record, what ``extra`` added, and tracebacks.

    Text stands under ``msg``, a mapping is taken as it is. Attributes are ``levelname`` and ``name`` unless
    `add_log_record_attrs` says otherwise; what was given as ``extra`` follows under its own names, where the message
    has none of these; tracebacks stand under ``exc_info``, stacks under ``stack_info``. The time is the log event's.
    """

    add_log_record_attrs: Sequence[str] = ("levelname", "name")

    def format(self, record: logging.LogRecord) -> str:
        message = self.with_attributes(record)
        for name, value in record.__dict__.items():
            if name not in _USUAL:
                message.setdefault(name, value)
        if record.exc_info:
            message.setdefault("exc_info", self.formatException(record.exc_info))
        elif record.exc_text:
            message.setdefault("exc_info", record.exc_text)
        if record.stack_info:
            message.setdefault("stack_info", self.formatStack(record.stack_info))
        return self.to_json(message)
