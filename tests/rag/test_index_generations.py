"""Generations: a rebuild beside the one that serves, one writer, readers left in peace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.settings import Home
from ingest.archive import Archive
from rag.errors import IndexBusy
from rag.index.building import CATALOGUE, VECTORS, Hooks
from rag.index.generations import current_generation, hold, writing
from tests.rag.town import folders, near

Say = Callable[..., Any]
Index = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def test_a_rebuild_serves_when_it_is_whole_and_the_old_one_goes(
    town: Archive, quickly: Index, place: Home
) -> None:
    first = quickly()
    seen: list[str | None] = []
    hooks = Hooks(advance=lambda _done, _wanted: seen.append(current_generation(place.index)))
    second = quickly(rebuild=True, hooks=hooks)
    assert set(seen) == {first.generation}
    assert second.generation != first.generation
    assert folders(place) == {second.generation}
    assert replace(second, generation=first.generation) == first


def test_a_rebuild_that_ran_out_of_time_is_continued_by_the_next_run(
    town: Archive, quickly: Index, place: Home
) -> None:
    first = quickly()
    cut: list[int] = []
    hooks = Hooks(cut=lambda done, _wanted: cut.append(done), is_over=lambda: bool(cut))
    begun = quickly(rebuild=True, hooks=hooks)
    assert begun.pending
    assert current_generation(place.index) == first.generation
    again: list[int] = []
    hooks = Hooks(cut=lambda done, _wanted: again.append(done))
    assert quickly(hooks=hooks).generation == begun.generation
    assert again == []
    assert folders(place) == {begun.generation}


def test_a_reader_keeps_its_generation_until_it_lets_go(
    town: Archive, index: Index, place: Home
) -> None:
    first = index()
    held = hold(place.index)
    assert held is not None
    second = index(rebuild=True)
    assert folders(place) == {first.generation, second.generation}
    assert "temple" in near(place, town, "maps near the temple")
    held[2].release()
    index()
    assert folders(place) == {second.generation}


def test_only_one_may_write(town: Archive, quickly: Index, place: Home) -> None:
    with writing(place.index), pytest.raises(IndexBusy, match="another atself is indexing"):
        quickly()


def test_an_index_of_the_old_layout_gives_way(town: Archive, quickly: Index, place: Home) -> None:
    (place.index / VECTORS).mkdir(parents=True)
    (place.index / CATALOGUE).write_bytes(b"something else")
    (place.index / "manifest.json").write_text('{"format": 1}')
    made = quickly()
    assert sorted(path.name for path in place.index.iterdir()) == sorted(
        [made.generation, "manifest.json"]
    )
