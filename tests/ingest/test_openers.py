"""Openers: what @self says with nothing to answer, taught once and in a bounded share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from config.settings import load
from ingest.archive import Archive
from ingest.chat import Turn, Window, WindowKind
from ingest.dataset.build import build
from ingest.dataset.manifest import SPLITS, DatasetManifest, read_windows
from ingest.dataset.window_json import from_json, to_json
from ingest.prompt import QUIET, render_prompt, render_window
from tests.ingest.talk import Talk
from tests.ingest.templates import MARKUPS

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def built(archive: Archive, talk: Talk, home: Path) -> Callable[..., DatasetManifest]:
    """Builds the dataset of what was said so far."""

    def build_it(**overrides: object) -> DatasetManifest:
        talk.recorded(archive)
        return build(archive, home / "dataset", load(home, **overrides), now=NOW)

    return build_it


def windows(home: Path, kind: WindowKind) -> list[Window]:
    """All windows of one kind."""
    found = (
        window for split in SPLITS for window in read_windows(home / "dataset" / f"{split}.jsonl")
    )
    return [window for window in found if window.kind is kind]


def texts(window: Window) -> list[list[str]]:
    """What is said in a window, turn by turn."""
    return [[line.text for line in turn.lines] for turn in window.turns]


def test_a_thread_self_starts_becomes_an_opener_and_its_answers_replies(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(60)
    talk.say("kevin", "guess what", minutes=120)
    news = talk.say("kevin", "a new noodle place", minutes=0.5)
    where = talk.say("bob", "where?", reply_to=news)
    talk.say("kevin", "round the corner", reply_to=where)
    manifest = built()
    [opener] = windows(home, WindowKind.OPENER)
    assert texts(opener) == [["guess what", "a new noodle place"]]
    assert opener.turns[0].is_target
    last = windows(home, WindowKind.REPLY)[-1]
    assert texts(last) == [["guess what", "a new noodle place"], ["where?"], ["round the corner"]]
    assert [turn.is_target for turn in last.turns] == [False, False, True]
    assert sum(split.openers for split in manifest.splits.values()) == 1
    assert sum(split.replies for split in manifest.splits.values()) == 61
    assert manifest.learned == manifest.written == 63


def test_an_opener_shows_what_was_said_just_before_by_others(
    archive: Archive, built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(60)
    old = talk.messages[1]
    talk.say("bob", "is anyone here?", minutes=200)
    talk.say("anna", "me")
    talk.say("kevin", "about what I said of answer 0", reply_to=old)
    built()
    found = [texts(window) for window in windows(home, WindowKind.OPENER)]
    assert found == [[["is anyone here?", "me"], ["about what I said of answer 0"]]]


def test_every_message_is_taught_once_even_where_a_reply_brings_it_back(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(60)
    for number in range(10):
        opened = talk.say("kevin", f"news {number}", minutes=100)
        late = talk.say("bob", f"late answer {number}", minutes=100, reply_to=opened)
        talk.say("kevin", f"indeed {number}", reply_to=late)
    manifest = built(dataset__opener_share=1.0)
    taught = Counter(
        line.message_id
        for kind in WindowKind
        for window in windows(home, kind)
        for turn in window.replies
        for line in turn.lines
    )
    assert set(taught.values()) == {1}
    assert len(taught) == manifest.learned
    assert manifest.learned + sum(manifest.dropped.values()) == manifest.written == 80


def test_openers_are_a_bounded_share_and_the_rest_is_counted(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(90)
    for number in range(90):
        talk.say("kevin", f"monologue {number}", minutes=60)
    manifest = built(
        dataset__opener_share=0.25, dataset__validation_share=0.0, dataset__test_share=0.0
    )
    assert manifest.splits["train"].openers == 30
    assert manifest.dropped == {"opens a thread, beyond dataset.opener_share": 60}
    assert len(manifest.rules["opens a thread, beyond dataset.opener_share"].examples) == 3
    assert built(dataset__opener_share=0.0).splits["train"].openers == 0


def test_a_link_beside_words_is_left_out_of_the_turn_and_the_words_are_learned(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.say("bob", "seen this?")
    talk.say("kevin", "> seen this?\nno, but that")
    talk.say("kevin", "https://example.org", minutes=0.5)
    talk.say("kevin", "good, is it not", minutes=0.5)
    talk.say("bob", "hm")
    talk.say("kevin", "https://example.org/b")
    talk.chatter(60)
    manifest = built()
    first = windows(home, WindowKind.REPLY)[0]
    assert texts(first) == [["seen this?"], ["no, but that", "good, is it not"]]
    assert manifest.dropped == {"link only": 2}
    assert manifest.rules["quote removed"].count == 1
    assert manifest.learned + 2 == manifest.written


def test_somebodys_earlier_words_in_quotation_marks_are_not_learned(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.say("bob", "those noodles taste like a wet newspaper")
    talk.say("kevin", '"those noodles taste like a wet newspaper"')
    talk.say("bob", "我觉得这家店的面条最难吃了")
    talk.say("kevin", "「这家店的面条最难吃了」 哈")
    talk.say("bob", "well")
    talk.say(
        "kevin", "you say 「这家店的面条最难吃了」 but I have been there twice and it was fine"
    )
    talk.chatter(60)
    assert built().dropped == {"quotes another": 2}


def test_a_turn_counts_as_much_as_its_weightiest_message(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(40)
    for _ in range(40):
        talk.say("bob", "noodles?", minutes=60)
        talk.say("kevin", "ok")
    built()
    weights = [turn.weight for window in windows(home, WindowKind.REPLY) for turn in window.replies]
    assert weights[:50] == [1.0] * 50
    assert weights[-1] == 0.5


@pytest.mark.parametrize("name", MARKUPS)
def test_an_opener_is_rendered_as_the_bot_would_be_asked_for_one(name: str, talk: Talk) -> None:
    from ingest.chat import Line

    turn = Turn((Line("self", "guess what", True),), is_self=True, is_target=True)
    window = Window("w", "c", (turn,), kind=WindowKind.OPENER)
    markup = MARKUPS[name]
    rendered = render_window(window, "head", markup)
    prompt = render_prompt((), "head", markup)
    assert [segment.text for segment in rendered[: len(prompt)]] == [s.text for s in prompt]
    assert QUIET in "".join(segment.text for segment in prompt)
    assert "guess what" in rendered[-2].text
    assert [segment.is_target for segment in rendered[-2:]] == [True, True]


def test_the_times_within_a_burst_come_back_as_they_were(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(40)
    before = talk.say("bob", "tell me", minutes=60)
    for seconds in (90, 4.5, 12):
        before = talk.say("kevin", f"after {seconds}", minutes=seconds / 60, reply_to=before)
    built()
    reply = windows(home, WindowKind.REPLY)[-1].replies[0]
    times = [line.sent_at for line in reply.lines if line.sent_at]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [timedelta(seconds=4.5), timedelta(seconds=12)]


def test_windows_written_before_there_were_kinds_and_weights_are_read() -> None:
    from ingest.chat import Line

    turn = Turn((Line("self", "hi", True),), True, True, 0.5)
    data = orjson.loads(orjson.dumps(to_json(Window("w", "c", (turn,), kind=WindowKind.OPENER))))
    assert from_json(data).turns == (turn,)
    del data["kind"]
    del data["turns"][0]["weight"]
    assert from_json(data).kind is WindowKind.REPLY
    assert from_json(data).turns[0].weight == 1.0
