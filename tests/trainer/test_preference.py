"""Preference tuning: the tokens of learning, good pairs, and nothing kept that does harm."""

from __future__ import annotations

import json
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.settings import Home, load
from ingest.chat import Window
from ingest.dataset.manifest import DatasetManifest
from ingest.dataset.preferences import Preference
from ingest.dataset.window_json import to_json
from ingest.errors import DatasetError
from registry.bases import locate
from tests.registry.made import manifest
from tests.trainer.conftest import HEAD, habit_window, rude_window, turn
from tests.trainer.tiny import tiny_base
from trainer.base_model import LoadedBase, load_base
from trainer.converting.artefacts import Made
from trainer.examples import Mark, encode_window
from trainer.job import Job
from trainer.pipeline import _register
from trainer.preference.contenders import (
    Contest,
    Pair,
    balanced,
    contests,
    generate,
    last_reply_alone,
    mean_lengths,
    pairs_of,
    read_journal,
    sample_into,
)
from trainer.recipe import Recipe
from trainer.run import RunFolder

WINDOWS = 40


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedBase:
    """A tiny chat model with random weights."""
    folder = tiny_base(tmp_path_factory.mktemp("tiny") / "model")
    return load_base(locate(str(folder), folder.parent))


@pytest.fixture(scope="module", params=["chat", "transcript"])
def any_base(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> LoadedBase:
    template = "" if request.param == "chat" else None
    folder = tiny_base(tmp_path_factory.mktemp("tiny") / "model", template=template)
    return load_base(locate(str(folder), folder.parent))


def contest_of(base: LoadedBase, window: Window) -> Contest:
    last = last_reply_alone(window)
    return Contest(last, encode_window(last, HEAD, base.markup, base.tokenize))


def journal_of(path: Path, said: dict[str, str | None]) -> Path:
    lines = [orjson.dumps({"window": id, "said": text}) for id, text in said.items()]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.mark.parametrize("window", [rude_window(), habit_window(1)])
def test_the_supervised_tokens_are_those_of_learning(any_base: LoadedBase, window: Window) -> None:
    contest = contest_of(any_base, window)
    whole = encode_window(window, HEAD, any_base.markup, any_base.tokenize)
    assert contest.prompt_ids + contest.reply_ids == whole.ids
    size = len(contest.reply_ids)
    assert whole.labels[-size:] == contest.reply_ids
    assert contest.example.labels[:-size] == [-100] * (len(whole.ids) - size)
    assert contest.example.marks[-1] is Mark.END


def test_a_sampled_reply_is_rendered_like_a_real_one(any_base: LoadedBase, tmp_path: Path) -> None:
    contest = contest_of(any_base, habit_window(1))
    said = " no bees today\n  two lines" if any_base.markup.is_transcript else "no bees\ntwo lines"
    journal = journal_of(tmp_path / "j", {contest.window.id: said})
    [pair] = pairs_of([contest], journal, HEAD, any_base, Counter())
    assert pair.prompt_ids == contest.prompt_ids
    assert pair.chosen_ids == contest.reply_ids
    stop = list(any_base.tokenize(any_base.markup.stop, True))
    assert pair.rejected_ids[-len(stop) :] == pair.chosen_ids[-len(stop) :] == stop


def test_what_teaches_nothing_is_no_pair_and_is_counted(base: LoadedBase, tmp_path: Path) -> None:
    asked = [contest_of(base, habit_window(number)) for number in range(6)]
    replies = [
        None,
        "",
        "Wah cannot lah, the bees need me!\nmaybe tmr",
        "no no no no no no no no no no no no no no no no no no no no",
        "@bob: hi",
        "I would rather read a book",
    ]
    said = {each.window.id: text for each, text in zip(asked, replies, strict=True)}
    refused = Counter[str]()
    pairs = pairs_of(asked, journal_of(tmp_path / "j", said), HEAD, base, refused)
    assert len(pairs) == 1
    assert refused == {
        "does not end": 1,
        "says nothing": 2,
        "says the same": 1,
        "goes in circles": 1,
    }


def test_text_of_the_model_cannot_become_control(base: LoadedBase, tmp_path: Path) -> None:
    contest = contest_of(base, habit_window(1))
    journal = journal_of(tmp_path / "j", {contest.window.id: "sure <|im_start|> thing"})
    [pair] = pairs_of([contest], journal, HEAD, base, Counter())
    special = base.tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert special not in pair.rejected_ids


def test_neither_side_is_longer_on_average_once_balanced() -> None:
    pairs = [Pair([1], [2] * (3 + number % 5), [3] * (4 + number)) for number in range(20)]
    kept = balanced(pairs)
    chosen, rejected = mean_lengths(kept)
    assert abs(chosen - rejected) <= 0.05 * max(chosen, rejected)
    assert [pair for pair in pairs if pair in kept] == kept
    assert mean_lengths([]) == (0.0, 0.0)


def test_only_real_replies_are_contested_the_same_ones_each_time(base: LoadedBase) -> None:
    from ingest.chat import WindowKind

    made_up = replace(habit_window(99), kind=WindowKind.NAME)
    windows = [*(habit_window(number) for number in range(20)), made_up]
    chosen = contests(windows, HEAD, base, max_tokens=512, most=7)
    again = contests(reversed(windows), HEAD, base, max_tokens=512, most=7)
    assert {each.window.id for each in chosen} == {each.window.id for each in again}
    assert len(chosen) == 7
    assert made_up.id not in {each.window.id for each in chosen}
    assert contests(windows, HEAD, base, max_tokens=90, most=7) == []


def test_every_prompt_is_answered_or_runs_on(base: LoadedBase) -> None:
    prompts = [contest_of(base, habit_window(number)).prompt_ids for number in (1, 2)]
    said = generate(base.model, base, [prompts[0], prompts[1][20:]])
    assert len(said) == 2
    assert all(text is None or base.markup.stop not in text for text in said)


def test_sampling_that_was_killed_goes_on_where_it_was(base: LoadedBase, tmp_path: Path) -> None:
    asked = [contest_of(base, habit_window(number)) for number in range(4)]
    journal = journal_of(tmp_path / "j", {asked[2].window.id: "kept"})
    with journal.open("ab") as file:
        file.write(b'{"window": "torn')
    turns: Iterator[bool] = iter([True, False])
    sample_into(journal, base.model, base, asked, seed=1, go_on=lambda: next(turns, False))
    sample_into(journal, base.model, base, asked, seed=1)
    entries = list(read_journal(journal))
    assert entries[0] == {"window": asked[2].window.id, "said": "kept"}
    assert sorted(entry["window"] for entry in entries) == [each.window.id for each in asked]


@pytest.fixture
def job(base: LoadedBase, tmp_path: Path) -> Job:
    """A run that has learned, in a home of its own, and asks for preference tuning."""
    home = Home(tmp_path)
    home.dataset.mkdir(parents=True)
    for split, numbers in {"train": range(WINDOWS), "validation": range(90, 94)}.items():
        lines = [orjson.dumps(to_json(habit_window(number))) for number in numbers]
        (home.dataset / f"{split}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    manifest = DatasetManifest(
        "h", f"{datetime.now(UTC)}", "r", HEAD, {}, "s", "S", [], 1, {}, {}, {}
    )
    settings = load(tmp_path, train__preference=True, train__max_tokens=256)
    recipe = replace(Recipe.of(settings, "tiny"), learning_rate=5e-2)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    return Job(home, settings, manifest, base.files, recipe, run, 1)


def learned(base: LoadedBase) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft reads what transformers has renamed
        return get_peft_model(load_base(base.files).model, config)


def sampled(job: Job) -> None:
    """A journal in which the model always said one of two other things."""
    others = ("yes sure, see you all there", "of course I come, at noon as ever, with cake for you")
    said: dict[str, str | None] = {
        f"habit{number}": others[number % 2] + "\nmaybe tmr" for number in range(WINDOWS)
    }
    journal_of(job.run.contenders, said)


def test_the_model_comes_to_prefer_the_real_replies(base: LoadedBase, job: Job) -> None:
    from trainer.preference.stage import prefer

    sampled(job)
    model = learned(base)
    assert prefer(job, base, model) is model
    ended = json.loads(job.run.preference.read_text())
    assert ended["kept"], ended
    assert ended["after"]["accuracy"] > 0.5
    assert ended["after"]["nats"] <= ended["before"]["nats"] + 0.01
    assert job.run.adapter == job.run.preferred
    assert set(model.peft_config) == {"default"}
    events = [event["event"] for event in job.run.events()]
    assert events[0] == "preference_pairs"
    assert events[-1] == "preference_end"
    assert {"preference_check", "preference_step"} <= set(events)
    merged = model.merge_and_unload()
    assert "forward" not in vars(merged)


@pytest.mark.slow
def test_corrections_alone_are_learned_from(base: LoadedBase, job: Job) -> None:
    from trainer.preference.stage import prefer

    windows = [last_reply_alone(habit_window(number)) for number in range(25)]
    known = [
        Preference(replace(window, id=f"feedback:{number}"), (f"Certainly, at noon, {number}",))
        for number, window in enumerate(windows)
    ]
    lines = [orjson.dumps(one.to_json()) for one in known]
    (job.home.dataset / "preferences.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    silent: dict[str, str | None] = {f"habit{number}": None for number in range(WINDOWS)}
    journal_of(job.run.contenders, silent)
    prefer(job, base, learned(base))
    ended = json.loads(job.run.preference.read_text())
    assert ended["feedback"] == {"corrected": 25, "liked": 0}
    assert ended["kept"], ended
    assert ended["after"]["accuracy"] > 0.5
    assert job.run.preferred.is_dir()


def test_a_dataset_that_is_gone_at_the_end_makes_no_version(job: Job) -> None:
    shutil.rmtree(job.home.dataset)
    with pytest.raises(DatasetError, match="atself dataset"):
        _register(job, manifest(), Made({}, {}), {})
    assert not job.home.models.exists()


def test_a_finished_stage_is_taken_up_and_not_repeated(base: LoadedBase, job: Job) -> None:
    from peft import get_peft_model_state_dict

    from trainer.preference.stage import prefer

    sampled(job)
    first = get_peft_model_state_dict(prefer(job, base, learned(base)))
    before = job.run.curve.read_bytes()
    again = get_peft_model_state_dict(prefer(job, base, learned(base)))
    assert job.run.curve.read_bytes() == before
    assert all(bool((again[name] == weight).all()) for name, weight in first.items())


def test_what_harms_the_held_out_replies_is_not_kept(
    base: LoadedBase, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    """Windows whose real reply is what held-out windows never say."""
    from peft import get_peft_model_state_dict

    from trainer.preference.stage import prefer

    lines = []
    for number in range(WINDOWS):
        asked = turn("nice_guy", f"coffee? ({number})")
        window = Window(f"w{number}", "c", (asked, turn("self", "zzz qqq zzz xyzzy plugh")))
        lines.append(orjson.dumps(to_json(window)))
    (job.home.dataset / "train.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    others = ("wah cannot lah, the bees", "wah cannot lah, the bees need me, lah lah")
    said: dict[str, str | None] = {f"w{number}": others[number % 2] for number in range(WINDOWS)}
    journal_of(job.run.contenders, said)
    model = learned(base)
    before = {name: weight.clone() for name, weight in get_peft_model_state_dict(model).items()}
    prefer(job, base, model)
    ended = json.loads(job.run.preference.read_text())
    assert not ended["kept"]
    assert job.run.adapter == job.run.best
    after = get_peft_model_state_dict(model)
    assert all(bool((after[name] == weight).all()) for name, weight in before.items())
    assert "stays as it was learned" in capsys.readouterr().err


def test_too_few_pairs_tune_nothing(base: LoadedBase, job: Job) -> None:
    from trainer.preference.stage import prefer

    said: dict[str, str | None] = {f"habit{number}": None for number in range(WINDOWS)}
    journal_of(job.run.contenders, said)
    prefer(job, base, learned(base))
    ended = json.loads(job.run.preference.read_text())
    assert ended["reason"].startswith("only 0 pairs")


def test_without_the_setting_nothing_happens(base: LoadedBase, job: Job) -> None:
    from trainer.preference.stage import prefer

    off = replace(job, recipe=replace(job.recipe, preference=False))
    prefer(off, base, learned(base))
    assert list(job.run.path.iterdir()) == []


def test_the_stage_takes_its_share_of_the_time_and_makes_a_run_of_its_own(job: Job) -> None:
    timed = replace(job.recipe, minutes=20.0)
    assert timed.learning.minutes == 15.0
    assert timed.preference_seconds == 300.0
    off = replace(timed, preference=False)
    assert off.learning == off
    assert off.run_id("h") != timed.run_id("h")
    assert asdict(timed)["preference"] is True
