"""Training from end to end: dataset → adapter → merged model → GGUF → checks → registry."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from config.console import say
from ingest.dataset.manifest import read_manifest, read_windows
from registry.artefact import BaseRecord, ModelManifest
from registry.bases import CATALOGUE
from registry.store import Registry
from trainer.base_model import LoadedBase, load_base
from trainer.card.exam import examine
from trainer.card.exposure import canary_windows
from trainer.card.report import complete, summary_of, write_report
from trainer.converting.artefacts import Made, lay_out, make_files
from trainer.converting.merge import merge
from trainer.converting.vocabulary import check_tokens
from trainer.distributed import learn_together
from trainer.errors import TrainingError
from trainer.examples import Example, examples_of, weighed
from trainer.job import Job
from trainer.learning.checkpoint import fault_of
from trainer.learning.curve import draw_png
from trainer.learning.finetune import Outcome, finetune
from trainer.learning.methods import learned, packing, release, require_method, weights_dtype
from trainer.learning.verdict import Verdict, verdict_of
from trainer.memory import hand_back_memory, keep_freed_memory
from trainer.planning.outlook import held_out, look_ahead
from trainer.preference.stage import prefer
from trainer.process.progress import Stream
from trainer.run import RunFolder, RunState

T = TypeVar("T")


def make_model(job: Job, *, started: float, now: Callable[[], datetime]) -> ModelManifest:
    """Train, merge, convert, check and register; returns the manifest of the new version.

    ``started`` is when (``time.monotonic``) the command began: the time budget counts from there.
    """
    keep_freed_memory()
    torch.set_num_threads(job.threads)
    stages = _Stages(job.stream)
    if job.processes > 1 and not job.run.read_state().is_finished:
        stages.run(f"learning in {job.processes} processes", lambda: _learn_together(job, started))
    base = stages.run(f"loading {job.files.base.id}", lambda: _load(job))
    model, state = stages.run("learning", lambda: _learn(job, base, started))
    verdict = _verdict(job)
    if job.recipe.preference:
        stages.run("preferring", lambda: prefer(job, base, model))
    learning = {**_learned(state), "curve": str(verdict.verdict)}
    exam = stages.run("judging", lambda: examine(job, base, model, learning, verdict.to_json()))
    merged = stages.run("merging", lambda: _merge(job, base, model))
    made = stages.run("converting and comparing", lambda: _make_files(job, base, merged))
    report = stages.run("listening to it", lambda: complete(exam, made, stages.seconds, now()))
    manifest = _manifest(job, base, report, made.parity, now())
    added = stages.run("registering", lambda: _register(job, manifest, made, report))
    _tidy(job.run)
    return added


def _load(job: Job) -> LoadedBase:
    """The base. Raises TrainingError where learning from it has no future.

    What can be told before gigabytes are fetched and read is told before; a packaged base is small,
    and unpacking its vocabulary twice would take longer.
    """
    require_method(job.recipe, job.files)
    is_packaged = job.files.base in CATALOGUE
    if not is_packaged:
        look_ahead(job)
    base = load_base(job.files, dtype=weights_dtype(job.recipe), packing=packing(job.recipe))
    if job.files.gguf is not None:
        check_tokens(job.files.gguf, base.tokenize, held_out(job), job.dataset.head, base.markup)
    if is_packaged:
        look_ahead(job, config=base.model.config, tokenizer=base.tokenizer)
    return base


def _learn(job: Job, base: LoadedBase, started: float) -> tuple[Any, RunState]:
    state = job.run.read_state()
    if not state.is_finished:
        outcome = _finetune(job, base, started)
        state = outcome.state
        if not state.is_finished:
            raise KeyboardInterrupt
        release(outcome.model, job.recipe)  # the best adapter takes the place of the last
    else:
        say(f"run {job.run.id} has learned already; making the model from it")
    fault = fault_of(job.run.best)
    if fault:
        raise TrainingError(f"{job.run.best}: {fault}; train anew with --again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft's notices to transformers' developers
        reload = partial(_weights_anew, job)
        return learned(base.model, job.run.best, job.recipe, reload=reload), state


def _learn_together(job: Job, started: float) -> None:
    look_ahead(job)
    learn_together(job, started)
    if not job.run.read_state().is_finished:
        raise KeyboardInterrupt


def _finetune(
    job: Job, base: LoadedBase, started: float, wants_stop: Callable[[], bool] | None = None
) -> Outcome:
    train = _examples(job, base, "train")
    if not train:
        raise TrainingError(
            f"{job.home.dataset}: no reply fits into train.max_tokens={job.recipe.max_tokens}; "
            "raise it"
        )
    validation = _examples(job, base, "validation")
    return finetune(
        base,
        train,
        validation,
        job.recipe.learning,
        job.run,
        started=started,
        wants_stop=wants_stop,
        checkpoint_seconds=job.settings.train.checkpoint_seconds,
        stream=job.stream if job.stream.file else None,
    )


def learn(job: Job, started: float, *, run: RunFolder, wants_stop: Callable[[], bool]) -> RunState:
    """The learning alone, as one of several processes; ``run`` is where this one writes."""
    torch.set_num_threads(max(1, job.threads // job.processes))
    base = load_base(job.files, dtype=weights_dtype(job.recipe), packing=packing(job.recipe))
    return _finetune(replace(job, run=run), base, started, wants_stop).state


def _weights_anew(job: Job) -> Any:
    return load_base(job.files).model


def _verdict(job: Job) -> Verdict:
    """What the curve comes to, told at once: judging takes minutes."""
    verdict = verdict_of(job.run.events())
    say(f"{verdict.verdict}: {verdict.reasons} {verdict.advice}")
    job.stream.emit("verdict", **verdict.to_json())
    return verdict


def _examples(job: Job, base: LoadedBase, split: str) -> list[Example]:
    windows = read_windows(job.home.dataset / f"{split}.jsonl")
    planted = canary_windows(job.recipe.canaries, seed=job.recipe.seed)
    return list(
        examples_of(
            [*weighed(windows), *planted] if split == "train" else windows,
            job.dataset.head,
            base.markup,
            base.tokenize,
            max_tokens=job.recipe.max_tokens,
        )
    )


def _learned(state: RunState) -> dict[str, Any]:
    return {
        "steps": state.step,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "ended_by": state.ended_by,
    }


def _make_files(job: Job, base: LoadedBase, merged: Any) -> Made:
    return make_files(job, base, merged, held_out(job), _examples(job, base, "train"))


def _merge(job: Job, base: LoadedBase, model: Any) -> Any:
    """A base held in 4 bits is loaded anew in 16: what is lost in packing must not be served."""
    if job.recipe.load_in_4bit:
        whole = load_base(job.files, dtype=torch.bfloat16)
        reload = partial(_weights_anew, job)
        model = learned(whole.model, job.run.adapter, job.recipe, reload=reload)
    return merge(model, base.tokenizer, job.run.merged)


def _manifest(
    job: Job, base: LoadedBase, report: dict[str, Any], parity: dict[str, Any], now: datetime
) -> ModelManifest:
    known = job.files.base
    return ModelManifest(
        created_at=now,
        base=BaseRecord(known.id, known.license, known.license_note),
        renderer=job.dataset.renderer,
        markup=base.markup.to_json(),
        stops=base.markup.stops,
        context_tokens=base.context_tokens,
        head=job.dataset.head,
        self_handle=job.dataset.self_handle,
        languages=job.dataset.languages,
        dataset_hash=job.dataset.hash,
        recipe={**job.recipe.to_json(), "run": job.run.id},
        quantization=job.recipe.quantization,
        parity=parity,
        card=summary_of(report),
        sampling=job.settings.generate.sampling,
        embedder=job.settings.recall.embedder if job.settings.recall.enabled else "",
    )


def _register(
    job: Job, manifest: ModelManifest, made: Made, report: dict[str, Any]
) -> ModelManifest:
    read_manifest(job.home.dataset)  # gone where somebody was forgotten: no mark would tell of it
    folder = lay_out(made, job)
    write_report(report, folder)
    _draw(job.run, folder)
    return Registry(job.home.models).add(folder, manifest)


def _draw(run: RunFolder, folder: Path) -> None:
    """The curve as a picture."""
    events = list(run.events())
    (folder / "curve.png").write_bytes(draw_png(events, verdict_of(events)))


def _tidy(run: RunFolder) -> None:
    """Remove what the registry now holds, and what can be made again; the curve stays."""
    for folder in (run.artefact, run.merged, run.checkpoints):
        shutil.rmtree(folder, ignore_errors=True)
    for path in run.path.glob("*.gguf"):
        path.unlink()


class _Stages:
    """Runs stages, says which one is running, and keeps how long each took."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.seconds: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], T]) -> T:
        say(f"{name} …")
        self._stream.emit("stage", name=name, state="start")
        began = time.monotonic()
        result = work()
        hand_back_memory()
        self.seconds[name] = round(time.monotonic() - began, 1)
        say(f"{name}: {self.seconds[name]:.1f} s")
        self._stream.emit("stage", name=name, state="end", seconds=self.seconds[name])
        return result
