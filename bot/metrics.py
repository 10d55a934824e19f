"""Figures for Prometheus: counts of what happened, never of whom or what was said.

Names follow https://prometheus.io/docs/practices/naming/: base units, ``_total`` for counts.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_FIGURES = re.compile(r"\(.*?\)|\d+")
SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Upper ends of the buckets of reply times: bursts are waited out and typed at a person's pace."""


class Metrics:
    """The figures of one process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._tally: Tally[str] = Tally()
        self._heard = self._counter("messages_heard", "Messages heard.", "platform")
        self._decided = self._counter("decisions", "What the gate decided.", "verdict", "reason")
        self._dropped = self._counter("replies_dropped", "Replies not sent.", "kind")
        self._failed = self._counter("failures", "What went wrong.", "kind")
        self._answered = Histogram(
            "atself_reply_seconds",
            "From the message answered to the first message of the reply.",
            ["platform"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def heard(self, platform: str) -> None:
        """A message came in."""
        self._heard.labels(platform).inc()
        self._tally["heard"] += 1

    def decided(self, verdict: str, reason: str) -> None:
        """The gate decided; ``reason`` is one of a few keys, not a sentence."""
        self._decided.labels(verdict, reason).inc()
        self._tally["silent"] += verdict == "silent"

    def answered(self, platform: str, seconds: float) -> None:
        """A reply began to be sent so long after the message it answers."""
        self._answered.labels(platform).observe(seconds)
        self._tally["answered"] += 1

    def dropped(self, kind: str) -> None:
        """A reply was not sent: the chat moved on, it repeated itself, and so on.

        Figures in ``kind`` are left out: each would make a series of its own.
        """
        self._dropped.labels(_FIGURES.sub("", kind).strip()).inc()
        self._tally["dropped"] += 1

    def failed(self, kind: str) -> None:
        """Something went wrong: generation, sending, archiving."""
        self._failed.labels(kind).inc()
        self._tally["failed"] += 1

    def tally(self) -> str:
        """What happened since this was last asked, in a line; empty where nothing did."""
        told = ", ".join(f"{name} {count}" for name, count in self._tally.items() if count)
        self._tally.clear()
        return told

    def gauge(self, name: str, help: str, value: Callable[[], float]) -> None:
        """Show ``value()`` as ``atself_name`` whenever somebody looks."""
        Gauge(f"atself_{name}", help, registry=self.registry).set_function(value)

    def page(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(f"atself_{name}", help, labels, registry=self.registry)
