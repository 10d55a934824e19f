"""What recall may have beside its index: a cross-encoder, and what was heard since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.settings import Home, Settings, load
from ingest.archive import Archive
from rag.embedding.models import make_embedder
from rag.index.live import Live
from rag.recall import Recall
from tests.rag.tiny import save_cross_encoder

Say = Callable[..., Any]
Index = Callable[..., Any]
ASKED = "key: door, cellar or shed, behind noodles, roof beam or in the soup?"
KEYS = (
    "the key of the door hangs behind the noodles",
    "the key of the cellar lies on the roof beam",
    "noodles noodles noodles, and the key of the shed is in the soup",
)


def test_a_cross_encoder_orders_what_was_found(
    archive: Archive, say: Say, index: Index, place: Home, tmp_path: Path
) -> None:
    from sentence_transformers import CrossEncoder

    for day, text in enumerate(KEYS):
        archive.add(say((("Lin", text),), day=day))
    archive.set_self("Lin")
    index()
    folder = save_cross_encoder(tmp_path / "cross")
    settings = load(place.path, recall__reranker=str(folder))
    with Recall.open(settings, place, archive) as memory:
        found = memory.search(ASKED, chat="telegram:1", before=None, limit=3)
    model = CrossEncoder(str(folder), local_files_only=True)
    pairs = [(ASKED, f"lin: {text}") for text in KEYS]
    scores = dict(zip(KEYS, model.predict(pairs).tolist(), strict=True))
    assert [one.messages[0].text for one in found] == sorted(KEYS, key=lambda t: -scores[t])


def test_what_was_just_said_is_found_by_its_meaning(
    archive: Archive, say: Say, index: Index, place: Home, settings: Settings
) -> None:
    archive.add(say((("Fox", "does anybody remember where we parked the van?"),)))
    archive.set_self("Fox")
    index()
    embedder = make_embedder("all-minilm-l6-v2")
    assert embedder is not None
    news = say((("Fox", "my grandmother kept bees behind the chapel"),), day=3)
    with (
        Live(place, settings, embedder) as live,
        Recall.open(settings, place, archive, live=live) as memory,
    ):
        archive.add(news)
        [message] = archive.get([news[0].id])
        live.heard(message)
        live.settle()
        asked = "her insects lived near the church"
        [found] = memory.search(asked, chat="telegram:1", before=None, limit=1)
        assert found.similarity is not None
        assert "bees" in found.passage.text
        assert memory.search(asked, chat="telegram:2", before=None, limit=1) == []
        archive.remove([news[0].id])
        live.removed([news[0].id])
        assert memory.search(asked, chat="telegram:1", before=None, limit=1) == []
