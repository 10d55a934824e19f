"""The drawings of the report. People's words are never drawn: those are left to the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ingest.pages.drawing import FIRST, GRID, INK, SECOND, SOFT, drawn_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from likeness.measured import Figure

WIDTH = 3.9
"""Inches; as wide as a phone's screen shows it at the letters' own size."""
ROW = 0.24
"""Inches per name in a list."""
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DASHED = (0, (4, 3))
_TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)

Figures = Mapping[str, "Figure"]


def intervals(
    figures: Figures,
    own: Sequence[str],
    *,
    unit: str = "",
    label: str = "",
    line: float | None = None,
    band: tuple[float, float] | None = None,
) -> str:
    """Each name's value with its interval, the first on top; ``own`` are those in question.

    ``band`` reaches from the floor to the ceiling.
    """
    from matplotlib.ticker import MaxNLocator

    with drawn_axes(_listing(len(figures)), is_listing=True) as (axes, result):
        if band is not None:
            _band(axes, *band)
        if line is not None:
            axes.axvline(line, color=INK, linewidth=1, linestyle=_DASHED)
        _whiskers(axes, figures, own)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        if unit == "%":
            axes.xaxis.set_major_formatter(_percent)
        if label:
            axes.set_xlabel(label)
    return result[0]


def likeness(figures: Figures, own: Sequence[str]) -> str:
    """The line from another member (0) to @self (1), and where everybody stands on it."""
    with drawn_axes(_listing(len(figures)), is_listing=True) as (axes, result):
        _band(axes, 0, 1)
        _whiskers(axes, figures, own)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    return result[0]


def over_versions(figures: Figures, own: str) -> str:
    """The likeness of each version, oldest left."""
    with drawn_axes((WIDTH, 2.3)) as (axes, result):
        names = list(figures)
        axes.plot(names, [figures[name].value for name in names], color=GRID, zorder=1)
        for place, name in enumerate(names):
            _upright(axes, place, figures[name], SECOND if name == own else FIRST)
        axes.margins(x=0.15)
        axes.set_ylabel("likeness")
    return result[0]


def heat(values: Sequence[Sequence[float | None]]) -> str:
    """Weekdays by hours, the darker the more; None is left empty."""
    most = max((value for row in values for value in row if value is not None), default=0) or 1
    with drawn_axes((WIDTH, 1.75), is_listing=True) as (axes, result):
        axes.grid(visible=False)
        for day, row in enumerate(values):
            shown = [hour for hour, value in enumerate(row) if value is not None]
            depths = [(FIRST, 0.06 + 0.94 * (row[hour] or 0) / most) for hour in shown]
            axes.bar(shown, 0.9, width=0.9, bottom=6 - day - 0.45, color=depths, linewidth=0)
        axes.set_ylim(-0.6, 6.6)
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 6), [f"{hour}:00" for hour in range(0, 24, 6)])
        axes.set_yticks(range(7), list(reversed(DAYS)))
    return result[0]


def bars(values: Mapping[str, float], own: Sequence[str], *, line: float | None = None) -> str:
    """A bar for each name, the first on top."""
    with drawn_axes(_listing(len(values)), is_listing=True) as (axes, result):
        names = list(reversed(list(values)))
        colours = [SECOND if name in own else FIRST for name in names]
        axes.barh(range(len(names)), [values[name] for name in names], color=colours, height=0.55)
        axes.set_yticks(range(len(names)), names)
        if line is not None:
            axes.axvline(line, color=INK, linewidth=1, linestyle=_DASHED)
        axes.xaxis.set_major_formatter(_percent)
    return result[0]


def calibration(points: Sequence[tuple[float, float, int]]) -> str:
    """Score against the share that was really answered; a perfect gate lies on the line.

    Both axes are drawn by their square roots: most messages are hardly ever answered, and would
    lie on each other in a corner.
    """
    most = max((count for *_, count in points), default=1)
    end = min(1.0, 1.15 * max((max(score, share) for score, share, _ in points), default=1.0))
    with drawn_axes((WIDTH, 2.9), is_listing=True) as (axes, result):
        _by_roots(axes, end)
        axes.plot([0, end], [0, end], color=INK, linewidth=1, linestyle=_DASHED)
        axes.plot([p[0] for p in points], [p[1] for p in points], color=GRID, zorder=1)
        sizes = [12 + 50 * count / most for *_, count in points]
        places = [p[0] for p in points], [p[1] for p in points]
        axes.scatter(*places, s=sizes, color=SECOND, clip_on=False, zorder=3)
        axes.set_xlabel("what the gate said")
        axes.set_ylabel("what @self did")
    return result[0]


def roc(points: Sequence[tuple[float, float]]) -> str:
    """Right replies found against false ones made; the more to the upper left the better."""
    with drawn_axes((WIDTH, 2.9), is_listing=True) as (axes, result):
        axes.grid(visible=True, linewidth=0.8)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=_DASHED)
        axes.plot([p[0] for p in points], [p[1] for p in points], color=SECOND, linewidth=2)
        axes.set_xlabel("of what @self left unanswered, answered")
        axes.set_ylabel("of what @self answered, answered")
        _in_percent(axes)
    return result[0]


def _whiskers(axes: Axes, figures: Figures, own: Sequence[str]) -> None:
    names = list(reversed(list(figures)))
    for place, name in enumerate(names):
        figure, colour = figures[name], SECOND if name in own else FIRST
        if figure.low is not None and figure.high is not None:
            ends = [figure.low, figure.high]
            axes.plot(ends, [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.scatter([figure.value], [place], color=colour, s=40, zorder=3)
    axes.set_yticks(range(len(names)), names)
    axes.margins(y=0.5 / max(len(names), 1))


def _band(axes: Axes, floor: float, ceiling: float) -> None:
    axes.axvspan(floor, ceiling, color=SOFT, zorder=0)
    for end in (floor, ceiling):
        axes.axvline(end, color=INK, linewidth=1, linestyle=_DASHED, zorder=1)


def _upright(axes: Axes, place: int, figure: Figure, colour: str) -> None:
    if figure.low is not None and figure.high is not None:
        axes.plot([place, place], [figure.low, figure.high], color=colour, linewidth=2.5)
    axes.scatter([place], [figure.value], color=colour, s=44, zorder=3)


def _listing(rows: int) -> tuple[float, float]:
    return WIDTH, 0.6 + ROW * max(rows, 2)


def _by_roots(axes: Axes, end: float) -> None:
    ticks = [tick for tick in _TICKS if tick <= end]
    axes.set_xscale("function", functions=(_root, _square))
    axes.set_yscale("function", functions=(_root, _square))
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.grid(visible=True, linewidth=0.8)
    _in_percent(axes)


def _root(values: Any) -> Any:
    return abs(values) ** 0.5


def _square(values: Any) -> Any:
    return values**2


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(_percent)
    axes.yaxis.set_major_formatter(_percent)


def _percent(value: float, _place: float = 0) -> str:
    return f"{100 * value:.3g}%"
