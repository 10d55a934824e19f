"""Simple rules for when to speak, to measure the learned gate by. Each gives a score per message.

Their borders are fitted as the gate's are, on the same stretch of time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from bot.gating.gathering import Rows
from bot.gating.scoring import WEIGHTS

Scores = npt.NDArray[np.float64]
HAND = "the scorer that ships"
RECENT = ((60.0, 0.9), (120.0, 0.7), (300.0, 0.5))
"""Seconds since @self's last message, and how probably the recency rule speaks within them."""


def rivals(rows: Rows) -> Mapping[str, Scores]:
    """Scores (n,) of each rule, by what it is called."""
    return {
        "only when addressed": addressed(rows),
        "recency rule": recency(rows),
        "necessity score": necessity(rows),
        HAND: by_hand(rows),
    }


def by_hand(rows: Rows) -> Scores:
    """The scorer that ships, which is not asked where somebody addresses @self."""
    odds = rows.column("signs weighed by hand").astype(np.float64) + WEIGHTS["always"]
    found: Scores = np.where(rows.addressed, 1.0, 1 / (1 + np.exp(-odds)))
    return found


def addressed(rows: Rows) -> Scores:
    """Speaks where somebody replies to @self, mentions or names them."""
    return rows.addressed.astype(np.float64)


def recency(rows: Rows) -> Scores:
    """Speaks the more probably the shorter ago @self spoke; nothing in chats without times."""
    seconds = np.expm1(rows.column("time since @self").astype(np.float64))
    has_times = seconds.max(initial=0.0) > 0
    found = np.select([seconds <= limit for limit, _ in RECENT], [p for _, p in RECENT], 0.0)
    return found if has_times else np.zeros(len(rows))


def necessity(rows: Rows) -> Scores:
    """Points: addressed 100, named 80, a question 15, a request 20, less 25 for one's own share."""
    direct = (rows.column("replies to @self") > 0) | (rows.column("mentions @self") > 0)
    named = (rows.column("names @self") > 0) & ~direct
    asks, everybody = rows.column("asks"), rows.column("asks everybody")
    points = 100.0 * direct + 80.0 * named + 15.0 * asks + 20.0 * everybody
    found: Scores = points - 25.0 * rows.column("@self's share of 20 lines")
    return found
