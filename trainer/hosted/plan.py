"""What a hosted run would send, where, and how: fixed before a consent can be given to it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.locks import exclusive
from config.settings import Home, Settings
from ingest.dataset.manifest import DatasetManifest, read_manifest
from ingest.prompt import RENDERER
from registry.artefact import write_json
from trainer.errors import TrainingError
from trainer.hosted.cost import Estimate
from trainer.hosted.files import Contents, SentFile, write_files

PLAN = "plan.json"
STATE = "state.json"
"""A run without it was never sent."""
DRAFT = ".draft"
LEAST_EXAMPLES = 10
"""With fewer OpenAI refuses a file (guide "Supervised fine-tuning", right number of examples)."""
MOST_BYTES = 512 * 1000 * 1000
"""The largest file the upload takes (API reference, files)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What whoever runs the API gets to see: counts of what the files hold.

    ``messages`` are of others and ``own`` of @self; ``languages`` shares by code. ``privacy`` and
    ``redacted`` are the dataset's.
    """

    messages: int
    people: int
    own: int
    replies: int
    recalled: int
    shortened: int
    too_long: int
    languages: Mapping[str, float]
    chats: tuple[str, ...]
    privacy: Mapping[str, bool]
    redacted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """One run as it would be; ``id`` stands for all that decides what is sent, where, and how.

    ``renderer``, ``head`` and ``self_handle`` are what the model will have to be asked with.
    """

    id: str
    server_url: str
    model: str
    epochs: int | None
    seed: int
    suffix: str
    dataset_hash: str
    renderer: str
    head: str
    self_handle: str
    files: tuple[SentFile, ...]
    shown: Shown
    estimate: Estimate
    price_per_million: float | None

    @property
    def host(self) -> str:
        """The name of the machine the data goes to."""
        return host_of(self.server_url)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        return {**asdict(self), "host": self.host}


def make_plan(home: Home, settings: Settings) -> Plan:
    """Write the files of a run to its folder and say all about it. Sends nothing.

    Raises AtselfError where there is no dataset, or the API would refuse it.
    """
    url, model = _target(settings)
    dataset = read_manifest(home.dataset)
    _require_renderer(dataset, home)
    home.hosted.mkdir(parents=True, exist_ok=True)
    with exclusive(home.hosted):
        draft, limit = home.hosted / DRAFT, settings.hosted.max_tokens
        try:
            files, contents = write_files(home.dataset, dataset, draft, max_tokens=limit)
            _require_acceptable(files, contents, home)
            plan = _plan(settings, url, model, dataset, files, contents)
            _keep(draft, home.hosted / plan.id, plan)
            _drop_unsent(home.hosted, plan.id)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return plan


def host_of(url: str) -> str:
    """The machine (and port) of an address."""
    return urlsplit(url).netloc


def _plan(
    settings: Settings,
    url: str,
    model: str,
    dataset: DatasetManifest,
    files: list[SentFile],
    contents: Contents,
) -> Plan:
    hosted = settings.hosted
    deciding = [url, model, hosted.epochs, hosted.seed, hosted.suffix]
    text = json.dumps([*deciding, *(file.sha256 for file in files)])
    return Plan(
        hashlib.sha256(text.encode()).hexdigest()[:8],
        url,
        model,
        hosted.epochs,
        hosted.seed,
        hosted.suffix,
        dataset.hash,
        dataset.renderer,
        dataset.head,
        dataset.self_handle,
        tuple(files),
        _shown(contents, dataset),
        Estimate.of(files, epochs=hosted.epochs, price=hosted.price_per_million),
        hosted.price_per_million,
    )


def _shown(contents: Contents, dataset: DatasetManifest) -> Shown:
    counts = contents.counts
    return Shown(
        len(contents.messages),
        len(contents.people),
        len(contents.own),
        counts["replies"],
        counts["recalled"],
        counts["shortened"],
        counts["too_long"],
        dataset.languages,
        tuple(dataset.chats),
        dataset.privacy,
        dataset.redacted,
    )


def _keep(draft: Path, folder: Path, plan: Plan) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in plan.files:
        (draft / file.name).replace(folder / file.name)
    write_json(folder / PLAN, plan.to_json())


def _drop_unsent(folder: Path, kept: str) -> None:
    """Remove the copies of messages that earlier plans made and nobody consented to."""
    for path in folder.glob(f"*/{PLAN}"):
        if path.parent.name != kept and not (path.parent / STATE).exists():
            shutil.rmtree(path.parent, ignore_errors=True)


def _target(settings: Settings) -> tuple[str, str]:
    """Address and model of the settings."""
    url, model = settings.hosted.server_url.rstrip("/"), settings.hosted.model
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise TrainingError(f"hosted.server_url: {url!r} is no address such as https://host/v1")
    if parts.username or parts.password or parts.query:
        raise TrainingError(
            "hosted.server_url: carries a name, key or query; keys belong in the environment: "
            "ATSELF_HOSTED__SERVER_KEY"
        )
    if not model:
        raise TrainingError("hosted.model: say which model of the API to fine-tune")
    return url, model


def _require_renderer(dataset: DatasetManifest, home: Home) -> None:
    if dataset.renderer != RENDERER:
        raise TrainingError(
            f"{home.dataset}: made for renderer {dataset.renderer}, this is {RENDERER}; "
            "run `atself dataset`"
        )


def _require_acceptable(files: list[SentFile], contents: Contents, home: Home) -> None:
    train = files[0]
    if train.examples < LEAST_EXAMPLES:
        why = f" ({contents.counts['too_long']} too long)" if contents.counts["too_long"] else ""
        raise TrainingError(
            f"{home.dataset}: {train.examples} examples to train on{why}, the API takes "
            f"{LEAST_EXAMPLES} and more; ingest more exports, or raise hosted.max_tokens"
        )
    for file in files:
        if file.bytes > MOST_BYTES:
            raise TrainingError(
                f"{home.dataset}: {file.name} would have {file.bytes / 1e6:,.0f} MB, the API takes "
                f"{MOST_BYTES / 1e6:,.0f}; ingest less, or lower dataset.memory_share"
            )
