"""The versions over time, how like @self each was, and why which one served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from likeness.measured import Figure
from likeness.report import plots
from likeness.report.naming import speaking
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
from likeness.report.sources import Rehearsed, Sources
from registry.artefact import ModelManifest
from registry.past import Happening

FEWEST_DRAWN = 2
"""Versions with a likeness; one alone is no development."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The section; ``plot`` where there is a development to see."""

    plot: Plot | None
    table: Table
    history: Table | None


def versions(sources: Sources, *, with_texts: bool) -> Versions:
    """All versions that are still there, the oldest first."""
    figures: dict[str, tuple[Figure, str]] = {}
    for manifest in sources.versions:
        found = _figure(sources, manifest.version)
        if found:
            figures[manifest.version] = found
    rows = tuple(_row(each, figures, sources.serving) for each in sources.versions)
    columns = ("version", "made", "base", "card", "nats per byte", "likeness", "interval",
               "rehearsal")  # fmt: skip
    plot = _plot(figures, sources.version) if len(figures) >= FEWEST_DRAWN else None
    table = Table("versions", columns, rows)
    return Versions(plot, table, _history(sources.past, with_texts=with_texts))


def _figure(sources: Sources, version: str) -> tuple[Figure, str] | None:
    """A version's likeness: on the scenes shown where it spoke there, else when it last did."""
    shown = [sources.rehearsed] if sources.rehearsed else []
    for each in (*shown, *reversed(sources.finished)):
        player = speaking(each.plan.players, version, each.measures.likeness)
        if player:
            return each.measures.likeness[player.name], _of(each)
    return None


def _of(rehearsed: Rehearsed) -> str:
    return rehearsed.plan.id


def _plot(figures: Mapping[str, tuple[Figure, str]], own: str) -> Plot:
    likeness = {version: figure for version, (figure, _) in figures.items()}
    rows = tuple((text(version), *figure_cells(figure)) for version, figure in likeness.items())
    scenes = {id for _, id in figures.values()}
    same = "all on the same scenes" if len(scenes) == 1 else "not all on the same scenes"
    return Plot(
        "Likeness from version to version",
        f"0 is another member, 1 is @self; {same}",
        drawn(plots.over_versions(likeness, own)),
        Table("likeness-over-versions", ("version", *FIGURE_COLUMNS), rows),
        (("this version", "--second"), ("others", "--first")),
    )


def _row(
    manifest: ModelManifest, figures: Mapping[str, tuple[Figure, str]], serving: str
) -> tuple[Cell, ...]:
    figure, id = figures.get(manifest.version, (None, ""))
    persona = manifest.card.get("persona") or {}
    mark = " (serves)" if manifest.version == serving else ""
    return (
        Cell(f"{manifest.version}{mark}", manifest.version),
        text(f"{manifest.created_at:%Y-%m-%d}"),
        text(manifest.base.id),
        text(manifest.verdict or "–"),
        number(persona.get("nats_per_byte")),
        number(figure.value if figure else None),
        text(between(figure) if figure else "–"),
        text(id or "–"),
    )


def _history(past: tuple[Happening, ...], *, with_texts: bool) -> Table | None:
    """What became of whom and why, the latest first; reasons may be the owner's words."""
    columns = ("version", "when", "what", "likeness", *(("why",) if with_texts else ()))
    rows = tuple(
        (
            text(each.version),
            text(each.at[:16].replace("T", " ")),
            text(each.what),
            text(each.gain or "–"),
            *((text(each.reason),) if with_texts else ()),
        )
        for each in reversed(past)
    )
    return Table("history", columns, rows) if rows else None
