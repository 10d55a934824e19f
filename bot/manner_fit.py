"""How well @self's manner of typing, read off the past, fits what came after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from bot.habits import Habits, Seen
from bot.manner import Manner, drawn
from ingest.archive import Archive

HELD_OUT = 0.1
"""The last share of the messages of each chat."""
_GRID = (np.arange(500) + 0.5) / 500
_ENOUGH = 20


def judged(archive: Archive) -> list[dict[str, Any]]:
    """Distances of the fitted manner, and of the default one, to @self's later messages.

    ``distance`` is the earth mover's between logarithms (0.7: a factor of two on average), ``ks``
    the widest gap between the shares below a value, from 0 to 1. Fewer than 20 observations are
    left out.
    """
    before, after = Habits(), Habits()
    sizes = archive.chat_counts()
    for chat in archive.chats():
        for habits in (before, after):
            habits.open(has_times=chat.has_times)
        border = sizes[chat.id] * (1 - HELD_OUT)
        for place, message in enumerate(archive.messages(chat.id)):
            (before if place < border else after).add(message)
    return [*_compared(before.manner(), Manner(), after.seen())]


def _compared(fitted: Manner, usual: Manner, later: Seen) -> Iterator[dict[str, Any]]:
    every = list(chain.from_iterable(later.delays))
    tables: Sequence[tuple[str, Sequence[float], Sequence[float], Sequence[float]]] = (
        ("seconds to a first reply", every, _delays(fitted, later), _delays(usual, later)),
        ("messages of a burst", later.bursts, _counts(fitted), _counts(usual)),
        ("characters of a message", later.lengths, _lengths(fitted), _lengths(usual)),
    )
    for name, seen, ours, default in tables:
        if len(seen) >= _ENOUGH:
            yield {
                "name": name,
                "observed": len(seen),
                "median": float(np.median(seen)),
                "fitted_median": float(np.median(ours)),
                "fitted": _apart(ours, seen),
                "default": _apart(default, seen),
            }


def _apart(ours: Sequence[float], seen: Sequence[float]) -> dict[str, float]:
    from scipy.stats import ks_2samp, wasserstein_distance

    logs = np.log1p(np.array(ours, float)), np.array(np.log1p(np.array(seen, float)))
    gap = ks_2samp(*logs, method="asymp").statistic
    return {"distance": round(float(wasserstein_distance(*logs)), 4), "ks": round(float(gap), 4)}


def _lengths(manner: Manner) -> list[float]:
    return [manner.length(share) for share in _GRID]


def _counts(manner: Manner) -> list[float]:
    return [manner.count(share) for share in _GRID]


def _delays(manner: Manner, later: Seen) -> list[float]:
    """Delays in chats as live as they were later."""
    return [
        drawn(row, share)
        for row, seen in zip(manner.delays, later.delays, strict=True)
        for share in _GRID[:: max(1, len(_GRID) // max(len(seen), 1))]
        if seen
    ]
