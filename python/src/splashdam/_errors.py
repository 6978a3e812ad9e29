"""Whose an error is that came out of a call: the record's, ours, or one that somebody raised into us to end a task."""

from __future__ import annotations

import os
import signal
from types import CodeType

#: The errors that our own code can raise, unlike those that somebody's signal handler or timer raises into it.
_OUR_MODULES = ("builtins", "struct")
_HERE = os.path.dirname(os.path.abspath(__file__))


def _codes(error: BaseException) -> list[CodeType]:
    """Where an error came through, the innermost place last."""
    codes, trace = [], error.__traceback__
    while trace is not None:
        codes.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return codes


def is_our_own(error: Exception) -> bool:
    """Whether our code raised it, not somebody's signal handler or timer into it: that must not be swallowed."""
    if type(error).__module__ not in _OUR_MODULES:
        return False
    codes = _codes(error)
    return bool(codes) and codes[-1].co_filename.startswith(_HERE)


def is_from_a_signal_handler(error: Exception) -> bool:
    """Whether a Python function that handles a signal stands in the way the error came."""
    codes = _codes(error)
    if not codes or codes[-1].co_filename.startswith(_HERE):
        return False  # A handler has a frame of its own, further in than ours. Asking for all handlers takes 0.1 ms.
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    functions = [getattr(handler, "func", handler) for handler in handlers if callable(handler)]
    theirs = {getattr(getattr(function, "__func__", function), "__code__", None) for function in functions}
    theirs |= {getattr(type(function).__call__, "__code__", None) for function in functions}
    return not theirs.isdisjoint(codes)
