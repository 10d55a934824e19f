"""Results of blind tests as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from config.console import emit_table, stdout
from likeness.blind.results import Fooled, Result, share, summary, verdict
from likeness.measured import Figure

MOST_SCENES = 5


def show(found: Sequence[Result], scenes: Sequence[Fooled]) -> None:
    """By version, by friend, and the scenes in which the model was most convincing."""
    versions = [
        (version, _right(figure), _span(figure), figure.clusters, verdict(figure))
        for version, figure in summary(found).items()
    ]
    emit_table(("version", "right", "95 % interval", "friends", "what it means"), versions)
    stdout().print()
    friends = [
        (each.friend, each.version, each.test, _right(each_share := share([each])),
         _span(each_share), f"{each.at:%Y-%m-%d}")
        for each in found
    ]  # fmt: skip
    emit_table(("friend", "version", "test", "right", "95 % interval", "on"), friends)
    fooling = [each for each in scenes if each.wrong][:MOST_SCENES]
    if fooling:
        stdout().print()
        rows = [
            (f"{each.wrong} of {each.total}", each.version, each.pair.scene, " / ".join(each.model))
            for each in fooling
        ]
        emit_table(("fooled", "version", "scene", "what the model said"), rows)


def as_json(found: Sequence[Result], scenes: Sequence[Fooled]) -> dict[str, object]:
    """The same, whole."""
    versions = {
        version: {**asdict(figure), "verdict": verdict(figure)}
        for version, figure in summary(found).items()
    }
    fooling = [
        {"test": each.test, "version": each.version, "scene": each.pair.scene,
         "wrong": each.wrong, "of": each.total, "model": each.model, "real": each.real}
        for each in scenes
    ]  # fmt: skip
    return {
        "versions": versions,
        "friends": [each.to_json() for each in found],
        "scenes": fooling,
    }


def _right(figure: Figure) -> str:
    total = figure.replies
    return f"{round(figure.value * total)} of {total} ({figure.value:.0%})" if total else "none"


def _span(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.0%} to {figure.high:.0%}"
