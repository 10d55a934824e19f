"""Before the heavy work: is everything there? And after it: which model serves?"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from config.console import say
from config.settings import Home, Settings
from ingest.dataset.manifest import DatasetManifest, read_manifest, read_windows
from ingest.prompt import RENDERER
from registry.artefact import ModelManifest, gguf_name
from registry.bases import BaseFiles, choose, locate
from registry.rule import objection
from registry.store import Registry
from trainer.converting.gguf import find_converter
from trainer.errors import TrainingError
from trainer.examples import weighed
from trainer.job import Job
from trainer.learning.pace import Pace, amount_of, pace_for, width_of
from trainer.planning.material import require_variety
from trainer.recipe import Recipe
from trainer.run import RunFolder

LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "llama_cpp")
DISK_FACTOR = 8
"""Free disk asked for, in packed sizes of the base: float16 twice (merged, GGUF), the stored
model, and some air; a Q4 base unpacks to 3.6 times its size."""
FOLDER_FACTOR = 3
"""The same for a folder of 16-bit weights: merged, GGUF, and the stored model."""
HUB_DISK = 8 << 30


def prepare(home: Home, settings: Settings, *, again: bool = False, is_plan: bool = False) -> Job:
    """Check what training needs, cheapest first, and describe the job. Raises AtselfError.

    For a plan nothing is written.
    """
    _require_libraries()
    find_converter()
    dataset = read_manifest(home.dataset)
    _require_replies(dataset, settings, home)
    require_variety(home)
    files = _base(home, settings, dataset)
    if not is_plan:
        _require_disk(home, files)
    recipe = Recipe.of(settings, files.base.id, _pace(home, settings, files))
    if recipe.reason:
        say(recipe.reason)
    run = RunFolder(home.runs / recipe.run_id(dataset.hash))
    if again and not is_plan:
        shutil.rmtree(run.path, ignore_errors=True)
    if not is_plan:
        run.path.mkdir(parents=True, exist_ok=True)
    threads = settings.train.threads or os.cpu_count() or 1
    return Job(home, settings, dataset, files, recipe, run, threads)


def finished(job: Job) -> ModelManifest | None:
    """The version this very run has made before, if any."""
    for manifest in reversed(Registry(job.home.models).versions()):
        same_run = manifest.recipe.get("run") == job.run.id
        stored = manifest.quantization
        others = {gguf_name(name) for name in job.settings.train.keep if name != stored}
        if same_run and stored == job.recipe.quantization and others <= set(manifest.files):
            return manifest
    return None


def promote_if_better(job: Job, manifest: ModelManifest, *, now: datetime) -> None:
    """Let the new version serve if its card passes and it beats its base and what serves now.

    Where nothing serves yet, a card that does not fail is enough.
    """
    registry = Registry(job.home.models)
    card = manifest.card
    gain = f"{_nats(card, 'base')} → {_nats(card, 'persona')} nats per token of real replies"
    why_not = objection(card, is_first=registry.serving() is None)
    if not why_not:
        registry.promote(manifest.version, gain, now=now)
        say(f"{manifest.version} is serving ({gain})")
        return
    insist = ' --force --reason "…"' if manifest.verdict == "fail" else ""
    say(
        f"{manifest.version} is not serving: {why_not} ({gain}); "
        f"`atself models promote {manifest.version}{insist}` overrules"
    )


def _nats(card: Mapping[str, Any], model: str) -> str:
    return f"{card[model]['nats_per_token']:.3f}"


def _require_libraries() -> None:
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"training needs {', '.join(missing)}; run `pip install 'atself[train]'`"
        )


def _require_replies(dataset: DatasetManifest, settings: Settings, home: Home) -> None:
    if dataset.renderer != RENDERER:
        raise TrainingError(
            f"{home.dataset}: made for renderer {dataset.renderer}, this is {RENDERER}; "
            "run `atself dataset`"
        )
    found = sum(split.replies for split in dataset.splits.values())
    needed = settings.dataset.min_replies
    if found < needed:
        raise TrainingError(
            f"{home.dataset}: {found} replies of @self, {needed} are needed to learn from; "
            "ingest more exports, or lower dataset.min_replies"
        )


def _base(home: Home, settings: Settings, dataset: DatasetManifest) -> BaseFiles:
    """The base to train, its licence shown."""
    wanted = settings.train.base
    name = choose(dataset.languages).id if wanted == "auto" else wanted
    files = locate(name, home.bases)
    say(f"base: {files.base.id} (licence: {files.base.license})")
    if files.base.license_note:
        say(files.base.license_note)
    return files


def _pace(home: Home, settings: Settings, files: BaseFiles) -> Pace:
    train = settings.train
    if None not in (train.epochs, train.learning_rate):
        return Pace()
    amount = amount_of(weighed(read_windows(home.dataset / "train.jsonl")))
    width = width_of(files)
    return pace_for(amount, width, rank=train.rank, alpha=train.alpha, method=train.method)


def disk_needed(files: BaseFiles) -> int:
    """Bytes of disk that making a model takes for a while."""
    if files.gguf is not None:
        return files.gguf.stat().st_size * DISK_FACTOR
    if files.folder is not None:
        return round(FOLDER_FACTOR * sum(each.stat().st_size for each in _weights(files.folder)))
    return HUB_DISK


def _weights(folder: Path) -> list[Path]:
    return [*folder.glob("*.safetensors"), *folder.glob("*.bin")]


def _require_disk(home: Home, files: BaseFiles) -> None:
    size = disk_needed(files)
    free = shutil.disk_usage(home.path).free
    if free < size:
        raise TrainingError(
            f"{home.path}: {free / 1e9:.1f} GB free, training {files.base.id} takes up to "
            f"{size / 1e9:.1f} GB for a while; free some disk"
        )
