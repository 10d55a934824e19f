"""A better player scores higher, a member lands at the floor, nothing of the scenes leaks in."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from random import Random

import numpy as np
import pytest
from rich.console import Console

from config.settings import Home, Settings
from ingest.chat import Line
from likeness.errors import LikenessError
from likeness.measured import Better, Measures
from likeness.measures import judge as judging
from likeness.measures.answers import abstains, holds
from likeness.measures.choice import distractors
from likeness.measures.comparing import compare
from likeness.measures.faults import leaks
from likeness.measures.headline import headline
from likeness.measures.judge import matched
from likeness.measures.masking import Mask, without_addresses
from likeness.measures.material import Material, began, material_of
from likeness.measures.measuring import measure
from likeness.measures.played import Sheet, sheet_of
from likeness.measures.showing import shown
from likeness.measures.taken import Drawn, Table, Taken
from likeness.records import Attempt, Evaluation, Player, Role, SceneKind
from tests.likeness.made import NOON, PLAYERS, evaluation
from tests.likeness.speaking import home_with, mine, played, yours
from trainer.card.features import FEATURES, folded, kept_of, profile_of
from trainer.card.intervals import Draws, recentred

FLOOR, CEILING = Player(Role.MEMBER), Player(Role.SELF)
GOOD, FAIR, POOR = Player(Role.FULL, "v2"), Player(Role.FULL, "v1"), Player(Role.BASE)
COPY = Player(Role.RANDOM)
SKILLS = {GOOD: 0.95, FAIR: 0.5, POOR: 0.0}


@pytest.fixture(scope="module")
def den(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_with(tmp_path_factory.mktemp("den"))


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return played(tmp_path_factory.mktemp("played"), SKILLS)


@pytest.fixture(scope="module")
def measured(rehearsed: Evaluation, den: Home) -> Measures:
    return measure(rehearsed, den, Settings())


def value(measures: Measures, key: str, player: Player) -> float:
    found = measures.get(key)
    assert found is not None
    return found.figures[player.name].value


def test_a_better_player_scores_higher_by_every_measure_of_likeness(measured: Measures) -> None:
    for each in measured.measures:
        if each.is_likeness:
            sign = -1 if each.better is Better.LOWER else 1
            values = [sign * each.figures[p.name].value for p in (CEILING, FAIR, FLOOR)]
            assert values == sorted(values, reverse=True), each.key
    names = [each.name for each in (CEILING, GOOD, FAIR, POOR)]
    values = [measured.likeness[name].value for name in names]
    assert values == sorted(values, reverse=True)
    assert {"judge", "judge_masked", "style", "chrf", "choice"} <= {
        each.key for each in measured.measures if each.is_likeness
    }


def test_another_members_words_land_at_the_floor_and_selfs_at_the_ceiling(
    measured: Measures,
) -> None:
    assert measured.likeness[FLOOR.name].value == 0
    assert measured.likeness[CEILING.name].value == 1
    poor = measured.likeness[POOR.name]
    assert poor.low is not None
    assert poor.high is not None
    assert poor.low <= 0.05
    assert abs(poor.value) < 0.1
    assert poor.replies == 60
    assert poor.clusters == 20


def test_the_judge_says_how_good_it_is_and_how_large_its_bundles_are(measured: Measures) -> None:
    judge = measured.get("judge")
    assert judge is not None
    assert "bundles of 20 replies" in judge.note
    assert "AUC 1.000 by bundle" in judge.note


def test_bundles_are_smaller_where_there_are_few_scenes() -> None:
    assert judging.bundle_size(200) == 20
    assert judging.bundle_size(30) == 10
    assert judging.bundle_size(1) == 1


def test_nothing_said_in_or_after_the_scenes_is_learned_from(
    rehearsed: Evaluation, den: Home
) -> None:
    scenes = rehearsed.scenes
    before = material_of(den, scenes)
    assert before is not None
    assert len(before.own) == 200
    early = replace(scenes[0], at=before.own[100].lines[0].sent_at or NOON, before=())
    cut = material_of(den, [early])
    assert cut is not None
    limit = began([early])[early.chat]
    assert len(cut.own) == 100
    assert all(line.sent_at and line.sent_at < limit for turn in cut.own for line in turn.lines)
    assert cut.late_own == ()


def test_a_quiet_chat_whose_scenes_show_months_takes_nothing_from_the_others(
    rehearsed: Evaluation, den: Home
) -> None:
    every = material_of(den, rehearsed.scenes)
    long_ago = Line("ann", "hi", sent_at=NOON - timedelta(days=900))
    quiet = replace(rehearsed.scenes[0], chat="plain:quiet", before=(long_ago,))
    assert material_of(den, [*rehearsed.scenes, quiet]) == every
    loud = replace(quiet, chat=rehearsed.scenes[0].chat)
    cut = material_of(den, [*rehearsed.scenes, loud])
    assert cut is not None
    assert cut.own == ()


def test_the_judge_is_not_fooled_by_length() -> None:
    dice = Random(1)
    own = [mine(dice) for _ in range(50)]
    long = {"nice_guy": [tuple(p * 9 for p in yours(dice)) for _ in range(50)],
            "old_owl": [yours(dice) for _ in range(50)]}  # fmt: skip
    mine_, theirs = matched(own, long, most=100, seed=1)
    assert len(mine_) == len(theirs) > 20
    assert max(len("".join(each)) for each in theirs) <= 2 * max(len("".join(o)) for o in own)


def test_a_reply_the_judge_has_read_is_judged_by_the_half_that_has_not(den: Home) -> None:
    material = material_of(den, [])
    assert material is not None
    judge = judging.train(material, judging.plain(material), seed=1)
    assert judge is not None
    read = next(
        reply
        for turn in material.own
        if (reply := tuple(line.text for line in turn.lines))
        and [half.knows(reply) for half in judge.halves] == [True, False]
    )
    [odds] = judge.odds([read])
    [fair] = judge.halves[1].model.decision_function([judge.read(read)])
    assert odds == pytest.approx(fair)
    assert judge.odds([()]) == [None]


def test_too_little_writing_has_no_judge() -> None:
    few = Material((), {}, (), {})
    assert judging.train(few, judging.plain(few), seed=1) is None


def test_masking_leaves_how_it_is_said() -> None:
    mask = Mask.of({n: ["the cat is on the mat", "我的猫在家"] for n in ("a", "b", "c")})
    assert mask("the Zebrafish is 42 LOUD 龙 的!!") == "the Xxx is 9 XX 字 的!!"
    assert without_addresses("hi @nice_guy, Hana: https://x.org/a", ["Hana"]) == "hi @, @: ://"


def test_paired_differences_of_the_same_scenes(rehearsed: Evaluation, den: Home) -> None:
    found = compare(rehearsed, GOOD, FAIR, den, Settings())
    assert found["likeness"].value > 0
    assert found["likeness"].low is not None
    assert found["likeness"].low > 0
    assert found["nats"].value < 0
    with pytest.raises(LikenessError, match="was not played"):
        compare(rehearsed, GOOD, Player(Role.FULL, "v9"), den, Settings())


def test_measuring_twice_gives_the_same(
    measured: Measures, rehearsed: Evaluation, den: Home
) -> None:
    again = measure(rehearsed, den, Settings()).to_json()
    assert again == measured.to_json()
    assert Measures.from_json(again).to_json() == again


def test_intervals_cover_what_is_true() -> None:
    """Of 200 samples from 30 clusters of four, about 95 % of the intervals hold the mean."""
    dice = np.random.default_rng(4)
    covered = 0
    for trial in range(200):
        values = (dice.normal(0, 1, 30)[:, None] + dice.normal(0, 1, (30, 4))).ravel()
        clusters = [str(i // 4) for i in range(120)]
        draws = Draws.of(clusters, seed=trial, draws=300).ratios(values.tolist(), [1.0] * 120)
        found = recentred(float(values.mean()), draws, 30)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0 <= found.high
    assert covered >= 180


def test_a_share_of_none_has_an_interval_all_the_same() -> None:
    none = Drawn(0.0, np.zeros(50), 40, 40, is_share=True).figure()
    assert none.low == 0
    assert none.high == pytest.approx(0.0876, abs=1e-3)
    assert Drawn(0.0, np.zeros(50), 2, 2).figure().low is None
    spread = np.linspace(0, 4, 50)
    assert Drawn(0.5, spread, 9, 9, least=0.0).figure().low == 0


def test_openings_capitals_and_emoji_are_features_of_their_own() -> None:
    plain = profile_of([("so what",), ("so be it",), ("ok 好",)] * 9)
    loud = profile_of([("WHAT 🎉",), ("Well NO",), ("Sure 🎉",)] * 9)
    kept = kept_of(plain)
    apart = {n: f(folded(loud, kept), folded(plain, kept)) for n, f in FEATURES.items()}
    near = {n: f(folded(plain, kept), folded(plain, kept)) for n, f in FEATURES.items()}
    assert all(apart[name] > 0.2 for name in ("openings", "case", "emoji"))
    assert max(near.values()) == 0
    assert profile_of([("明天见",)]).counts["openings"] == {"明天": 1}
    assert profile_of([("明天见",)]).counts["case"] == {"none": 1}


def test_without_a_dataset_and_for_every_kind_of_scene(tmp_path: Path) -> None:
    found = measure(evaluation(tmp_path), Home(tmp_path), Settings())
    keys = {each.key for each in found.measures}
    assert {"nats", "chrf", "choice", "leakage", "looping", "empty", "facts", "abstention"} <= keys
    assert "judge" not in keys
    assert value(found, "facts", Player(Role.FULL, "v1")) == 1
    assert value(found, "facts", Player(Role.ADAPTER, "v1")) == 0
    assert value(found, "choice", CEILING) == 1


def test_only_scenes_that_all_players_played_count(tmp_path: Path) -> None:
    made = evaluation(tmp_path)
    attempts = [a for a in made.attempts if a.player != PLAYERS[0] or not a.scene.endswith(":1")]
    sheet = sheet_of(SceneKind.HELD_OUT, made.scenes, attempts, PLAYERS)
    assert len(sheet.scenes) == 23
    nobody = evaluation(tmp_path / "n", scenes=0, players=(CEILING,))
    with pytest.raises(LikenessError, match="every player spoke"):
        measure(nobody, Home(tmp_path), Settings())


def test_distractors_are_other_replies_of_the_chat_about_as_long(tmp_path: Path) -> None:
    scenes = played(tmp_path, {}).scenes
    found = distractors(scenes[0], scenes, 1)
    assert len(found) == len(set(found)) == 3
    near = {each.real for each in scenes if each.cluster == scenes[0].cluster}
    assert near.isdisjoint(found)
    assert found == distractors(scenes[0], scenes[::-1], 1)
    assert distractors(scenes[0], scenes[:1], 1) == ()
    assert distractors(replace(scenes[0], real=()), scenes, 1) == ()


def test_the_likelier_of_four_replies_counts(tmp_path: Path) -> None:
    made = played(tmp_path, {GOOD: 1.0}, scenes=12)
    chosen = {True: (1.0, 2.0, 2.0, 2.0), False: (2.0, 1.0, 3.0, 3.0)}
    made.add(
        replace(each, choices=chosen[number % 2 == 0])
        for number, each in enumerate(a for a in made.attempts if a.player == GOOD)
    )
    found = measure(made, Home(tmp_path), Settings())
    assert value(found, "choice_likelihood", GOOD) == 0.5
    assert value(found, "choice", GOOD) > value(found, "choice", FLOOR)


def test_faults_of_raw_replies_are_seen() -> None:
    assert leaks(Attempt("s", GOOD, ("hi",), "hi\n@nice_guy: hello"))
    assert leaks(Attempt("s", GOOD, ("hi",), "hi\n[memory]\n  2025"))
    assert leaks(Attempt("s", GOOD, ("hi",), "hi <|im_start|>"))
    assert not leaks(Attempt("s", GOOD, ("@nice_guy hello",), "@nice_guy hello"))


def test_reciting_is_told_from_repeating_oneself(tmp_path: Path, den: Home) -> None:
    made = played(tmp_path, {COPY: 1.0}, scenes=24)
    material = material_of(den, made.scenes)
    assert material is not None
    past = [tuple(line.text for line in turn.lines) for turn in material.own]
    made.add(
        replace(each, parts=past[number])
        for number, each in enumerate(a for a in made.attempts if a.player == COPY)
    )
    found = measure(made, den, Settings())
    assert value(found, "copying", COPY) == 1
    assert value(found, "copying", CEILING) < 0.2


@pytest.mark.parametrize(
    ("said", "is_open"),
    [
        ("idk", True),
        ("no idea who that is, sorry", True),
        ("hmm, I don't know him", True),
        ("never heard of Belmona tbh", True),
        ("who?", True),
        ("who do you mean?", True),
        ("不知道啊", True),
        ("没听说过这个人", True),
        ("さあ、知らないなあ", True),
        ("ไม่รู้", True),
        ("كلا، ما اعرف", True),
        ("haha", True),
        ("", True),
        ("she's a doctor from Leeds", False),
        ("he is the new boss. do you know the old one as well?", False),
        ("是我同学", False),
        ("yes!", False),
    ],
)
def test_what_counts_as_not_claiming_to_know(said: str, is_open: bool) -> None:
    assert abstains((said,) if said else ()) is is_open


def test_a_fact_is_found_however_it_is_written() -> None:
    assert holds(("it was on KESTREL lane!",), "Kestrel Lane")
    assert holds(("在片儿川那家",), "片儿川")
    assert not holds(("in 2012",), "12")


def test_the_table_fits_a_hundred_columns_and_says_what_it_rests_on(
    measured: Measures, rehearsed: Evaluation
) -> None:
    written = StringIO()
    Console(width=100, file=written).print(shown(measured, rehearsed.plan))
    text = written.getvalue()
    assert max(map(len, text.split("\n"))) <= 100
    assert "n 60" in text
    assert "0 is another member, 1 is @self" in text


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_the_table_keeps_to_the_terminal(
    measured: Measures, rehearsed: Evaluation, width: int
) -> None:
    written = StringIO()
    Console(width=300, file=written).print(shown(measured, rehearsed.plan, width))
    table = written.getvalue().split("\n\n")[0].split("\n")
    assert max(map(len, table)) <= width
    assert not re.search(r"-\d", "".join(table))


def test_a_draw_in_which_floor_and_ceiling_meet_moves_nobody() -> None:
    sheet = Sheet((), (FLOOR, CEILING), {FLOOR.name: (), CEILING.name: ()})
    drawn = {
        FLOOR.name: Drawn(0.2, np.array([0.0, 0.2, 1.0]), 4, 4),
        CEILING.name: Drawn(1.0, np.ones(3), 4, 4),
    }
    taken = [Taken("choice", "true one of four", Better.HIGHER, drawn, is_likeness=True)]
    for name, end in ((FLOOR.name, 0.0), (CEILING.name, 1.0)):
        assert headline(taken, sheet)[name].draws.tolist() == [end] * 3


def test_advice_cites_its_figures(tmp_path: Path, den: Home) -> None:
    skills = {Player(Role.PROMPTED): 0.2, Player(Role.ADAPTER, "v1"): 0.3, FAIR: 0.9}
    found = measure(played(tmp_path, skills), den, Settings())
    assert any(line.startswith("training is worth it: likeness +0.") for line in found.advice)
    assert any(line.startswith("memory helps here: likeness +0.") for line in found.advice)
    rules = measure(played(tmp_path / "rules", {COPY: 0.5}, scenes=24), den, Settings())
    assert not any("scenes" in line for line in rules.advice)
    few = measure(played(tmp_path / "few", skills, scenes=6), den, Settings())
    assert any("--scenes 400" in line for line in few.advice)


def test_chats_that_surprise_the_model_want_more_data(tmp_path: Path, den: Home) -> None:
    made = played(tmp_path, {FAIR: 0.5}, scenes=48)
    far = [replace(s, chat="plain:far") if n % 2 else s for n, s in enumerate(made.scenes)]
    made.begin(made.plan, far)
    odd = {scene.id for scene in far if scene.chat == "plain:far"}
    made.add(
        replace(each, nats=300.0 if each.scene in odd else 100.0)
        for each in made.attempts
        if each.player == FAIR
    )
    advice = measure(made, den, Settings()).advice
    assert any(line.startswith("more data from plain:far") for line in advice)


def test_scenes_share_clusters_in_every_draw(tmp_path: Path) -> None:
    made = played(tmp_path, {}, scenes=9)
    sheet = sheet_of(SceneKind.HELD_OUT, made.scenes, made.attempts, made.plan.players)
    table = Table.of(sheet, 1)
    assert table.draws.counts.shape == (1000, 3)
    assert set(table.draws.counts.sum(1)) == {3.0}


def test_what_training_and_memory_are_worth_is_a_paired_difference(measured: Measures) -> None:
    assert measured.gains
    for name, gain in measured.gains.items():
        one, _, other = name.partition(" − ")
        gap = measured.likeness[one].value - measured.likeness[other].value
        assert gain.value == pytest.approx(gap)
        assert measured.gain(other, one) is None
    assert Measures.from_json(measured.to_json()) == measured
