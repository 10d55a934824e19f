"""Which model answers: commanded, asked about after a training, and refused where it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.admin.jobs import Ended
from bot.admin.works import Step, Work
from bot.platforms.base import Button
from bot.runs import SCHEDULE
from config.settings import Home
from registry.marks import mark_forgotten
from registry.store import Registry
from tests.bot.admin.desks import DESK, NOW, Counter, Paper, counter
from tests.registry.made import NOON, manifest

Scene = Callable[[Counter], Awaitable[None]]
BETTER = {
    "verdict": "pass",
    "findings": [],
    "persona": {"nats_per_token": 2.5},
    "base": {"nats_per_token": 3.0},
}
WORSE = {**BETTER, "persona": {"nats_per_token": 3.5}}
FAILING = {
    **BETTER,
    "verdict": "fail",
    "findings": [{"level": "fail", "name": "copying", "text": "it recites"}],
}


@pytest.fixture
def registry(home: Path, tmp_path: Path) -> Registry:
    """v1 served, v2 serves, v3 is better, v4 fails its card."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.gguf").write_bytes(b"GGUF and then some")
    registry = Registry(Home(home).models)
    for card in (BETTER, BETTER, BETTER, FAILING):
        registry.add(made, manifest(card=card))
    registry.promote("v1", "first", now=NOON)
    registry.promote("v2", "second", now=NOON)
    return registry


def serving(registry: Registry) -> str:
    found = registry.serving()
    assert found is not None
    return found.version


def play(home: Path, scene: Scene, **settings: object) -> None:
    async def main() -> None:
        with counter(home, **settings) as at:
            await scene(at)

    asyncio.run(main())


def training(card_of: str) -> Work:
    """What a retraining prints at its end, without the hours before."""
    done = (
        '{"event": "done", "version": "%s", "card": "pass", "nats/token": 2.5,'
        ' "nats/token of base": 3.0}'
    )
    return Work(
        "retrain", "Retraining", (Step("training", ("-c", f"print('{done % card_of}')")),), ()
    )


def test_models_are_listed_newest_first(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        mark_forgotten(registry.folder / "v1", now=NOW, is_certain=True)
        lines = (await at.give("models")).said[0].splitlines()
        assert [line.split(",")[0] for line in lines] == ["v4", "v3", "v2 (serves)", "v1"]
        assert "card: fail" in lines[0]
        assert "2.50 nats/token (base 3.00)" in lines[1]
        assert lines[3].endswith("knows forgotten people")

    play(home, scene)


def test_promote_loads_before_it_promotes(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = await at.give("promote", "v3")
        assert paper.said[-1] == "v3 answers from now on. /rollback returns to the one before."
        assert at.bot.loaded == ["v3"]
        assert registry.history()[-1].reason == "by telegram:user123456 in the chat"

    play(home, scene)
    assert serving(registry) == "v3"


def test_a_failing_card_is_refused_with_the_reason(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = await at.give("promote", "v4")
        assert "its report card fails (it recites)" in paper.said[-1]
        assert at.bot.loaded == []
        assert "there is no model 'v9'" in (await at.give("promote", "v9")).said[-1]
        assert "Say which" in (await at.give("promote")).said[-1]

    play(home, scene)
    assert serving(registry) == "v2"


def test_a_model_that_cannot_speak_leaves_the_old_one(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        at.bot.broken = "v3"
        paper = await at.give("promote", "v3")
        assert paper.said[-1] == "v3: it says nothing in its self-test"
        (registry.folder / "v1" / "model.gguf").write_bytes(b"GGUF and then else")
        rolled = await at.press(await at.give("rollback"), "Return to v1")
        assert "damaged" in rolled.said[-1]
        assert at.bot.loaded == []

    play(home, scene)
    assert serving(registry) == "v2"


def test_rollback_asks_first(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = await at.give("rollback")
        assert paper.said == ["Return to v1, which answered before?"]
        assert serving(registry) == "v2"
        await at.press(paper, "Return to v1")
        assert paper.said[-1] == "v1 answers again."
        assert at.bot.loaded == ["v1"]

    play(home, scene)
    assert serving(registry) == "v1"


def test_reload_says_whether_it_lasts(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        assert (await at.give("reload")).said[-1] == "v1 answers."  # what the bot says it loaded
        told = (await at.give("reload", "v3")).said[-1]
        assert told == "v3 answers until the next start; /promote v3 makes it last."

    play(home, scene)
    assert serving(registry) == "v2"


def test_after_a_training_an_admin_is_asked(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = Paper()
        at.desk.launch(training("v3"), "telegram:user123456", paper)
        await at.finish()
        assert paper.said[-1] == (
            "Retraining: done. v3 is made; its report card: pass (3.000 → 2.500 nats per token). "
            "It may serve: better than its base and what served."
        )
        assert [each.label for each in paper.buttons] == ["Promote v3", "Leave it"]
        left = await at.press(Paper(buttons=list(paper.buttons)), "Leave it")
        assert left.said == ["It stays as it is: /promote v3 lets it answer."]
        assert serving(registry) == "v2"
        await at.press(paper, "Promote v3")

    play(home, scene)
    assert serving(registry) == "v3"


def test_a_failed_card_gets_no_button(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = Paper()
        at.desk.launch(training("v4"), "telegram:user123456", paper)
        await at.finish()
        assert paper.said[-1].endswith("It cannot serve: its report card fails: it recites.")
        assert paper.buttons == []

    play(home, scene)


def test_by_the_rule_a_better_model_serves_unasked(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        ended: Ended = await at.desk.launch(training("v3"), SCHEDULE)
        assert ended.outcome == "done"
        [(text, buttons)] = at.bot.notified
        assert text.endswith("v3 answers from now on. /rollback returns to the one before.")
        assert buttons == ()

    play(home, scene, schedule__promote="rule")
    assert serving(registry) == "v3"
    assert registry.history()[-1].reason.startswith("by rule")


def test_by_the_rule_what_is_no_better_is_asked_about(
    home: Path, registry: Registry, tmp_path: Path
) -> None:
    registry.add(tmp_path / "made", manifest(card=WORSE))

    async def scene(at: Counter) -> None:
        await at.desk.launch(training("v5"), SCHEDULE)
        [(text, buttons)] = at.bot.notified
        assert text.endswith("By the rule it should not serve: it is no better than its base.")
        assert buttons[0] == Button("Promote v5", "promote", "v5")

    play(home, scene, schedule__promote="rule")
    assert serving(registry) == "v2"


def test_what_fails_again_and_again_on_schedule_is_told_once(home: Path) -> None:
    work = Work("index", "Indexing", (Step("x", ("-c", "raise SystemExit('disk full')")),), ())

    async def scene(at: Counter) -> None:
        for _ in range(3):
            await at.desk.launch(work, SCHEDULE)
        assert len(at.bot.notified) == 1
        assert at.bot.notified[0][0] == "Indexing: failed. disk full (exit code 1)"

    play(home, scene)


def judged(version: str, *, judgement: bool, reason: str) -> Work:
    """What `atself retrain` prints at its end."""
    done = {"event": "done", "version": version, "judgement": judgement, "reasons": [reason]}
    figures = {"card": "pass", "nats/token": 2.5, "nats/token of base": 3.0}
    printed = f"print({json.dumps(json.dumps({**done, **figures}))})"
    return Work("retrain", "Retraining", (Step("retraining", ("-c", printed)),), ())


def test_the_rule_is_that_of_the_rehearsal_and_its_reasons_are_kept(
    home: Path, registry: Registry
) -> None:
    async def scene(at: Counter) -> None:
        worse = judged("v3", judgement=False, reason="worse on leakage: +0.050")
        await at.desk.launch(worse, SCHEDULE)
        assert "By the rule it should not serve: worse on leakage: +0.050." in last_told(at)
        assert serving(registry) == "v2"
        better = judged("v3", judgement=True, reason="better on likeness: +0.040")
        await at.desk.launch(better, SCHEDULE)
        assert at.bot.loaded == ["v3"]
        assert registry.history()[-1].reason == "by rule: better on likeness: +0.040"
        await at.desk.rollback("by the live guards: 8 of 10 replies said before")
        await at.desk.launch(better, SCHEDULE)
        assert "v3 served before and was taken back" in last_told(at)
        assert serving(registry) == "v2"

    play(home, scene, schedule__promote="rule")


def test_asked_the_admin_reads_the_judgement_and_decides(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = Paper()
        work = judged("v3", judgement=True, reason="better on likeness: +0.040")
        await at.desk.launch(work, "telegram:user123456", paper)
        assert paper.said[-1].endswith("It may serve: better on likeness: +0.040.")
        await at.press(paper, "Promote v3")

    play(home, scene)
    assert serving(registry) == "v3"


def test_a_retraining_with_nothing_new_asks_nothing(home: Path, registry: Registry) -> None:
    async def scene(at: Counter) -> None:
        paper = Paper()
        work = judged("", judgement=False, reason="nothing new since v2 was made")
        await at.desk.launch(work, "telegram:user123456", paper)
        assert paper.said[-1] == "Retraining: done. nothing new since v2 was made"
        assert paper.buttons == []

    play(home, scene)


def last_told(at: Counter) -> str:
    return at.bot.notified[-1][0]


def test_retrain_takes_minutes(home: Path) -> None:
    async def scene(at: Counter) -> None:
        refused = await at.give("retrain", "soon", chat=DESK)
        assert refused.said == ["/retrain soon: say how many minutes, as in /retrain 20."]
        paper = await at.give("retrain", "20 min", chat=DESK)
        assert at.jobs.running[0].work.steps[0].arguments[:4] == (
            "retrain", "--no-promote", "--minutes", "20",
        )  # fmt: skip
        await at.finish()
        assert paper.said[-1].startswith("Retraining: failed.")  # there is no archive

    play(home, scene)
