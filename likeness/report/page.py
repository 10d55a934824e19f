"""The report as one page: every section of what there is, in the order it is read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.pages import writing
from likeness.report import remembered
from likeness.report.advice import steps
from likeness.report.guessed import guessed
from likeness.report.headline import headline
from likeness.report.measuring import groups, overview
from likeness.report.method import method
from likeness.report.scenes import recalled, samples
from likeness.report.sources import Sources
from likeness.report.speaking import speaking
from likeness.report.versions import versions

TEMPLATE = Path(__file__).parent / "report.html.j2"
SCENES = 8
NO_TEXTS: dict[str, Any] = {"samples": [], "recalled": [], "asked": (), "head": ""}


def render(
    sources: Sources, *, now: datetime, scenes: int = SCENES, with_texts: bool = True
) -> str:
    """The page, with so many sample ``scenes``.

    ``with_texts`` False leaves out all that people wrote, and their names, if the sources are
    those of :func:`likeness.report.people.without`.
    """
    return writing.render(
        TEMPLATE,
        made_at=f"{now:%Y-%m-%d %H:%M} UTC",
        name=_name(sources) if with_texts else "@self",
        sources=sources,
        steps=steps(sources),
        findings=list(sources.card.get("findings", [])),
        **_figures(sources, with_texts=with_texts),
        **(_texts(sources, scenes) if with_texts else NO_TEXTS),
    )


def _figures(sources: Sources, *, with_texts: bool) -> dict[str, Any]:
    card, rehearsed, version = sources.card, sources.rehearsed, sources.version
    return {
        "headline": headline(rehearsed, version),
        "likelihood": remembered.likelihood(card),
        "overview": overview(rehearsed, version) if rehearsed else None,
        "groups": groups(rehearsed, version) if rehearsed else [],
        "versions": versions(sources, with_texts=with_texts),
        "speaking": speaking(sources.gate, with_handles=with_texts),
        "copying": remembered.copying(card),
        "exposure": remembered.exposure(card),
        "forgotten": remembered.forgotten(card),
        "general": remembered.questions(card),
        "learning": remembered.learning(card),
        "guessed": guessed(sources.blind, version, with_names=with_texts),
        "method": method(sources, with_texts=with_texts),
    }


def _texts(sources: Sources, scenes: int) -> dict[str, Any]:
    """What people wrote."""
    return {
        "samples": samples(sources, scenes) if scenes else [],
        "recalled": recalled(sources),
        "asked": sources.asked,
        "head": sources.manifest.head,
    }


def _name(sources: Sources) -> str:
    return str(sources.card.get("self_name") or f"@{sources.manifest.self_handle}")
