"""Report cards without their words: what quotes people goes when somebody is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.locks import exclusive
from registry.artefact import REPORT, REPORT_PAGE, ModelManifest, record_of, write_json
from registry.store import Registry

_TEXTS = frozenset({"samples", "longest", "examples"})
"""Where a report card quotes (see trainer.card.hearing, .copying and .manners)."""


def drop_texts(registry: Registry) -> None:
    """Take out of every version's card what quotes anybody, and its page; the figures stay.

    Wherever it is cut short, every version verifies, and it can be done again.
    """
    for manifest in registry.versions():
        with exclusive(registry.folder):
            _strip(registry.folder / manifest.version, manifest, registry)


def _strip(folder: Path, manifest: ModelManifest, registry: Registry) -> None:
    cards = (REPORT, REPORT_PAGE)
    others = {name: file for name, file in manifest.files.items() if name not in cards}
    replace(manifest, files=others).write(folder)
    (folder / REPORT_PAGE).unlink(missing_ok=True)
    path = folder / REPORT
    if path.is_file():
        write_json(path, _without_texts(registry.report(manifest.version)))
        replace(manifest, files={**others, REPORT: record_of(path)}).write(folder)


def _without_texts(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_texts(each) for key, each in value.items() if key not in _TEXTS}
