"""What the gate learns from: what @self answered, and what @self read past while around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import load
from ingest.archive import Archive
from ingest.chat import Conversation
from ingest.dataset.build import build
from ingest.dataset.manifest import SPLITS, DatasetManifest
from ingest.dataset.quality import judge
from ingest.dataset.silence import (
    AROUND,
    CONTEXT_MESSAGES,
    GateExample,
    Sieve,
    Stratum,
    chosen,
    draw_of,
    example_of,
    positions,
    read_silence,
)
from ingest.threads import recover_threads
from tests.ingest.talk import Talk

GAP = timedelta(minutes=30)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def strata(archive: Archive, talk: Talk) -> Callable[[], dict[str, Stratum]]:
    """The positions of what was said so far: their texts and strata."""

    def of_all() -> dict[str, Stratum]:
        messages = talk.recorded(archive)
        verdicts = judge(archive)
        times = verdicts.times["test:chat"]
        return {
            position.shown[-1].text: position.stratum
            for thread in recover_threads(messages, gap=GAP)
            for position in positions(thread, me="kevin", times=times, answered=verdicts.answered)
        }

    return of_all


def test_a_line_is_answered_addressed_near_or_far(
    talk: Talk, strata: Callable[[], dict[str, Stratum]]
) -> None:
    talk.say("bob", "asked")
    mine = talk.say("kevin", "answer")
    talk.say("anna", "after")
    talk.say("bob", "to kevin", reply_to=mine, minutes=5)
    talk.say("anna", "elsewhere", minutes=40)
    talk.say("bob", "elsewhere too", minutes=5)
    assert strata() == {
        "asked": Stratum.ANSWERED,
        "after": Stratum.NEAR,
        "to kevin": Stratum.ADDRESSED,
        "elsewhere": Stratum.FAR,
        "elsewhere too": Stratum.FAR,
    }


def test_a_mention_without_an_answer_is_addressed(
    talk: Talk, strata: Callable[[], dict[str, Stratum]]
) -> None:
    talk.say("kevin", "hello")
    talk.say("bob", "@Kevin noodles?", mentions=["kevin"], minutes=40)
    assert strata() == {"@kevin noodles?": Stratum.ADDRESSED}


def test_what_is_said_while_self_is_away_says_nothing(
    talk: Talk, strata: Callable[[], dict[str, Stratum]]
) -> None:
    talk.say("bob", "long before")
    talk.say("bob", "just before", minutes=90)
    talk.say("kevin", "here", minutes=59)
    talk.say("bob", "much later", minutes=61)
    assert set(strata()) == {"just before"}
    assert timedelta(hours=1) == AROUND


def test_a_turn_is_judged_at_its_end(talk: Talk, strata: Callable[[], dict[str, Stratum]]) -> None:
    talk.say("kevin", "hello")
    talk.say("bob", "so", minutes=40)
    talk.say("bob", "noodles")
    assert set(strata()) == {"noodles"}


def test_between_a_line_and_its_answer_nobody_knows(
    talk: Talk, strata: Callable[[], dict[str, Stratum]]
) -> None:
    asked = talk.say("bob", "asked")
    talk.say("anna", "in between")
    talk.say("bob", "and this")
    talk.say("kevin", "answer", reply_to=asked)
    assert strata() == {"asked": Stratum.ANSWERED}


def test_what_is_answered_much_later_was_not_read_past(
    talk: Talk, strata: Callable[[], dict[str, Stratum]]
) -> None:
    talk.say("kevin", "around")
    asked = talk.say("bob", "asked", minutes=40)
    talk.say("anna", "something new", minutes=200)
    talk.say("kevin", "now I know", reply_to=asked)
    found = strata()
    assert found["asked"] is Stratum.ANSWERED
    assert Counter(found.values())[Stratum.ANSWERED] == 1


def test_an_example_shows_the_thread_up_to_there(archive: Archive, talk: Talk) -> None:
    for number in range(20):
        talk.say("kevin" if number % 5 == 0 else "bob" if number % 2 else "anna", f"line {number}")
    messages = talk.recorded(archive)
    verdicts = judge(archive)
    times = verdicts.times["test:chat"]
    [thread] = recover_threads(messages, gap=GAP)
    found = list(positions(thread, me="kevin", times=times, answered=verdicts.answered))
    example = example_of(found[-1], me="kevin", times=times)
    assert example.lines[-1].text == "line 19"
    assert len(example.lines) == CONTEXT_MESSAGES
    assert example.idle_seconds == 4 * 60
    assert not example.is_answered
    assert [line.handle for line in example.lines if line.is_self] == ["self"]


@pytest.fixture
def built(archive: Archive, talk: Talk, home: Path) -> Callable[..., DatasetManifest]:
    """Builds the dataset of what was said so far."""

    def build_it(**overrides: object) -> DatasetManifest:
        talk.recorded(archive)
        return build(archive, home / "dataset", load(home, **overrides), now=NOW)

    return build_it


def read(home: Path) -> list[GateExample]:
    """All examples of a dataset."""
    return [
        example
        for split in SPLITS
        for example in read_silence(home / "dataset" / f"silence.{split}.jsonl")
    ]


def test_a_dataset_holds_its_silences_in_proportion(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(60)
    for number in range(200):
        asked = talk.say("anna", f"mail me at anna{number}@example.org", minutes=31)
        talk.say("kevin" if number % 20 == 0 else "bob", f"meh {number}", reply_to=asked)
        talk.say("anna", f"well {number}", reply_to=asked)
    manifest = built(dataset__silence_per_answer=2.0)
    for split in SPLITS:
        counts = manifest.silence["splits"][split]
        silent = sum(counts.values()) - counts["answered"]
        assert silent <= 2 * counts["answered"]
    examples = read(home)
    assert manifest.silence["splits"]["train"]["near"] > 0
    assert manifest.silence["splits"]["train"]["far"] > 0
    assert len({example.id for example in examples}) == len(examples)
    assert not any("example.org" in line.text for each in examples for line in each.lines)
    assert any(line.text == "mail me at [email]" for each in examples for line in each.lines)
    assert manifest.silence["per_answer"] == 2.0
    before = [path.read_bytes() for path in sorted((home / "dataset").glob("silence.*"))]
    assert built(dataset__silence_per_answer=2.0).silence == manifest.silence
    assert [path.read_bytes() for path in sorted((home / "dataset").glob("silence.*"))] == before


def test_a_log_without_times_gives_no_silences(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chat = Conversation("plain:log", "Log", "plain", has_times=False)
    talk.chatter(60)
    manifest = built()
    assert manifest.splits["train"].replies > 40
    assert read(home) == []
    assert manifest.silence["splits"]["train"] == {}


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=600), st.integers(0, 64))
def test_a_sieve_lets_the_smallest_through_in_any_order(draws: list[int], enough: int) -> None:
    sieve = Sieve(enough)
    passed = [draw for draw in draws if sieve.passes(draw)]
    assert sorted(passed)[:enough] == sorted(draws)[:enough]


def test_strata_fill_in_for_each_other() -> None:
    draws = {
        Stratum.ANSWERED: range(10),
        Stratum.ADDRESSED: range(10, 14),
        Stratum.NEAR: range(12, 100),
        Stratum.FAR: range(200, 203),
    }
    kept = chosen(draws, 2)
    assert [len(kept[stratum]) for stratum in Stratum] == [10, 4, 13, 3]
    assert not set(kept[Stratum.NEAR]) & set(kept[Stratum.ADDRESSED])
    assert chosen({}, 3) == {stratum: [] for stratum in Stratum}


def test_a_draw_hangs_on_seed_and_message_alone() -> None:
    assert draw_of(7, "a") == draw_of(7, "a")
    assert len({draw_of(seed, id) for seed in (1, 2) for id in ("a", "b")}) == 4
