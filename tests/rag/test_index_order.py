"""What is done first, what is done at all, and what the commands say of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.forget import forget
from config.settings import Home, load
from ingest.archive import Archive
from rag.commands import index as index_command
from rag.index.building import Hooks
from rag.index.generations import Generation, current_generation, writing
from rag.index.ledger import Ledger
from rag.index.shelves import SHARED
from tests.rag.quick import Quick

Say = Callable[..., Any]
Index = Callable[..., Any]
QUICK = Hooks(wrap=lambda _: Quick())


@pytest.fixture
def two_chats(archive: Archive, say: Say) -> Archive:
    """Lin speaks in both; Fox and Mei also speak to each other."""
    for day in range(6):
        chat = f"telegram:{day % 2 + 1}"
        lines = (
            ("Fox", f"did the ferry leave the harbour on day {day}?"),
            ("Lin", f"it left the harbour at {day + 5} with my old bicycle on board"),
        )
        archive.add(say(lines, chat=chat, day=day))
    others = (("Fox", "the bakery sells plum cake again"), ("Mei", "and bread with walnuts in it"))
    archive.add(say(others, chat="telegram:1", day=9))
    archive.set_self("Lin")
    return archive


def serving(place: Home) -> Generation:
    """The generation that serves."""
    return Generation(place.index / str(current_generation(place.index)))


def test_self_comes_first_and_the_newest_before_the_older(
    two_chats: Archive, index: Index, place: Home
) -> None:
    cut: list[int] = []
    hooks = replace(QUICK, cut=lambda done, _: cut.append(done), is_over=lambda: len(cut) > 1)
    index(hooks=hooks)
    with Generation(_only_folder(place)).catalogue() as catalogue:
        ledger = Ledger(catalogue)
        ledger.forget_vectors()
        keys = ledger.pending(100, only_self=False)
        facts = dict(catalogue.select("SELECT key, has_self * 1e15 + ended_at FROM passage"))
        assert [facts[key] for key in keys] == sorted(facts.values(), reverse=True)
        assert keys[:-1] == ledger.pending(100, only_self=True)


def test_vectors_of_others_are_made_where_they_are_wanted(
    two_chats: Archive, index: Index, place: Home
) -> None:
    mine = index(hooks=QUICK)
    assert (mine.passages, mine.vectors) == (7, 6)
    every = index(hooks=QUICK, settings=load(place.path, recall__vectors="all"))
    assert (every.passages, every.vectors) == (7, 7)


def test_a_shared_chat_has_its_statements_on_both_shelves(
    two_chats: Archive, index: Index, place: Home
) -> None:
    marked = load(place.path, recall__shareable=("telegram:2",))
    assert index(hooks=QUICK, settings=marked).vectors == 9
    store = serving(place).store(marked)
    assert {shelf: store.count(shelf) for shelf in store.shelves()} == {
        "telegram:1": 3,
        "telegram:2": 3,
        SHARED: 3,
    }
    store.close()
    assert index(hooks=QUICK).vectors == 6
    store = serving(place).store(marked)
    assert SHARED not in store.shelves()
    store.close()


def test_the_second_to_index_is_told_in_one_line(two_chats: Archive, place: Home) -> None:
    with writing(place.index):
        told = CliRunner().invoke(index_command, ["--home", str(place.path)])
    assert told.exit_code == 1
    assert "another atself is indexing" in str(told.exception)


def test_forget_cleans_the_index_as_well(two_chats: Archive, index: Index, place: Home) -> None:
    before = index(hooks=QUICK)
    done = CliRunner().invoke(forget, ["@fox", "--yes", "--json", "--home", str(place.path)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["index"] == "cleaned"
    after = current_generation(place.index)
    assert after not in (None, before.generation)
    assert _only_folder(place).name == after
    held = b"".join(path.read_bytes() for path in place.index.rglob("*") if path.is_file())
    assert b"telegram:2:1:2" in held  # Lin's
    assert b"telegram:2:1:1" not in held  # Fox's


def _only_folder(place: Home) -> Path:
    [folder] = [path for path in place.index.iterdir() if path.is_dir()]
    return folder
