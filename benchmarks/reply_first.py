"""Time to the first token of a reply, going round many chats, against reading what is new.

    python -m benchmarks.reply first [HOME] [--chats 20] [--turns 4] [--threads 2]

The chats are stretches of HOME's longest chat (else of the sample's), asked in turn before each
turn of @self; four passages stand at each prompt's tail, as recall would put them. ``ours`` is from
the question to the first token: lines chosen, rendered, tokenised, the chat's state found, the rest
read, one token drawn. ``bare`` is llama_decode of the very tokens we had to read, in a context that
holds the others. Every chat's first turn warms it and is left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks._bare import Bare
from benchmarks._chats import Asked, alternating
from benchmarks._spoken_chats import Spoken, spoken
from bot.generator import LlamaGenerator
from bot.responder import Responder
from config.console import emit_table
from ingest.chat import Message, Passage

CONTEXT = 2048
WRITTEN = 12
PASSAGES = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One reply: its prompt's tokens, those read anew, and seconds."""

    prompt: int
    read: int
    chosen: float
    ours: float
    bare: float


class Shelf:
    """Finds old lines at no cost, other ones each time."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages, self._dice = messages, np.random.default_rng(7)

    def query(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Passage]:
        """Passages of one line each."""
        drawn = self._dice.integers(0, len(self._messages), min(limit, PASSAGES))
        return [_passage(self._messages[place]) for place in drawn.tolist()]


class Marks:
    """A clock that remembers when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self) -> float:
        self.asked.append(perf_counter())
        return self.asked[-1]


def main(arguments: Sequence[str]) -> None:
    """Answer in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reply first")
    parser.add_argument("home", type=Path, nargs="?")
    parser.add_argument("--chats", type=int, default=20)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    wanted = parser.parse_args(arguments)
    with spoken(wanted.home) as said:
        rows = _rows(said, wanted.chats, wanted.turns, wanted.threads)
    warm = rows[wanted.chats :]
    emit_table(
        ("chats", "replies", "prompt tokens", "read", "lines ms", "ours ms", "bare ms", "of bare"),
        [_summary(wanted.chats, warm)],
    )


def _rows(said: Spoken, chats: int, turns: int, threads: int) -> list[Row]:
    marks = Marks()
    settings = said.settings.model_copy(
        update={"generate": said.settings.generate.model_copy(update={"max_new_tokens": WRITTEN})}
    )
    with LlamaGenerator(
        said.voice,
        context_tokens=CONTEXT,
        threads=threads,
        chats=chats,
        state_megabytes=settings.generate.state_megabytes,
        clock=marks,
    ) as generator:
        responder = Responder(said.voice, generator, settings, memory=Shelf(said.messages))
        bare = Bare(said.voice.model, context_tokens=CONTEXT, threads=threads)
        rows = [
            _row(asked, number, responder, generator, marks, bare)
            for number, asked in enumerate(alternating(said.messages, chats=chats, turns=turns))
        ]
        bare.close()
    return rows


def _row(
    asked: Asked,
    number: int,
    responder: Responder,
    generator: LlamaGenerator,
    marks: Marks,
    bare: Bare,
) -> Row:
    marks.asked.clear()
    started = perf_counter()
    answer = responder.answer(
        asked.history, now=asked.history[-1].sent_at, seed=number, chat=asked.chat
    )
    begun, first = marks.asked[:2]
    ids = generator.tokens(answer.prompt)
    held = answer.timings.reused if answer.tries == 1 else len(ids)
    bare.cut(0)
    bare.read(ids[:held], 0)
    mark = perf_counter()
    if held < len(ids):
        bare.read(ids[held:], held)
        bare.draw()
    floor = perf_counter() - mark
    return Row(len(ids), len(ids) - held, begun - started, first - started, floor)


def _summary(chats: int, rows: Sequence[Row]) -> tuple[str, ...]:
    once = [row for row in rows if row.read]  # a second try knows no more what the first one read
    ratios = [row.ours / row.bare for row in once]
    middle = np.median([[r.prompt, r.read, r.chosen, r.ours, r.bare] for r in once], axis=0)
    prompt, read, chosen, ours, bare = middle.tolist()
    figures = (f"{1000 * seconds:.1f}" for seconds in (chosen, ours, bare))
    return (
        str(chats),
        str(len(once)),
        f"{prompt:.0f}",
        f"{read:.0f}",
        *figures,
        f"{float(np.median(ratios)):.2f}",
    )


def _passage(message: Message) -> Passage:
    text = f"{message.sent_at:%Y-%m-%d} @{message.person.handle}: {message.text[:160]}"
    at = message.sent_at
    return Passage(message.id, message.chat, text, (message.id,), (), at, at, 0.5)
