"""Exports into the archive: the stages of an import, on one screen.

sources_of → parser_for → (finished before?) → parse → (count what is left out) → archive.add
→ archive.settle
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from ingest import finished
from ingest.archive import Archive
from ingest.chat import RawMessage
from ingest.errors import FormatError, UnknownFormat, printable
from ingest.finished import Outcome
from ingest.intake import Added
from ingest.media import FAILED, Hook
from ingest.parsers import PARSERS
from ingest.parsers.base import Parser, Reading, Skipped, parser_for
from ingest.parsers.mapped import Columns, parser_with
from ingest.settle import Settled
from ingest.sources import Source, sources_of

_TABLE = re.compile(r"\.(?:csv|tsv|jsonl|ndjson)(?:\.gz)?$", re.IGNORECASE)

_EVERY = 1000
"""Messages between two reports of progress."""


@dataclass
class Report:
    """What an import did; ``problems`` are one line each.

    ``known`` counts the files, of all ``files``, that were finished before and not read again.
    """

    files: int = 0
    known: int = 0
    added: Added = field(default_factory=Added)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    settled: Settled = field(default_factory=Settled)

    def problem(self, error: FormatError) -> None:
        """Note what went wrong with a file."""
        self.problems.append(printable(str(error)))

    def left_out(self, reason: str) -> None:
        """Count something that is not imported."""
        self.skipped[reason] += 1

    def repeat(self, outcome: Outcome) -> None:
        """Count what reading a finished file again would come to."""
        self.known += 1
        self.added += Added(same=outcome.messages, forgotten=outcome.forgotten)
        self.skipped.update(outcome.skipped)


@dataclass(frozen=True, slots=True)
class _Run:
    """What all files of one import share; the callbacks hear of bytes read and messages met."""

    archive: Archive
    report: Report
    zone: tzinfo
    columns: Columns | None
    hook: Hook | None
    on_bytes: Callable[[int], None]
    on_messages: Callable[[int], None]


def import_paths(
    archive: Archive,
    paths: Iterable[Path],
    *,
    zone: tzinfo,
    columns: Columns | None = None,
    hook: Hook | None = None,
    on_bytes: Callable[[int], None] = lambda _count: None,
    on_messages: Callable[[int], None] = lambda _count: None,
) -> Report:
    """Import every export at ``paths``; one that fails does not stop the others.

    ``columns`` says how CSV, TSV and JSONL files are read, whatever else would claim them.
    ``hook`` finds words for voice notes and pictures.
    """
    report, paths = Report(), list(paths)
    run = _Run(archive, report, zone, columns, hook, on_bytes, on_messages)
    for path in paths:
        _import_path(run, path)
    if report.files:
        report.settled = archive.settle()
    elif not report.problems:
        where = printable(", ".join(map(str, paths)))
        report.problems.append(f"{where}: no chat export in there")
    return report


def _import_path(run: _Run, path: Path) -> None:
    refused: list[UnknownFormat] = []
    found = 0
    for source in sources_of(path, on_problem=run.report.problem, on_left_out=run.report.left_out):
        found += 1
        try:
            _import(run, source, _parser(source, run.columns))
        except UnknownFormat as error:
            refused = [error]
            run.report.left_out("file not a chat export")
            run.on_bytes(source.size)
        except FormatError as error:
            run.report.problem(error)
    if refused and found == 1:  # pictures and pages beside an export are no failure
        run.report.problem(refused[0])
        run.report.skipped -= Counter(["file not a chat export"])


def _parser(source: Source, columns: Columns | None) -> Parser:
    """The parser of ``source``: the one it is given, or the one that knows it."""
    if columns is not None and _TABLE.search(source.name):
        return parser_with(columns)
    return parser_for(source, PARSERS)


def _import(run: _Run, source: Source, parser: Parser) -> None:
    run.report.files += 1
    mark = _mark(run, source, parser)
    outcome = run.archive.finished(mark)
    if outcome is not None and _still_beside(source, outcome):
        run.report.repeat(outcome)
        run.on_bytes(source.size)
        run.on_messages(outcome.messages)
        return
    noted = _Noted(source)
    problems, before = len(run.report.problems), run.report.skipped.copy()
    added = run.archive.add(_messages(run, source, parser, noted))
    run.report.added += added
    skipped = dict(run.report.skipped - before)
    is_whole = len(run.report.problems) == problems and FAILED not in " ".join(skipped)
    if is_whole and mark == _mark(run, source, parser):
        messages = added.new + added.changed + added.same
        outcome = Outcome(messages, added.forgotten, skipped, noted.digests)
        run.archive.note_finished(mark, outcome)


def _mark(run: _Run, source: Source, parser: Parser) -> bytes:
    """The fingerprint of a source: name here whatever the parser is told beside the bytes."""
    hook = run.hook.name if run.hook else ""
    place = source.place_in_export
    return finished.fingerprint(source.path, place, parser.key, run.zone, hook)


def _messages(
    run: _Run, source: Source, parser: Parser, beside: Callable[[str], bytes | None]
) -> Iterator[RawMessage]:
    """The messages of ``source``; where it is damaged they end, and the report says so."""
    count = 0
    try:
        with source.open(run.on_bytes) as stream:
            for item in parser.parse(Reading(stream, source.name, run.zone, beside)):
                if isinstance(item, Skipped):
                    run.report.skipped[item.reason] += 1
                    continue
                if run.hook is not None:
                    item = run.hook.worded(item, source, run.report.left_out)
                yield item
                count += 1
                if count % _EVERY == 0:
                    run.on_messages(_EVERY)
    except FormatError as error:
        run.report.problem(error)
    run.on_messages(count % _EVERY)


class _Noted:
    """Reads the companions of a source and notes what they were."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.digests: dict[str, str | None] = {}

    def __call__(self, relative: str) -> bytes | None:
        content = self._source.beside(relative)
        self.digests[relative] = finished.digest(content)
        return content


def _still_beside(source: Source, outcome: Outcome) -> bool:
    """Whether the companions are what they were when the source was read."""
    return all(
        finished.digest(source.beside(relative)) == known
        for relative, known in outcome.beside.items()
    )
