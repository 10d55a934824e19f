"""`atself index` and `atself recall`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ingest.archive import Archive
from rag.commands import index
from rag.recall_command import recall

LINES = (
    ("Fox", "which instrument did you play at school?"),
    ("Lin", "Fox: the oboe, badly, for six years in the town orchestra"),
)


@pytest.fixture
def filled(archive: Archive, say: Callable[..., Any], home: Path) -> Path:
    archive.add(say(LINES))
    archive.add(say((("Wife", "the oboe is in the attic"),), chat="telegram:2", day=1))
    archive.set_self("Lin")
    return home


def invoke(command: Any, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_recall_prints_ids_dates_speakers_and_scores_best_first(filled: Path) -> None:
    built = invoke(index, "--home", str(filled), "--json")
    assert json.loads(built.stdout)["passages"] == 2
    found = invoke(
        recall, "did you play the oboe?", "--home", str(filled), "--json", "--limit", "2"
    )
    rows = json.loads(found.stdout)
    assert rows[0]["message_ids"] == ["telegram:1:0:1", "telegram:1:0:2"]
    assert rows[0]["messages"][1]["speaker"] == "self"
    assert rows[0]["started_at"] == "2025-03-01T09:01:00+00:00"
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_recall_keeps_to_a_chat_and_a_moment(filled: Path) -> None:
    invoke(index, "--home", str(filled))
    by_title = invoke(recall, "oboe", "--home", str(filled), "--json", "--chat", "Chat telegram:2")
    assert [row["chat"] for row in json.loads(by_title.stdout)] == ["telegram:2"]
    early = invoke(recall, "oboe", "--home", str(filled), "--json", "--before", "2025-03-01")
    assert json.loads(early.stdout) == []


def test_wrong_options_are_usage_errors(filled: Path) -> None:
    assert invoke(recall, "x", "--home", str(filled), "--before", "yesterday").exit_code == 2
    unknown = invoke(recall, "x", "--home", str(filled), "--chat", "nowhere")
    assert unknown.exit_code == 2
    assert "telegram:1" in unknown.stderr
