"""What became of every version, and why: promotions, rollbacks, and models that were kept aside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from registry.retrainings import Outcome, Retraining, Step
from registry.store import Promotion, Registry


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the past: when (ISO 8601), what became of which version, and why.

    ``likeness`` are the headlines of those who were rehearsed, ``guards`` the differences on each
    guard, of candidate − serving; both are empty where nothing was rehearsed.
    """

    at: str
    what: str
    version: str
    reason: str
    retraining: str = ""
    likeness: Mapping[str, Any] = field(default_factory=dict)
    guards: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return asdict(self)

    @property
    def gain(self) -> str:
        """The difference on likeness, with its interval."""
        found = self.likeness.get("difference")
        if not found:
            return ""
        interval = "" if found["low"] is None else f" ({found['low']:+.3f} to {found['high']:+.3f})"
        return f"{found['value']:+.3f}{interval}"


def past(registry: Registry, retrainings: Sequence[Retraining]) -> list[Happening]:
    """Everything that happened, oldest first; a promotion by a retraining is one line."""
    found = [*_served(registry.history(), retrainings), *_kept_aside(retrainings)]
    return sorted(found, key=lambda each: each.at)


def latest(happenings: Sequence[Happening]) -> dict[str, Happening]:
    """The last that happened to each version."""
    return {each.version: each for each in happenings if each.version}


def _served(history: Sequence[Promotion], known: Sequence[Retraining]) -> Iterator[Happening]:
    serving = ""
    for one in history:
        of = next((each for each in reversed(known) if each.version == one.version), None)
        if one.is_rollback:
            yield Happening(one.at, f"rolled back to {one.version}", serving, one.reason)
        else:
            what = "promoted, overruling its card" if one.is_overruled else "promoted"
            yield Happening(one.at, what, one.version, one.reason, *_figures(of))
        serving = one.version


def _kept_aside(known: Sequence[Retraining]) -> Iterator[Happening]:
    for one in known:
        if one.outcome in (Outcome.KEPT_ASIDE, Outcome.OVERTAKEN):
            reason = "; ".join(one.reasons)
            yield Happening(one.ended_at, str(one.outcome), one.version, reason, *_figures(one))


def _figures(one: Retraining | None) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    if one is None:
        return "", {}, {}
    found = one.values(Step.COMPARISON)
    guards = (
        {each["key"] for each in found["measures"]["measures"] if each["is_guard"]} if found else ()
    )
    differences = found.get("differences", {})
    return one.id, one.likeness, {key: differences[key] for key in differences if key in guards}
