"""Files that were read to their end are not read again, unless something could change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.archive import Archive
from ingest.importer import Report, import_paths
from tests.ingest.talk import Talk, write_telegram

LINES = 120


def load(archive: Archive, *paths: Path, zone: tzinfo = UTC) -> Report:
    """Import ``paths``."""
    return import_paths(archive, paths, zone=zone)


@pytest.fixture
def export(talk: Talk, tmp_path: Path) -> Path:
    """A Telegram export with a message that is left out."""
    for number in range(LINES):
        talk.say(f"user{number % 7}", f"line {number} of many")
    talk.say("user1", "")
    return write_telegram(talk, tmp_path / "result.json")


def test_a_finished_file_is_known_and_its_counts_are_those_of_reading_it(
    archive: Archive, export: Path
) -> None:
    first, again = load(archive, export), load(archive, export)
    assert (first.known, again.known) == (0, 1)
    assert again.added.same == first.added.new == LINES
    assert again.skipped == first.skipped == {"empty": 1}
    assert again.files == first.files


def test_a_copy_in_a_folder_of_the_same_name_is_known(
    archive: Archive, export: Path, tmp_path: Path
) -> None:
    load(archive, export)
    copy = tmp_path / "elsewhere" / export.parent.name / export.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(export.read_bytes())
    assert load(archive, copy).known == 1


def test_another_zone_means_reading_it_again(archive: Archive, export: Path) -> None:
    load(archive, export)
    assert load(archive, export, zone=ZoneInfo("Asia/Tokyo")).known == 0


def test_a_file_with_a_problem_is_never_finished(archive: Archive, export: Path) -> None:
    export.write_bytes(export.read_bytes()[:-500])
    for _ in range(2):
        report = load(archive, export)
        assert report.known == 0
        assert len(report.problems) == 1


def test_new_messages_from_elsewhere_leave_files_finished(archive: Archive, export: Path) -> None:
    load(archive, export)
    other = Talk("test:other")
    other.say("eve", "hello")
    archive.add(other.messages)
    assert load(archive, export).known == 1


def test_a_message_changed_by_another_file_means_reading_again(
    archive: Archive, export: Path, talk: Talk, tmp_path: Path
) -> None:
    load(archive, export)
    talk.messages[0] = replace(talk.messages[0], text="another text")
    load(archive, write_telegram(talk, tmp_path / "later.json"))
    report = load(archive, export)
    assert report.known == 0
    assert report.added.changed == 1


def test_forgetting_someone_means_reading_again(archive: Archive, export: Path) -> None:
    load(archive, export)
    archive.forget("user3")
    for known in (0, 1):
        report = load(archive, export)
        assert report.known == known
        assert report.added.forgotten == LINES // 7


def test_an_older_export_does_not_undo_an_edit(archive: Archive, talk: Talk) -> None:
    old = talk.say("bob", "teh")
    new = replace(old, text="the", edited_at=old.sent_at + timedelta(minutes=1))
    newer = replace(old, text="The", edited_at=old.sent_at + timedelta(minutes=2))
    archive.add([old])
    assert archive.add([newer]).changed == 1
    for message in (old, new):
        assert archive.add([message]).same == 1
    [kept] = archive.messages()
    assert kept.text == "The"


def test_other_times_are_a_change_even_of_an_edited_message(archive: Archive, talk: Talk) -> None:
    first = talk.say("bob", "hi")
    edited = replace(first, edited_at=first.sent_at + timedelta(minutes=1))
    archive.add([edited])
    moved = replace(first, sent_at=first.sent_at - timedelta(hours=8))
    assert archive.add([moved]).changed == 1


def test_a_message_met_twice_in_one_file_is_written_once(archive: Archive, talk: Talk) -> None:
    first = talk.say("bob", "hello worldly")
    added = archive.add([first, replace(first, text="hello again"), first])
    assert (added.new, added.changed) == (1, 2)
    assert [message.text for message, _ in archive.search("worldly")] == ["hello worldly"]
    assert archive.search("again") == []
