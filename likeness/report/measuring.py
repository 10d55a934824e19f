"""Each measure with the floor and the ceiling beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from likeness.measured import Better, Measure
from likeness.records import Player, Role
from likeness.report import plots
from likeness.report.naming import of_version, shown_figures, speaking
from likeness.report.shown import (
    FIGURE_COLUMNS,
    Cell,
    Plot,
    Table,
    between,
    drawn,
    figure_cells,
    number,
    text,
)
from likeness.report.sources import Rehearsed

WAYS = {
    Better.HIGHER: "more is better",
    Better.LOWER: "less is better",
    Better.NEAR_SELF: "best where @self is",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Measures that belong together, and why they are looked at."""

    title: str
    note: str
    plots: tuple[Plot, ...]


def overview(rehearsed: Rehearsed, version: str) -> Table:
    """Every measure in a row: the version as it runs, between floor and ceiling."""
    rows = tuple(_row(measure, rehearsed.plan.players, version)
                 for measure in rehearsed.measures.measures)  # fmt: skip
    columns = ("measure", "floor", version, "interval", "ceiling", "better", "replies")
    return Table("measures", columns, rows)


def groups(rehearsed: Rehearsed, version: str) -> list[Group]:
    """A plot for each measure, those of likeness first."""
    every, players = rehearsed.measures.measures, rehearsed.plan.players
    parts = (
        ("What makes up the likeness", "each put so that another member is 0 and @self is 1",
         [each for each in every if each.is_likeness]),
        ("What must not get worse", "a new version with more of these does not go live by itself",
         [each for each in every if each.is_guard and not each.is_likeness]),
        ("Seen closer", "for understanding; they do not count into the likeness",
         [each for each in every if not each.is_guard and not each.is_likeness]),
    )  # fmt: skip
    return [
        Group(title, note, tuple(drawn_plots))
        for title, note, chosen in parts
        if (drawn_plots := [plot for each in chosen for plot in _plot(each, players, version)])
    ]


def _plot(measure: Measure, players: Iterable[Player], version: str) -> list[Plot]:
    players = list(players)
    figures = shown_figures(measure, players)
    if not figures:
        return []
    unit = _written_out(measure)
    rows = tuple((text(name), *figure_cells(each, unit)) for name, each in figures.items())
    svg = plots.intervals(
        figures,
        of_version(players, version),
        unit=measure.unit,
        label="" if measure.unit == "%" else measure.unit,
        band=_ends(measure, players),
    )
    note = "; ".join(part for part in (WAYS[measure.better], measure.note) if part)
    table = Table(f"measure-{measure.key}", ("who", *FIGURE_COLUMNS), rows)
    return [Plot(measure.title, note, drawn(svg), table)]


def _row(measure: Measure, players: tuple[Player, ...], version: str) -> tuple[Cell, ...]:
    mine, unit = speaking(players, version, measure.figures), _written_out(measure)
    figure = measure.figures[mine.name] if mine else None
    title = measure.title if unit or not measure.unit else f"{measure.title}, {measure.unit}"
    return (
        Cell(title, measure.key),
        number(_value(measure, players, Role.MEMBER), unit),
        number(figure.value if figure else None, unit),
        text(between(figure, unit) if figure else "–"),
        number(_value(measure, players, Role.SELF), unit),
        text(WAYS[measure.better]),
        number(figure.replies if figure else None),
    )


def _ends(measure: Measure, players: Iterable[Player]) -> tuple[float, float] | None:
    """Floor and ceiling, where the measure has both."""
    ends = [_value(measure, players, role) for role in (Role.MEMBER, Role.SELF)]
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def _value(measure: Measure, players: Iterable[Player], role: Role) -> float | None:
    names = [player.name for player in players if player.role is role]
    figure = next((measure.figures[name] for name in names if name in measure.figures), None)
    return figure.value if figure else None


def _written_out(measure: Measure) -> str:
    """The unit that is repeated behind every value; others stand beside the title."""
    return "%" if measure.unit == "%" else ""
