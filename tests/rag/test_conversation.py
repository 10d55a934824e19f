"""What the newest message answers, by the linker and by meaning; learning from an archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from config.settings import Home
from ingest.archive import Archive
from ingest.linker.learning import learned
from ingest.linker.ranking import shipped
from ingest.listening import Listener
from rag.conversation import answered, fused, learn_replies
from rag.embedding.models import ENGLISH, make_embedder
from tests.rag.conftest import Say

LATER = datetime(2030, 1, 1, tzinfo=UTC)
TALK = (
    ("ann", "My cat refuses to eat since the weekend."),
    ("bob", "The train to Lyon is cancelled again!"),
    ("cem", "Anyone up for chess tonight?"),
    ("dee", "Take the animal to a veterinarian, a sick kitten can starve."),
)


def test_meaning_finds_what_shares_no_word(archive: Archive, say: Say) -> None:
    archive.add(say(TALK))
    history = list(archive.messages())
    by_linker = dict(answered(history, Listener(timedelta(minutes=30)), None))
    by_both = answered(history, Listener(timedelta(minutes=30)), make_embedder(ENGLISH))
    assert by_both[0][0].text == TALK[0][1]
    assert by_both[0][1] > by_linker[by_both[0][0]]
    assert sum(chance for _, chance in by_both) == pytest.approx(1)


def test_without_an_embedder_the_linker_stands(archive: Archive, say: Say) -> None:
    archive.add(say((("甲", "钥匙在哪里"), ("乙", "今天吃鱼"), ("丙", "钥匙在桌上"))))
    history = list(archive.messages())
    assert answered(history, Listener(timedelta(minutes=30)), None)[0][0].text == "钥匙在哪里"
    assert answered(history[:1], Listener(timedelta(minutes=30)), None) == []


def test_a_chance_and_a_cosine_both_count() -> None:
    scores = fused(np.array([0.5, 0.5, 0.1]), np.array([0.1, 0.4, 0.4]))
    assert scores.argsort().tolist() == [0, 2, 1]


def test_replies_are_learned_from_once_and_again_when_there_are_more(
    archive: Archive, place: Home, say: Say
) -> None:
    said = say([("ann" if n % 2 else "bob", f"line {n} of the play") for n in range(40)])
    archive.add(said)
    assert not learn_replies(archive, place.replies, now=LATER)
    archive.add(replace(m, reply_to=said[n - 2].id) for n, m in enumerate(said) if n > 30)
    assert learn_replies(archive, place.replies, now=LATER)
    assert learned(place.replies).replies == 9
    assert learned(place.replies).ranking is not shipped()
    assert not learn_replies(archive, place.replies, now=LATER)
