"""`atself people` and `atself forget` as a person meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from config.settings import Home
from ingest.archive import Archive
from ingest.dataset import read_manifest
from ingest.people_commands import settle_self
from registry.store import Registry
from tests.ingest.talk import Talk, write_telegram
from tests.registry.test_store import manifest

Capture = pytest.CaptureFixture[str]
Data = Callable[..., Any]


@pytest.fixture
def data(capsys: Capture) -> Data:
    """Runs a command that must succeed and returns the JSON it printed."""

    def printed(*arguments: object) -> Any:
        capsys.readouterr()
        assert run([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return printed


@pytest.fixture
def export(talk: Talk, tmp_path: Path) -> Path:
    """Four accounts, two of them perhaps one; enough of kevin to learn from."""
    talk.names |= {"bob2": "bob_", "kevin": "Kevin Buzzard"}
    talk.chatter(60)
    talk.say("bob2", "bob from his phone", minutes=90)
    talk.say("hermit", "I never met Kevin", minutes=900)
    return write_telegram(talk, tmp_path / "result.json")


@pytest.fixture
def ingested(home: Path, export: Path, data: Data) -> Path:
    """The home of an archive with that export in it."""
    data("ingest", export, "--self", "Kevin Buzzard")
    return export


def test_merge_and_split_tell_who_people_are_now(ingested: Path, data: Data) -> None:
    [merged] = data("people", "merge", "@bob", "@bob_2")
    assert merged["handle"] == "bob"
    assert merged["messages"] == 61
    assert merged["accounts"] == ["telegram:bob", "telegram:bob2"]
    assert len(data("people")) == 4
    parts = data("people", "split", "@bob", "--account", "telegram:bob2")
    assert [part["handle"] for part in parts] == ["bob", "bob_2"]


def test_rename_mark_and_self(ingested: Path, data: Data, capsys: Capture) -> None:
    assert data("people", "rename", "@anna", "Anna K.")[0]["names"] == ["Anna", "Anna K."]
    assert data("people", "rename", "@anna")[0]["names"] == ["Anna"]
    assert data("people", "mark-bot", "@anna")[0]["is_bot"]
    assert not data("people", "mark-bot", "@anna", "--no-bot")[0]["is_bot"]
    assert data("people", "self", "@bob", "@bob_2")[0]["accounts"][1] == "telegram:bob2"
    capsys.readouterr()
    assert run(["people", "merge", "@anna", "@hermit"]) == 0
    assert capsys.readouterr().err.startswith("@anna: Hermit, 61 messages, from telegram:anna, ")


def test_several_selves_can_be_given_at_once(export: Path, data: Data) -> None:
    result = data("ingest", export, "--self", "Kevin Buzzard", "--self", "bob2")
    assert result["self_messages"] == 61
    [me] = [person for person in data("people") if person["is_self"]]
    assert me["accounts"] == ["telegram:kevin", "telegram:bob2"]
    assert run(["people", "--self", "@anna", "--self", "@bob"]) == 0
    assert [row["handle"] for row in data("people") if row["is_self"]] == ["anna"]


def test_suggestions_are_listed_with_their_evidence(
    ingested: Path, data: Data, capsys: Capture
) -> None:
    [found] = data("people", "suggest")
    assert found["people"] == ["@bob", "@bob_2"]
    assert found["evidence"][0].startswith("names alike but for spelling")
    capsys.readouterr()
    assert run(["people", "suggest"]) == 0
    assert "@bob @bob_2" in capsys.readouterr().out
    data("people", "merge", "@bob", "@bob_2")
    assert data("people", "suggest") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["people", "merge", "@ann"],
        ["people", "--limit", "3", "merge", "@ann", "@bob"],
        ["people", "self"],
        ["people", "dance"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], ingested: Path, capsys: Capture) -> None:
    assert run(arguments) == 2
    assert "Error:" in capsys.readouterr().err


def test_whoever_is_not_there_is_one_line(ingested: Path, capsys: Capture) -> None:
    assert run(["people", "merge", "@bob", "@bbo"]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert "nobody in the archive is called '@bbo'" in line


def test_the_owner_of_an_export_is_self_unless_somebody_is(
    archive: Archive, talk: Talk, capsys: Capture
) -> None:
    first, second = talk.say("bob", "mine"), talk.say("anna", "also mine")
    archive.add(replace(m, author=replace(m.author, is_self=True)) for m in (first, second))
    assert list(settle_self(archive, ())) == []
    assert archive.me().handle == "bob"
    assert "atself people --self @bob --self @anna" in capsys.readouterr().err
    archive.set_self("@anna")
    assert list(settle_self(archive, ())) == []
    assert archive.me().handle == "anna"


@pytest.fixture
def models(home: Path, ingested: Path, data: Data, tmp_path: Path) -> Registry:
    """A model of the dataset that is there, and one of another."""
    data("dataset")
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.gguf").write_bytes(b"GGUF")
    registry = Registry(Home(home).models)
    for hash in (read_manifest(home / "dataset").hash, "another"):
        registry.add(made, replace(manifest(), dataset_hash=hash, created_at=datetime.now(UTC)))
    return registry


def test_forgetting_marks_the_models_that_learned(models: Registry, data: Data) -> None:
    result = data("forget", "@bob", "--yes")
    assert result["messages_removed"] == 60
    assert result["models_that_learned_from_them"] == ["v1", "v2"]
    marks = [row["learned_from_forgotten"] for row in data("models", "list")]
    assert [[mark["is_certain"] for mark in each] for each in marks] == [[True], [False]]
    assert "bob" not in (models.folder / "v1" / "forgotten.json").read_text(encoding="utf-8")


def test_a_model_whose_dataset_never_met_them_is_not_marked(models: Registry, data: Data) -> None:
    assert data("forget", "@hermit", "--yes")["models_that_learned_from_them"] == ["v2"]
    assert data("models", "list")[0]["learned_from_forgotten"] == []
