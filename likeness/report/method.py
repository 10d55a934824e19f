"""How it was measured: scenes, players, seeds, models, dates, for whoever would do it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from likeness.report.naming import MEANINGS
from likeness.report.shown import Cell, Table, count, number, text
from likeness.report.sources import Rehearsed, Sources

SHORT_HASH = 12


def method(sources: Sources, *, with_texts: bool) -> list[Table]:
    """The model, the rehearsal, and who spoke in it."""
    tables = [Table("model", ("model", ""), tuple(_model(sources)))]
    if sources.rehearsed:
        rows = tuple(_rehearsal(sources.rehearsed, with_texts=with_texts))
        tables.append(Table("rehearsal", ("rehearsal", ""), rows))
        tables.append(_players(sources))
    return tables


def _model(sources: Sources) -> Iterator[tuple[Cell, ...]]:
    manifest, card = sources.manifest, sources.card
    yield _row("version", manifest.version)
    yield _row("made", f"{manifest.created_at:%Y-%m-%d %H:%M} UTC")
    yield _row("base", f"{manifest.base.id} ({manifest.base.license})")
    yield _row("stored as", manifest.quantization or "at a server")
    yield _row("prompt renderer", manifest.renderer)
    yield _row("dataset", manifest.dataset_hash[:SHORT_HASH])
    if card.get("trained_until"):
        yield _row("learned from what was said before", str(card["trained_until"])[:10])
    if manifest.files.get("model.gguf"):
        yield _row("sha256 of the model", manifest.files["model.gguf"].sha256[:SHORT_HASH])


def _rehearsal(rehearsed: Rehearsed, *, with_texts: bool) -> Iterator[tuple[Cell, ...]]:
    plan = rehearsed.plan
    yield _row("evaluation", plan.id)
    if plan.title and with_texts:
        yield _row("title", plan.title)
    yield _row("begun", f"{plan.created_at:%Y-%m-%d %H:%M} UTC")
    yield text("seed"), Cell(str(plan.seed), plan.seed)
    for kind, scenes in plan.scenes.items():
        yield text(f"scenes: {kind}"), Cell(f"{scenes:,}", scenes)
    for version, known in plan.versions.items():
        known_as = ", ".join(f"{name} {_short(value)}" for name, value in known.items())
        yield _row(version, known_as)
    for name, value in plan.settings.items():
        if with_texts or isinstance(value, int | float):
            yield _row(name.replace("_", " "), _short(value))


def _players(sources: Sources) -> Table:
    assert sources.rehearsed is not None
    spoken: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for attempt in sources.attempts:
        name = attempt.player.name
        spoken[name] = spoken.get(name, 0) + 1
        seconds[name] = seconds.get(name, 0.0) + attempt.seconds
    rows = tuple(
        (
            text(player.name),
            text(MEANINGS[player.role]),
            count(spoken.get(player.name, 0)),
            number(_mean(seconds, spoken, player.name), "s"),
        )
        for player in sources.rehearsed.plan.players
    )
    return Table("players", ("who", "what it is", "scenes", "seconds a reply"), rows)


def _mean(seconds: Mapping[str, float], spoken: Mapping[str, int], name: str) -> float | None:
    return seconds[name] / spoken[name] if seconds.get(name) else None


def _row(name: str, value: str) -> tuple[Cell, ...]:
    return text(name), text(value)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[:SHORT_HASH] if len(value) >= 32 and value.isalnum() else value
    return json.dumps(value, ensure_ascii=False, default=str)
