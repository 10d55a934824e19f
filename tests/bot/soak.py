"""A month of busy groups in minutes: the real hub, gate, recorder and archive, stand-in replies.

    python -m tests.bot.soak --days 30 --groups 10 --per-day 10000

Prints, while it runs, messages a second, memory and queues; checks that every chat is archived in
its order, that every question is answered once and in order, and that memory stays flat.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from bot.platforms.base import Address, Heard
from bot.questions import Question
from ingest.archive import Archive
from tests.bot.playing import Play, make_home, playing

MEMBERS = 60
_LIMITS = ("talk__per_hour", "talk__per_day", "talk__per_person")
ASKED = 0.004
"""Share of messages that turn to the bot."""
_WORDS = [
    "noodles",
    "rice",
    "tea",
    "today",
    "tomorrow",
    "maybe",
    "never",
    "who",
    "where",
    "the",
    "a",
    "cat",
    "dog",
    "train",
    "late",
    "early",
    "好的",
    "面条",
    "今天",
    "明天",
    "谁",
    "哪里",
    "真的吗",
    "哈哈",
    "可以",
    "ラーメン",
    "ありがとう",
    "شكرا",
    "😂",
    "👍",
    "ok",
    "lol",
    "why",
    "not",
    "let",
    "us",
    "go",
    "home",
]


@dataclass
class Measured:
    """What a soak came to; memory in MB, rates per second."""

    messages: int = 0
    seconds: float = 0.0
    memory: list[float] = field(default_factory=list)
    most_waiting: int = 0
    most_rooms: int = 0

    @property
    def rate(self) -> float:
        """Messages a second, replies and all."""
        return self.messages / self.seconds

    @property
    def growth(self) -> float:
        """Memory at the end, relative to that after the first quarter."""
        return self.memory[-1] / self.memory[max(1, len(self.memory) // 4)]


async def answer(question: Question) -> Sequence[str]:
    """Says which question it answers: the latest of whoever is answered."""
    who = question.history[-1].person
    for message in reversed(question.history):
        number = message.text.rpartition(" ")[2]
        if message.person == who and number.startswith("#"):
            return [f"to {who.handle} {number}"]
    return ["to nobody"]


def lines(play: Play, groups: int, count: int, dice: Random) -> Iterator[list[Heard]]:
    """One message of each group at a time; those that ask end in a number of their own."""
    for number in range(count):
        batch = []
        for group in range(groups):
            is_asked = dice.random() < ASKED
            text = " ".join(dice.choices(_WORDS, k=dice.randrange(2, 14)))
            who = f"member{dice.randrange(MEMBERS)}"
            address = Address.MENTION if is_asked else Address.NONE
            text = f"@me {text} #{number}" if is_asked else text
            batch.append(play.stage.line(who, text, chat=f"group{group}", address=address))
        yield batch


async def soak(folder: Path, *, days: float, groups: int, per_day: int, tell: bool) -> Measured:
    """Replay it; AssertionError where something is out of order, lost or said twice."""
    home, measured, dice = make_home(folder), Measured(), Random(11)
    chats = tuple(f"stage:group{group}" for group in range(groups))
    asked: dict[str, list[str]] = {chat: [] for chat in chats}
    count, step = int(days * per_day), timedelta(days=1) / per_day
    limits: dict[str, Any] = {**dict.fromkeys(_LIMITS, 10**6), "talk__threshold": 1}
    async with playing(home, write=answer, bot__allowed_chats=chats, **limits) as play:
        started = time.perf_counter()
        for number, batch in enumerate(lines(play, groups, count, dice)):
            await play.wait(step.total_seconds())
            await asyncio.gather(*map(play.hub.post, batch))
            for heard in batch:
                if heard.address is Address.MENTION:
                    mark = heard.message.text.rpartition(" ")[2]
                    asked[heard.message.chat.id].append(f"{heard.message.author.key} {mark}")
            measured.messages += groups
            measured.most_rooms = max(measured.most_rooms, len(play.hub.house.rooms))
            measured.most_waiting = max(measured.most_waiting, play.recorder.waiting)
            if number % max(1, count // 40) == 0:
                measured.memory.append(_memory())
                measured.seconds = time.perf_counter() - started
                if tell:
                    _show(measured)
            _take_away(play, asked)
        await play.wait(600)
        measured.seconds = time.perf_counter() - started
        measured.memory.append(_memory())
        _take_away(play, asked)
    assert not any(asked.values()), "questions without an answer"
    _require_order(home.archive, chats, count)
    return measured


def _take_away(play: Play, asked: dict[str, list[str]]) -> None:
    """Check what was said against what was asked, and forget both.

    Who asks twice in a burst is answered once; people are answered in the order they began to ask.
    """
    for part in play.stage.sent:
        question = part.text.removeprefix("to ")
        waiting, who = asked[part.chat], question.partition(" ")[0]
        assert question in waiting, f"{part.chat}: {part.text!r} was not asked, or answered before"
        assert waiting[0].startswith(f"{who} "), f"{part.chat}: {part.text!r} out of turn"
        covered = [one for one in waiting[: waiting.index(question) + 1] if one.startswith(who)]
        asked[part.chat] = [one for one in waiting if one not in covered]
    play.stage.sent.clear()
    play.stage.arrived.clear()
    play.stage.typed.clear()
    play.questions.clear()


def _require_order(path: Path, chats: Sequence[str], count: int) -> None:
    with Archive.open(path) as archive:
        for chat in chats:
            previous, heard = 0, 0
            for message in archive.messages(chat):
                number = int(message.id.rpartition(":")[2])
                if message.person.is_bot:
                    continue
                assert number > previous, f"{chat}: {message.id} after {previous}"
                previous, heard = number, heard + 1
            assert heard == count, f"{chat}: {heard} of {count} messages"


def _memory() -> float:
    """Resident memory of this process now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def _show(measured: Measured) -> None:
    sys.stdout.write(
        f"{measured.messages:>10,} messages {measured.messages / max(measured.seconds, 1e-9):8,.0f}"
        f"/s {measured.memory[-1]:8.1f} MB {measured.most_waiting:4} to write at most\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=1)
    parser.add_argument("--groups", type=int, default=10)
    parser.add_argument("--per-day", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = soak(
            Path(folder), days=given.days, groups=given.groups, per_day=given.per_day, tell=True
        )
        measured = asyncio.run(work)
    sys.stdout.write(f"{measured}\n{measured.rate:,.0f}/s, memory × {measured.growth:.2f}\n")


if __name__ == "__main__":
    main()
