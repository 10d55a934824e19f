"""Exports written to disk to be imported, and what their import reports."""

from __future__ import annotations

import zipfile
from datetime import UTC
from pathlib import Path

import orjson

from ingest.archive import Archive
from ingest.importer import Report, import_paths
from tests.ingest.talk import Talk, telegram_export

LOG = "@self: hello\n@bob: hi there\n"


def load(archive: Archive, *paths: Path) -> Report:
    """Import ``paths``."""
    return import_paths(archive, paths, zone=UTC)


def only_problem(report: Report) -> str:
    """The one line of a report with one problem."""
    [problem] = report.problems
    assert problem.isprintable()
    return problem


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip with these members, in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def export_of(lines: int) -> bytes:
    """A Telegram export."""
    talk = Talk()
    for number in range(lines):
        talk.say("bob", f"line {number}")
    return orjson.dumps(telegram_export(talk))
