"""`atself retrain` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.app import app
from config.settings import Home, load
from likeness.loop.labour import Processes, StepFailed
from registry.retrainings import Journal, Step
from tests.bot.admin.desks import fill


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["retrain", *words, "--home", str(home)])


def test_a_plan_is_told_and_nothing_is_written(home: Path) -> None:
    fill(Home(home))
    before = sorted(home.iterdir())
    planned = json.loads(run(home, "--dry-run", "--scenes", "6", "--json").stdout)
    assert planned["steps"] == list(Step)
    assert planned["archive"] == "without a dataset yet"
    assert (planned["serving"], planned["scenes"]) == ("", 6)
    assert [path for path in sorted(home.iterdir()) if path.suffix not in (".sqlite", "")] == [
        path for path in before if path.suffix not in (".sqlite", "")
    ]


def test_a_step_that_fails_has_said_why_and_is_gone_on_with(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fill(Home(home))  # two messages of @self are too few
    failed = run(home, "--json")
    assert isinstance(failed.exception, StepFailed)
    assert (failed.exception.exit_code, str(failed.exception)) == (1, "")
    assert "are needed to learn from" in capfd.readouterr().err
    [going] = Journal.of(Home(home)).all()
    assert (going.outcome, going.steps[Step.DATASET].ended_at) == ("", "")
    planned = json.loads(run(home, "--dry-run", "--json").stdout)
    assert planned["goes_on_with"] == going.id


def test_without_a_dataset_there_is_no_hash(home: Path) -> None:
    assert Processes(Home(home), load(home)).dataset_hash() == ""
