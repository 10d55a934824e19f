"""How many messages a second the running bot hears where it answers none.

    python -m benchmarks.reply hearing HOME [--messages 20000] [--chats 10] [--at-once 64]

Ours is the whole bot of `atself run` over a copy of the home (which must have a model, though
nobody asks it): every message is checked, written to archive
and journal before it is acknowledged, put to its room, and judged by the gate. The floor is the
archive alone, which is given the same messages in as large transactions as the bot's recorder
makes at most, and acknowledges nothing one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter

from bot.platforms.base import Heard, Post
from bot.platforms.terminal import TerminalPlatform
from bot.runtime import Frame, run_bots
from config.console import emit_table
from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage

BATCH = 256
_PLATFORM = "terminal"


class Crowd(TerminalPlatform):
    """Many people talk at once in several chats, none of them to the bot."""

    def __init__(self, messages: Sequence[RawMessage], at_once: int, done: asyncio.Event) -> None:
        super().__init__(write=lambda _text: None)
        self._messages, self._at_once, self._done = messages, at_once, done
        self.seconds = 0.0

    async def run(self, post: Post, ready: Callable[[str], None]) -> None:
        """Post everything, so many at a time; then end the run."""
        ready("crowd: here")
        room = asyncio.Semaphore(self._at_once)

        async def one(message: RawMessage) -> None:
            async with room:
                await post(Heard(message))

        started = perf_counter()
        await asyncio.gather(*map(one, self._messages))
        self.seconds = perf_counter() - started
        self._done.set()


def main(arguments: Sequence[str]) -> None:
    """Hear the same messages both ways, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reply hearing")
    parser.add_argument("home", type=Path)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--chats", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=64)
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        home = _copied(Home(wanted.home), Path(folder))
        texts = _texts(home, wanted.messages)
        ours = asyncio.run(_ours(home, list(_said(texts, wanted.chats, "a")), wanted.at_once))
        floor = _floor(home, list(_said(texts, wanted.chats, "b")))
    rates = [wanted.messages / seconds for seconds in (ours, floor)]
    emit_table(
        ("ours /s", "archive alone /s", "of it"),
        [(f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", f"{rates[0] / rates[1]:.2f}")],
    )


def _copied(home: Home, folder: Path) -> Home:
    for path in (*home.path.glob("archive.sqlite*"), home.models):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, folder / path.name)
    return Home(folder)


def _texts(home: Home, count: int) -> list[str]:
    with Archive.open(home.archive) as archive:
        ever = datetime.max.replace(tzinfo=UTC)
        latest = archive.history(_largest(archive), before=ever, limit=count)
    found = [message.text for message in latest]
    return [found[place % len(found)] for place in range(count)]


def _largest(archive: Archive) -> str:
    counts = archive.chat_counts()
    return max(counts, key=lambda chat: counts[chat])


def _said(texts: Sequence[str], chats: int, name: str) -> Iterator[RawMessage]:
    """The texts as said now in several chats by turns, by fifty people."""
    dice, at = Random(5), datetime.now(UTC)
    for place, text in enumerate(texts):
        chat = Conversation(f"{_PLATFORM}:{name}{place % chats}", "Crowd", _PLATFORM)
        who = f"member{dice.randrange(50)}"
        sent_at = at + timedelta(milliseconds=place)
        yield RawMessage(
            f"{chat.id}:{place}", chat, Account(_PLATFORM, who, who), sent_at, text.strip() or "."
        )


async def _ours(home: Home, messages: list[RawMessage], at_once: int) -> float:
    chats = tuple(sorted({message.chat.id for message in messages}))
    bot = {"allowed_chats": chats}
    settings = load(home.path, recall={"enabled": False}, bot=bot)
    done = asyncio.Event()
    crowd = Crowd(messages, at_once, done)
    await run_bots(Frame(home, settings, lambda *_: [crowd], lambda _line: None, done))
    return crowd.seconds


def _floor(home: Home, messages: list[RawMessage]) -> float:
    with Archive.open(home.archive) as archive:
        started = perf_counter()
        for start in range(0, len(messages), BATCH):
            archive.add(messages[start : start + BATCH])
        return perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1:])
