"""Whether a new model may take the place of the one that serves: a rule, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from likeness.measured import Better, Figure, Measure, Measures
from likeness.records import Player, Role
from registry.rule import objection

LIKENESS = "likeness"
"""What the headline is called among the differences."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rule says of a candidate, and why, in plain words with figures."""

    is_promoted: bool
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave."""
        return cls(bool(data["is_promoted"]), tuple(data["reasons"]))


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two versions that spoke in the same scenes."""

    candidate: Player
    serving: Player

    @classmethod
    def of(cls, candidate: str, serving: str) -> Self:
        """The whole persona of each: trained, with memory."""
        return cls(Player(Role.FULL, candidate), Player(Role.FULL, serving))


def decide_first(card: Mapping[str, Any]) -> Judgement:
    """Where nothing serves yet, a card that does not fail is enough."""
    why_not = objection(card, is_first=True)
    if why_not:
        return Judgement(False, (why_not,))
    return Judgement(True, ("nothing served before, and its report card does not fail",))


def decide(
    comparison: Mapping[str, Figure],
    measures: Measures,
    card: Mapping[str, Any],
    pairing: Pairing,
    *,
    withdrawn: Sequence[str] = (),
) -> Judgement:
    """Better on likeness, and not worse beyond the interval on any guard.

    ``comparison`` holds the differences candidate − serving by key of a measure. ``withdrawn`` are
    versions that served and were taken back: they are not let serve again by a rule.
    """
    guards = [measure for measure in measures.measures if measure.is_guard]
    against = [
        *_by_card(card, pairing.candidate.version, withdrawn),
        *_by_likeness(comparison.get(LIKENESS)),
        *_by_guards(guards, comparison, pairing),
    ]
    if against:
        return Judgement(False, tuple(against))
    return Judgement(True, tuple(_for(guards, comparison)))


def _by_card(card: Mapping[str, Any], version: str, withdrawn: Sequence[str]) -> Iterator[str]:
    """What the card says for itself; against what serves, the rehearsal has the word."""
    if version in withdrawn:
        yield f"{version} served before and was taken back"
    if why_not := objection({**card, "serving": None}, is_first=False):
        yield why_not


def _by_likeness(gain: Figure | None) -> Iterator[str]:
    if gain is None:
        yield "likeness could not be compared; rehearse more scenes"
    elif not gain.value > 0:  # no number is no gain
        yield f"no better on likeness: {change(gain)}"


def _by_guards(
    guards: Sequence[Measure], comparison: Mapping[str, Figure], pairing: Pairing
) -> Iterator[str]:
    if not any(guard.key in comparison for guard in guards):
        yield "no guard could be compared; rehearse more scenes"
    for guard in guards:
        found = comparison.get(guard.key)
        if found is None or math.isnan(found.value):
            if pairing.serving.name in guard.figures:
                yield f"{guard.title} could not be compared; rehearse more scenes"
        elif _is_worse(guard, found, pairing):
            yield f"worse on {guard.title}: {change(found)}"


def _is_worse(guard: Measure, found: Figure, pairing: Pairing) -> bool:
    """Whether it differs beyond its interval, the wrong way. Without an interval any loss counts.

    Where @self's own value is the aim, wrong is farther from it.
    """
    if guard.better is Better.NEAR_SELF:
        return _is_farther(guard, pairing) and _excludes_zero(found)
    loss = found.value if guard.better is Better.LOWER else -found.value
    return loss > 0 and _excludes_zero(found)


def _is_farther(guard: Measure, pairing: Pairing) -> bool:
    own, new, old = (
        guard.figures.get(player.name)
        for player in (Player(Role.SELF), pairing.candidate, pairing.serving)
    )
    if own is None or new is None or old is None:
        return True
    return abs(new.value - own.value) > abs(old.value - own.value)


def _excludes_zero(found: Figure) -> bool:
    return found.low is None or found.high is None or found.low > 0 or found.high < 0


def _for(guards: Sequence[Measure], comparison: Mapping[str, Figure]) -> Iterator[str]:
    gain = comparison[LIKENESS]
    if gain.low is None:
        sure = "too few replies for an interval"
    else:
        sure = "beyond chance" if gain.low > 0 else "within chance, as the interval holds 0"
    yield f"better on likeness: {change(gain)}, {sure}"
    held = [guard.title for guard in guards if guard.key in comparison]
    yield f"not worse on {', '.join(held)}"
    if missing := [guard.title for guard in guards if guard.key not in comparison]:
        yield f"not measured: {', '.join(missing)}"


def change(figure: Figure) -> str:
    """A difference as people read it, with its interval and what it rests on."""
    interval = "" if figure.low is None else f" ({figure.low:+.3f} to {figure.high:+.3f})"
    replies = f", {figure.replies:,} replies" if figure.replies else ""
    return f"{figure.value:+.3f}{interval}{replies}"
