"""Rehearsals with the packaged model: who answers, knowing what, and going on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import open_generator
from bot.generation import Sampling
from bot.generator import LlamaGenerator
from bot.senses import open_senses
from bot.voice import Voice
from config.settings import Generate, Home, Settings, load
from ingest.archive import Archive
from ingest.chat import Line, Turn, Window, WindowKind
from ingest.prompt import Segment, render_prompt
from likeness.errors import LikenessError
from likeness.records import Attempt, Evaluation, Player, Role, Scene, SceneKind, evaluations
from likeness.rehearsal.casting import Histories, manner_before, open_bots, patient, players_of
from likeness.rehearsal.models import examples_of, words_of
from likeness.rehearsal.period import read_period
from likeness.rehearsal.rehearse import Clock, rehearse
from likeness.rehearsal.scenes import stage
from tests.likeness.stagehand import dinner, rehearsal_home, run
from trainer.card.held_out import HeldOut
from trainer.card.llama_scores import score_gguf
from trainer.card.scores import probes_of
from trainer.card.speaking import Voice as CardVoice
from trainer.card.speaking import speak

pytestmark = pytest.mark.slow
WANTED = ("adapter", "self")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Forty days of dinner talk and a model; a late line holds the answer to an early question."""
    talk = dinner()
    for answer in ("no idea tbh", "who knows", "harbour soup was 87 kroner"):
        asked = talk.say("bob", "what did the harbour soup cost?", minutes=60 * 23)
        said = talk.say("kevin", answer, reply_to=asked)
        talk.say("anna", "i see", reply_to=said)
    return rehearsal_home(tmp_path_factory.mktemp("rehearsal") / "persona", talk)


@pytest.fixture(scope="module")
def played(home: Home) -> Evaluation:
    """All players in a scene."""
    settings = load(home.path)
    return rehearse(home, settings, players_of(home, settings), scenes=1, aside=0)


@pytest.fixture(scope="module")
def generator(home: Home) -> Iterator[LlamaGenerator]:
    """The model that serves."""
    from bot.voices import find_voice

    loaded = open_generator(find_voice(home, load(home.path), None), load(home.path))
    assert isinstance(loaded, LlamaGenerator)
    with closing(loaded):
        yield loaded


def told(evaluation: Evaluation) -> set[tuple[object, ...]]:
    """What was said, without how long it took."""
    return {(one.scene, one.player, one.parts, one.nats) for one in evaluation.attempts}


def test_everybody_answers_every_scene_from_floor_to_ceiling(played: Evaluation) -> None:
    players, scenes = played.plan.players, played.scenes
    assert [player.role for player in players] == list(Role)
    said = {(one.scene, one.player) for one in played.attempts}
    real = {scene.id for scene in scenes if scene.real}
    assert said >= {(scene, player) for scene in real for player in players}


def test_only_models_have_a_likelihood_and_all_of_the_same_bytes(played: Evaluation) -> None:
    for scene in (scene for scene in played.scenes if scene.real):
        said = [one for one in played.attempts if one.scene == scene.id]
        models = [one for one in said if one.player.role.is_model]
        assert {one.bytes for one in models} == {len("\n".join(scene.real).encode())}
        assert all(one.nats and one.nats > 0 for one in models)
        assert all(one.nats is None for one in said if not one.player.role.is_model)


def test_the_gate_is_noted_beside(played: Evaluation) -> None:
    import orjson

    gate = orjson.loads((played.folder / "gate.json").read_bytes())
    assert set(gate["scenes"]) == {scene.id for scene in played.scenes if scene.real}


def test_the_likelihood_is_the_one_the_report_card_finds(
    home: Home, generator: LlamaGenerator
) -> None:
    voice = generator.voice
    asked = Turn((Line("bob", "are you coming to the noodle truck?"),))
    said = ("no way", "too far 🏕")
    at = read_period(home).start
    scene = Scene("s", SceneKind.HELD_OUT, "c", at, asked.lines, said)
    prompt = render_prompt((asked,), voice.head, voice.markup)
    nats = generator.nats(prompt, [words_of(scene.real, scene.chat, voice)])
    lines = tuple(Line("self", text, is_self=True) for text in scene.real)
    window = Window("w", "c", (asked, Turn(lines, True, True)), kind=WindowKind.REPLY)
    probes = probes_of(
        [window],
        voice.head,
        voice.markup,
        lambda text, control: generator.tokens([Segment(text, is_control=control)]),
        max_tokens=1000,
    )
    [score] = score_gguf(voice.model, probes, threads=1)
    assert nats == pytest.approx(score.text_nats, abs=0.02)
    assert len(words_of(scene.real, scene.chat, voice).text.encode()) == score.text_bytes


def test_the_report_card_draws_as_the_bot_does(generator: LlamaGenerator) -> None:
    voice, settings = generator.voice, Generate(max_new_tokens=24, repeat_penalty=1.4)
    asked = Turn((Line("bob", "tell me about the noodle truck"),))
    reply = Turn((Line("self", "ok"),), is_self=True, is_target=True)
    card = CardVoice(voice.model, voice.head, voice.markup, 1024)
    asking = [HeldOut(Window("w", "c", (asked, reply)), 1)]
    [said] = speak(card, asking, settings, seed=3, threads=1, may_go_on=lambda: True)
    prompt = render_prompt((asked,), voice.head, voice.markup)
    written = "".join(generator.generate(prompt, sampling=Sampling.of(settings), seed=3))
    assert said.raw == written


def test_scoring_changes_nothing_in_what_is_written_next(generator: LlamaGenerator) -> None:
    voice: Voice = generator.voice
    prompt = render_prompt((Turn((Line("bob", "tea or coffee?"),)),), voice.head, voice.markup)
    sampling = Sampling(max_new_tokens=8)
    before = "".join(generator.generate(prompt, sampling=sampling, seed=3))
    first = generator.nats(prompt, [Segment("coffee, always")])
    assert "".join(generator.generate(prompt, sampling=sampling, seed=3)) == before
    assert generator.nats(prompt, [Segment("coffee, always")]) == pytest.approx(first, abs=1e-3)


def test_memory_brings_back_the_past_and_never_what_was_said_later(home: Home) -> None:
    settings = patient(load(home.path))
    with (
        Archive.open(home.archive) as archive,
        open_senses(home, settings, archive) as senses,
    ):
        period = read_period(home)
        scenes = stage(home, settings, archive, period, scenes=100, seed=7).scenes
        scene = next(one for one in scenes if one.real == ("no idea tbh",))
        late = replace(scene, at=scene.at + timedelta(days=60))
        players = (Player(Role.FULL, "v1"), Player(Role.ADAPTER, "v1"))
        manner = manner_before(archive, period)
        with open_bots(
            home, settings, players, senses=senses, manner=manner, period=period, seed=1
        ) as (full, adapter):
            history, chat = Histories(archive).of(scene), scene.chat
            in_time = full.attempt(scene, history, chat)
            too_late = full.attempt(late, history, chat)
            without = adapter.attempt(late, history, chat)
    assert "87 kroner" in "".join(too_late.passages)
    assert "87 kroner" not in "".join(in_time.passages)
    assert without.passages == ()


def test_a_prompted_base_sees_exchanges_of_the_same_chat_from_before_the_period(home: Home) -> None:
    period = read_period(home)
    [shown] = examples_of(period.past, seed=7).values()
    assert shown.count("@bob: what ") == 6
    assert "@self: " in shown
    known = {text for exchange in period.past for text in exchange.texts}
    answers = [line.partition(": ")[2] for line in shown.splitlines() if line.startswith("@self: ")]
    assert set(answers) <= known


def test_the_same_plan_is_one_evaluation_and_another_seed_another(
    home: Home, played: Evaluation
) -> None:
    settings = load(home.path)
    before = played.folder.joinpath("attempts.jsonl").read_bytes()
    again = rehearse(home, settings, players_of(home, settings), scenes=1, aside=0)
    assert again.id == played.id
    assert again.folder.joinpath("attempts.jsonl").read_bytes() == before
    other = rehearse(home, settings, players_of(home, settings, wanted=["self"]), scenes=2, aside=0)
    assert other.id != played.id


def test_without_a_trained_model_the_base_and_the_rules_remain(home: Home, tmp_path: Path) -> None:
    bare = Home(tmp_path / "bare")
    bare.path.mkdir()
    for part in (home.archive, home.dataset, home.config):
        (bare.path / part.name).symlink_to(part)
    found = players_of(bare, load(bare.path))
    assert {player.role for player in found} == set(Role) - {Role.ADAPTER, Role.FULL}


def test_a_budget_leaves_whole_scenes_and_the_same_command_goes_on(home: Home) -> None:
    settings = load(home.path)
    players = players_of(home, settings, wanted=WANTED)
    first = rehearse(home, settings, players, scenes=2, seed=11, minutes=1e-6, aside=0)
    assert len({one.scene for one in first.attempts}) == 1
    assert len(first.attempts) == 2
    rest = rehearse(home, settings, players, scenes=2, seed=11, aside=0)
    assert rest.id == first.id
    assert len({one.scene for one in rest.attempts if one.player.role is Role.SELF}) == 2


def test_a_killed_rehearsal_goes_on_and_ends_up_the_same(home: Home, tmp_path: Path) -> None:
    settings: Settings = load(home.path)
    words = ("evaluate", "--scenes", "4", "--seed", "5", "--players", ",".join(WANTED))
    killed = _killed(home, words)
    assert killed.attempts
    with (killed.folder / "attempts.jsonl").open("ab") as stream:
        stream.write(b'{"scene":"half a li')  # as a kill within a write leaves it
    run(home, *words)
    whole = Home(tmp_path / "whole")
    whole.path.mkdir()
    for part in (home.archive, home.dataset, home.config, home.models):
        (whole.path / part.name).symlink_to(part)
    players = players_of(home, settings, wanted=WANTED)
    expected = rehearse(whole, settings, players, scenes=4, seed=5)
    assert expected.id == killed.id
    assert told(killed) == told(expected)
    assert len(killed.attempts) == len(expected.attempts)


def test_the_command_lists_and_shows_and_fails_in_one_line(
    home: Home, played: Evaluation, tmp_path: Path
) -> None:
    assert played.id in run(home, "evaluate", "--list")
    assert played.id in run(home, "evaluate", "--show", played.id[:6], "--json")
    run(home, "evaluate", "--show", "zz", code=1)
    run(home, "evaluate", "--players", "nobody", code=1)
    run(Home(tmp_path / "nothing"), "evaluate", code=1)
    run(home, "evaluate", "--model", "v9", code=1)


def _killed(home: Home, words: tuple[str, ...]) -> Evaluation:
    """The evaluation of a command that was killed after its first scene."""
    known = {each.id for each in evaluations(home.evaluations)}
    command = [sys.executable, "-m", "cli.app", *words, "--home", str(home.path)]
    here = Path(__file__).parents[2]
    process = subprocess.Popen(
        command, cwd=here, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(here)}
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for each in evaluations(home.evaluations):
            if each.id not in known and _said(each):
                process.send_signal(signal.SIGKILL)
                process.wait()
                return each
        time.sleep(0.02)
    raise AssertionError("it ended before it could be killed")


def _said(evaluation: Evaluation) -> list[Attempt]:
    return evaluation.attempts


def test_nothing_is_left_of_a_rehearsal_during_which_somebody_is_forgotten(tmp_path: Path) -> None:
    home = rehearsal_home(tmp_path / "persona")
    settings = load(home.path)

    def seconds() -> float:
        if list(home.evaluations.glob("*/scenes.jsonl")):
            with Archive.open(home.archive) as archive:
                if any(person.handle == "anna" for person in archive.people()):
                    archive.forget("anna")
        return 0.0

    players = players_of(home, settings, wanted=WANTED)
    with pytest.raises(LikenessError, match="somebody was forgotten meanwhile"):
        rehearse(home, settings, players, scenes=2, aside=0, clock=Clock(seconds=seconds))
    assert evaluations(home.evaluations) == []
    assert list(home.evaluations.iterdir()) == []
