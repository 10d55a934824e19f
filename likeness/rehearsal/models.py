"""Players that are language models: each is the live bot with more or less of it switched on.

BASE      the untrained base under the renderer, told only whom to be: no habits, no memory
PROMPTED  the base with the persona's whole head, a few real exchanges in it, and memory
ADAPTER   the trained version without memory
FULL      the trained version as it serves: gate apart, everything
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from random import Random

from bot.app import make_responder
from bot.delivery import Step, plan
from bot.generation import Generator
from bot.guard import sendable
from bot.manner import LIVE, Manner
from bot.responder import Answer
from bot.senses import Senses
from bot.voice import Voice
from config.settings import Settings
from ingest.chat import Line, Message, Turn, Window
from ingest.prompt import Segment, body, render_window
from likeness.records import Attempt, Player, Role, Scene
from likeness.rehearsal.gating import seed_of
from likeness.rehearsal.period import Exchange

EXAMPLES = 6
"""Exchanges shown to a prompted base: more leave too little room for the conversation itself."""
_ASKED, _ANSWERED = 160, 240
"""Characters of a question and an answer that may serve as an example."""
_OWN_LINES = 30
"""Own messages that must not come again, as in ``bot.mouth``."""
_LONGEST = 2000
"""Characters a message may have everywhere (Discord; Telegram takes 4,096)."""
_NAMES_ONLY = 2
"""Lines of a head that say who and where one is, and how lines are labelled."""


@dataclass(frozen=True, slots=True)
class Bot:
    """One model player. ``examples`` are shown in its head, by chat.

    ``clock`` gives seconds.
    """

    player: Player
    voice: Voice
    generator: Generator
    settings: Settings
    senses: Senses
    manner: Manner
    seed: int
    examples: Mapping[str, str]
    clock: Callable[[], float] = time.perf_counter

    def attempt(
        self,
        scene: Scene,
        history: Sequence[Message],
        chat: str | None,
        rivals: Sequence[tuple[str, ...]] = (),
    ) -> Attempt:
        """What it says to the last line of ``history`` at the moment of the scene.

        ``rivals`` are replies to tell the real one from, by likelihood.

        A responder of its own for every scene: what is said must not hang on which scenes came
        before. Recall and context see only what was said earlier.
        """
        began = self.clock()
        voice = replace(self.voice, head=self.voice.head + self.examples.get(scene.chat, ""))
        responder = make_responder(voice, self.generator, self.settings, self.senses)
        seed = seed_of(self.seed, scene.id)
        answer = responder.answer(history, now=scene.at, seed=seed, chat=chat)
        steps = self._delivered(answer, scene, history, seed)
        taken = self.clock() - began
        nats, size = self._nats(answer, scene.chat, scene.real)
        return Attempt(
            scene.id,
            self.player,
            tuple(step.text for step in steps),
            raw=answer.text,
            passages=tuple(passage.text for passage in answer.passages),
            nats=nats,
            bytes=size,
            tokens=answer.timings.generated,
            seconds=round(taken, 3),
            delays=tuple(round(step.pause.total_seconds(), 1) for step in steps),
            choices=self._choices(answer, scene.chat, nats, size, rivals),
        )

    def _delivered(
        self, answer: Answer, scene: Scene, history: Sequence[Message], seed: int
    ) -> Sequence[Step]:
        """The messages as the mouth would send them, begun at the moment of the question."""
        own = [message.text for message in history if message.person.is_self][-_OWN_LINES:]
        asked_at = history[-1].sent_at
        return plan(
            sendable(answer.reply.parts, own),
            self.manner,
            asked_at=asked_at,
            now=asked_at,
            rng=Random(seed),
            between=0,
            live=_live(history),
            longest=lambda _text: _LONGEST,
        )

    def _choices(
        self,
        answer: Answer,
        chat: str,
        nats: float | None,
        size: int,
        rivals: Sequence[tuple[str, ...]],
    ) -> tuple[float, ...]:
        """Nats per byte of the real reply and of each rival; empty where one cannot be told."""
        if nats is None or not rivals:
            return ()
        found = [(nats, size), *(self._nats(answer, chat, texts) for texts in rivals)]
        each = [taken / count for taken, count in found if taken is not None and count]
        return tuple(round(value, 4) for value in each) if len(each) == len(found) else ()

    def _nats(self, answer: Answer, chat: str, texts: tuple[str, ...]) -> tuple[float | None, int]:
        """Nats and bytes of words of @self's, under the prompt that was answered."""
        if self.voice.is_remote or not texts:
            return None, 0
        from bot.generator import LlamaGenerator

        assert isinstance(self.generator, LlamaGenerator)
        said = words_of(texts, chat, self.voice)
        room = self.generator.context_tokens - self.generator.count(answer.prompt)
        if self.generator.count([said]) > room:
            return None, 0
        nats = self.generator.nats(answer.prompt, [said])
        return round(nats, 4), len(said.text.encode())


def words_of(texts: Sequence[str], chat: str, voice: Voice) -> Segment:
    """A reply of @self's as training would have shown it, without the mark that ends it."""
    lines = tuple(Line("", text, is_self=True) for text in texts)
    window = Window("", chat, (Turn(lines, is_self=True, is_target=True),))
    said, _stop = render_window(window, voice.head, voice.markup)[-2:]
    return said


def voice_for(role: Role, voice: Voice) -> Voice:
    """How a role asks a model: a bare base is told only whom to be."""
    if role is not Role.BASE:
        return voice
    return replace(voice, head="\n".join(voice.head.split("\n")[:_NAMES_ONLY]))


def examples_of(past: Sequence[Exchange], *, seed: int) -> dict[str, str]:
    """Real exchanges from before the period, as text for the end of a head, by chat.

    They stand in the head and not among the lines, or the model would take them for said just now;
    one and the same for all scenes of a chat, so that they are read once.
    """
    chats = dict.fromkeys(one.chat for one in past)
    return {chat: _shown(_chosen(past, chat, seed)) for chat in chats}


def _chosen(past: Sequence[Exchange], chat: str, seed: int) -> list[Exchange]:
    """Short ones, one by lot from each of EXAMPLES equal parts of the time before."""
    dice = Random(f"examples {seed} {chat}")
    short = [one for one in past if one.chat == chat and _is_short(one)]
    count = min(EXAMPLES, len(short))
    borders = [number * len(short) // max(1, count) for number in range(count + 1)]
    return [short[dice.randrange(start, end)] for start, end in pairwise(borders)]


def _is_short(exchange: Exchange) -> bool:
    asked, answered = exchange.asked[-1].text, "\n".join(exchange.texts)
    return 0 < len(asked) <= _ASKED and 0 < len(answered) <= _ANSWERED


def _shown(exchanges: Sequence[Exchange]) -> str:
    if not exchanges:
        return ""
    lines = [
        f"@{line.handle}: {body(line.text)}"
        for one in exchanges
        for line in (one.asked[-1], *one.reply)
    ]
    return "\n".join(["", "Some of what @self answered before:", *lines])


def _live(history: Sequence[Message]) -> int:
    """Messages of others in the last few minutes."""
    end = history[-1].sent_at
    near = (one for one in history if timedelta() <= end - one.sent_at <= LIVE)
    return sum(not one.person.is_self for one in near)
