"""Questions with known answers are made of what was really said, before the scenes begin."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import Ingest, Settings
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from likeness.asking import names_in, stands_alone
from likeness.measures.answers import holds
from likeness.probes import probe_scenes
from likeness.records import Scene, SceneKind

DEN = Conversation("plain:den", "Den", "plain")
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
UNTIL = START + timedelta(days=40)
ME, FOX, OWL = (Account("plain", f"name:{n}", n) for n in ("Hana", "Dummy Fox", "Old Owl"))
FILLER = ("the bees are loud today", "coffee first, then the hives", "rain again, no honey")
TALK = (
    (FOX, "where does your sister live now?", "in Brambleford, since spring"),
    (OWL, "which bus goes to the market on sundays?", "the 4187 I think"),
    (FOX, "who repaired the old smoker?", "ask nice_mail@example.com or Tresillian"),
    (OWL, "and why is that?", "Quillfeather says so"),
    (FOX, "is Marrowgate Hall open?", "Marrowgate Hall is closed"),
    (OWL, "what did you plant?", "roses"),
)
LATER = ("when is the fair in Oxenholme?", "on the 9th, with Pendragon")


def talk() -> Iterator[RawMessage]:
    """A question and an answer a day among small talk; one more after the end."""
    number = 0

    def said(who: Account, text: str, at: datetime, to: str | None = None) -> RawMessage:
        nonlocal number
        number += 1
        return RawMessage(f"plain:den:{number}", DEN, who, at, text, reply_to=to)

    for day, (asker, question, answer) in enumerate(TALK):
        at = START + timedelta(days=day)
        for minute, text in enumerate(FILLER):
            yield said((FOX, OWL, ME)[minute], text, at + timedelta(minutes=minute))
        asked = said(asker, question, at + timedelta(hours=2))
        yield asked
        yield said(ME, answer, at + timedelta(hours=2, minutes=1), asked.id)
    yield said(ME, "you get frames from Lowick or Ambleton", START + timedelta(days=9))
    yield said(OWL, "who is Tobias Tate?", START + timedelta(days=10))
    asked = said(FOX, LATER[0], UNTIL + timedelta(days=1))
    yield asked
    yield said(ME, LATER[1], UNTIL + timedelta(days=1, minutes=1), asked.id)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    path = tmp_path_factory.mktemp("probes") / "archive.sqlite"
    with Archive.open(path, create=True) as opened:
        opened.add(talk())
        opened.set_self("Hana")
        yield opened


def probes(
    archive: Archive, *, facts: int = 9, unknown: int = 9, redact: bool = True
) -> list[Scene]:
    settings = Settings(ingest=Ingest(redact=redact))
    return probe_scenes(archive, settings, until=UNTIL, facts=facts, unknown=unknown, seed=1)


def test_a_question_once_answered_is_asked_again_at_the_end(archive: Archive) -> None:
    scenes = [each for each in probes(archive) if each.kind is SceneKind.FACT]
    asked = {each.before[-1].text: each for each in scenes}
    where = asked["where does your sister live now?"]
    assert where.wanted == ("Brambleford",)
    assert where.at == where.before[-1].sent_at == UNTIL
    assert where.before[-1].handle == "dummy_fox"
    assert where.real == ()
    assert asked["which bus goes to the market on sundays?"].wanted == ("4187",)


def test_what_was_named_beside_something_else_is_asked_for(archive: Archive) -> None:
    scenes = {each.before[-1].text: each.wanted for each in probes(archive)}
    assert scenes["what was it you said about Lowick?"] == ("Ambleton",)


def test_no_question_holds_its_answer_leans_on_others_or_tells_secrets(archive: Archive) -> None:
    scenes = probes(archive)
    texts = [each.before[-1].text for each in scenes]
    assert not any(holds((each.before[-1].text,), w) for each in scenes for w in each.wanted)
    assert "and why is that?" not in texts
    assert "who repaired the old smoker?" not in texts
    assert "who repaired the old smoker?" in [
        each.before[-1].text for each in probes(archive, redact=False)
    ]


def test_nothing_later_is_asked_about(archive: Archive) -> None:
    assert not any("Oxenholme" in each.before[-1].text for each in probes(archive))
    assert not any("Pendragon" in each.wanted for each in probes(archive))


def test_names_nobody_bears_are_asked_about_in_turn_with_real_questions(archive: Archive) -> None:
    scenes = [each for each in probes(archive) if each.kind is SceneKind.UNKNOWN]
    texts = [each.before[-1].text for each in scenes]
    assert len(scenes) == len({each.id for each in scenes}) == 9
    assert sum("Tate" in text for text in texts) == 0
    assert all(each.before[-1].handle in ("dummy_fox", "old_owl") for each in scenes)
    assert all(not each.wanted for each in scenes)


def test_the_same_seed_gives_the_same_scenes_and_none_where_none_are_wanted(
    archive: Archive,
) -> None:
    assert probes(archive) == probes(archive)
    assert probes(archive, facts=0, unknown=0) == []
    assert len(probes(archive, facts=1, unknown=2)) == 3


@pytest.mark.parametrize(
    ("text", "is_alone"),
    [
        ("where did you park the red tractor?", True),
        ("and where was it?", False),
        ("what do you mean?", False),
        ("which one?", False),
        ("你老家在哪个城市？", True),
        ("这个是什么？", False),
        ("see https://example.org who wrote it?", False),
    ],
)
def test_which_questions_stand_alone(text: str, is_alone: bool) -> None:
    assert stands_alone(text) is is_alone


def test_names_and_numbers_of_an_answer() -> None:
    assert names_in("ask Ada Mellor or check room 2714") == ["Ada Mellor", "2714"]
    assert names_in("我在看《山海旧事》") == ["山海旧事"]
    assert names_in("Nooooo! photo.png x_1") == []
