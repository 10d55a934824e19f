"""Who speaks in a benchmark of replies, and where: a home's model and archive, or the sample's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks._chats import longest_chat
from bot.voice import Voice
from bot.voices import find_voice
from config.settings import Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Message
from ingest.importer import import_paths
from ingest.markup import markup_of
from ingest.prompt import RENDERER
from registry.bases import SMOLLM2, locate
from registry.gguf_header import read_header

EXAMPLE = Path(__file__).parents[1] / "examples" / "midnight-canteen" / "result.json"
HEAD = "You are @self in a group chat. Lines carry their speaker. Reply only as @self, briefly."


@dataclass(frozen=True, slots=True)
class Spoken:
    """A voice and the chat it speaks in."""

    voice: Voice
    settings: Settings
    messages: Sequence[Message]


@contextmanager
def spoken(home: Path | None) -> Iterator[Spoken]:
    """The serving model and longest chat of ``home``; else SmolLM2 in the sample chat."""
    with ExitStack() as stack:
        if home is not None:
            settings = load(home)
            archive = stack.enter_context(Archive.open(Home(home).archive))
            yield Spoken(find_voice(Home(home), settings, None), settings, longest_chat(archive))
            return
        folder = Path(stack.enter_context(TemporaryDirectory()))
        archive = stack.enter_context(Archive.open(folder / "archive.sqlite", create=True))
        import_paths(archive, [EXAMPLE], zone=UTC)
        people = archive.message_counts()
        archive.set_self(max(archive.people(), key=lambda who: people.get(who.id, 0)).handle)
        yield Spoken(base_voice(folder, archive.me().handle), Settings(), longest_chat(archive))


def base_voice(folder: Path, handle: str) -> Voice:
    """SmolLM2 as it comes."""
    files = locate(SMOLLM2.id, folder)
    assert files.gguf is not None
    header = read_header(files.gguf)
    markup = markup_of(files.template, bos=header.bos, eos=header.eos)
    return Voice(SMOLLM2.id, files.gguf, RENDERER, markup, HEAD, handle, header.context_tokens)
