"""States of several chats in the packaged models, for real: kept, given up, computed afresh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.generation import Sampling
from bot.generator import LlamaGenerator
from bot.voice import Voice
from ingest.chat import Line, Turn
from ingest.prompt import render_prompt
from registry.bases import GEMMA3
from tests.bot.conftest import voice_of

pytestmark = pytest.mark.slow

LIVELY = Sampling(temperature=0.8, max_new_tokens=8)
CHATS = 3
TOPICS = ("soup and barley", "trains to Bandung", "豆豆的新玩具")


@pytest.fixture(scope="module", params=["smollm2", "gemma"])
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """Either packaged model: all layers see everything, or most see a sliding window of 512."""
    if request.param == "gemma":
        return voice_of(GEMMA3, tmp_path_factory.mktemp("bases"))
    found: Voice = request.getfixturevalue("smollm2_voice")
    return found


@pytest.fixture(scope="module")
def live(voice: Voice) -> Iterator[LlamaGenerator]:
    """A model with room for all chats but one."""
    with LlamaGenerator(voice, context_tokens=1024, threads=1, chats=CHATS - 1) as generator:
        yield generator


@pytest.fixture(scope="module")
def fresh(voice: Voice) -> Iterator[LlamaGenerator]:
    """The same model, which is made to forget before every reply."""
    with LlamaGenerator(voice, context_tokens=1024, threads=1) as generator:
        yield generator


def said(chat: int, rounds: int, before: int) -> tuple[Turn, ...]:
    """``before`` lines, a reply, and some more with every round."""
    lines = [
        Line("ann", f"{TOPICS[chat]}, part {n}: what else?") for n in range(before + 2 * rounds)
    ]
    reply = Turn((Line("self", "not much"),), is_self=True)
    return (Turn(tuple(lines[:before])), reply, Turn(tuple(lines[before:])))


def reply_to(generator: LlamaGenerator, chat: int, rounds: int, memory: str) -> tuple[str, int]:
    voice = generator.voice
    before = 30 if voice.markup.is_transcript else 8  # Gemma's window of 512 is to be left behind
    prompt = render_prompt(said(chat, rounds, before), voice.head, voice.markup, (memory,))
    generation = generator.generate(prompt, sampling=LIVELY, seed=10 * chat + rounds)
    return "".join(generation), generation.timings.reused


def test_a_reply_is_the_same_from_a_state_that_was_kept_or_computed_afresh(
    live: LlamaGenerator, fresh: LlamaGenerator
) -> None:
    order = [(0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (0, 3)]
    shares = []
    for step, (chat, rounds) in enumerate(order):
        kept, reused = reply_to(live, chat, rounds, f"2025-01-01 @self: fact {step}")
        forgetting = render_prompt((), "x", live.voice.markup)
        "".join(fresh.generate(forgetting, sampling=replace(LIVELY, max_new_tokens=1), seed=1))
        anew, read = reply_to(fresh, chat, rounds, f"2025-01-01 @self: fact {step}")
        assert kept == anew, (chat, rounds)
        assert read < 10
        shares.append(reused)
    assert all(reused > 100 for reused in shares[2:4])
    # A new chat finds the head, and the one that gave way is read again.
    assert all(20 < reused < 60 for reused in shares[4:])


def test_memory_is_bounded_by_the_setting(voice: Voice) -> None:
    with LlamaGenerator(voice, context_tokens=512, threads=1, chats=99, state_megabytes=40) as few:
        model = few._model
        assert 1 < model.streams < 99
        assert model.streams * 512 * model.bytes_per_token <= 40 << 20
    with LlamaGenerator(voice, context_tokens=512, threads=1, chats=9, state_megabytes=1) as one:
        assert one._model.streams == 1
