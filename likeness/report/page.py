"""The report as one page: every section of what there is, in the order it is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.pages import writing
from likeness.report import remembered
from likeness.report.advice import Step, mentions, steps, without_names
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


def render(
    sources: Sources,
    *,
    now: datetime,
    scenes: int = SCENES,
    with_texts: bool = True,
    names: frozenset[str] = frozenset(),
) -> str:
    """The page. ``with_texts`` False leaves out all that people wrote, and their handles.

    ``names`` are those of the archive's people: no advice that speaks of one of them is shown then.
    """
    return writing.render(
        TEMPLATE,
        made_at=f"{now:%Y-%m-%d %H:%M} UTC",
        name=_name(sources) if with_texts else "@self",
        sources=sources,
        with_texts=with_texts,
        steps=advised(sources, with_texts=with_texts, names=names),
        findings=_findings(sources.card, names if not with_texts else frozenset()),
        **_figures(sources, with_texts=with_texts),
        **_texts(sources, scenes if with_texts else 0),
    )


def advised(sources: Sources, *, with_texts: bool, names: frozenset[str]) -> list[Step]:
    """What to do next; of nobody by name where the page is for others."""
    found = steps(sources)
    return found if with_texts else without_names(found, names)


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
    """What people wrote; nothing of it where no scene is wanted."""
    if not scenes:
        return {"samples": [], "recalled": [], "asked": (), "head": ""}
    return {
        "samples": samples(sources, scenes),
        "recalled": recalled(sources),
        "asked": sources.asked,
        "head": sources.manifest.head,
    }


def _findings(card: Mapping[str, Any], names: frozenset[str]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = list(card.get("findings", []))
    return [each for each in found if not mentions(each["text"], set(names))]


def _name(sources: Sources) -> str:
    return str(sources.card.get("self_name") or f"@{sources.manifest.self_handle}")
