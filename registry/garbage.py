"""Collecting what nothing needs any more: old versions, and what interrupted commands left.

Never what serves, what a rollback would return to, or what a process has loaded (it holds a lease).
A version is first noted as removed, then renamed to a hidden name, then deleted: whatever is killed
in between, it is whole or gone, and its number is never given again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from config.locks import claimed, exclusive
from registry.artefact import ModelManifest
from registry.store import INCOMING, REMOVED, Registry

SCRATCH = ("merged", "artefact", "*.gguf", "*.npy", "*.tmp")
"""What a finished run leaves only when its end was interrupted; it can be made again."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One thing that was, or would be, removed; ``kind`` is version, leftover or scratch."""

    path: str
    kind: str
    bytes: int


def collect(
    registry: Registry, runs: Path, *, keep: int, now: datetime, dry_run: bool = False
) -> list[Collected]:
    """Remove all but the newest ``keep`` versions and what must stay; returns what went."""
    if not registry.folder.is_dir():
        return list(_scratch(runs, dry_run))
    with exclusive(registry.folder):
        leftovers = list(_leftovers(registry.folder, dry_run))
        versions = list(_versions(registry, keep, now, dry_run))
    return [*versions, *leftovers, *_scratch(runs, dry_run)]


def _versions(registry: Registry, keep: int, now: datetime, dry_run: bool) -> Iterator[Collected]:
    whole = [manifest.version for manifest in registry.versions()]
    kept = {*whole[max(0, len(whole) - keep) :], *registry.needed()}
    for version in whole:
        folder = registry.folder / version
        if version not in kept:
            yield from _unheld(folder, "version", dry_run, partial(_retire, registry, version, now))


def _retire(registry: Registry, version: str, now: datetime) -> None:
    folder = registry.folder / version
    registry.note_removed(ModelManifest.read(folder), now=now)
    hidden = folder.with_name(f"{REMOVED}{version}")
    folder.rename(hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def _leftovers(folder: Path, dry_run: bool) -> Iterator[Collected]:
    for prefix in (INCOMING, REMOVED):
        for path in sorted(folder.glob(f"{prefix}*")):
            yield from _unheld(path, "leftover", dry_run, partial(shutil.rmtree, path))


def _scratch(runs: Path, dry_run: bool) -> Iterator[Collected]:
    for run in sorted(runs.glob("*/state.json")):
        if not _is_finished(run):
            continue
        with claimed(run.parent) as is_free:
            for path in sorted(each for name in SCRATCH for each in run.parent.glob(name)):
                if is_free:
                    yield Collected(str(path), "scratch", _size(path))
                    if not dry_run:
                        _delete(path)


def _unheld(
    path: Path, kind: str, dry_run: bool, remove: Callable[[], object]
) -> Iterator[Collected]:
    """Remove a folder unless somebody holds it."""
    with claimed(path) as is_free:
        if is_free:
            found = Collected(str(path), kind, _size(path))
            if not dry_run:
                remove()
            yield found


def _is_finished(state: Path) -> bool:
    try:
        return bool(json.loads(state.read_text(encoding="utf-8")).get("is_finished"))
    except (OSError, ValueError, AttributeError):
        return False


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def to_json(found: list[Collected]) -> list[dict[str, object]]:
    """JSON-ready rows."""
    return [asdict(each) for each in found]
