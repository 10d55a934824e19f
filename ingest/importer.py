"""Exports into the archive: the stages of an import, on one screen.

sources_of → parser_for → parse → (count what is left out) → archive.add → archive.settle
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from ingest.archive import Archive
from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.intake import Added
from ingest.parsers import PARSERS
from ingest.parsers.base import Parser, Reading, Skipped, parser_for
from ingest.settle import Settled
from ingest.sources import Source, sources_of


@dataclass
class Report:
    """What an import did; ``problems`` are one line each."""

    files: int = 0
    added: Added = field(default_factory=Added)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    settled: Settled = field(default_factory=Settled)


def import_paths(
    archive: Archive,
    paths: Iterable[Path],
    *,
    zone: tzinfo,
    on_bytes: Callable[[int], None] = lambda _count: None,
) -> Report:
    """Import every export at ``paths``; one that fails does not stop the others."""
    report = Report()
    for path in paths:
        try:
            sources = list(sources_of(path))
        except FormatError as error:
            report.problems.append(str(error))
            continue
        for source in sources:
            _import(archive, source, report, zone, on_bytes, is_alone=len(sources) == 1)
    if report.files:
        report.settled = archive.settle()
    elif not report.problems:
        report.problems.append(f"{', '.join(map(str, paths))}: no chat export in there")
    return report


def _import(
    archive: Archive,
    source: Source,
    report: Report,
    zone: tzinfo,
    on_bytes: Callable[[int], None],
    *,
    is_alone: bool,
) -> None:
    try:
        parser = parser_for(source, PARSERS)
    except FormatError as error:
        if is_alone:
            report.problems.append(str(error))
        else:  # pictures and pages beside an export are no failure
            report.skipped["file not a chat export"] += 1
            on_bytes(source.size)
        return
    report.files += 1
    report.added += archive.add(_messages(source, parser, report, zone, on_bytes))


def _messages(
    source: Source,
    parser: Parser,
    report: Report,
    zone: tzinfo,
    on_bytes: Callable[[int], None],
) -> Iterator[RawMessage]:
    """The messages of ``source``; where it is damaged they end, and the report says so."""
    try:
        with source.open(on_bytes) as stream:
            for item in parser.parse(Reading(stream, source.name, zone, source.beside)):
                if isinstance(item, Skipped):
                    report.skipped[item.reason] += 1
                else:
                    yield item
    except FormatError as error:
        report.problems.append(str(error))
