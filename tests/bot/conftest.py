"""The packaged models, loaded once, and people to talk with.

One thread each: several wait for each other at every step, for ever where the cores are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from bot.generator import LlamaGenerator
from bot.voice import Voice
from config.settings import Home
from ingest.chat import Message, Person
from ingest.markup import markup_of
from ingest.prompt import RENDERER
from registry.bases import GEMMA3, SMOLLM2, Base, locate
from registry.gguf_header import read_header

HEAD = "You are @self in a group chat. Lines carry their speaker. Answer only as @self, briefly."
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ME = Person(1, "kevin", ("Kevin",), is_self=True)


def voice_of(base: Base, folder: Path) -> Voice:
    """The voice of a packaged base."""
    files = locate(base.id, folder)
    assert files.gguf is not None
    header = read_header(files.gguf)
    markup = markup_of(files.template, bos=header.bos, eos=header.eos)
    return Voice(base.id, files.gguf, RENDERER, markup, HEAD, ME.handle, header.context_tokens)


@pytest.fixture(scope="session")
def smollm2_voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """SmolLM2 135M, a chat model."""
    return voice_of(SMOLLM2, tmp_path_factory.mktemp("bases"))


@pytest.fixture(scope="session")
def smollm2(smollm2_voice: Voice) -> Iterator[LlamaGenerator]:
    """SmolLM2 135M, loaded."""
    with LlamaGenerator(smollm2_voice, context_tokens=1024, threads=1) as generator:
        yield generator


@pytest.fixture(scope="session")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaGenerator]:
    """Gemma 3 270M, a base model that reads a transcript, loaded."""
    voice = voice_of(GEMMA3, tmp_path_factory.mktemp("bases"))
    with LlamaGenerator(voice, context_tokens=1024, threads=1) as generator:
        yield generator


class Say(Protocol):
    """Makes the next message of a chat."""

    def __call__(self, who: str, text: str, *, minutes: float = 1) -> Message:
        """``who`` is a handle, ``self`` for @self; ``minutes`` after the one before."""
        ...


@pytest.fixture
def say() -> Say:
    """Messages one minute apart, from one person per handle."""
    people = {"self": ME}
    sent: list[datetime] = [START]

    def message(who: str, text: str, *, minutes: float = 1) -> Message:
        person = people.setdefault(who, Person(len(people) + 1, who, (who,)))
        sent.append(sent[-1] + timedelta(minutes=minutes))
        return Message(f"test:{len(sent)}", "test:chat", person, sent[-1], text)

    return message


@pytest.fixture
def place(tmp_path: Path) -> Home:
    """A home with an archive in which @self is known."""
    from tests.bot.playing import make_home

    return make_home(tmp_path / "persona")
