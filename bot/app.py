"""The composition root: from a home folder to something that answers as @self."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import ModelUnusable
from bot.generation import Generator
from bot.responder import Memory, Responder
from bot.voice import Voice
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Passage

if TYPE_CHECKING:
    from ingest.linker.ranking import Ranking
    from ingest.listening import Listener, Meaning
    from rag.index.live import Live
    from rag.recall import Recall
    from registry.artefact import ModelManifest
    from registry.store import Registry

BASE = "base"
"""The model name that stands for the base without training."""


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


@dataclass(frozen=True, slots=True)
class Senses:
    """What a persona remembers and how it listens: the same for every model.

    ``title`` tells what a chat of the archive is called. ``listener`` is shared by those who hear
    one and the same history; without it each listens for itself.
    """

    memory: Memory | None
    hearing: Hearing
    title: Callable[[str], str | None]
    listener: Listener | None = None


@contextmanager
def open_senses(
    home: Home,
    settings: Settings,
    archive: Archive,
    live: Live | None = None,
    *,
    seconds: float | None = None,
) -> Iterator[Senses]:
    """Open memory and hearing; for the thread that replies. ``live`` is what was just heard.

    ``seconds`` is how long hearing waits for what a line means, by default as a chat would.
    """
    with (
        open_memory(home, settings, archive, live) as memory,
        open_hearing(home, memory, seconds) as hearing,
    ):
        yield Senses(memory, hearing, partial(_title, archive))


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


def find_voice(home: Home, settings: Settings, model: str | None) -> Voice:
    """The voice of a trained version, of the bare base, or of the server in the settings.

    All are asked with the same head.
    """
    from registry.store import Registry

    registry = Registry(home.models)
    if model is None and settings.generate.server_url:
        return _server_voice(home, settings, registry)
    if model == BASE:
        serving = registry.serving()
        if serving and serving.remote:
            return _remote_voice(serving, settings, serving.base.id)
        trained = Voice.of(serving, registry.model_path()) if serving else None
        return base_voice(home, settings, trained, serving.base.id if serving else None)
    manifest = registry.get(model)
    if manifest.remote:
        return _remote_voice(manifest, settings)
    return Voice.of(manifest, registry.model_path(manifest.version))


def base_voice(
    home: Home, settings: Settings, trained: Voice | None = None, name: str | None = None
) -> Voice:
    """The untrained base, asked exactly as the persona is.

    ``name`` is a base of the catalogue, by default what the settings or the languages of the
    dataset choose; ``trained`` gives head and handle where a model exists, else the dataset does.
    """
    from ingest.dataset.manifest import read_manifest
    from registry.bases import choose

    dataset = None if trained and name else read_manifest(home.dataset)
    if name is None and dataset is not None:
        wanted = settings.train.base
        name = choose(dataset.languages).id if wanted == "auto" else wanted
    known = trained or dataset
    assert known is not None  # one of the two was read above
    return bare_voice(home, str(name), head=known.head, self_handle=known.self_handle)


def bare_voice(home: Home, name: str, *, head: str, self_handle: str) -> Voice:
    """An untrained base of the catalogue, or a GGUF file, asked under ``head``."""
    from ingest.markup import markup_of
    from ingest.prompt import RENDERER
    from registry.bases import locate
    from registry.gguf_header import read_header

    files = locate(name, home.bases)
    if files.gguf is None:
        raise ModelUnusable(f"base {name}: is no GGUF file, so it cannot be compared in a chat")
    header = read_header(files.gguf)
    return Voice(
        f"{BASE} {files.base.id}",
        files.gguf,
        RENDERER,
        markup_of(files.template, bos=header.bos, eos=header.eos),
        head,
        self_handle,
        header.context_tokens,
    )


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


@contextmanager
def open_memory(
    home: Home, settings: Settings, archive: Archive, live: Live | None = None
) -> Iterator[Recall | None]:
    """What recall can look up, or None where it is switched off.

    An index that cannot be used is named in one line, and recall goes by words.
    """
    if not settings.recall.enabled:
        yield None
        return
    from rag.errors import RecallError
    from rag.recall import Recall

    try:
        recall = Recall.open(settings, home, archive, live=live)
    except RecallError:  # told when it is warmed
        recall = Recall(archive, settings, home, live=live)
    with recall:
        recall.warm()
        yield recall


@dataclass(frozen=True, slots=True)
class Hearing:
    """How it is told what the newest message answers."""

    ranking: Ranking
    meaning: Meaning | None


@contextmanager
def open_hearing(
    home: Home, memory: Recall | None, seconds: float | None = None
) -> Iterator[Hearing]:
    """What the chats' replies taught, and the vectors of what is said where recall has a model.

    Vectors are waited for so many ``seconds``, by default as long as a chat would.
    """
    from ingest.linker.learning import learned

    taught = learned(home.replies)
    embedder = memory.embedder if memory else None
    if embedder is None:
        yield Hearing(taught.ranking, None)
        return
    from ingest.listening import Meaning
    from rag.conversation import SECONDS, Nearby
    from rag.index.manifest import Model

    with Nearby(embedder, SECONDS if seconds is None else seconds) as nearby:
        meant = taught.meant(str(Model.of(embedder)))
        yield Hearing(taught.ranking, Meaning(meant, nearby.vectors))


def _key(url: str, settings: Settings) -> str | None:
    """The key the settings hold for an address; one address is never shown another's key."""
    for section in (settings.generate, settings.hosted):
        is_its = (section.server_url or "").rstrip("/") == url.rstrip("/")
        if is_its and section.server_key:
            return section.server_key.get_secret_value()
    return None


def _remote_voice(manifest: ModelManifest, settings: Settings, base: str = "") -> Voice:
    """The voice of a version that answers at a server, or of its ``base`` there."""
    from bot.server import server_voice
    from ingest.prompt import RENDERER

    assert manifest.remote is not None
    if manifest.renderer != RENDERER:
        raise ModelUnusable(
            f"{manifest.version}: made for renderer {manifest.renderer}, this is {RENDERER}; "
            "train again"
        )
    return server_voice(
        manifest.remote.server_url,
        base or manifest.remote.model,
        manifest.head,
        manifest.self_handle,
        settings.generate.context_tokens,
        name=f"{BASE} {base}" if base else manifest.version,
    )


def _server_voice(home: Home, settings: Settings, registry: Registry) -> Voice:
    from bot.server import server_voice
    from ingest.dataset.manifest import read_manifest

    generate = settings.generate
    known = registry.serving() or read_manifest(home.dataset)
    return server_voice(
        str(generate.server_url),
        generate.server_model,
        known.head,
        known.self_handle,
        generate.context_tokens,
    )


def _title(archive: Archive, chat: str) -> str | None:
    return next((known.title for known in archive.chats() if known.id == chat), None)


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
