"""A hosted run from its consent to its version, for the commands."""

from __future__ import annotations

import importlib.util
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.console import progress, say
from config.locks import exclusive
from config.settings import Home, Settings
from trainer.errors import TrainingError
from trainer.hosted.consent import LOCAL

if TYPE_CHECKING:
    from registry.artefact import ModelManifest
    from trainer.hosted.api import Api
    from trainer.hosted.state import HostedRun


def open_api(server_url: str, settings: Settings) -> Api:
    """The API a run belongs to; asks nothing yet. Raises TrainingError without a key for it."""
    _require_client()
    from trainer.hosted.api import Api

    hosted = settings.hosted
    if server_url != hosted.server_url.rstrip("/"):
        raise TrainingError(
            f"hosted.server_url: is {hosted.server_url}, but the run was sent to {server_url}; "
            "set it to that"
        )
    if hosted.server_key is None and urlsplit(server_url).hostname not in LOCAL:
        raise TrainingError(
            f"hosted.server_key: no key for {server_url}; set ATSELF_HOSTED__SERVER_KEY in the "
            "environment"
        )
    key = hosted.server_key.get_secret_value() if hosted.server_key else None
    return Api(server_url, key=key, retries=hosted.retries)


def finish(api: Api, home: Home, settings: Settings, run: HostedRun) -> ModelManifest:
    """Watch the run's job until it ends, and register its model. Raises TrainingError."""
    from trainer.hosted.entry import register
    from trainer.hosted.events import Reporter
    from trainer.hosted.job import follow

    def wait() -> None:
        time.sleep(settings.hosted.poll_seconds)

    try:
        with progress() as display:
            outcome = follow(api, run, Reporter(display, run.id), wait=wait)
    except KeyboardInterrupt:
        raise TrainingError(
            f"run {run.id}: no longer watched, the job goes on at {api.host}; "
            f"`atself hosted follow {run.id}` or `cancel`"
        ) from None
    with exclusive(run.path):
        made = register(home, settings, run, outcome, now=datetime.now(UTC))
    say(f"{made.version} is {outcome.job.fine_tuned_model} at {api.host}; it is not measured")
    say(f"not serving yet: `atself models promote {made.version}` lets it answer")
    return made


def summary(made: ModelManifest) -> dict[str, object]:
    """What was made, as one flat table."""
    assert made.remote is not None  # made by a hosted run
    learning = made.card["learning"]
    losses = {f"{name} loss": loss for name, loss in made.card["losses"].items()}
    return {
        "version": made.version,
        "model": made.remote.model,
        "at": made.remote.server_url,
        "base": made.base.id,
        "steps": learning["steps"],
        "billed tokens": learning["tokens"],
        "seconds": learning["seconds"],
        **losses,
        "cost": made.card["cost"] if made.card["cost"] is not None else "not known",
        "not measured": ", ".join(made.card["unmeasured"]),
    }


def _require_client() -> None:
    missing = [name for name in ("openai", "tenacity") if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainingError(
            f"hosted fine-tuning needs {', '.join(missing)}; run `pip install 'atself[hosted]'`"
        )
