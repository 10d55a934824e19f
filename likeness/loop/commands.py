"""`atself retrain`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config.console import emit_json, emit_mapping, home_option, json_option, progress_option, say

if TYPE_CHECKING:
    from config.settings import Home
    from registry.retrainings import Order, Retraining


@click.command(
    epilog="""\b
Examples:
  atself retrain                       dataset, training, rehearsal; the better one serves
  atself retrain --minutes 20          learn for twenty minutes
  atself retrain --no-promote --json   judge it, and leave what serves
  atself models history                what came of every retraining, and why
"""
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Time for learning; unset takes train.minutes.",
)
@click.option(
    "--scenes",
    type=click.IntRange(min=1),
    default=80,
    show_default=True,
    help="Held-out moments at which both models speak.",
)
@click.option("--force", is_flag=True, help="Even where nothing is new.")
@click.option("--no-promote", is_flag=True, help="Judge it, and leave what serves.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@progress_option
@home_option
@json_option
def retrain(
    minutes: float | None,
    scenes: int,
    force: bool,
    no_promote: bool,
    dry_run: bool,
    progress_json: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Learn from what is new, and let the new model serve if it is better and nothing is worse.

    Stopped half-way (Ctrl-C, a power cut), the same command goes on at the step it was at.
    """
    from config.settings import Home, load
    from registry.retrainings import Order

    place, settings = Home(home), load(home)
    order = Order(
        minutes=minutes or settings.train.minutes,
        scenes=scenes,
        seed=settings.train.seed,
        is_forced=force,
        may_promote=not no_promote,
    )
    if dry_run:
        _print(_planned(place, order), as_json=as_json)
        return
    summary = _run(place, order, progress_json)
    if progress_json != "-":  # else stdout is the stream, and has it
        _print(summary, as_json=as_json)


def _run(place: Home, order: Order, target: str | None) -> dict[str, object]:
    """The retraining, told on the stream; the only one in this home."""
    from config.settings import load
    from likeness.loop.labour import Processes
    from likeness.loop.machine import Loop
    from registry.retrainings import Journal
    from registry.store import Registry
    from trainer.process.launch import opened
    from trainer.process.progress import Stream

    journal, registry = Journal.of(place), Registry(place.models)
    with opened(target) as told, journal.only_one():
        stream = Stream(target=told, run="retrain")
        labour = Processes(place, load(place.path), told or (lambda _line: None))
        loop = Loop(
            registry,
            journal,
            labour,
            now=lambda: datetime.now(UTC),
            say=say,
            told=lambda step, state: stream.emit("stage", name=step, state=state),
        )
        try:
            summary = summarise(loop.run(order))
        except Exception as error:
            stream.emit("error", what=str(error) or "a step failed")
            raise
        stream.emit("done", **summary)
        return summary


def summarise(done: Retraining) -> dict[str, Any]:
    """What came of a retraining, as one table."""
    from registry.retrainings import Step

    trained, decided = done.values(Step.TRAIN), done.values(Step.DECISION)
    rehearsed = done.values(Step.REHEARSAL)
    return {
        "retraining": done.id,
        "outcome": str(done.outcome),
        "version": done.version,
        "beside": rehearsed.get("serving", done.serving),
        "judgement": bool(decided.get("is_promoted", False)),
        "reasons": list(done.reasons),
        "evaluation": rehearsed.get("evaluation", ""),
        "likeness": done.likeness,
        "replies": done.values(Step.DATASET).get("replies", 0),
        "feedback": done.values(Step.DATASET).get("feedback", {}),
        **{name: trained[name] for name in trained if name != "version"},
    }


def _planned(place: Home, order: Order) -> dict[str, object]:
    """What the command would do now; nothing is written."""
    from ingest.archive import Archive
    from ingest.dataset.manifest import read_manifest
    from ingest.errors import DatasetError
    from registry.retrainings import Journal, Step
    from registry.store import Registry

    going, serving = Journal.of(place).open(), Registry(place.models).serving()
    with Archive.open(place.archive) as archive:
        revision = archive.revision
    try:
        is_new = read_manifest(place.dataset).archive_revision != revision
        archive_is = "changed since the dataset" if is_new else "as the dataset has it"
    except DatasetError:
        archive_is = "without a dataset yet"
    return {
        "goes_on_with": going.id if going else "",
        "steps": [str(step) for step in Step if going is None or not going.is_done(step)],
        "archive": archive_is,
        "serving": serving.version if serving else "",
        "minutes": order.minutes if going is None else going.order.minutes,
        "scenes": order.scenes if going is None else going.order.scenes,
    }


def _print(values: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        emit_json(values)
        return
    shown = {key: value for key, value in values.items() if value not in ("", [], {}, None)}
    reasons, likeness = shown.pop("reasons", []), shown.pop("likeness", {})
    emit_mapping({key.replace("_", " "): _told(value) for key, value in shown.items()})
    if isinstance(likeness, Mapping):
        emit_mapping({f"likeness, {name}": _figure(found) for name, found in likeness.items()})
    for reason in reasons if isinstance(reasons, list) else ():
        emit_mapping({"because": reason})


def _told(value: object) -> object:
    """A value as people read it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _figure(found: Mapping[str, Any]) -> str:
    """A likeness, or the difference of two, with its interval."""
    value, low, high = (found[name] for name in ("value", "low", "high"))
    interval = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    return f"{value:.2f}{interval}"
