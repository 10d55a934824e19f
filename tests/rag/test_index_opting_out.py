"""Opting out: recall knows nothing of them at once, the index from its next refresh on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account
from rag.recall import Recall
from tests.rag.town import CHAT, SECRET, passages

Index = Callable[..., Any]
ASKED = "where is your passport number hidden, below the kitchen floor?"


def account(town: Archive) -> Account:
    """Fox's."""
    return town.find_person("Fox").accounts[0]


def found(place: Home, town: Archive) -> bool:
    """Whether recall brings back what Fox once said."""
    with Recall.open(load(place.path), place, town, warn=lambda _: None) as opened:
        passages = opened.query(ASKED, chat=CHAT, before=None, limit=4)
    return any(SECRET in passage.text for passage in passages)


def test_recall_leaves_them_out_at_once_and_brings_them_back(
    town: Archive, index: Index, place: Home
) -> None:
    index()
    before = passages(place)
    assert found(place, town)
    assert town.withdraw(account(town)) == 15
    assert not found(place, town)  # though the index still points there
    index()
    assert not found(place, town)
    assert not {row[0] for row in passages(place)} & {row[0] for row in before}
    assert town.readmit(account(town)) == 15
    index()
    assert passages(place) == before
    assert found(place, town)
