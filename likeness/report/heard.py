"""The gate's own report (``report`` in gate.json), read for the page; what is not there is empty.

It is another program's file to us: an older or a newer one may lack parts or call them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HOURS = 24
Week = tuple[tuple[int, ...], ...]
"""Seven days from Monday, 24 counts each."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to decide when to speak; figures that cannot be said are None."""

    name: str
    balanced_accuracy: float
    auc: float | None
    average_precision: float | None
    precision: float | None
    recall: float | None
    false_per_day: float | None


@dataclass(frozen=True, slots=True)
class Member:
    """How much of what somebody wrote @self answered."""

    handle: str
    seen: int
    answered: int


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much balanced accuracy is above another's, with its 95 % interval."""

    over: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Habit:
    """Something about how @self types: the median of what was seen, and of what was fitted."""

    name: str
    median: float
    fitted: float | None = None
    observed: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """When @self speaks, and how well the gate knows. ``ways`` begins with the gate.

    ``calibration`` are (score, share answered, messages), ``roc`` (false, right) shares.
    """

    messages: int
    answered: int
    since: str
    ways: tuple[Way, ...]
    calibration: tuple[tuple[float, float, int], ...]
    roc: tuple[tuple[float, float], ...]
    week: tuple[Week, Week] | None
    """Answered, and seen."""
    people: tuple[Member, ...]
    habits: tuple[Habit, ...]
    gains: tuple[Gain, ...]
    """Over the best simple rule, and over the scorer weighed by hand."""


def heard(report: Mapping[str, Any]) -> Heard | None:
    """The report read; None where there is nothing in it, or nothing one can read."""
    try:
        return _heard(report) if report else None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _heard(report: Mapping[str, Any]) -> Heard:
    held = report.get("held_out") or {}
    ways = report.get("methods") or report.get("table") or ()
    roc = report.get("roc") or (report.get("curves") or {}).get("roc") or ()
    return Heard(
        int(held.get("messages") or 0),
        int(held.get("answered") or 0),
        str(held.get("from") or held.get("since") or "")[:10],
        tuple(_way(each) for each in ways),
        tuple(_bin(each) for each in report.get("calibration") or ()),
        tuple((float(false), float(right)) for false, right in roc),
        _weeks(report),
        tuple(_member(each) for each in report.get("people") or ()),
        tuple(_habits(report.get("manner"))),
        tuple(_gain(report[name]) for name in ("gain", "gain_over_hand") if report.get(name)),
    )


def _way(each: Mapping[str, Any]) -> Way:
    return Way(
        str(each["name"]),
        float(_either(each, "balanced_accuracy", "balanced")),
        each.get("auc"),
        each.get("average_precision"),
        each.get("precision"),
        each.get("recall"),
        each.get("false_per_day"),
    )


def _bin(each: Mapping[str, Any]) -> tuple[float, float, int]:
    score, share = _either(each, "score", "told"), _either(each, "share", "came")
    return float(score), float(share), int(_either(each, "count", "messages"))


def _member(each: Mapping[str, Any]) -> Member:
    return Member(
        str(each["handle"]), int(_either(each, "seen", "messages")), int(each["answered"])
    )


def _weeks(report: Mapping[str, Any]) -> tuple[Week, Week] | None:
    """By weekday and hour; None for chats without times."""
    hours = report.get("hours")
    if hours is None and "heard" in report:
        hours = {"answered": _days(report["answered"]), "seen": _days(report["heard"])}
    if not hours or not hours.get("seen") or not any(map(any, hours["seen"])):
        return None
    answered, seen = (
        tuple(tuple(int(count) for count in day) for day in hours[name])
        for name in ("answered", "seen")
    )
    return answered, seen


def _days(counts: Sequence[int]) -> list[Sequence[int]]:
    """168 counts, by day."""
    return [counts[start : start + HOURS] for start in range(0, 7 * HOURS, HOURS)]


def _habits(found: Any) -> Iterator[Habit]:
    """How @self types: records of what was fitted, or plain numbers by name."""
    if isinstance(found, Mapping):
        for name, value in found.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield Habit(str(name).replace("_", " "), float(value))
        return
    for each in found or ():
        yield Habit(str(each["name"]), each["median"], each.get("fitted_median"), each["observed"])


def _gain(found: Mapping[str, Any]) -> Gain:
    return Gain(str(found["over"]), float(found["points"]), found.get("low"), found.get("high"))


def _either(each: Mapping[str, Any], *names: str) -> Any:
    return next(each[name] for name in names if each.get(name) is not None)
