"""Scenes of a rehearsal, the gate beside them, and the players that pick what was once said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account
from likeness.errors import LikenessError
from likeness.records import Attempt, Player, Role, Scene, SceneKind
from likeness.rehearsal.models import examples_of
from likeness.rehearsal.period import Period, read_period, still_there
from likeness.rehearsal.plans import plan_of
from likeness.rehearsal.rules import attempts_of, by_words
from likeness.rehearsal.scenes import Staged, spread, stage
from tests.ingest.talk import Talk
from tests.likeness.made import evaluation
from tests.likeness.made import scene as made_scene
from tests.likeness.stagehand import dinner, rehearsal_home, run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Forty days of dinner talk."""
    return rehearsal_home(tmp_path_factory.mktemp("rehearsal") / "persona", has_model=False)


@pytest.fixture(scope="module")
def period(home: Home) -> Period:
    """Its held-out part."""
    return read_period(home)


def staged(home: Home, *, scenes: int = 100, seed: int = 7) -> Staged:
    """Its scenes."""
    with Archive.open(home.archive) as archive:
        period = read_period(home)
        return stage(home, load(home.path), archive, period, scenes=scenes, seed=seed)


def picked(home: Home, role: Role, scenes: Sequence[Scene] | None = None) -> list[Attempt]:
    """What a player of rules says."""
    known, settings = scenes or staged(home).scenes, load(home.path)
    with Archive.open(home.archive) as archive:
        return attempts_of(Player(role), known, settings, archive, read_period(home), 7, by_words)


def test_a_scene_ends_with_what_self_answered_and_shows_nothing_later(home: Home) -> None:
    scenes = staged(home).scenes
    assert len(scenes) == 8
    for scene in scenes:
        number = scene.real[0].rpartition(" ")[2]
        assert scene.before[-1].text.endswith(f"at place {number}?")
        assert scene.before[-1].handle == "bob"
        assert all(line.sent_at is not None and line.sent_at < scene.at for line in scene.before)


def test_what_self_said_before_is_shown_as_self(home: Home) -> None:
    first = staged(home).scenes[0]
    own = [line for line in first.before if line.is_self]
    assert own
    assert {line.handle for line in own} == {"self"}


def test_all_scenes_lie_behind_what_was_learned(home: Home, period: Period) -> None:
    assert all(scene.at >= period.start for scene in staged(home).scenes)
    assert period.past
    assert all(exchange.ends < period.start for exchange in period.past)


def test_a_question_with_an_afterthought_ends_with_the_afterthought(tmp_path: Path) -> None:
    talk = dinner()
    asked = talk.say("bob", "kevin are you coming", minutes=60 * 23)
    talk.say("anna", "i brought rice")
    talk.say("bob", "to the truck i mean", minutes=0.5)
    said = talk.say("kevin", "on my way", reply_to=asked, minutes=0.5)
    talk.say("anna", "great", reply_to=said)
    place = rehearsal_home(tmp_path / "persona", talk, has_model=False)
    last = staged(place).scenes[-1]
    assert [line.text for line in last.before[-3:]] == [
        "kevin are you coming",
        "i brought rice",
        "to the truck i mean",
    ]


def test_fewer_scenes_come_from_the_whole_period_and_are_the_same_for_a_seed(
    home: Home, period: Period
) -> None:
    some = spread(period.held_out, 4, seed=1)
    places = [period.held_out.index(each) for each in some]
    assert [place // 2 for place in places] == [0, 1, 2, 3]
    assert some == spread(period.held_out, 4, seed=1)
    assert staged(home, scenes=4) == staged(home, scenes=4)


def test_the_gate_is_asked_about_every_message_and_judged_by_replies(home: Home) -> None:
    gate = staged(home).gate
    assert gate["messages"] == 15  # bob's and anna's on eight days, but for the very last
    assert gate["agreed"] + gate["missed"] == 8  # type: ignore[operator]
    assert len(gate["scenes"]) == 8  # type: ignore[arg-type]


def test_self_says_what_was_said_with_its_real_delays(home: Home) -> None:
    scenes = {scene.id: scene for scene in staged(home).scenes}
    said = picked(home, Role.SELF)
    assert all(one.parts == scenes[one.scene].real for one in said)
    assert {one.delays for one in said} == {(60.0,)}


def test_another_member_says_something_that_is_not_in_the_scene_and_each_thing_once(
    home: Home,
) -> None:
    scenes = {scene.id: scene for scene in staged(home).scenes}
    said = picked(home, Role.MEMBER)
    assert said
    assert len({one.source for one in said}) == len(said)
    for one in said:
        shown = {line.message_id for line in scenes[one.scene].before}
        assert one.source not in shown
        assert one.parts[0].startswith("fine,")


def test_past_replies_are_from_before_the_period(home: Home, period: Period) -> None:
    known = {exchange.id for exchange in period.past}
    for role in (Role.RANDOM, Role.NEAREST):
        said = picked(home, role)
        assert len(said) == 8
        assert {one.source for one in said} <= known


def test_the_nearest_past_reply_answers_the_likest_question(home: Home) -> None:
    scenes = {scene.id: scene for scene in staged(home).scenes}
    for one in picked(home, Role.NEAREST):
        asked = scenes[one.scene].before[-1].text
        topic = next(
            word for word in ("broth", "chopsticks", "queue", "oil", "truck") if word in asked
        )
        assert topic in one.parts[0]


def test_a_rule_never_shows_one_chat_what_was_said_in_another(tmp_path: Path) -> None:
    talk, other = dinner(), Talk("test:other", "Bees")
    other.now = talk.now
    for number in range(3):
        asked = other.say("eve", f"honey {number}?", minutes=60)
        other.say("kevin", f"honey indeed {number}", reply_to=asked)
    place = rehearsal_home(tmp_path / "persona", talk, has_model=False)
    with Archive.open(place.archive) as archive:
        other.recorded(archive)
    run(place, "dataset")
    scenes = [scene for scene in staged(place).scenes if scene.chat == "test:other"]
    assert scenes
    assert not picked(place, Role.RANDOM, scenes)
    assert not picked(place, Role.NEAREST, scenes)


def test_a_dataset_that_held_nothing_out_is_one_line(tmp_path: Path) -> None:
    place = rehearsal_home(tmp_path / "persona", dinner(8), has_model=False)
    (place.dataset / "test.jsonl").write_text("")
    with pytest.raises(LikenessError, match="no reply of @self was held out") as caught:
        read_period(place)
    assert "\n" not in str(caught.value)


def test_forgetting_somebody_removes_the_scenes_that_quote_them(tmp_path: Path) -> None:
    place = rehearsal_home(tmp_path / "persona", dinner(12), has_model=False)
    evaluation(place.evaluations)
    run(place, "forget", "@anna", "--yes")
    assert not place.evaluations.exists()


def test_a_plan_is_named_after_its_scenes_but_not_after_the_moment_of_own_questions(
    home: Home,
) -> None:
    settings = load(home.path)
    asked = made_scene(1, SceneKind.CONTROLLED)
    later = replace(asked, at=asked.at + timedelta(days=1))
    real = made_scene(2)
    others = (real, replace(real, at=real.at + timedelta(days=1)))

    def name(*scenes: Scene) -> str:
        return plan_of(home, settings, [Player(Role.SELF)], scenes, 7, "", asked.at).id

    assert name(asked) == name(later)
    assert name(others[0]) != name(others[1])


def test_who_opted_out_since_the_dataset_is_in_no_scene_example_or_pick(tmp_path: Path) -> None:
    talk = Talk()
    for number in range(40):
        who, what = ("zora", "xylophone") if number % 2 else ("bob", "truck")
        asked = talk.say(who, f"is the {what} {number} yours?", minutes=60 * 23)
        said = talk.say("kevin", f"sure, number {number}", reply_to=asked)
        if number % 3:
            talk.say("anna", f"fine, that one {number}", reply_to=said)
        else:
            talk.say("zora", f"fine, that xylophone {number}", reply_to=said)
    home = rehearsal_home(tmp_path / "persona", talk, has_model=False)
    with Archive.open(home.archive) as archive:
        assert still_there(read_period(home), archive) == read_period(home)
        archive.withdraw(Account("test", "zora"))
        period = still_there(read_period(home), archive)
        examples = "".join(examples_of(period.past, seed=7).values())
        scenes = stage(home, load(home.path), archive, period, scenes=100, seed=7).scenes
        picked = [
            attempts_of(Player(role), scenes, load(home.path), archive, period, 7, by_words)
            for role in (Role.MEMBER, Role.NEAREST, Role.RANDOM)
        ]
    asked_of = [line.text for one in (*period.past, *period.held_out) for line in one.asked]
    shown = [line.text for scene in scenes for line in scene.before]
    quoted = [part for found in picked for one in found for part in one.parts]
    assert scenes
    assert examples
    assert not any("xylophone" in text for text in (*asked_of, *shown, *quoted, examples))


def test_what_self_said_in_another_chat_is_never_picked(home: Home) -> None:
    fact = replace(staged(home).scenes[0], id="fact:1", kind=SceneKind.FACT, chat="test:other")
    assert picked(home, Role.NEAREST, [fact]) == []
