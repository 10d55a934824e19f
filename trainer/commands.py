"""`atself train`."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, emit_mapping, home_option, json_option, progress_option, say

if TYPE_CHECKING:
    from registry.artefact import ModelManifest
    from trainer.job import Job


@click.command(
    epilog="""\b
Examples:
  atself train                             the base that fits the archive's languages
  atself train --dry-run                   what it would take; nothing is learned
  atself train --minutes 20                learn for twenty minutes
  atself train --base Qwen/Qwen3-0.6B      any model transformers and llama.cpp know
  atself train --detach                    in a process of its own; --status shows it
"""
)
@click.option("--preset", help="Values for a kind of machine: a file of config/presets.")
@click.option("--base", help="Catalogue name, .gguf file, model folder or Hugging Face name.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Time for loading and learning; converting and the report card come after it.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Learn in several processes.")
@click.option("--dry-run", is_flag=True, help="Show the plan: tokens, steps, memory, time. Stop.")
@click.option("--again", is_flag=True, help="Train anew even where nothing has changed.")
@click.option("--no-promote", is_flag=True, help="Do not let it serve, however good it is.")
@click.option("--detach", is_flag=True, help="Start a process of its own, and return.")
@click.option("--status", is_flag=True, help="Show the run that is going on, or the last one.")
@click.option("--follow", is_flag=True, help="Print that run's events, and new ones as they come.")
@progress_option
@home_option
@json_option
@click.pass_context
def train(
    context: click.Context,
    preset: str | None,
    base: str | None,
    minutes: float | None,
    processes: int | None,
    dry_run: bool,
    again: bool,
    no_promote: bool,
    detach: bool,
    status: bool,
    follow: bool,
    progress_json: str | None,
    home: Path,
    as_json: bool,
) -> None:
    """Make a model that speaks as @self, and let it serve if it is better than its base.

    Stopped half-way (Ctrl-C, a power cut), the same command continues where it was.
    """
    from config.settings import Home, load
    from trainer.preparation import finished, prepare
    from trainer.process import watching
    from trainer.process.launch import session

    if status or follow or detach:
        chosen = watching.show if status else watching.follow if follow else watching.detach
        chosen(context)
        return
    started = time.monotonic()
    settings = load(
        home,
        train={"preset": preset, "base": base, "minutes": minutes, "processes": processes},
    )
    if dry_run:
        _show_plan(prepare(Home(home), settings, again=again, is_plan=True), as_json=as_json)
        return
    with session(Home(home), progress_json) as stream:
        job = replace(prepare(Home(home), settings, again=again), stream=stream)
        manifest = None if again else finished(job)
        if manifest is not None:
            say(f"{manifest.version} was made from this dataset and recipe; --again trains anew")
        else:
            manifest = _make(job, started, is_promoted=not no_promote)
        summary = summarise(manifest, Home(home).models)
        stream.emit("done", **summary)
    if progress_json == "-":  # stdout is the stream, and has it
        return
    if as_json:
        emit_json(summary)
    else:
        emit_mapping(summary)


def _show_plan(job: Job, *, as_json: bool) -> None:
    from trainer.planning.plan import make_plan

    plan = make_plan(job)
    if as_json:
        emit_json(plan.to_json())
    else:
        emit_mapping(plan.lines())
    for warning in plan.warnings:
        say(f"note: {warning}")


def _make(job: Job, started: float, *, is_promoted: bool) -> ModelManifest:
    from config.locks import held
    from trainer.errors import Interrupted, TrainingError
    from trainer.pipeline import make_model
    from trainer.preparation import promote_if_better

    _announce(job)
    try:
        with held(job.run.path):  # its half-made files are nobody's garbage
            manifest = make_model(job, started=started, now=lambda: datetime.now(UTC))
    except KeyboardInterrupt:
        share = job.run.read_state().share
        raise Interrupted(
            f"run {job.run.id}: interrupted at {share:.0%}, kept; the same command continues it"
        ) from None
    except OSError as error:
        raise TrainingError(
            f"run {job.run.id}: {error}; when that is mended, the same command continues it"
        ) from error
    if is_promoted:
        promote_if_better(job, manifest, now=datetime.now(UTC))
    return manifest


def _announce(job: Job) -> None:
    """Tell those who watch what will be trained."""
    recipe = job.recipe
    job.stream.attach(job.run.path).emit(
        "begin",
        pid=os.getpid(),
        base=recipe.base,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        minutes=recipe.minutes,
        reason=recipe.reason,
    )


def summarise(manifest: ModelManifest, models: Path) -> dict[str, object]:
    """What was made, as one flat table. Likelihoods are nats, the fewer the better."""
    from registry.store import Registry

    serving = Registry(models).serving()
    base, persona = manifest.card["base"], manifest.card["persona"]
    return {
        "version": manifest.version,
        "serving": serving is not None and serving.version == manifest.version,
        "card": manifest.verdict,
        **_findings(manifest),
        "base": manifest.base.id,
        "licence": manifest.base.license,
        "quantization": manifest.quantization,
        "bytes": manifest.files["model.gguf"].bytes,
        **manifest.card["learning"],
        "replies judged": manifest.card["replies"],
        **_heeded(manifest),
        "nats/token": persona["nats_per_token"],
        "nats/token of base": base["nats_per_token"],
        "nats/byte": persona["nats_per_byte"],
        "nats/byte of base": base["nats_per_byte"],
        "parity f16 max KL": manifest.parity["f16"]["max_kl"],
        "parity stored mean KL": manifest.parity["stored"]["mean_kl"],
        "top token same": manifest.parity["stored"]["top_agreement"],
    }


def _heeded(manifest: ModelManifest) -> dict[str, str]:
    """What was thought of the bot's replies, as far as it taught this model."""
    found = manifest.card.get("preference", {}).get("feedback", {})
    told = ", ".join(f"{count} {kind}" for kind, count in found.items() if count)
    return {"replies heeded": told} if told else {}


def _findings(manifest: ModelManifest) -> dict[str, str]:
    """What the card fails or warns of."""
    findings = manifest.card.get("findings", [])
    return {
        f"{each['level']}: {each['name']}": each["text"]
        for each in findings
        if each["level"] != "pass"
    }
