"""Opting out and being forgotten, as the next dataset, export and import meet them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account
from tests.ingest.talk import Talk, write_telegram

Capture = pytest.CaptureFixture[str]
Data = Callable[..., Any]
BOB = Account("telegram", "bob")


@pytest.fixture
def data(capsys: Capture) -> Data:
    """Runs a command that must succeed and returns the JSON it printed."""

    def printed(*arguments: object) -> Any:
        capsys.readouterr()
        assert run([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return printed


@pytest.fixture
def export(tmp_path: Path, data: Data, home: Path) -> Path:
    """A chat in the archive of which there is a dataset, with its exports."""
    talk = Talk()
    talk.chatter(60)
    for number in range(80):
        asked = talk.say("carl", f"question {number} about dumplings", minutes=60)
        talk.say("kevin", f"dumplings {number}, why not", reply_to=asked)
    path = write_telegram(talk, tmp_path / "result.json")
    data("ingest", path, "--self", "Kevin")
    data("dataset")
    data("export", "trl")
    return path


def learned(home: Path) -> str:
    """All that lies in the dataset."""
    files = sorted(Home(home).dataset.glob("*.jsonl"))
    return "".join(path.read_text(encoding="utf-8") for path in files)


def test_the_next_dataset_and_import_leave_out_who_opted_out(
    home: Path, export: Path, data: Data
) -> None:
    assert "question 7 about noodles" in learned(home)
    with Archive.open(Home(home).archive) as archive:
        assert archive.withdraw(BOB) == 60
    data("dataset")
    assert "noodles" not in learned(home)
    assert "about dumplings" in learned(home)
    told = data("ingest", export)["added"]
    assert (told["new"], told["forgotten"]) == (0, 60)
    with Archive.open(Home(home).archive) as archive:
        assert archive.readmit(BOB) == 60
    data("dataset")
    assert "question 7 about noodles" in learned(home)


def test_forgetting_takes_the_exports_of_the_dataset_along(
    home: Path, export: Path, data: Data
) -> None:
    assert any(Home(home).exports.rglob("*.jsonl"))
    data("forget", "telegram:bob", "--yes")
    assert not Home(home).exports.exists()
    assert not Home(home).dataset.exists()


def test_an_account_nobody_met_can_be_refused_beforehand(
    home: Path, export: Path, data: Data
) -> None:
    told = data("forget", "telegram:user77", "--yes")
    assert told == {"account": "telegram:user77", "messages_removed": 0}
    assert Home(home).dataset.exists()
    with Archive.open(Home(home).archive) as archive:
        assert len(archive.refused()[1]) == 1


def test_a_name_nobody_bears_is_still_an_error(home: Path, export: Path, capsys: Capture) -> None:
    assert run(["forget", "user77", "--yes"]) == 1
    assert "nobody in the archive" in capsys.readouterr().err
