"""What measures learn from and compare with: what was said before the scenes begin.

It is read from the dataset: cleaned, redacted and without those who opted out, as the models saw
it. Nothing that reaches into the time of the scenes is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from config.settings import Home
from ingest.chat import Turn, Window
from ingest.dataset.manifest import read_manifest, read_windows
from likeness.records import Scene, SceneKind
from trainer.card.slices import other_members, own_replies
from trainer.card.wording import Replies

MEMBERS = 40
FEWEST = 5
"""Replies of a member below which nothing is learned from them."""


@dataclass(frozen=True, slots=True)
class Material:
    """@self's replies of the training period, oldest first, and other members' by handle.

    ``late_own`` and ``late_others`` are of the validation period: later than what is learned from,
    earlier than the scenes. ``names`` are what @self is called.
    """

    own: tuple[Turn, ...]
    others: Mapping[str, Replies]
    late_own: tuple[Turn, ...]
    late_others: Mapping[str, Replies]
    names: tuple[str, ...] = ()


def material_of(home: Home, scenes: Sequence[Scene]) -> Material | None:
    """Read the dataset; None where there is none."""
    if not (home.dataset / "manifest.json").is_file():
        return None
    until = began(scenes)
    manifest = read_manifest(home.dataset)
    train = list(_before(home.dataset / "train.jsonl", until))
    late = list(_before(home.dataset / "validation.jsonl", until))
    return Material(
        tuple(own_replies(train)),
        other_members(train, fewest=FEWEST, most=MEMBERS),
        tuple(own_replies(late)),
        other_members(late, fewest=1, most=MEMBERS),
        (manifest.self_handle, manifest.self_name),
    )


def began(scenes: Sequence[Scene]) -> Mapping[str, datetime]:
    """By chat, when the earliest thing was said that a held-out scene of it shows.

    Under no name when the first of them is played: where nobody speaks it counts alone, and a quiet
    chat, whose scenes show months, takes nothing from the others.
    """
    held_out = [scene for scene in scenes if scene.kind is SceneKind.HELD_OUT]
    if not held_out:
        return {}
    first = min(scene.at for scene in held_out)
    found = {"": first}
    for scene in held_out:
        shown = (line.sent_at for line in scene.before if line.sent_at)
        found[scene.chat] = min([found.get(scene.chat, first), *shown])
    return found


def _before(path: Path, until: Mapping[str, datetime]) -> Iterator[Window]:
    for window in read_windows(path) if path.is_file() else ():
        instants = [line.sent_at for turn in window.turns for line in turn.lines if line.sent_at]
        limit = until.get(window.chat, until.get(""))
        is_past = limit is None or max(instants, default=limit) < limit
        if is_past and not window.kind.is_synthetic:
            yield window
