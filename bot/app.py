"""The composition root: from a home folder to something that answers as @self."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.generation import Generator
from bot.responder import Responder
from bot.senses import Senses, open_senses
from bot.voice import Voice
from bot.voices import find_voice
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Passage

if TYPE_CHECKING:
    from rag.index.live import Live


@dataclass(frozen=True, slots=True)
class Persona:
    """Everything open that a conversation needs."""

    archive: Archive
    voice: Voice
    responder: Responder


@contextmanager
def open_persona(home: Home, settings: Settings, *, model: str | None = None) -> Iterator[Persona]:
    """Open archive, model and memory.

    ``model`` is a version, ``base``, or None for the serving one; a configured server takes its
    place where none is named.
    Raises AtselfError where the archive or the model is missing. Without an index recall goes by
    words, and says so.
    """
    with ExitStack() as stack:
        pseudonyms = settings.ingest.pseudonyms
        archive = stack.enter_context(Archive.open(home.archive, pseudonyms=pseudonyms))
        voice = find_voice(home, settings, model)
        senses = stack.enter_context(open_senses(home, settings, archive))
        generator = stack.enter_context(closing(open_generator(voice, settings)))
        yield Persona(archive, voice, make_responder(voice, generator, settings, senses))


@contextmanager
def open_responder(
    home: Home, settings: Settings, *, model: str | None = None, live: Live | None = None
) -> Iterator[Responder]:
    """Open all that one speaking thread uses, on that thread, and close it again.

    ``model`` and errors as in :func:`open_persona`; ``live`` is shared by all threads.
    """
    with ExitStack() as stack:
        pseudonyms = settings.ingest.pseudonyms
        archive = stack.enter_context(Archive.open(home.archive, pseudonyms=pseudonyms))
        voice = find_voice(home, settings, model)
        senses = stack.enter_context(open_senses(home, settings, archive, live))
        generator = stack.enter_context(closing(open_generator(voice, settings, is_live=True)))
        yield make_responder(voice, generator, settings, senses)


def open_generator(voice: Voice, settings: Settings, *, is_live: bool = False) -> Generator:
    """Load the model into this process, or turn to the server where the voice is a server's.

    A live one goes from chat to chat, and keeps what it read of several.
    """
    generate = settings.generate
    if voice.remote:
        from bot.server import ServerGenerator

        return ServerGenerator(
            voice.remote.server_url,
            model=voice.remote.model,
            key=_key(voice.remote.server_url, settings),
            context_tokens=voice.context_tokens,
        )
    from bot.generator import LlamaGenerator

    return LlamaGenerator(
        voice,
        context_tokens=generate.context_tokens,
        threads=generate.threads,
        chats=generate.chats if is_live else 1,
        state_megabytes=generate.state_megabytes,
    )


def _key(url: str, settings: Settings) -> str | None:
    """The key the settings hold for an address; one address is never shown another's key."""
    for section in (settings.generate, settings.hosted):
        is_its = (section.server_url or "").rstrip("/") == url.rstrip("/")
        if is_its and section.server_key:
            return section.server_key.get_secret_value()
    return None


def make_responder(
    voice: Voice, generator: Generator, settings: Settings, senses: Senses
) -> Responder:
    """What answers with this voice."""
    memory, hearing = senses.memory, senses.hearing
    from ingest.chunks import memory_lines
    from ingest.redaction.redact import redactor_for

    redactor = redactor_for(settings.ingest)

    def redact(text: str, known: str = "") -> str:
        return redactor(text, Counter(), but=known) if settings.ingest.redact else text

    def lines_of(passages: Sequence[Passage]) -> Sequence[str]:
        return tuple(map(redact, memory_lines(passages)))

    return Responder(
        voice,
        generator,
        settings,
        memory=memory,
        lines_of=lines_of,
        ranking=hearing.ranking,
        meaning=hearing.meaning,
        listener=senses.listener,
        redact=redact,
        title=senses.title,
    )
