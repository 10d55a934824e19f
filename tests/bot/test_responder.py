"""From the lines of a chat to a reply."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.generation import Ending
from bot.generator import LlamaGenerator
from bot.responder import TRIES, Responder
from bot.voice import Voice
from config.settings import Settings
from ingest.chat import Passage
from ingest.markup import transcript_markup
from ingest.prompt import RENDERER
from tests.bot.conftest import HEAD, Say
from tests.bot.scripted import ScriptedGenerator

NOW = datetime(2026, 3, 2, tzinfo=UTC)
VOICE = Voice("v1", Path("model.gguf"), RENDERER, transcript_markup(), HEAD, "kevin", 2048)


def passage(id: str, text: str) -> Passage:
    return Passage(id, "test:chat", text, (f"m{id}",), ("kevin",), NOW, NOW, 0.5)


class Shelf:
    """A memory that finds everything it has, and keeps what it was asked."""

    def __init__(self, *passages: Passage) -> None:
        self.passages = passages
        self.asked: list[tuple[str, str | None, datetime | None, set[str]]] = []

    def query(
        self,
        text: str,
        *,
        chat: str | None,
        before: datetime | None,
        limit: int,
        exclude: Collection[str] = (),
    ) -> list[Passage]:
        self.asked.append((text, chat, before, set(exclude)))
        return list(self.passages[:limit])


def responder(generator: ScriptedGenerator, memory: Shelf | None = None) -> Responder:
    return Responder(VOICE, generator, Settings(), memory=memory)


def test_a_burst_becomes_the_parts_of_a_reply(say: Say) -> None:
    generator = ScriptedGenerator(" yes\n    really\n  lol")
    answer = responder(generator).answer([say("bob", "tea?")], now=NOW, seed=5)
    assert answer.reply.parts == ("yes\nreally", "lol")
    assert answer.tries == 1
    assert generator.seeds == [5]
    assert generator.prompts[0].endswith("@bob: tea?\n@self:")
    assert "".join(part.text for part in answer.prompt) == generator.prompts[0]


def test_the_title_of_the_chat_it_learned_in_is_told_there_alone(say: Say) -> None:
    head = "You are Kevin, written @self, in the group chat “Noodle Club”.\nBe brief."
    titles = {"t:1": "Noodle Club", "t:2": "Rice Club"}
    generator = ScriptedGenerator(" yes", " no", " so", " oh")
    spoken = Responder(replace(VOICE, head=head), generator, Settings(), title=titles.get)
    for chat in ("t:1", "t:2", "t:3", None):
        spoken.answer([say("bob", "where are we?")], now=NOW, seed=5, chat=chat)
    here = "in the group chat “Noodle Club”.\nBe brief."
    assert [here in prompt for prompt in generator.prompts] == [True, False, False, True]
    for prompt in generator.prompts[1:3]:
        assert "You are Kevin, written @self, in a group chat.\nBe brief." in prompt


def test_an_empty_or_repeated_draft_is_tried_again_with_another_seed(say: Say) -> None:
    history = [say("self", "i love green tea"), say("bob", "tea?")]
    generator = ScriptedGenerator("\n@bob: me too", " I love green tea!", " not today")
    answer = responder(generator).answer(history, now=NOW, seed=5)
    assert answer.reply.parts == ("not today",)
    assert answer.tries == TRIES
    assert generator.seeds == [5, 6, 7]


def test_with_nothing_to_say_it_stays_silent_rather_than_speak_for_others(say: Say) -> None:
    generator = ScriptedGenerator(" @bob: I am bob")
    answer = responder(generator).answer([say("bob", "tea?")], now=NOW, seed=5)
    assert answer.reply.parts == ()
    assert len(generator.prompts) == TRIES


def test_a_cancelled_draft_is_neither_sent_nor_tried_again(say: Say) -> None:
    generator = ScriptedGenerator(" half a", ending=Ending.CANCELLED)
    answer = responder(generator).answer([say("bob", "tea?")], now=NOW, seed=5)
    assert answer.reply.parts == ()
    assert answer.tries == 1


def test_recall_is_asked_about_the_past_and_about_other_messages(say: Say) -> None:
    shelf = Shelf(passage("1", "2025-01-01 @self: I like oolong"))
    history = [say("bob", "tea?"), say("fox", "which one?")]
    generator = ScriptedGenerator(" oolong")
    answer = responder(generator, shelf).answer(history, now=NOW, seed=1, chat="test:chat")
    assert shelf.asked == [
        ("tea?\nwhich one?", "test:chat", NOW, {message.id for message in history})
    ]
    assert answer.passages == shelf.passages
    assert "[memory]\n  2025-01-01 @self: I like oolong\n@self:" in generator.prompts[0]


def test_recalled_passages_give_way_where_there_is_no_room(say: Say) -> None:
    shelf = Shelf(passage("1", "short"), passage("2", "word " * 2000))
    answer = responder(ScriptedGenerator(" ok"), shelf).answer(
        [say("bob", "tea?")], now=NOW, seed=1
    )
    assert [found.id for found in answer.passages] == ["1"]


def test_the_text_so_far_can_be_watched(say: Say) -> None:
    seen: list[str] = []
    responder(ScriptedGenerator(" hey")).answer(
        [say("bob", "hi")], now=NOW, seed=1, watch=seen.append
    )
    assert seen == [" ", " h", " he", " hey"]


@pytest.mark.slow
def test_the_real_model_answers_a_long_scene_within_its_context(
    smollm2: LlamaGenerator, say: Say
) -> None:
    shelf = Shelf(*(passage(str(n), f"2025-01-0{n} @self: {'a fact ' * 60}") for n in range(1, 9)))
    settings = Settings().model_copy(
        update={"generate": Settings().generate.model_copy(update={"max_new_tokens": 40})}
    )
    spoken = Responder(smollm2.voice, smollm2, settings, memory=shelf)
    history = [say("bob", f"did you see film {n}? " * (n % 5 + 1), minutes=0.1) for n in range(60)]
    answer = spoken.answer(history, now=NOW, seed=4)
    assert answer.timings.prompt_tokens + 40 <= smollm2.context_tokens
    assert answer.passages
    longer = [*history, say("self", "yes"), say("bob", "and the next one?")]
    again = spoken.answer(longer, now=NOW, seed=4)
    assert again.timings.reused > 0.4 * again.timings.prompt_tokens
