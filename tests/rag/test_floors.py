"""The floor: what one in twenty unrelated sentences reaches in the index at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.embedding.everyday import SPACED, UNSPACED
from rag.embedding.floors import Floor, fit_floor, probe_floor
from rag.embedding.models import make_embedder
from rag.embedding.packaged import ENGLISH
from rag.embedding.prior import is_unspaced

if TYPE_CHECKING:
    from rag.embedding.protocol import Vectors

SEA = [
    f"the {what} {does} {where}"
    for what in ("harbour pilot", "lighthouse keeper", "trawler crew", "old sailor")
    for does in ("waits for the tide", "mends the nets", "reads the chart", "ties up the boat")
    for where in (
        "at the pier",
        "in the fog",
        "before dawn",
        "off the reef",
        "in the storm",
        "by the wharf",
        "near the buoy",
    )
]


def samples(spaced: list[float], unspaced: list[float]) -> list[tuple[str, float]]:
    return [("word", value) for value in spaced] + [("字", value) for value in unspaced]


def test_one_in_twenty_exceeds_the_floor_of_its_script() -> None:
    values = [number / 100 for number in range(101)]
    floor = fit_floor(samples(values, [value / 2 for value in values]), passages=1000)
    assert floor == Floor(spaced=0.95, unspaced=0.475, passages=1000)
    assert floor.of("where is it?") == 0.95
    assert floor.of("它在哪里？") == 0.475


def test_too_little_to_go_by_fits_nothing() -> None:
    many = [0.1] * 20
    assert fit_floor(samples(many, many), passages=99) is None
    assert fit_floor(samples(many, many[:9]), passages=1000) is None
    assert fit_floor(samples(many, many), passages=100) is not None


def test_a_floor_survives_being_stored() -> None:
    floor = Floor(0.31, 0.28, 1234)
    assert Floor.from_json(floor.to_json()) == floor


def test_the_everyday_sentences_are_of_their_kind_and_all_different() -> None:
    assert not any(map(is_unspaced, SPACED))
    assert all(map(is_unspaced, UNSPACED))
    assert len({*SPACED, *UNSPACED}) == len(SPACED) + len(UNSPACED)


def test_the_floor_fitted_to_a_chat_lets_its_own_talk_pass_and_stops_other() -> None:
    embedder = make_embedder(ENGLISH)
    assert embedder is not None
    passages = embedder.embed_passages(SEA)

    def nearest(vector: Vectors) -> float:
        return float((passages @ vector).max())

    floor = probe_floor(embedder, nearest, len(SEA))
    assert floor is not None
    asked = ("who mends the nets in the storm?", "has the pilot left the pier?")
    other = ("the invoice has the wrong tax rate", "which compiler flags did you use?")
    for queries, passes in ((asked, True), (other, False)):
        for query, vector in zip(queries, embedder.embed_queries(queries), strict=True):
            assert (nearest(vector) >= floor.of(query)) is passes


def test_an_index_without_passages_has_no_floor() -> None:
    embedder = make_embedder(ENGLISH)
    assert embedder is not None
    assert probe_floor(embedder, lambda _vector: None, 100_000) is None
    assert probe_floor(embedder, lambda _vector: pytest.fail("searched"), 0) is None
