"""What players are, and how their figures are put in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from likeness.measured import Figure, Measure
from likeness.records import Player, Role

MEANINGS = {
    Role.MEMBER: "what somebody else of the chat really said: the floor",
    Role.RANDOM: "anything @self once said, drawn blindly",
    Role.NEAREST: "what @self once said to the most similar lines, looked up",
    Role.BASE: "the model before it learned anything",
    Role.PROMPTED: "the base with instructions, examples of @self's replies and memory, untrained",
    Role.ADAPTER: "the trained model alone",
    Role.FULL: "the trained model with memory: the bot as it runs",
    Role.SELF: "what @self really said: the ceiling",
}


def shown_figures(
    measure: Measure | Mapping[str, Figure], players: Iterable[Player]
) -> dict[str, Figure]:
    """Figures by name, in the players' order; those without a value are left out."""
    figures = measure.figures if isinstance(measure, Measure) else measure
    found = ((player.name, figures.get(player.name)) for player in players)
    return {name: figure for name, figure in found if figure and figure.value is not None}


def of_version(players: Iterable[Player], version: str) -> list[str]:
    """The names of a version's players."""
    return [player.name for player in players if player.version == version]


def speaking(players: Iterable[Player], version: str, known: Mapping[str, Figure]) -> Player | None:
    """The version as it runs, with memory, else without; None where neither has a figure."""
    for role in (Role.FULL, Role.ADAPTER):
        for player in players:
            if player.role is role and player.version == version and player.name in known:
                return player
    return None
