"""Is a model's file still the one that was registered? Asked each time one is loaded.

A checksum of a large model takes seconds, so the last good answer is kept beside the versions with
the file's size, time and inode: as long as those stand, the file is not read again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.locks import Lease
from registry.artefact import MANIFEST, FileRecord, ModelManifest, record_of, write_json
from registry.errors import RegistryError

CHECKED = "checked.json"


def hold_model(model: Path) -> Lease | None:
    """Keep a registered model from being collected, and check its file; release it after use.

    None for a file that is in no registry, such as a bare base. Raises RegistryError where the file
    is missing or damaged.
    """
    folder = model.parent
    if not (folder / MANIFEST).is_file():
        return None
    try:
        lease = Lease(folder)
    except OSError as error:
        raise RegistryError(f"{folder}: cannot be opened ({error}); choose another") from error
    try:
        require_whole(folder, model.name)
    except BaseException:
        lease.release()
        raise
    return lease


def require_whole(folder: Path, name: str) -> None:
    """Check one file of the version in ``folder``. Raises RegistryError where it is damaged."""
    path = folder / name
    expected = ModelManifest.read(folder).files.get(name)
    if expected is None or not path.is_file():
        raise RegistryError(f"{path}: missing; `atself models rollback`, or train again")
    if _seen(folder.parent).get(_key(path)) == [expected.sha256, *_marks(path)]:
        return
    if path.stat().st_size != expected.bytes or record_of(path) != expected:
        raise RegistryError(
            f"{path}: damaged (its checksum differs); `atself models rollback`, or train again"
        )
    remember(path, expected)


def remember(path: Path, record: FileRecord) -> None:
    """Note that a version's file has just been found to be ``record``."""
    registry = path.parent.parent
    seen = {key: value for key, value in _seen(registry).items() if (registry / key).is_file()}
    seen[_key(path)] = [record.sha256, *_marks(path)]
    with suppress(OSError):  # on a read-only disk the next load reads the file again
        write_json(registry / CHECKED, seen)


def _seen(registry: Path) -> dict[str, Any]:
    try:
        found = json.loads((registry / CHECKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _marks(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
