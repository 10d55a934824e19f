"""For a page that others may see: everybody's names, and the sources without a word on them."""

from __future__ import annotations

import re
from dataclasses import replace

from config.settings import Home
from ingest.archive import Archive
from likeness.measured import Measures
from likeness.report.sources import Rehearsed, Sources


def names_in(home: Home, sources: Sources) -> frozenset[str]:
    """Handles and names of all who wrote in the archive and the scenes, or guessed; chat titles."""
    names = {line.handle for scene in sources.scenes for line in scene.before}
    names |= {member.handle for member in sources.gate.people} if sources.gate else set()
    names |= {result.friend for result in sources.blind}
    names |= {sources.manifest.self_handle, str(sources.card.get("self_name", ""))}
    if home.archive.is_file():
        with Archive.open(home.archive) as archive:
            for person in archive.people():
                names |= {person.handle, *person.names}
            names |= {chat.title for chat in archive.chats()}
    return frozenset(name for name in names if name and name != "self")


def without(names: frozenset[str], sources: Sources) -> Sources:
    """The sources without advice, notes and findings that speak of one of ``names``."""
    findings = [
        finding
        for finding in sources.card.get("findings", [])
        if not mentions(f"{finding['text']} {finding.get('advice', '')}", names)
    ]
    rehearsed = sources.rehearsed
    if rehearsed is not None:
        rehearsed = Rehearsed(rehearsed.plan, _measures_without(names, rehearsed.measures))
    return replace(sources, card={**sources.card, "findings": findings}, rehearsed=rehearsed)


def _measures_without(names: frozenset[str], measures: Measures) -> Measures:
    return replace(
        measures,
        measures=tuple(
            replace(each, note="") if mentions(each.note, names) else each
            for each in measures.measures
        ),
        advice=tuple(line for line in measures.advice if not mentions(line, names)),
    )


def mentions(said: str, names: frozenset[str]) -> bool:
    """Whether one of ``names`` stands in ``said`` as a word of its own, whatever the case."""
    found = "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names)
    return bool(names) and re.search(found, said, re.IGNORECASE) is not None
