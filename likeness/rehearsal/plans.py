"""What a rehearsal is of: its plan, named after everything that decides what is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from config.settings import Home, Settings
from likeness.records import Plan, Player, Scene, SceneKind
from registry.artefact import MODEL
from registry.store import Registry

_GENERATE = {
    "context_tokens",
    "max_new_tokens",
    "temperature",
    "top_p",
    "min_p",
    "repeat_penalty",
    "server_url",
    "server_model",
}
_RECALL = {"enabled", "embedder", "passages", "floor", "candidates", "reranker", "vectors"}


def plan_of(
    home: Home,
    settings: Settings,
    players: Sequence[Player],
    scenes: Sequence[Scene],
    seed: int,
    title: str,
    now: datetime,
) -> Plan:
    """The plan; equal ones have one name, and another archive, model or setting another."""
    counts = {str(kind): sum(one.kind is kind for one in scenes) for kind in SceneKind}
    versions = {each.version: _version(home, each.version) for each in players if each.version}
    told = _settings(settings)
    content = [[each.name for each in players], seed, versions, told]
    digest = blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=5)
    for scene in scenes:
        digest.update(orjson.dumps(_content(scene)))
    return Plan(digest.hexdigest(), now, tuple(players), seed, counts, versions, told, title)


def _content(scene: Scene) -> object:
    """What makes a scene another one; the user's own questions are asked whenever it is now."""
    if scene.kind is SceneKind.CONTROLLED:
        return [scene.id, scene.chat, [line.text for line in scene.before]]
    return scene.to_json()


def _version(home: Home, version: str) -> dict[str, Any]:
    manifest = Registry(home.models).get(version)
    files = {name: record.sha256 for name, record in manifest.files.items() if name == MODEL}
    return {
        "dataset": manifest.dataset_hash,
        "verdict": manifest.verdict,
        "base": manifest.base.id,
        "model": files.get(MODEL, manifest.remote.model if manifest.remote else ""),
    }


def _settings(settings: Settings) -> dict[str, Any]:
    """Those that change what is said."""
    generate = settings.generate.model_dump(mode="json", include=_GENERATE)
    recall = settings.recall.model_dump(mode="json", include=_RECALL)
    return {
        "base": settings.train.base,
        "window_tokens": settings.dataset.window_tokens,
        "gap_minutes": settings.threads.gap_minutes,
        "redact": settings.ingest.redact,
        **generate,
        **{f"recall {name}": value for name, value in recall.items()},
    }
