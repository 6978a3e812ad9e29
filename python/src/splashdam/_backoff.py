"""How long to wait before the next connection: 50 ms doubling to 5 s, full jitter. Reads no clock."""

from __future__ import annotations

import random

FIRST, LONGEST, LEAST = 0.05, 5.0, 0.005


class Backoff:
    """Counts failures in a row and turns them into waits, in seconds."""

    def __init__(self, seed: bytes) -> None:
        # Its own source: an app that seeds `random` expects its own numbers from it.
        self._random = random.Random(seed)
        self.failures = 0

    def reset(self) -> None:
        """The connection has proved good: the next failure is the first again."""
        self.failures = 0

    def discourage(self) -> None:
        """Trying again soon is pointless: the next wait is drawn from the whole range."""
        self.failures = max(self.failures, 7)

    def next(self) -> float:
        """The wait after one more failure."""
        ceiling = min(LONGEST, FIRST * 2 ** min(self.failures, 7))
        self.failures += 1
        return max(LEAST, self._random.uniform(0, ceiling))
