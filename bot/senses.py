"""What a persona remembers and how it listens, opened for one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.responder import Memory
from config.settings import Home, Settings
from ingest.archive import Archive

if TYPE_CHECKING:
    from ingest.linker.ranking import Ranking
    from ingest.listening import Listener, Meaning
    from rag.index.live import Live
    from rag.recall import Recall


@dataclass(frozen=True, slots=True)
class Hearing:
    """How it is told what the newest message answers."""

    ranking: Ranking
    meaning: Meaning | None


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


def _title(archive: Archive, chat: str) -> str | None:
    return next((known.title for known in archive.chats() if known.id == chat), None)
