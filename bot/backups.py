"""Backups of what cannot be made again: archive, state, settings, what is known of the models.

A backup is one ``.tar.gz`` under ``Home.backups``: the databases as SQLite's online backup gives
them while they are written to (https://www.sqlite.org/backup.html), files as they are, and last
``backup.json`` with the checksum of each. Models, index and dataset can be made again and are left
out; of the models only what is told about them is kept, unless they are asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import BackupUnusable
from config.locks import exclusive
from config.settings import Home
from registry.store import Registry

MANIFEST = "backup.json"
OUTDATED = ".outdated"
SCRATCH = ".making"
SUFFIX = ".tar.gz"
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d+))?\.tar\.gz")
_LEVEL = 6
_FILES = (
    "config.toml",
    "manner.json",
    "replies.json",
    "questions.txt",
    "answers/*.jsonl",
    "blind/**/*.json",
    "writings/*.jsonl",
    "models/*.json",
    "models/v*/*.json",
)


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup: its file, and when it was made."""

    path: Path
    made_at: datetime

    @property
    def name(self) -> str:
        """How it is called on the command line."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.path.stat().st_size

    def to_json(self) -> dict[str, object]:
        """JSON-ready."""
        at = self.made_at.isoformat()
        return {"name": self.name, "made_at": at, "bytes": self.bytes, "path": str(self.path)}


def listed(home: Home) -> list[Backup]:
    """Every whole backup, oldest first."""
    found = ((path, _NAME.fullmatch(path.name)) for path in home.backups.glob(f"*{SUFFIX}"))
    known = [(name[1], int(name[2] or 1), path) for path, name in found if name]
    return [Backup(path, _instant(stamp)) for stamp, _number, path in sorted(known)]


def make(home: Home, *, now: datetime, keep: int | None = None, models: bool = False) -> Backup:
    """Back up a home; all but the newest ``keep`` go once the new one is whole.

    ``models`` takes the files of those that serve or may be returned to as well. Raises
    BackupUnusable where a database is damaged (nothing goes then) or there is nothing to keep.
    """
    home.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(home.backups):
        scratch = home.backups / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed one left
        try:
            scratch.mkdir(mode=0o700)
            whole = _pack(scratch, _contents(home, scratch, models=models), now)
            path = whole.rename(_free_name(home.backups, now))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        _drop(home, path, keep)
    return Backup(path, _instant(now.astimezone(UTC).strftime(_STAMP)))


def outdate(home: Home) -> None:
    """Before somebody is forgotten: from the next backup on, those of today are gone."""
    if listed(home):
        (home.backups / OUTDATED).touch()


def renew(home: Home, *, now: datetime) -> Backup | None:
    """Make the backup in place of outdated ones; None where there are none."""
    return make(home, now=now) if (home.backups / OUTDATED).exists() else None


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use. Raises BackupUnusable if damaged."""
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
        check_database(target)
    except sqlite3.Error as error:
        raise BackupUnusable(f"{source}: cannot be backed up ({error})") from error


def check_database(path: Path) -> None:
    """Raises BackupUnusable where SQLite finds damage."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise BackupUnusable(f"{path.name}: damaged ({found}); an earlier backup may be whole")


def _contents(home: Home, folder: Path, *, models: bool) -> Iterator[tuple[str, Path]]:
    """What goes into a backup: the name there, and the file to read."""
    for database in (home.archive, home.state):
        if database.exists():
            copy = folder / database.name
            copy_database(database, copy)
            yield database.name, copy
    for pattern in _FILES:
        for path in sorted(home.path.glob(pattern)):
            copy = folder / "copy"  # it may be replaced between two looks at it
            shutil.copyfile(path, copy)
            yield path.relative_to(home.path).as_posix(), copy
    for version in sorted(Registry(home.models).needed()) if models else ():
        for path in sorted((home.models / version).rglob("*")):
            if path.is_file() and path.suffix != ".json":
                yield path.relative_to(home.path).as_posix(), path


def _pack(scratch: Path, contents: Iterator[tuple[str, Path]], now: datetime) -> Path:
    """Write a backup, on disk to its last byte; returns its file."""
    sums: dict[str, str] = {}
    packed, manifest = scratch / "packed", scratch / MANIFEST
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL) as tar:
            for name, path in contents:
                sums[name] = checksum(path)
                tar.add(path, arcname=name)
            if not sums:
                raise BackupUnusable(f"{scratch.parent.parent}: nothing to back up yet")
            told = {"made_at": now.isoformat(), "files": sums}
            manifest.write_text(json.dumps(told), encoding="utf-8")
            tar.add(manifest, arcname=MANIFEST)
        file.flush()
        os.fsync(file.fileno())
    return packed


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _drop(home: Home, newest: Path, keep: int | None) -> None:
    """Remove the backups that the newest takes the place of."""
    mark = home.backups / OUTDATED
    kept = 1 if mark.exists() else keep
    others = [backup for backup in listed(home) if backup.path != newest]
    for old in others[: max(0, len(others) - kept + 1)] if kept else ():
        old.path.unlink()
    mark.unlink(missing_ok=True)


def _free_name(folder: Path, now: datetime) -> Path:
    stamp = now.astimezone(UTC).strftime(_STAMP)
    number = 1
    while (path := folder / f"{stamp}{f'-{number}' if number > 1 else ''}{SUFFIX}").exists():
        number += 1
    return path


def _instant(stamp: str) -> datetime:
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
