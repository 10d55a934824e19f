"""What was measured in an evaluation, as every page, table and rule reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Better(StrEnum):
    """Which way a measure is good."""

    HIGHER = "higher"
    LOWER = "lower"
    NEAR_SELF = "near @self"
    """As @self's own value is: neither more nor less."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval (None where too little was said to tell).

    ``replies`` is how many replies (or answers) it rests on, ``clusters`` how many of them are
    independent of each other.
    """

    value: float
    low: float | None = None
    high: float | None = None
    replies: int = 0
    clusters: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """One way of measuring, and the figure of every player it applies to, by player's name.

    ``is_likeness`` where it counts into the headline, ``is_guard`` where a new model must not be
    worse by it. ``unit`` is shown behind values (``%`` values are shares from 0 to 1). ``note`` is
    one line on how it is measured and what it cannot tell.
    """

    key: str
    title: str
    better: Better
    figures: Mapping[str, Figure]
    unit: str = ""
    note: str = ""
    is_likeness: bool = False
    is_guard: bool = False


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of an evaluation.

    ``likeness`` is the headline by player's name: the mean over the measures of likeness, each
    put so that another member is 0 and @self 1. ``gains`` are differences in it on the same scenes,
    by ``one − other``. ``advice`` says what to do next.
    """

    measures: tuple[Measure, ...]
    likeness: Mapping[str, Figure]
    advice: tuple[str, ...] = ()
    gains: Mapping[str, Figure] = field(default_factory=dict)

    def get(self, key: str) -> Measure | None:
        """A measure by its key; None where it was not taken."""
        return next((each for each in self.measures if each.key == key), None)

    def gain(self, one: str, other: str) -> Figure | None:
        """How much more likeness one player has than another; None where it was not compared."""
        return self.gains.get(f"{one} − {other}")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        return cls(
            tuple(_measure(each) for each in data["measures"]),
            _figures(data["likeness"]),
            tuple(data["advice"]),
            _figures(data.get("gains", {})),
        )


def _measure(data: Mapping[str, Any]) -> Measure:
    better = Better(data["better"])
    return Measure(**{**data, "better": better, "figures": _figures(data["figures"])})


def _figures(data: Mapping[str, Any]) -> dict[str, Figure]:
    return {name: Figure(**figure) for name, figure in data.items()}
