"""What the page is made of: tables whose values can be read back, and plots that stand on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from markupsafe import Markup

    from likeness.measured import Figure

T = TypeVar("T")
FEW = "too few to tell"


@dataclass(frozen=True, slots=True)
class Cell:
    """What people read, and the value it was made of (None where it is a text of its own).

    ``is_number`` sets it flush right; ``share`` draws a bar behind it, 0 to 1.
    """

    text: str
    value: float | int | str | None = None
    is_number: bool = False
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under ``columns``; the first cell of a row names it.

    ``id`` and the columns' names are what a program finds values by.
    """

    id: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing, what it says in words, and the table of all it shows.

    ``keys`` are names of colours with the CSS variable of each.
    """

    title: str
    note: str
    svg: Markup
    table: Table
    keys: tuple[tuple[str, str], ...] = ()


def drawn(svg: str) -> Markup:
    """A drawing for the page: it was made here, from numbers and our own words alone."""
    from markupsafe import Markup

    return Markup(svg)


def number(value: float | None, unit: str = "") -> Cell:
    """A cell with a number; ``%`` values are shares from 0 to 1."""
    return Cell("–" if value is None else written(value, unit), value, is_number=True)


def count(value: int) -> Cell:
    """A cell with a whole number."""
    return Cell(f"{value:,}", value, is_number=True)


def text(value: str) -> Cell:
    """A cell with words."""
    return Cell(value)


def written(value: float, unit: str = "") -> str:
    """A number as people read it: whole, or with two decimals (small: two digits); shares in %."""
    if unit == "%":
        text = "0%" if abs(value) < 0.0005 else f"{value:.{0 if abs(value) >= 0.1 else 1}%}"
    else:
        text = f"{_digits(value)} {unit}".strip()
    return text.replace("-", "−")


def _digits(value: float) -> str:
    size = abs(value)
    if value == round(value) or size < 0.0005:
        return f"{round(value):,}"
    if size < 0.1:
        return f"{value:.2g}"
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:,.0f}"


def between(figure: Figure, unit: str = "") -> str:
    """The figure's interval in words; of units only percentages are written out."""
    if figure.low is None or figure.high is None:
        return FEW
    shown = unit if unit == "%" else ""
    return f"{written(figure.low, shown)} to {written(figure.high, shown)}"


def figure_cells(figure: Figure, unit: str = "") -> tuple[Cell, ...]:
    """Value, both ends of the interval, what it rests on."""
    return (
        number(figure.value, unit),
        number(figure.low, unit),
        number(figure.high, unit),
        count(figure.replies),
        count(figure.clusters),
    )


FIGURE_COLUMNS = ("value", "from", "to", "replies", "independent")
"""Of :func:`figure_cells`."""


def shortened(said: str, most: int) -> str:
    """At most ``most`` characters of ``said``, spaces and line breaks kept."""
    return said if len(said) <= most else f"{said[: most - 1].rstrip()}…"


def evenly(items: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of ``items``, spread evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[:most])
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]
