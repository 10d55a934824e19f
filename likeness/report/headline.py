"""The likeness in one figure, in a drawing, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from likeness.measured import Figure
from likeness.records import Player, Role
from likeness.report import plots
from likeness.report.naming import called, of_version, shown_figures, speaking
from likeness.report.shown import (
    FIGURE_COLUMNS,
    Plot,
    Table,
    drawn,
    figure_cells,
    text,
)
from likeness.report.sources import Rehearsed


@dataclass(frozen=True, slots=True)
class Headline:
    """The likeness of the version in question: the figure, its words, everybody on one line."""

    name: str
    figure: Figure
    in_words: str
    sentences: tuple[str, ...]
    plot: Plot


def headline(rehearsed: Rehearsed | None, version: str) -> Headline | None:
    """What the page begins with; None where the version was not rehearsed."""
    if rehearsed is None:
        return None
    players, known = rehearsed.plan.players, rehearsed.measures.likeness
    mine = speaking(players, version, known)
    if mine is None:
        return None
    figure = known[mine.name]
    base = next((known.get(player.name) for player in players if player.role is Role.BASE), None)
    return Headline(
        called(mine), figure, level(figure, base),
        tuple(_sentences(players, known, mine)), _plot(players, known, version),
    )  # fmt: skip


def level(figure: Figure, base: Figure | None) -> str:
    """A likeness in words, no more of them than its interval allows."""
    if figure.low is None:
        return "too few replies to tell"
    if figure.low <= 0:
        return "no more like @self than another member is, as far as can be told"
    if base is None or _overlap(base, figure) or base.value > figure.value:
        return "more like @self than another member is"
    return "more like @self than another member is, and than its base"


def _plot(players: tuple[Player, ...], known: Mapping[str, Figure], version: str) -> Plot:
    figures = shown_figures(known, players)
    rows = tuple((text(name), *figure_cells(figure)) for name, figure in figures.items())
    return Plot(
        "Everybody on one line",
        "0 is another member of the chat, 1 is @self; a bar is the 95% interval",
        drawn(plots.likeness(figures, of_version(players, version))),
        Table("likeness", ("who", *FIGURE_COLUMNS), rows),
        (("this version", "--second"), ("to compare with", "--first")),
    )


def _sentences(
    players: tuple[Player, ...], known: Mapping[str, Figure], mine: Player
) -> Iterator[str]:
    figure = known[mine.name]
    yield _where(mine, figure)
    by_role = {player.role: known[player.name] for player in players if player.name in known}
    own = {
        player.role: known[player.name]
        for player in players
        if player.version == mine.version and player.name in known
    }
    yield from _worth("Training", by_role.get(Role.BASE), own.get(Role.ADAPTER))
    yield from _worth("Memory", own.get(Role.ADAPTER), own.get(Role.FULL))
    looked_up = by_role.get(Role.NEAREST)
    if looked_up:
        yield (
            f"Repeating the old reply of @self that fits best would reach "
            f"{looked_up.value:.2f}: what a model should beat, without copying."
        )


def _where(mine: Player, figure: Figure) -> str:
    sure = "too few to say how surely"
    if figure.low is not None and figure.high is not None:
        sure = f"with 95% confidence it is between {figure.low:.2f} and {figure.high:.2f}"
    return (
        f"{mine.version} stands at {figure.value:.2f} where another member of the chat is 0 "
        f"and @self in person is 1. It rests on {figure.replies:,} replies: {sure}."
    )


def _worth(what: str, before: Figure | None, after: Figure | None) -> Iterator[str]:
    if before is None or after is None:
        return
    gap = after.value - before.value
    change = f"{what} changes it by {gap:+.2f} ({before.value:.2f} → {after.value:.2f})"
    yield (
        f"{change}; the intervals overlap, so this may be chance."
        if _overlap(before, after)
        else f"{change}, more than chance would."
    )


def _overlap(one: Figure, other: Figure) -> bool:
    """Whether two intervals share anything; one that is open overlaps with all."""
    if None in (one.low, one.high, other.low, other.high):
        return True
    return max(one.low or 0, other.low or 0) <= min(one.high or 0, other.high or 0)
