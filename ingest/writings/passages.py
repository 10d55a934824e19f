"""Own writings into the archive: each passage is something @self said, outside of any chat.

A document is a conversation of its own on the platform ``writing``, so that recall finds its
passages as it finds messages, and a document imported again replaces itself. Datasets leave these
conversations out: nobody is answered in them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from pathlib import Path

from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from ingest.errors import FormatError
from ingest.parsers.base import Repeats, digest
from ingest.scope import WRITING
from ingest.writings.documents import SUFFIXES, Document, excerpts_of, read_document

AUTHOR = Account(WRITING, "self", is_self=True)
_STEP = timedelta(seconds=1)  # keeps the passages of a document in order


@dataclass
class WritingsReport:
    """What came of the documents; ``problems`` are one line each."""

    documents: int = 0
    passages: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    other_files: int = 0
    problems: list[str] = field(default_factory=list)


def import_writings(
    archive: Archive,
    paths: list[Path],
    *,
    zone: tzinfo,
    on_file: Callable[[], None] = lambda: None,
) -> WritingsReport:
    """Read every document at ``paths``; one that fails does not stop the others.

    ArchiveError where @self is not known yet: writings are theirs.
    """
    archive.me()
    report = WritingsReport()
    for path, name in documents_at(paths, report):
        try:
            _import(archive, read_document(path, name, zone), report)
        except (FormatError, OSError) as error:
            report.problems.append(" ".join(str(error).split()))
        on_file()
    if not report.documents and not report.problems:
        kinds = ", ".join(sorted(SUFFIXES))
        report.problems.append(
            f"{', '.join(map(str, paths))}: no document in there (known: {kinds})"
        )
    return report


def documents_at(paths: list[Path], report: WritingsReport) -> Iterator[tuple[Path, str]]:
    """Every document and its name within the folder asked for; links are not followed."""
    for path in paths:
        if path.is_dir():
            for folder, _folders, files in os.walk(path):
                for file in sorted(files):
                    found = Path(folder, file)
                    if found.suffix.lower() in SUFFIXES and not found.is_symlink():
                        yield found, str(found.relative_to(path))
                    else:
                        report.other_files += 1
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            yield path, path.name
        else:
            kinds = ", ".join(sorted(SUFFIXES))
            reason = "not a document" if path.exists() else "no such file or folder"
            report.problems.append(f"{path}: {reason} (known: {kinds})")


def messages_of(document: Document) -> Iterator[RawMessage]:
    """The passages of a document, in order, under its title."""
    chat = Conversation(
        f"{WRITING}:{digest(document.name)}", document.title, WRITING, has_times=False
    )
    ids = Repeats()
    for number, excerpt in enumerate(excerpts_of(document)):
        title = dict.fromkeys((document.title, excerpt.section))
        text = f"{' · '.join(title)}\n{excerpt.text}"
        key = ids.id(text)
        yield RawMessage(
            f"{chat.id}:{key}", chat, AUTHOR, document.written_at + number * _STEP, text
        )


def _import(archive: Archive, document: Document, report: WritingsReport) -> None:
    messages = list(messages_of(document))  # a document is at most 64 MiB
    report.documents += 1
    report.passages += len(messages)
    if not messages:
        report.problems.append(f"{document.name}: no text in it (a scan, or empty)")
        return
    added = archive.add(messages)
    report.new += added.new
    report.changed += added.changed
    kept = {message.id for message in messages}
    report.removed += archive.retain(messages[0].chat.id, kept)
