"""Two players on the same scenes: what one has over the other, measure by measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.settings import Home, Settings
from likeness.errors import LikenessError
from likeness.measured import Figure
from likeness.measures.taking import Measuring
from likeness.records import Evaluation, Player, Role

HEADLINE = "likeness"
_ENDS = (Role.MEMBER, Role.SELF)
_WORTH = (
    (Role.ADAPTER, Role.BASE),
    (Role.FULL, Role.ADAPTER),
    (Role.FULL, Role.BASE),
    (Role.FULL, Role.PROMPTED),
    (Role.FULL, Role.NEAREST),
)
"""What is worth how much: training, memory, training above a prompt, speaking above repeating."""


def compare(
    evaluation: Evaluation, one: Player, other: Player, home: Home, settings: Settings
) -> Mapping[str, Figure]:
    """``one`` minus ``other`` by measure key, and the headline as ``likeness``, with intervals.

    Paired: the same scenes are redrawn for both. Whether more is better the measure says. Raises
    LikenessError where a player is not in the evaluation.
    """
    players = evaluation.plan.players
    for player in (one, other):
        if player not in players:
            raise LikenessError(f"{evaluation.folder}: {player.name} was not played; evaluate it")
    wanted = [p for p in players if p in (one, other) or p.role in _ENDS]
    found = Measuring.of(evaluation, home, wanted)
    sides = {each.key: each.drawn for each in found.taken} | {HEADLINE: found.likeness}
    return {
        key: drawn[one.name].minus(drawn[other.name]).figure()
        for key, drawn in sides.items()
        if one.name in drawn and other.name in drawn
    }


def gains(found: Measuring, players: Sequence[Player]) -> dict[str, Figure]:
    """The paired differences in likeness that people ask for, by ``one − other``."""
    pairs = [
        (one, other)
        for better, worse in _WORTH
        for one in players
        for other in players
        if (one.role, other.role) == (better, worse) and other.version in ("", one.version)
    ]
    drawn = found.likeness
    return {
        f"{one.name} − {other.name}": drawn[one.name].minus(drawn[other.name]).figure()
        for one, other in pairs
        if one.name in drawn and other.name in drawn
    }
