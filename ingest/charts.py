"""Charts as inline SVG whose colours are the page's: light and dark from one drawing.

Drawn by matplotlib with stand-in colours that are then replaced by CSS variables. Words are left to
the browser (``svg.fonttype: none``), which has fonts for every script; the same numbers give the
same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

INK, GRID, BAR = "#010101", "#020202", "#030303"
SPLIT_COLOURS = {"train": BAR, "validation": "#040404", "test": "#050505"}
_VARIABLES = {
    INK: "--muted", GRID: "--line", BAR: "--train", "#040404": "--validation", "#050505": "--test",
}  # fmt: skip
_SIZE = (4.6, 2.3)
_WIDE = (14.4, 3.1)
BINS = 32
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "atself", "font.size": 9, "font.family": "sans-serif",
    "axes.edgecolor": GRID, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "text.color": INK, "grid.color": GRID, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "axes.axisbelow": True, "ytick.left": False,
}  # fmt: skip


def histogram(
    values: Sequence[float], unit: str, *, is_log: bool = False, is_count_log: bool = False
) -> str:
    """How often values fall where; ``is_log`` for what spans several powers of ten.

    ``is_count_log`` keeps rare values in sight beside very common ones.
    """
    from matplotlib.ticker import MaxNLocator

    shown = [value for value in values if not is_log or value > 0]
    with _axes(_SIZE) as (axes, result):
        if shown:
            bins = _bins(shown, is_log=is_log)
            axes.hist(shown, bins=bins, color=BAR, rwidth=0.92, log=is_count_log)
        if is_log:
            _logarithmic(axes, shown)
        elif all(float(value).is_integer() for value in shown[:100]):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(unit)
    return result[0]


def bars(counts: Mapping[int, int], places: range, unit: str) -> str:
    """One bar for each of ``places``, empty ones too."""
    with _axes(_SIZE) as (axes, result):
        axes.bar(list(places), [counts.get(place, 0) for place in places], color=BAR, width=0.85)
        axes.set_xticks([place for place in places if (place - places[0]) % 6 == 0])
        axes.set_xlabel(unit)
    return result[0]


def by_month(months: Mapping[str, Mapping[str, int]], borders: Mapping[str, date]) -> str:
    """Stacked bars per month (``2026-03``) and split, with a line at the start of each split."""
    names = _every_month(min(months), max(months)) if months else []
    with _axes(_WIDE) as (axes, result):
        floor = [0] * len(names)
        for split, colour in SPLIT_COLOURS.items():
            counts = [months.get(name, {}).get(split, 0) for name in names]
            axes.bar(range(len(names)), counts, bottom=floor, color=colour, width=0.85)
            floor = [low + count for low, count in zip(floor, counts, strict=True)]
        for border in borders.values():
            if f"{border:%Y-%m}" in names:
                place = names.index(f"{border:%Y-%m}") + (border.day - 1) / 31 - 0.5
                axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        step = max(1, math.ceil(len(names) / 12))
        axes.set_xticks(range(0, len(names), step), names[::step])
    return result[0]


def _every_month(first: str, last: str) -> list[str]:
    start, end = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (first, last))
    return [f"{month // 12}-{month % 12 + 1:02}" for month in range(start, end + 1)]


def _bins(values: Sequence[float], *, is_log: bool) -> list[float]:
    low, high = min(values), max(values)
    if is_log:
        first, last = math.log10(low), math.log10(max(high, low * 1.01))
        return [10 ** (first + (last - first) * step / BINS) for step in range(BINS + 1)]
    if high - low < BINS and all(float(value).is_integer() for value in (low, high)):
        return [low - 0.5 + step for step in range(int(high - low) + 2)]
    return [low + (high - low) * step / BINS for step in range(BINS + 1)]


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    from matplotlib.ticker import LogLocator

    is_narrow = max(values, default=1) < 300 * min(values, default=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_narrow else (1,)))
    axes.xaxis.set_major_formatter(_plain)


def _plain(value: float, _place: float = 0) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


@contextmanager
def _axes(size: tuple[float, float]) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on; the list holds the SVG once the block is left."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    result: list[str] = []
    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y", linewidth=0.8)
        yield axes, result
        axes.yaxis.set_major_formatter(_plain)
        axes.yaxis.set_minor_formatter("")
        axes.minorticks_off()
        drawn = StringIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
        result.append(_inline(drawn.getvalue()))


def _inline(svg: str) -> str:
    """The drawing without its XML prologue and metadata, its colours those of the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(
        r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', svg, count=1
    )
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    return svg
