"""The measures for people: a table of players and measures, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from likeness.measured import Figure, Measure, Measures
from likeness.records import Plan

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

TITLE_WIDTH, COLUMN_WIDTH = 20, 9
WIDTH = 100
"""Of what is piped; a terminal has its own. Players that do not fit beside each other go into a
further table."""


def show(measures: Measures, plan: Plan) -> None:
    """Print the table, what it rests on and the advice on stdout."""
    from config.console import stdout

    console = stdout()
    console.print(shown(measures, plan, console.width if console.is_terminal else WIDTH))


def shown(measures: Measures, plan: Plan, width: int = WIDTH) -> Group:
    """What :func:`show` prints, in tables of at most ``width`` columns."""
    from rich.console import Group
    from rich.text import Text

    names = [p.name for p in plan.players if _is_measured(p.name, measures)]
    tables = [_table(measures, block) for block in _blocks(names, width)]
    return Group(*tables, *(Text(line) for line in _lines(measures)))


def _blocks(names: Sequence[str], width: int) -> list[Sequence[str]]:
    """As few blocks as ``width`` allows, all about as wide."""
    most = max(1, (width - TITLE_WIDTH) // (COLUMN_WIDTH + 1))
    size = math.ceil(len(names) / max(1, math.ceil(len(names) / most)))
    return [names[i : i + size] for i in range(0, len(names), max(1, size))]


def _table(measures: Measures, names: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", width=TITLE_WIDTH, overflow="fold")
    for name in names:
        heading = Text(name.replace(" (", "\n("))
        table.add_column(heading, width=COLUMN_WIDTH, justify="right", vertical="bottom")
    if measures.likeness:
        rows = [_cell(measures.likeness.get(name), "") for name in names]
        table.add_row(Text("likeness", style="bold"), *(Text(row) for row in rows))
    for measure in measures.measures:
        rows = [_cell(measure.figures.get(name), measure.unit) for name in names]
        if any(rows):
            table.add_row(Text(_title(measure)), *(Text(row) for row in rows))
    return table


def _title(measure: Measure) -> str:
    """With a mark where it counts, and what it rests on."""
    replies = max((each.replies for each in measure.figures.values()), default=0)
    unit = f" {measure.unit}" if measure.unit else ""
    return f"{'*' if measure.is_likeness else ' '}{measure.title}\n  n {replies}{unit}"


def _cell(figure: Figure | None, unit: str) -> str:
    """A value over its interval."""
    if figure is None:
        return ""
    scale = 100 if unit == "%" else 1
    value, places = figure.value * scale, 0 if unit == "%" else 2
    if figure.low is None or figure.high is None:
        return _number(value, places)
    return f"{_number(value, places)}\n{_ends(figure.low * scale, figure.high * scale, places)}"


def _ends(low: float, high: float, most: int) -> str:
    """Both in as many decimals as the column has room for."""
    told = (f"{_number(low, places)}…{_number(high, places)}" for places in range(most, 0, -1))
    fitting = (text for text in told if len(text) <= COLUMN_WIDTH)
    return next(fitting, f"{_number(low, 0)}…{_number(high, 0)}")


def _number(value: float, places: int) -> str:
    """With a true minus, and none before a zero."""
    text = f"{value:.{0 if abs(value) >= 10 else places}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def _lines(measures: Measures) -> Iterator[str]:
    """What the figures rest on, and the advice."""
    yield ""
    yield "n: replies or answers; the interval is that of 95 %, where there are enough to tell"
    if measures.likeness:
        yield "likeness: 0 is another member, 1 is @self; the mean over the measures marked *"
    for measure in measures.measures:
        if measure.note and measure.key.startswith("judge"):
            yield f"{measure.title}: {measure.note}"
    if measures.advice:
        yield ""
        yield "what to do next"
        yield from (f"- {each}" for each in measures.advice)


def _is_measured(name: str, measures: Measures) -> bool:
    return any(name in each.figures for each in measures.measures)
