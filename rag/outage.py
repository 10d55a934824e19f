"""When to try again what has failed: soon at first, then ever more seldom."""

from __future__ import annotations

import time
from collections.abc import Callable

FIRST_WAIT = 15.0
LONGEST_WAIT = 600.0
"""Seconds."""


class Outage:
    """Says once that something is away and once that it is back.

    ``name`` begins both lines; ``clock`` counts seconds.
    """

    def __init__(
        self, name: str, warn: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._warn, self._clock = name, warn, clock
        self._wait = 0.0
        self._retry_at = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early to try again."""
        return self._wait > 0 and self._clock() < self._retry_at

    def failed(self, reason: str) -> None:
        """Note a failure; only the first of a row is told."""
        if not self._wait:
            self._warn(f"{self._name}: {reason}")
        self._wait = min(LONGEST_WAIT, 2 * self._wait) or FIRST_WAIT
        self._retry_at = self._clock() + self._wait

    def worked(self) -> None:
        """Note a success."""
        if self._wait:
            self._warn(f"{self._name}: works again")
        self._wait = 0.0
