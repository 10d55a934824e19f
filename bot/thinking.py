"""What replies are thought with: the model, the memory, and the worker that uses both."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.app import Senses, find_voice, make_responder, open_generator, open_senses
from bot.responder import Responder
from bot.worker import Worker
from config.errors import AtselfError
from config.settings import Home, Settings
from ingest.archive import Archive

if TYPE_CHECKING:
    from rag.index.live import Live

_log = logging.getLogger("atself.thinking")


@dataclass(frozen=True, slots=True)
class Thinking:
    """Opened by :func:`open_thinking`; ``live`` is told what is heard, where there is an index."""

    home: Home
    settings: Settings
    senses: Senses
    worker: Worker
    live: Live | None

    async def reopen(self, version: str | None) -> str:
        """Let another version speak, None the one the registry says serves; returns its name.

        Raises AtselfError where it cannot; then the one before goes on.
        """
        return await self.worker.exchange(partial(self.made, version))

    def made(self, version: str | None) -> Responder:
        """A responder with the voice of a version."""
        return responder(self.home, self.settings, self.senses, version)


@contextmanager
def open_thinking(home: Home, settings: Settings, model: str | None = None) -> Iterator[Thinking]:
    """Open model and memory. Raises AtselfError where archive or model is missing."""
    with ExitStack() as stack:
        pseudonyms = settings.ingest.pseudonyms
        archive = Archive.open(home.archive, pseudonyms=pseudonyms, any_thread=True)
        stack.enter_context(archive)
        live = stack.enter_context(_listening(home, settings))
        senses = stack.enter_context(open_senses(home, settings, archive, live))
        worker = Worker(responder(home, settings, senses, model))
        stack.callback(worker.close)
        yield Thinking(home, settings, senses, worker, live)


def responder(home: Home, settings: Settings, senses: Senses, model: str | None) -> Responder:
    """What answers with the voice of a version; None is the one that serves."""
    voice = find_voice(home, settings, model)
    return make_responder(voice, open_generator(voice, settings), settings, senses)


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
