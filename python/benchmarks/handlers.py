"""The handlers that are compared, each made as its users make it, with the defaults but for what the row is about."""

import logging
import logging.handlers
import socket

GROUP = "/splashdam/benchmarks"


class FormattingNullHandler(logging.Handler):
    """Formats, and throws the text away: what any handler costs before it has done anything with the record."""

    def emit(self, record):
        self.format(record)


def nobody(_address):
    """No handler at all, and logging's last resort is switched off: what the call itself costs."""
    logging.lastResort = None
    logging.Logger.manager.emittedNoHandlerWarning = True


def null(_address):
    return FormattingNullHandler()


def handler(address):
    import splashdam

    return splashdam.Handler(socket=address)


def cloudwatch(address):
    import splashdam

    return splashdam.CloudWatchLogHandler(log_group_name=GROUP, socket=address)


def queue(_address):
    import watchtower

    return watchtower.CloudWatchLogHandler(log_group_name=GROUP)


def sync(_address):
    import watchtower

    return watchtower.CloudWatchLogHandler(log_group_name=GROUP, use_queues=False)


def syslog_stream(address):
    return logging.handlers.SysLogHandler(address, socktype=socket.SOCK_STREAM)


def syslog_datagram(address):
    return logging.handlers.SysLogHandler(address, socktype=socket.SOCK_DGRAM)


KINDS = {
    "none": nobody,
    "null": null,
    "handler": handler,
    "cloudwatch": cloudwatch,
    "queue": queue,
    "sync": sync,
    "syslog-stream": syslog_stream,
    "syslog-datagram": syslog_datagram,
}


def build(kind, address, text_format):
    """The row's handler with its formatter, or None."""
    made = KINDS[kind](address)
    if made is not None:
        made.setFormatter(logging.Formatter(text_format))
    return made
