"""What replies are thought with: the worker, and what keeps its memory up to date."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.app import open_responder
from bot.worker import Worker
from config.errors import AtselfError
from config.settings import Home, Settings

if TYPE_CHECKING:
    from rag.index.live import Live

_log = logging.getLogger("atself.thinking")


@dataclass(frozen=True, slots=True)
class Thinking:
    """Opened by :func:`open_thinking`; ``live`` is told what is heard, where there is an index."""

    home: Home
    settings: Settings
    worker: Worker
    live: Live | None

    async def reopen(self, version: str | None) -> str:
        """Let another version speak, None the one the registry says serves; returns its name.

        Raises AtselfError where it cannot; then the one before goes on.
        """
        opened = partial(open_responder, self.home, self.settings, model=version, live=self.live)
        return await self.worker.exchange(opened)


@asynccontextmanager
async def open_thinking(
    home: Home, settings: Settings, model: str | None = None
) -> AsyncIterator[Thinking]:
    """Open model and memory. Raises AtselfError where archive or model is missing."""
    with _listening(home, settings) as live:
        worker = Worker(partial(open_responder, home, settings, model=model, live=live))
        try:
            await worker.open()
            yield Thinking(home, settings, worker, live)
        finally:
            worker.close()


@contextmanager
def _listening(home: Home, settings: Settings) -> Iterator[Live | None]:
    """What keeps the index at the side of the conversation; None without an index of vectors."""
    from rag.embedding.models import make_embedder
    from rag.index.live import Live
    from rag.index.manifest import read_manifest

    try:
        manifest = read_manifest(home.index) if settings.recall.enabled else None
        embedder = make_embedder(manifest.model.name) if manifest else None
    except AtselfError as error:
        _log.warning("what is said is not found by meaning before it is indexed: %s", error)
        embedder = None
    if embedder is None:
        yield None
        return
    with Live(home, settings, embedder, warn=_log.warning) as live:
        yield live
