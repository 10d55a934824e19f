"""A home's own model behind the worker, as the live bot opens it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app import open_responder
from bot.questions import Question
from bot.voice import Voice
from bot.worker import Worker
from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from registry.artefact import BaseRecord, ModelManifest
from registry.errors import RegistryError
from registry.store import Registry
from tests.bot.conftest import HEAD

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEA = Conversation("test:tea", "Tea Club", "test")
LINES = [("kevin", "my cat is called Doudou"), ("nice_guy", "cute"), ("nice_guy", "tea?")]


@pytest.fixture
def persona(home: Path, smollm2_voice: Voice, tmp_path: Path) -> Path:
    """A home with an archive and one model, SmolLM2 standing for a trained one."""
    with Archive.open(Home(home).archive, create=True) as archive:
        archive.add(
            RawMessage(f"m{n}", TEA, Account("test", who, who), NOW + timedelta(minutes=n), text)
            for n, (who, text) in enumerate(LINES)
        )
        archive.set_self("kevin")
    Home(home).config.write_text(
        "[recall]\nembedder = 'none'\n[generate]\ncontext_tokens = 512\nmax_new_tokens = 16\n"
        "threads = 1\nchats = 3\n"
    )
    finished = tmp_path / "finished"
    finished.mkdir()
    (finished / "model.gguf").symlink_to(smollm2_voice.model)
    manifest = ModelManifest(
        created_at=NOW,
        base=BaseRecord(smollm2_voice.name, "Apache-2.0"),
        renderer=smollm2_voice.renderer,
        markup=smollm2_voice.markup.to_json(),
        stops=smollm2_voice.markup.stops,
        context_tokens=smollm2_voice.context_tokens,
        head=HEAD,
        self_handle="kevin",
        languages={"en": 1.0},
        dataset_hash="",
        recipe={},
        quantization="Q4_1",
    )
    registry = Registry(Home(home).models)
    registry.promote(registry.add(finished, manifest).version, "test", now=NOW)
    return home


def test_what_a_home_opens_answers_on_the_workers_thread_and_reloads(persona: Path) -> None:
    place, settings = Home(persona), load(persona)
    with Archive.open(place.archive) as archive:
        history = archive.history(TEA.id, before=NOW + timedelta(days=1), limit=50)

    def question(seed: int) -> Question:
        return Question(history, TEA.id, None, NOW + timedelta(hours=1), seed)

    async def play() -> None:
        worker = Worker(lambda: open_responder(place, settings))
        assert await worker.open() == "v1"
        first = await worker.answer(question(10))
        again = await worker.answer(question(10))
        assert (first.text, first.reply) == (again.text, again.reply)
        assert again.timings.reused > 30
        with pytest.raises(RegistryError, match="no model 'v9'"):
            await worker.exchange(lambda: open_responder(place, settings, model="v9"))
        assert await worker.exchange(lambda: open_responder(place, settings, model="v1")) == "v1"
        assert (await worker.answer(question(10))).text == first.text
        await asyncio.to_thread(worker.close)

    asyncio.run(play())
