"""`atself threads`: rows that anyone can score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.app import run
from ingest.answers import rows_of
from ingest.errors import FormatError
from tests.ingest.talk import Talk, write_telegram

Capture = pytest.CaptureFixture[str]
LOG = """\
[10:00] <anna> who has the key to the cellar?
=== eve [~eve@example.org] has joined #noodles
[10:00] <bob> is there any soup left?
[10:01] <cara> anna: dan took the cellar key
[10:01] <dan> bob: yes, the soup is on the stove
=== eve is now known as eve_away
[10:02] <anna> cara: thanks
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An IRC log with notices between the messages."""
    path = tmp_path / "noodles.log"
    path.write_text(LOG, encoding="utf-8")
    return path


def test_every_line_of_an_irc_log_has_a_row_notices_too(log: Path) -> None:
    rows = list(rows_of(log))
    assert [row.line for row in rows] == list(range(7))
    assert [row.line for row in rows if row.id is None] == [1, 5]
    assert {row.line: row.answers for row in rows}[3] == 0
    assert {row.line: row.answers for row in rows}[4] == 2


def test_a_row_bears_the_line_its_conversation_starts_on(log: Path) -> None:
    rows = {row.line: row for row in rows_of(log)}
    for row in rows.values():
        if row.answers is None:
            assert row.thread == row.line
        else:
            assert row.thread == rows[row.answers].thread


def test_where_there_are_no_lines_rows_count_the_messages(talk: Talk, tmp_path: Path) -> None:
    first = talk.say("anna", "who has the key?")
    talk.say("bob", "soup?")
    talk.say("cara", "dan has it", reply_to=first)
    rows = list(rows_of(write_telegram(talk, tmp_path / "result.json")))
    assert [row.line for row in rows] == [0, 1, 2]
    assert rows[2].answers == 0
    assert rows[2].score == 1


def test_the_command_prints_one_row_a_line(log: Path, capsys: Capture) -> None:
    assert run(["threads", str(log), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 7
    assert set(rows[0]) == {"line", "id", "answers", "thread", "score", "reason"}


def test_people_are_shown_the_largest_conversations(log: Path, capsys: Capture) -> None:
    assert run(["threads", str(log), "--limit", "1"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert shown[0].split() == ["thread", "messages", "people", "until", "opens", "with"]


def test_a_file_that_is_no_export_is_one_line_on_stderr(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 not a chat")
    with pytest.raises(FormatError):
        list(rows_of(path))
    assert run(["threads", str(path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
