"""The measures for people: a table of players and measures, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from likeness.measured import Figure, Measure, Measures
from likeness.records import Plan

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

COLUMNS = 8
"""Players side by side at 100 columns; more go into a further table."""
TITLE_WIDTH, COLUMN_WIDTH = 21, 8


def show(measures: Measures, plan: Plan) -> None:
    """Print the table, what it rests on and the advice on stdout."""
    from config.console import stdout

    stdout().print(shown(measures, plan))


def shown(measures: Measures, plan: Plan) -> Group:
    """What :func:`show` prints, for any console of 100 columns and more."""
    from rich.console import Group
    from rich.text import Text

    names = [p.name for p in plan.players if _is_measured(p.name, measures)]
    blocks = [names[i : i + COLUMNS] for i in range(0, len(names), COLUMNS)]
    tables = [_table(measures, block) for block in blocks]
    return Group(*tables, *(Text(line) for line in _lines(measures)))


def _table(measures: Measures, names: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("", width=TITLE_WIDTH, overflow="fold")
    for name in names:
        table.add_column(Text(name), width=COLUMN_WIDTH, justify="right", overflow="fold")
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
    value = _number(figure.value * scale, unit)
    if figure.low is None or figure.high is None:
        return value
    ends = (_number(each * scale, unit, is_short=True) for each in (figure.low, figure.high))
    return f"{value}\n{'…'.join(ends)}"


def _number(value: float, unit: str, *, is_short: bool = False) -> str:
    """In as many digits as a column has room for: ``−1.07``, at the ends ``−1.3`` and ``.42``."""
    if unit == "%" or abs(value) >= 10:
        return f"{value:.0f}".replace("-", "−")
    if not is_short:
        return f"{value:.2f}".replace("-", "−")
    text = f"{value:.1f}" if value < 0 or value >= 0.995 else f"{value:.2f}"
    return text.removeprefix("0").replace("-0.", "−.").replace("-", "−")


def _lines(measures: Measures) -> Iterator[str]:
    """What the figures rest on, and the advice."""
    rests = {each.replies for m in measures.measures for each in m.figures.values()}
    if rests:
        counted = [each.title for each in measures.measures if each.is_likeness]
        yield ""
        yield f"rests on {max(rests)} replies (n: by measure); intervals are 95 %"
        if measures.likeness:
            yield f"likeness (* {', '.join(counted)}): 0 is another member, 1 is @self"
    for measure in measures.measures:
        if measure.note and measure.key.startswith("judge"):
            yield f"{measure.title}: {measure.note}"
    if measures.advice:
        yield ""
        yield "what to do next"
        yield from (f"- {each}" for each in measures.advice)


def _is_measured(name: str, measures: Measures) -> bool:
    return any(name in each.figures for each in measures.measures)
