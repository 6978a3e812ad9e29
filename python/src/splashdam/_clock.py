"""The clock. It stands in an object, where tools that freeze time for an app's tests (freezegun) do not look: a wait of
ours that is bounded by a clock must end also while that stands still."""

from __future__ import annotations

import time


class Clock:
    """Monotonic time, and the time of day, in seconds."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)


clock = Clock()
