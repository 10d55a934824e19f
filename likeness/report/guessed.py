"""The blind test: how often friends told the model's reply from @self's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from likeness.blind.results import GUESSING, Result, summary, verdict
from likeness.measured import Figure
from likeness.report import plots
from likeness.report.shown import (
    FIGURE_COLUMNS,
    Plot,
    Table,
    between,
    count,
    drawn,
    figure_cells,
    number,
    text,
    written,
)


@dataclass(frozen=True, slots=True)
class Guessed:
    """The section: in words, drawn by version, and friend by friend."""

    sentence: str
    plot: Plot
    friends: Table


def guessed(results: Sequence[Result], version: str, *, with_names: bool) -> Guessed | None:
    """What friends guessed of every version; None where nobody did."""
    given = [result for result in results if result.total]
    figures = summary(given)
    if not figures:
        return None
    rows = tuple((text(name), *figure_cells(each, "%")) for name, each in figures.items())
    plot = Plot(
        "Friends who told them apart",
        "share of right guesses; 50% (dashed) is tossing a coin",
        drawn(plots.intervals(figures, [version], unit="%", line=GUESSING)),
        Table("blind", ("version", *FIGURE_COLUMNS), rows),
    )
    name = version if version in figures else next(reversed(figures))
    friends = _friends(given, with_names=with_names)
    return Guessed(_sentence(name, figures[name]), plot, friends)


def _sentence(name: str, figure: Figure) -> str:
    return (
        f"Shown {name} beside @self, friends guessed right {written(figure.value, '%')} of the "
        f"time ({between(figure, '%')}; {figure.replies} guesses of {figure.clusters}): "
        f"{verdict(figure)}."
    )


def _friends(results: Sequence[Result], *, with_names: bool) -> Table:
    numbers: dict[str, int] = {}
    for each in results:
        numbers.setdefault(each.friend, len(numbers) + 1)
    rows = tuple(
        (
            text(each.friend if with_names else f"friend {numbers[each.friend]}"),
            text(each.version),
            count(each.right),
            count(each.total),
            number(each.right / each.total, "%"),
        )
        for each in results
    )
    return Table("friends", ("friend", "version", "right", "of", "share"), rows)
