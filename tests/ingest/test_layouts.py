"""Archives that earlier versions wrote: opened, brought up to date, nothing lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ingest import schema
from ingest.archive import Archive
from ingest.errors import ArchiveError

FIRST = Path(__file__).with_name("layout_1.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An archive of the first layout with three messages."""
    path = tmp_path / "archive.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST.read_text(encoding="utf-8"))
    connection.close()
    return path


def tables(path: Path) -> dict[str, set[tuple[str, str]]]:
    """The columns of every table: name and type."""
    connection = sqlite3.connect(path)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'index')")
    found = {
        name: {row[1:3] for row in connection.execute(f"PRAGMA table_info({name})")}
        for (name,) in names.fetchall()
    }
    connection.close()
    return found


def test_the_first_layout_is_brought_to_todays(old: Path, tmp_path: Path) -> None:
    Archive.open(old).close()
    Archive.open(tmp_path / "new.sqlite", create=True).close()
    assert tables(old) == tables(tmp_path / "new.sqlite")


def test_nothing_of_an_old_archive_is_lost(old: Path) -> None:
    with Archive.open(old) as archive:
        messages = list(archive.messages())
        assert [message.text for message in messages] == [
            "who wants noodles?",
            "[photo] me, @kevin",
            "me too",
        ]
        assert messages[1].reply_to == messages[0].id
        assert messages[1].mentions == ("kevin",)
        assert messages[2].forwarded_from == "somebody"
        assert archive.me().handle == "kevin"
        assert [m.id for m, _score in archive.search("noodles")] == ["telegram:1:1"]


def test_people_of_an_old_archive_can_be_merged(old: Path) -> None:
    with Archive.open(old) as archive:
        archive.merge("@anna", "@anna_2")
        archive.settle()
        assert archive.counts().people == 2
        assert len(archive.find_person("Anna").accounts) == 2


def test_opening_twice_upgrades_once(old: Path) -> None:
    for _ in range(2):
        with Archive.open(old) as archive:
            assert archive.counts().messages == 3


def test_an_archive_of_a_newer_version_is_refused(old: Path) -> None:
    connection = sqlite3.connect(old)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    with pytest.raises(ArchiveError, match="newer atself"):
        Archive.open(old)
