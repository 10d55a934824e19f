"""A report shows nothing of people who opted out after the rehearsal it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account
from likeness.records import Evaluation, Player, Role, SceneKind
from likeness.report.leavers import still_shown
from tests.likeness.friends import evaluation_of, friends_home
from tests.likeness.made import evaluation


def shown(home: Home, made: Evaluation) -> tuple[str, str]:
    """All that is left of an evaluation, as text: scenes, and attempts."""
    scenes, attempts = still_shown(home, made)
    return str([scene.to_json() for scene in scenes]), str([each.to_json() for each in attempts])


def test_scenes_of_who_opted_out_are_left_out_of_the_report(tmp_path: Path) -> None:
    home = friends_home(tmp_path / "persona")
    made = Evaluation(home.evaluations / "e-v1")
    assert shown(home, made) == (
        str([scene.to_json() for scene in made.scenes]),
        str([each.to_json() for each in made.attempts]),
    )
    with Archive.open(home.archive) as archive:
        archive.withdraw(Account("plain", "小林"))
    scenes, attempts = still_shown(home, made)
    assert len(scenes) == len(attempts) == 4
    assert "周末去爬山" not in shown(home, made)[0]


def test_what_memory_told_of_them_and_what_was_said_then_goes_too(tmp_path: Path) -> None:
    home = friends_home(tmp_path / "persona")
    first = Evaluation(home.evaluations / "e-v1")
    told = evaluation_of(home.path / "other", [(first.scenes[0], ("he lives there",))])
    quoting = replace(told.attempts[0], player=Player(Role.FULL, "v2"), passages=("@小林: 住这",))
    told.add([quoting])
    asked = replace(first.scenes[0], id="controlled:1", kind=SceneKind.CONTROLLED)
    told.begin(told.plan, [*told.scenes, asked])
    with Archive.open(home.archive) as archive:
        handle = archive.find_person("小林").handle
        archive.withdraw(Account("plain", "小林"))
    assert handle == "小林"
    scenes, attempts = still_shown(home, told)
    assert [scene.id for scene in scenes] == ["controlled:1"]
    assert attempts == ()


def test_without_an_archive_everything_is_shown(tmp_path: Path) -> None:
    made = evaluation(tmp_path / "evaluations", scenes=2)
    assert len(still_shown(Home(tmp_path), made)[0]) == len(made.scenes)
