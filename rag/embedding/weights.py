"""Telling one set of weights from another without reading gigabytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

_WHOLE = 1 << 20
_BLOCK = 1 << 16
_SAMPLES = 16
# Downloads' own notes and documentation say nothing about vectors.
_IGNORED = {".md", ".lock", ".metadata", ".gitattributes", ".gitignore", ".png"}


def fingerprint(folder: Path) -> str:
    """Twelve hexadecimal digits that change when weights, tokenizer or configuration do.

    Small files are read whole, large ones at sixteen places: training changes all of a tensor.
    Names and contents count, times do not, so that a copy is the same model.
    """
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _is_ignored(path.relative_to(folder)):
            found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            for part in _sampled(path):
                found.update(part)
    return found.hexdigest()[:12]


def _is_ignored(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return hidden or path.suffix in _IGNORED


def _sampled(path: Path) -> list[bytes]:
    size = path.stat().st_size
    if size <= _WHOLE:
        return [path.read_bytes()]
    step = (size - _BLOCK) // (_SAMPLES - 1)
    parts = []
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek(number * step)
            parts.append(file.read(_BLOCK))
    return parts
