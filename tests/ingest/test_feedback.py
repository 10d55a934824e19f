"""What was thought of the bot's replies, from the archive to the dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingest.archive import Archive
from ingest.dataset.preferences import Preference, preferences, read_preferences
from ingest.feedback import Feedback
from tests.ingest.talk import START, Talk

LATER = START + timedelta(days=9)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """@kim asks twice; a bot answers as @self, the second time wrongly, and @self says so."""
    talk = Talk()
    lines = [
        talk.say("me", "hi all"),
        talk.say("kim", "do you like noodles?"),
        talk.say("bot", "I love them 好吃"),
        talk.say("kim", "and dumplings?"),
        talk.say("bot", "I love them too"),
        talk.say("me", "no, I can't stand dumplings"),
    ]
    bots = (replace(one.author, is_bot=one.author.key == "bot") for one in lines)
    said = [replace(one, author=author) for one, author in zip(lines, bots, strict=True)]
    with Archive.open(tmp_path / "archive.sqlite", create=True) as opened:
        opened.add(said)
        opened.set_self("me")
        yield opened


def id_of(number: int) -> str:
    return f"test:chat:{number}"


LIKED = Feedback(id_of(2), (id_of(3),), (id_of(1), id_of(2)), START, 1)
CORRECTED = Feedback(
    id_of(4),
    (id_of(5),),
    tuple(map(id_of, range(1, 5))),
    START + timedelta(minutes=1),
    -1,
    id_of(6),
)


def preferred(
    archive: Archive, before: datetime = LATER
) -> tuple[list[Preference], dict[str, int]]:
    counts = Counter[str]()
    found = list(preferences(archive, before=before, counts=counts))
    return found, dict(counts)


def test_a_correction_is_preferred_to_what_the_bot_said(archive: Archive) -> None:
    archive.note_feedback(CORRECTED)
    [found], counts = preferred(archive)
    assert counts == {"corrected": 1}
    assert found.rejected == ("I love them too",)
    *context, target = found.window.turns
    assert [line.text for line in target.lines] == ["no, I can't stand dumplings"]
    assert target.is_target
    assert not any(turn.is_target for turn in context)
    # What the bot said before is @self's, as the model was shown it.
    assert [turn.is_self for turn in context] == [True, False, True, False]


def test_a_liked_reply_is_what_is_to_be_said_there(archive: Archive) -> None:
    archive.note_feedback(LIKED)
    [found], counts = preferred(archive)
    assert counts == {"liked": 1}
    assert found.rejected == ()
    assert [line.text for line in found.window.turns[-1].lines] == ["I love them 好吃"]
    assert found.window.turns[-1].is_self


def test_a_dislike_alone_makes_no_pair(archive: Archive) -> None:
    archive.note_feedback(replace(LIKED, verdict=-1))
    assert preferred(archive) == ([], {"disliked": 1})


def test_nothing_of_the_held_out_period_is_learned_from(archive: Archive) -> None:
    archive.note_feedback(LIKED)
    archive.note_feedback(CORRECTED)
    between = START + timedelta(minutes=5, seconds=30)  # the correction comes a little later
    found, counts = preferred(archive, before=between)
    assert counts == {"liked": 1, "waiting for a later dataset": 1}
    assert [one.window.id for one in found] == [f"feedback:{id_of(2)}"]


def test_a_verdict_may_change_and_a_first_correction_stands(archive: Archive) -> None:
    archive.note_feedback(replace(CORRECTED, verdict=0))
    archive.note_feedback(replace(CORRECTED, verdict=1, correction=id_of(1)))
    [known] = archive.feedback()
    assert (known.verdict, known.correction) == (1, id_of(6))
    archive.note_feedback(LIKED)
    archive.note_feedback(replace(LIKED, verdict=0))
    assert archive.feedback() == [known]


def test_whoever_is_forgotten_leaves_nothing_to_prefer(archive: Archive) -> None:
    archive.note_feedback(CORRECTED)
    archive.forget("@kim")
    assert archive.feedback() == []


def test_whoever_opts_out_is_not_learned_from(archive: Archive) -> None:
    archive.note_feedback(CORRECTED)
    kim = next(one for one in archive.people() if one.handle == "kim")
    archive.withdraw(kim.accounts[0])
    assert preferred(archive) == ([], {"gone from the archive": 1})


def test_a_dataset_of_before_has_none(tmp_path: Path) -> None:
    assert read_preferences(tmp_path) == []
