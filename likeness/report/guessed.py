"""The blind test: how often friends told the model's reply from @self's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def guessed(results: Sequence[Any], version: str, *, with_names: bool) -> Guessed | None:
    """What friends guessed of every version; None where nobody was asked."""
    by_version: dict[str, list[Any]] = {}
    for each in results:
        if each.total:
            by_version.setdefault(each.version, []).append(each)
    if not by_version:
        return None
    figures = {name: _share(each) for name, each in sorted(by_version.items(), key=_order)}
    rows = tuple((text(name), *figure_cells(each, "%")) for name, each in figures.items())
    plot = Plot(
        "Friends who told them apart",
        "share of right guesses; 50% is tossing a coin, less than that would be a better @self",
        drawn(plots.intervals(figures, [version], unit="%", line=0.5)),
        Table("blind", ("version", *FIGURE_COLUMNS), rows),
    )
    friends = _friends([each for some in by_version.values() for each in some], with_names)
    return Guessed(_sentence(figures, version), plot, friends)


def _share(results: Sequence[Any]) -> Figure:
    """Right guesses with the exact binomial interval (scipy.stats.binomtest, Clopper-Pearson)."""
    from scipy.stats import binomtest

    right, total = sum(each.right for each in results), sum(each.total for each in results)
    interval = binomtest(right, total).proportion_ci()
    return Figure(right / total, float(interval.low), float(interval.high), total, len(results))


def _sentence(figures: dict[str, Figure], version: str) -> str:
    name = version if version in figures else next(reversed(figures))
    figure = figures[name]
    verdict = "friends cannot tell it from @self"
    if figure.low is not None and figure.low > 0.5:
        verdict = "friends can tell it from @self"
    elif figure.high is not None and figure.high - figure.value > 0.2:
        verdict = "too few guesses to say whether they can tell"
    return (
        f"Shown {name} beside @self, friends guessed right {written(figure.value, '%')} of the time "
        f"({between(figure, '%')}, {figure.replies} guesses): {verdict}."
    )


def _friends(results: Sequence[Any], with_names: bool) -> Table:
    numbers: dict[str, int] = {}
    for each in results:
        numbers.setdefault(each.friend, len(numbers) + 1)
    rows = tuple(
        (
            text(str(each.friend) if with_names else f"friend {numbers[each.friend]}"),
            text(each.version), count(each.right), count(each.total),
            number(each.right / each.total, "%"),
        )
        for each in results
    )  # fmt: skip
    return Table("friends", ("friend", "version", "right", "of", "share"), rows)


def _order(pair: tuple[str, Any]) -> tuple[int, str]:
    return len(pair[0]), pair[0]
