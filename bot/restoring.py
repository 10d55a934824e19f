"""Putting a backup back: checked whole before anything is touched, and what was there is kept."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.backups import MANIFEST, check_database, checksum, listed
from bot.errors import BackupUnusable
from config.console import say
from config.locks import claimed
from config.settings import Home
from ingest.archive import Archive
from ingest.errors import ArchiveError
from registry.store import Registry

STAGE = ".restoring"
_DERIVED = ("dataset", "index")
"""Made from the archive that goes; of another one they would tell what it does not hold."""
_WITH_DATABASE = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, where what stood there is now, and which models' files are missing."""

    files: int
    aside: Path | None
    missing_models: tuple[str, ...]


def find(home: Home, name: str) -> Path:
    """The file of a backup: by name, ``latest``, or a path. Raises BackupUnusable."""
    known = {backup.name: backup.path for backup in listed(home)}
    if name == "latest" and known:
        return list(known.values())[-1]
    if name in known:
        return known[name]
    if Path(name).is_file():
        return Path(name)
    if not known:
        raise BackupUnusable(
            f"{home.backups}: no backup {name!r}, nor any other; one of another home is named by "
            "the path of its file"
        )
    there = ", ".join(list(known)[-5:])
    raise BackupUnusable(f"{home.backups}: no backup {name!r} (there are: {there})")


def restore(home: Home, path: Path, *, now: datetime, force: bool = False) -> Restored:
    """Put a backup back into a home that is empty, or, with ``force``, has its own moved aside.

    Raises BackupUnusable: damaged, a bot runs there, or something stands there already.
    """
    home.path.mkdir(parents=True, exist_ok=True)
    with claimed(home.path) as is_free:
        if not is_free:
            raise BackupUnusable(f"{home.path}: a bot is running there; stop it first")
        stage = home.path / STAGE
        shutil.rmtree(stage, ignore_errors=True)
        try:
            files = _unpack(path, stage)
            _keep_refusals(home, stage)
            aside = _make_room(home, files, now=now, force=force)
            for name in files:
                _place(stage / name, home.path / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return Restored(len(files), aside, _missing(home))


def _unpack(path: Path, stage: Path) -> list[str]:
    """Unpack and check a backup; the names of its files. Raises BackupUnusable."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            tar.extractall(stage, filter="data")  # nothing outside, no links that lead there
        manifest: dict[str, Any] = json.loads((stage / MANIFEST).read_text(encoding="utf-8"))
        sums: dict[str, str] = manifest["files"]
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as error:
        raise BackupUnusable(f"{path}: not a whole backup ({error}); try an earlier one") from error
    for name, expected in sums.items():
        file = stage / name
        if not file.is_file() or checksum(file) != expected:
            raise BackupUnusable(f"{path}: {name} is damaged; try an earlier one")
        if file.suffix == ".sqlite":
            check_database(file)
    return list(sums)


def _keep_refusals(home: Home, stage: Path) -> None:
    """Nobody who opted out or was forgotten since comes back with a backup."""
    archive = stage / home.archive.name
    if not (home.archive.exists() and archive.exists()):
        return
    try:
        with Archive.open(home.archive) as newer:
            withdrawn, forgotten = newer.refused()
    except ArchiveError as error:  # a damaged archive is what backups are for
        say(f"{error}; who asked to be forgotten since the backup must be forgotten again")
        return
    with Archive.open(archive) as older:
        older.adopt_refusals(withdrawn, forgotten)


def _make_room(home: Home, files: list[str], *, now: datetime, force: bool) -> Path | None:
    """Move aside what stands in the way; None where nothing does."""
    # A model's folder that is there is whole, and more than the backup knows of it.
    top = {name for name in files if not name.startswith("models/v")}
    taken = sorted(name for name in top if (home.path / name).exists())
    if not taken:
        return None
    if not force:
        raise BackupUnusable(
            f"{home.path}: has its own {taken[0]}; --force moves what is there aside first"
        )
    aside = home.path / f"before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    databases = [name for name in taken if name.endswith(".sqlite")]
    beside = [name + end for name in databases for end in _WITH_DATABASE]
    for name in (*taken, *beside, *_DERIVED):
        if (home.path / name).exists():
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            (home.path / name).rename(aside / name)
    return aside


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        source.rename(target)


def _missing(home: Home) -> tuple[str, ...]:
    """Versions that are known but whose model is not there."""
    registry = Registry(home.models)
    versions = (each for each in registry.versions() if each.remote is None)
    return tuple(
        each.version
        for each in versions
        if not (registry.folder / each.version / "model.gguf").exists()
    )
