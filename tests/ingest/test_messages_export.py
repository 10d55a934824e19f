"""Messages go out as they are in the archive, and come in again elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.app import run
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from ingest.messages_export import export_messages

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEA = Conversation("telegram:7", "茶会 🍵", "telegram")
LINES = ["早上好", "صباح الخير", "line\nbreak \U0001f600", "สวัสดี"]


@pytest.fixture
def filled(home: Path) -> Home:
    place = Home(home)
    authors = (Account("telegram", "user1", "小明"), Account("telegram", "user2", "Me"))
    with Archive.open(place.archive, create=True) as archive:
        archive.add(
            RawMessage(
                f"telegram:7:{n}",
                TEA,
                authors[n % 2],
                NOW + timedelta(minutes=n),
                text,
                reply_to="telegram:7:0" if n == 1 else None,
            )
            for n, text in enumerate(LINES)
        )
        archive.set_self("Me")
    return place


def test_a_line_has_all_that_is_known(filled: Home, tmp_path: Path) -> None:
    with Archive.open(filled.archive) as archive:
        assert export_messages(archive, tmp_path) == 4
    written = (tmp_path / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in written]
    assert [record["text"] for record in records] == LINES
    assert records[1] == {
        "id": "telegram:7:1",
        "chat": "telegram:7",
        "title": "茶会 🍵",
        "author": "@self",
        "time": "2026-03-01T12:01:00+00:00",
        "text": "صباح الخير",
        "kind": "text",
        "reply_to": "telegram:7:0",
    }
    assert not list(tmp_path.glob("*.part"))


def test_what_was_exported_can_be_ingested_elsewhere(
    filled: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    assert run(["export", "messages", "--home", str(filled.path), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row["messages"] == 4
    assert run(["ingest", row["folder"], "--home", str(there), "--self", "self", "--json"]) == 0
    with Archive.open(Home(there).archive) as archive:
        found = list(archive.messages())
        assert [message.text for message in found] == LINES
        assert [message.person.is_self for message in found] == [False, True, False, True]
        assert found[1].reply_to == found[0].id


def test_the_table_has_a_row_for_messages(filled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "messages", "--home", str(filled.path)]) == 0
    assert "atself ingest" in capsys.readouterr().out
