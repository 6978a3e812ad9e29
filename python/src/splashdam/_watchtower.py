"""The drop-in for Watchtower's handler: its keywords, names and hooks, on our way of delivery."""

from __future__ import annotations

import logging
import os
import platform
import warnings
from typing import TYPE_CHECKING, Any, Callable, Optional

from . import _names
from ._formatters import CloudWatchLogFormatter
from ._handler import Handler, encode, milliseconds

if TYPE_CHECKING:
    from ._link import Link

DEFAULT_LOG_GROUP_NAME = "watchtower"
DEFAULT_LOG_STREAM_NAME = "{machine_name}/{program_name}/{logger_name}/{process_id}"
#: What CloudWatch adds to each event's size (PutLogEvents); Watchtower takes it off `max_message_size`.
EVENT_OVERHEAD = 26
#: Watchtower's default of `max_message_size`. Ours is none: longer texts go in parts.
DEFAULT_MAX_MESSAGE_SIZE = 256 * 1024
#: Loggers whose link each handler remembers.
MOST_REMEMBERED = 256

# What a sidecar decides, or nobody needs any more, with Watchtower's defaults: setting them to anything else is worth
# a word. `use_queues` is missing on purpose: there is neither a queue nor a call to AWS that it could choose between.
_SIDECARS = {
    "send_interval": 60,
    "max_batch_size": 1024 * 1024,
    "max_batch_count": 10000,
    "boto3_client": None,
    "boto3_session": None,
    "boto3_profile_name": None,
    "endpoint_url": None,
    "create_log_group": True,
    "create_log_stream": True,
    "log_group_tags": None,
    "log_group_retention_days": None,
}


class SplashdamWarning(UserWarning):
    """Something about the logging configuration, or a record, that its author should know."""


class CloudWatchLogHandler(Handler):
    """`watchtower.CloudWatchLogHandler` for an app beside a splashdam sidecar.

    Takes every keyword of Watchtower's (docs/python.md says what becomes of each), and `Handler`'s own
    `socket`, `app`, `window`, `max_wait`, `wait_for` and `exit_timeout`. No call to AWS is made, boto3 is not needed.
    """

    #: What a `_size` of one's own adds.
    EXTRA_MSG_PAYLOAD_SIZE = EVENT_OVERHEAD

    def __init__(
        self,
        log_group_name: Optional[str] = DEFAULT_LOG_GROUP_NAME,
        log_stream_name: Optional[str] = DEFAULT_LOG_STREAM_NAME,
        use_queues: bool = True,
        send_interval: Any = 60,
        max_batch_size: Optional[int] = 1024 * 1024,
        max_batch_count: Optional[int] = 10000,
        boto3_client: Any = None,
        boto3_profile_name: Optional[str] = None,
        create_log_group: bool = True,
        log_group_tags: Optional[dict[str, str]] = None,
        json_serialize_default: Optional[Callable[[Any], Any]] = None,
        log_group_retention_days: Optional[int] = None,
        create_log_stream: bool = True,
        max_message_size: Optional[int] = None,
        log_group: Optional[str] = None,
        stream_name: Optional[str] = None,
        *args: Any,
        boto3_session: Any = None,
        endpoint_url: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        if args:
            # Watchtower hands what comes behind its own arguments to `logging.Handler`: the level.
            kwargs.setdefault("level", args[0])
        group = _either("log_group_name", log_group_name, DEFAULT_LOG_GROUP_NAME, "log_group", log_group)
        stream = _either("log_stream_name", log_stream_name, DEFAULT_LOG_STREAM_NAME, "stream_name", stream_name)
        super().__init__(**kwargs)
        self.log_group_name, self.log_stream_name = group, stream
        self.use_queues, self.send_interval = use_queues, send_interval
        self.max_batch_size, self.max_batch_count = max_batch_size, max_batch_count
        self.create_log_group, self.create_log_stream = create_log_group, create_log_stream
        self.log_group_tags, self.log_group_retention_days = log_group_tags or {}, log_group_retention_days
        self.boto3_client, self.boto3_session = boto3_client, boto3_session
        self.boto3_profile_name, self.endpoint_url = boto3_profile_name, endpoint_url
        self.max_message_size = max_message_size
        # Who overrides them expects to be asked, at Watchtower's default size.
        hooks = (type(self)._size, type(self)._truncate)
        self._is_hooked = hooks != (CloudWatchLogHandler._size, CloudWatchLogHandler._truncate)
        self.json_serialize_default = json_serialize_default
        self.setFormatter(CloudWatchLogFormatter(json_serialize_default=json_serialize_default))
        self._machine_name = platform.node()
        self._tell_of_the_sidecars()

    @property
    def log_group_name(self) -> Optional[str]:
        """As in Watchtower; its default, and None, mean the sidecar's own group."""
        return self._log_group_name

    @log_group_name.setter
    def log_group_name(self, name: Optional[str]) -> None:
        self._log_group_name = name
        self.group = "" if name in (None, DEFAULT_LOG_GROUP_NAME) else str(name)
        self._link = None
        self._by_logger: dict[str, Link] = {}

    @property
    def log_stream_name(self) -> Optional[str]:
        """As in Watchtower, a template; None means the sidecar's own stream."""
        return self._log_stream_name

    @log_stream_name.setter
    def log_stream_name(self, name: Optional[str]) -> None:
        self._log_stream_name = name
        self._template = _names.StreamTemplate(name or "")
        self._by_logger = {}

    def _tell_of_the_sidecars(self) -> None:
        names = [name for name, default in _SIDECARS.items() if (getattr(self, name) or default) != default]
        names += [name for name in ("create_log_group", "create_log_stream") if not getattr(self, name)]
        if names:
            _warn_once("the sidecar's configuration decides in place of " + ", ".join(sorted(names)))

    def emit(self, record: logging.LogRecord) -> None:
        """Formats in the calling thread and hands the record over, as `Handler.emit`; an empty message is skipped."""
        if self.disabled:
            return
        warning = ""
        try:
            text = self.format(record)
            if not text or self._is_empty(record):
                self._warn(record, "an empty message: CloudWatch Logs does not take it")
                self._empty += 1
                return
            link = self._link_of(record)
            timestamp_ms = milliseconds(record.created)
            if self.max_message_size is not None or self._is_hooked:
                text, warning = self._cut(text, timestamp_ms)
            encoded = encode(text)
        except Exception as error:
            self._failed_before(record, error)
            return
        self._hand_over(link, timestamp_ms, encoded, record)
        if warning:
            self._truncated += 1
            self._warn(record, warning)

    def _emit_again(self, record: logging.LogRecord) -> None:
        CloudWatchLogHandler.emit(self, record)

    def _warn(self, record: logging.LogRecord, text: str) -> None:
        """Warns of a record, unless it is a warning itself; one that is made an error is told and costs nothing."""
        if record.name != "py.warnings":
            try:
                warnings.warn(text, SplashdamWarning, stacklevel=3)
            except SplashdamWarning:
                self.handleError(record)

    @staticmethod
    def _is_empty(record: logging.LogRecord) -> bool:
        """Whether the message itself is empty, whatever the format adds."""
        message = record.__dict__.get("message")  # Most formatters leave it there.
        if message is None and isinstance(record.msg, str):
            message = record.getMessage() if record.args else record.msg
        return message == ""

    def _link_of(self, record: logging.LogRecord) -> Link:
        if type(self)._get_stream_name is not _GET_STREAM_NAME or "_get_stream_name" in self.__dict__:
            return self._link_to(self._stream_of(record))  # Overridden: it may depend on anything.
        # Most templates give the same stream for all records of a logger.
        link = self._by_logger.get(record.name)
        if link is not None and (record.process == self._pid or os.getpid() == self._pid) and not link.retired:
            return link
        stream = self._stream_of(record)
        link = self._link_to(stream)
        if self._template.by_logger and link.stream == stream:
            if len(self._by_logger) >= MOST_REMEMBERED:
                self._by_logger.clear()
            self._by_logger[record.name] = link
        return link

    def _stream_of(self, record: logging.LogRecord) -> str:
        if self.log_stream_name is None:
            return ""
        return _names.stream_name(self._get_stream_name(record))

    def _start_account(self) -> None:
        super()._start_account()
        self._by_logger = {}

    def _use_anew(self) -> None:
        super()._use_anew()
        self._by_logger = {}

    def _get_machine_name(self) -> str:
        return self._machine_name

    def _get_stream_name(self, message: logging.LogRecord) -> str:
        """The stream of one record. May be overridden, as in Watchtower."""
        return self._template.fill(self._get_machine_name(), message.name)

    def _cut(self, text: str, timestamp_ms: int) -> tuple[str, str]:
        """The text as far as `max_message_size` lets it be, and what is to be said of it."""
        longest = DEFAULT_MAX_MESSAGE_SIZE if self.max_message_size is None else self.max_message_size
        most = max(0, longest - EVENT_OVERHEAD)
        message = {"timestamp": timestamp_ms, "message": text}
        if self._size(message) <= most:
            return text, ""
        cut = str(self._truncate(message, most)["message"])
        return cut, "" if cut == text else f"a message is cut at {most} bytes, as max_message_size says"

    def _size(self, msg: Any) -> int:
        """What CloudWatch counts for a message, in bytes. May be overridden, as in Watchtower."""
        return (len(encode(msg["message"])) if isinstance(msg, dict) else 1) + EVENT_OVERHEAD

    def _truncate(self, msg: Any, max_size: int) -> Any:
        """Cuts a message at so many bytes, between characters. May be overridden, as in Watchtower."""
        msg["message"] = encode(msg["message"])[:max_size].decode("utf-8", "ignore")
        return msg

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(log_group_name={self.log_group_name!r}, log_stream_name={self.log_stream_name!r})"


_GET_STREAM_NAME = CloudWatchLogHandler._get_stream_name


def _either(name: str, value: Optional[str], default: str, old_name: str, old: Optional[str]) -> Optional[str]:
    """A setting, or the deprecated name of it."""
    if old is None:
        return value
    warnings.warn(f"{old_name} is Watchtower's old name of {name}", DeprecationWarning, stacklevel=3)
    return old if value in (None, default) else value


#: What this process was warned of.
_warned: list[str] = []


def _warn_once(text: str) -> None:
    """One word about a process's settings, however many handlers have them."""
    if not _warned:
        _warned.append(text)
        warnings.warn(text, SplashdamWarning, stacklevel=4)
