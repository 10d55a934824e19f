"""What a dataset folder says about itself, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from ingest.chat import Window
from ingest.dataset.window_json import from_json
from ingest.errors import DatasetError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much one split holds; ``tokens`` are estimated, ``openers`` are windows that open.

    ``synthetic`` windows are exchanges that never took place; their replies are not counted.
    """

    windows: int = 0
    replies: int = 0
    messages: int = 0
    tokens: int = 0
    openers: int = 0
    synthetic: int = 0


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many messages of @self a rule left out (or weighed down), and the ids of a few.

    ``share`` is of all that @self wrote.
    """

    count: int
    share: float
    examples: list[str]


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """What a dataset is made of; its presence says the dataset is complete.

    ``dropped`` counts @self's messages not learned from by reason, ``rules`` the same with examples
    and the weighing rules; ``written`` is all that @self wrote and ``learned`` what is left of it:
    ``written == learned + sum(dropped.values())``. ``redacted`` counts spans by kind. ``silence``
    says how the gate's examples were drawn and how many there are. ``privacy`` says whether it was
    redacted and shows pseudonyms (``redact``, ``pseudonyms``); it is empty where that is not known.
    ``memory`` counts, by split, the windows whose memory shows what recall found, what does not
    help, lines on a name asked about, or nothing; ``synthetic`` counts the windows about names and
    writings, and the pairs left out. ``feedback`` counts the bot's replies that something is
    thought of, by what came of it (see :mod:`ingest.dataset.preferences`).
    """

    hash: str
    created_at: str
    renderer: str
    head: str
    languages: dict[str, float]
    self_handle: str
    self_name: str
    chats: list[str]
    archive_revision: int
    splits: dict[str, SplitCounts]
    borders: dict[str, str]
    dropped: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)
    written: int = 0
    learned: int = 0
    rules: dict[str, RuleCount] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
    silence: dict[str, Any] = field(default_factory=dict)
    privacy: dict[str, bool] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)
    synthetic: dict[str, dict[str, int]] = field(default_factory=dict)
    feedback: dict[str, int] = field(default_factory=dict)


def read_windows(path: Path) -> Iterator[Window]:
    """Stream the windows of one split file."""
    with path.open("rb") as lines:
        for line in lines:
            yield from_json(orjson.loads(line))


def read_manifest(folder: Path) -> DatasetManifest:
    """The manifest in ``folder``, or a DatasetError where no complete dataset lies there."""
    path = folder / "manifest.json"
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{folder}: no dataset yet; run: atself dataset") from None
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{path}: damaged ({error}); run: atself dataset") from error
    if not set(data) <= {each.name for each in fields(DatasetManifest)}:
        raise DatasetError(f"{path}: written by a newer atself; run: atself dataset")
    data["splits"] = {name: SplitCounts(**counts) for name, counts in data["splits"].items()}
    rules = data.get("rules", {})
    data["rules"] = {rule: RuleCount(**counts) for rule, counts in rules.items()}
    return DatasetManifest(**data)


def write_manifest(folder: Path, manifest: DatasetManifest) -> None:
    """Put the manifest in place, whole or not at all."""
    part = folder / "manifest.json.part"
    part.write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
    part.replace(folder / "manifest.json")
