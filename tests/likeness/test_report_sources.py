"""The report from whatever there is: it says what is missing, and shows nobody's words if told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.app import app, run
from config.settings import Home
from likeness.measured import Better, Figure, Measure, Measures
from likeness.records import Evaluation
from likeness.report.headline import headline, level
from likeness.report.heard import Habit, heard
from likeness.report.page import render
from likeness.report.scenes import recalled, samples
from likeness.report.shown import evenly, shortened, written
from likeness.report.sources import gather
from likeness.report.speaking import speaking
from likeness.report.versions import versions
from tests.likeness.made import NOON, evaluation
from tests.likeness.reported import WRITTEN, full_home, rehearsed, with_model

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home)


def report(*words: str) -> Result:
    done = CliRunner().invoke(app, ["report", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done


def test_a_home_without_a_model_is_one_clear_line(
    place: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report"]) == 1
    told = capsys.readouterr().err.strip()
    assert told.endswith("no model yet to report on; run `atself train`")
    assert "\n" not in told


def test_a_home_with_only_a_model_says_which_commands_make_the_rest(place: Home) -> None:
    with_model(place)
    done = report("--json")
    found = json.loads(done.stdout)
    assert found["evaluation"] is None
    assert [each["command"] for each in found["missing"]] == [
        "atself evaluate",
        "atself gate",
        "atself blind make",
    ]
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert found["page"] == str(place.path / "likeness.html")
    assert "Not rehearsed yet." in page
    assert "<code>atself gate</code>" in page
    assert 'data-table="copying"' in page


def test_an_unfinished_rehearsal_is_named(place: Home) -> None:
    with_model(place)
    evaluation(place.evaluations, scenes=4)
    missing = gather(place, None, None).missing
    assert missing[0].what.endswith("its rehearsal e1 is not finished")


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(place: Home) -> None:
    full_home(place.path, scenes=4)
    (place.evaluations / "e1" / "measures.json").write_text('{"measures": 3}')
    place.gate.write_text("{")
    next((place.path / "blind" / "t1").iterdir()).write_text("nothing")
    sources = gather(place, None, None)
    assert sources.rehearsed is not None
    assert (sources.gate, sources.blind) == (None, ())
    told = " ".join(each.what for each in sources.missing)
    assert "evaluation e1" in told
    assert "gate.json cannot be read" in told
    assert "not readable" in told


def test_the_latest_evaluation_of_the_serving_version_is_shown(place: Home) -> None:
    full_home(place.path, scenes=4)
    rehearsed(place, "e3", scenes=4, version="v1", days=20)
    chosen = gather(place, None, None)
    assert chosen.version == "v2"
    assert chosen.rehearsed is not None
    assert chosen.rehearsed.plan.id == "e2"
    other = gather(place, "v1", None)
    assert other.rehearsed is not None
    assert other.rehearsed.plan.id == "e3"
    named = gather(place, None, "e1")
    assert (named.version, named.rehearsed and named.rehearsed.plan.id) == ("v1", "e1")


def test_a_later_evaluation_of_fewer_replies_hides_no_larger_one(place: Home) -> None:
    full_home(place.path, scenes=4)
    small = rehearsed(place, "e3", scenes=2, version="v2", days=30)
    few = Measure("judge", "judge", Better.HIGHER, {"base": Figure(0.5, None, None, 2, 1)})
    small.finish(Measures((few,), {}).to_json())
    chosen = gather(place, None, None)
    assert chosen.rehearsed is not None
    assert chosen.rehearsed.plan.id == "e2"


def test_an_unknown_evaluation_or_model_is_one_line_that_names_those_there_are(
    place: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    full_home(place.path, scenes=4)
    assert run(["report", "--evaluation", "e9"]) == 1
    assert "there are: e1, e2" in capsys.readouterr().err
    assert run(["report", "--model", "v9"]) == 1
    assert "there are: v1, v2" in capsys.readouterr().err


def test_without_texts_nobody_is_quoted_and_nobody_named(place: Home, tmp_path: Path) -> None:
    full_home(place.path, scenes=12)
    out = tmp_path / "figures.html"
    found = json.loads(report("--without-texts", "--out", str(out), "--json").stdout)
    page = out.read_text(encoding="utf-8")
    for written_by_people in WRITTEN:
        assert written_by_people not in page, written_by_people
    assert "Ada" not in page
    assert "onerror" not in page
    assert found["advice"][0] == "memory helps here: facts 10% → 70%"
    assert 'data-table="measure-judge"' in page
    assert "friend 1" in page
    assert 'data-table="hours-answered"' in page


def test_of_two_hundred_scenes_the_page_stays_small(place: Home) -> None:
    full_home(place.path, scenes=200)
    page = render(gather(place, None, None), now=NOW)
    assert len(page.encode()) < 2_000_000
    assert page.count('class="scene"') == 8 + 4 + 2


def test_the_same_sources_give_the_same_page(place: Home) -> None:
    full_home(place.path, scenes=4)
    pages = {render(gather(place, None, None), now=NOW, scenes=2) for _ in range(2)}
    assert len(pages) == 1


def test_the_headline_says_no_more_than_the_interval_allows() -> None:
    above = Figure(0.2, 0.1, 0.3)
    assert level(Figure(0.6), above) == "too few replies to tell"
    assert "no more like" in level(Figure(0.3, -0.1, 0.7, 8, 8), above)
    assert level(Figure(0.3, 0.15, 0.5, 40, 10), Figure(0.1, -0.1, 0.3)).endswith("member is")
    assert level(Figure(0.4, 0.3, 0.5, 40, 10), above).endswith("and than its base")


def test_without_a_likeness_there_is_no_headline_but_a_page(place: Home) -> None:
    full_home(place.path, scenes=4)
    made = Evaluation(place.evaluations / "e2")
    made.finish({**made.measures, "likeness": {}})
    sources = gather(place, None, None)
    assert headline(sources.rehearsed, "v2") is None
    page = render(sources, now=NOW)
    assert "Rehearsed, but not to be put into one figure." in page
    assert 'data-table="measure-judge"' in page


def test_recall_begins_with_facts_that_only_memory_knew(place: Home) -> None:
    full_home(place.path, scenes=4)
    found = recalled(gather(place, None, None))
    assert [bool(scene.wanted) for scene in found] == [True] * 4
    assert [(said.name, said.mark) for said in found[0].replies] == [
        ("trained (v2)", "not in it"),
        ("trained, with memory (v2)", "right"),
    ]


def test_scenes_without_a_reply_of_everybody_are_not_picked(place: Home) -> None:
    full_home(place.path, scenes=6)
    sources = gather(place, None, None)
    dropped = sources.scenes[0].id
    less = replace(
        sources,
        attempts=tuple(
            each for each in sources.attempts if each.scene != dropped or each.player.role.is_model
        ),
    )
    assert dropped not in [scene.id for scene in samples(less, 8)]
    assert len(samples(less, 8)) == 5


def test_versions_are_compared_on_the_scenes_shown_where_they_can_be(place: Home) -> None:
    full_home(place.path, scenes=4)
    shown = versions(gather(place, None, None), with_texts=True)
    assert [row[-1].text for row in shown.table.rows] == ["e1", "e2"]
    assert shown.plot is not None
    assert "not all on the same scenes" in shown.plot.note
    assert shown.history is not None
    assert [row[0].text for row in shown.history.rows] == ["v2", "v1"]
    assert shown.history.rows[0][2].text == "promoted"
    assert shown.history.rows[0][1].text == f"{NOON:%Y-%m-%d %H:%M}"


def test_a_gate_report_of_another_shape_is_read_as_far_as_it_goes() -> None:
    found = heard(
        {
            "held_out": {"messages": 50, "answered": 4, "since": None},
            "table": [{"name": "the learned gate", "balanced": 0.7, "auc": None}],
            "calibration": [{"told": 0.1, "came": 0.2, "messages": 5}],
            "curves": {"roc": [[0, 0], [1, 1]]},
            "heard": [0] * 168,
            "answered": [0] * 168,
            "people": [{"handle": "fox", "messages": 9, "answered": 1}],
            "gain": {"over": "recency rule", "points": 0.14, "low": 0.1, "high": 0.18},
            "manner": [
                {"name": "messages of a burst", "observed": 9, "median": 1, "fitted_median": 2}
            ],
        }
    )
    assert found is not None
    assert found.ways[0].balanced_accuracy == 0.7
    assert found.calibration == ((0.1, 0.2, 5),)
    assert found.people[0].seen == 9
    assert found.week is None
    assert found.habits == (Habit("messages of a burst", 1, 2, 9),)
    shown = speaking(found, with_handles=True)
    assert shown is not None
    assert "14 points (10 to 18) above the recency rule." in shown.sentences[1]
    assert heard({"methods": [{"no": "name"}]}) is None
    assert heard({}) is None


def test_numbers_are_written_as_people_read_them() -> None:
    assert [written(value, "%") for value in (0.0, -0.0001, 0.034, 0.5, 1.0)] == [
        "0%", "0%", "3.4%", "50%", "100%",
    ]  # fmt: skip
    assert [written(value) for value in (12345.6, 0.5034, 3.0, -0.0144)] == [
        "12,346", "0.50", "3", "−0.014",
    ]  # fmt: skip
    assert shortened("a b c d", 4) == "a b…"
    assert evenly(range(9), 3) == [0, 4, 8]
    assert evenly(range(2), 3) == [0, 1]
    assert evenly(range(9), 1) == [0]
