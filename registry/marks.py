"""Marks beside a model: that people it learned from asked to be forgotten.

Who they were is not kept, only how many and when.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from registry.artefact import write_json
from registry.errors import RegistryError

FORGOTTEN = "forgotten.json"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """One forgetting after the training: when (ISO 8601), how many people.

    ``is_certain`` where the model's own dataset was at hand and held them.
    """

    at: str
    people: int = 1
    is_certain: bool = False


def mark_forgotten(folder: Path, *, now: datetime, is_certain: bool) -> None:
    """Note beside the model in ``folder`` that somebody it may have learned from is forgotten."""
    mark = Forgotten(now.isoformat(timespec="seconds"), is_certain=is_certain)
    marks = [asdict(each) for each in (*forgotten_since(folder), mark)]
    write_json(folder / FORGOTTEN, marks)


def forgotten_since(folder: Path) -> list[Forgotten]:
    """Whom the model in ``folder`` learned from and is to forget, oldest first."""
    path = folder / FORGOTTEN
    try:
        return [Forgotten(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise RegistryError(f"{path}: not readable ({error}); train a new model") from error
