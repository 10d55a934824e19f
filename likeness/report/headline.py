"""The likeness in one figure, in a drawing, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from likeness.measured import Figure, Measures
from likeness.records import Player, Role
from likeness.report import plots
from likeness.report.naming import of_version, shown_figures, speaking
from likeness.report.shown import (
    FIGURE_COLUMNS,
    Plot,
    Table,
    drawn,
    figure_cells,
    text,
    written,
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
    players, measures = rehearsed.plan.players, rehearsed.measures
    known = measures.likeness
    mine = speaking(players, version, known)
    if mine is None:
        return None
    figure = known[mine.name]
    return Headline(
        mine.name, figure, level(figure, _above_base(measures, players, version)),
        tuple(_sentences(players, measures, mine)), _plot(players, known, version),
    )  # fmt: skip


def level(figure: Figure, above_base: Figure | None = None) -> str:
    """A likeness in words, no more of them than its interval allows.

    ``above_base`` is what training added on the same scenes.
    """
    if figure.low is None:
        return "too few replies to tell"
    if figure.low <= 0:
        return "no more like @self than another member is, as far as can be told"
    if above_base is None or not _is_sure(above_base) or above_base.value < 0:
        return "more like @self than another member is"
    return "more like @self than another member is, and than its base"


def _above_base(measures: Measures, players: tuple[Player, ...], version: str) -> Figure | None:
    return measures.gain(Player(Role.ADAPTER, version).name, Player(Role.BASE).name)


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


def _sentences(players: tuple[Player, ...], measures: Measures, mine: Player) -> Iterator[str]:
    known, version = measures.likeness, mine.version
    yield _where(mine, known[mine.name])
    trained, full = Player(Role.ADAPTER, version), Player(Role.FULL, version)
    yield from _worth("Training", Player(Role.BASE), trained, measures)
    yield from _worth("Memory", trained, full, measures)
    looked_up = known.get(Player(Role.NEAREST).name)
    if looked_up:
        yield (
            f"Repeating the past reply of @self that fits best would reach "
            f"{written(looked_up.value)}: what a model should beat, without copying."
        )


def _where(mine: Player, figure: Figure) -> str:
    sure = "too few to say how surely"
    if figure.low is not None and figure.high is not None:
        sure = f"with 95% confidence it is between {written(figure.low)} and {written(figure.high)}"
    return (
        f"{mine.version} stands at {written(figure.value)} where another member of the chat is 0 "
        f"and @self in person is 1. It rests on {figure.replies:,} replies: {sure}."
    )


def _worth(what: str, before: Player, after: Player, measures: Measures) -> Iterator[str]:
    """What a step is worth, on the same scenes."""
    gain = measures.gain(after.name, before.name)
    if gain is None:
        return
    change = f"{what} changes it by {_signed(gain.value)}"
    if gain.low is None or gain.high is None:
        yield f"{change}, on too few conversations to say how surely."
        return
    sure = "more than chance would" if _is_sure(gain) else "which may be chance"
    yield f"{change} on the same scenes ({_signed(gain.low)} to {_signed(gain.high)}), {sure}."


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _is_sure(gain: Figure) -> bool:
    """Whether the interval of a difference leaves out none at all."""
    if gain.low is None or gain.high is None:
        return False
    return gain.low > 0 or gain.high < 0
