"""A backup from before somebody asked to be forgotten does not bring them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.backups import make
from bot.restoring import restore
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account
from tests.ingest.talk import Talk

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_who_was_forgotten_or_opted_out_since_stays_so(home: Path) -> None:
    place, talk = Home(home), Talk()
    for who, text in (("kevin", "hi"), ("bob", "xylophonic"), ("anna", "dulcimer"), ("carl", "ok")):
        talk.say(who, text)
    with Archive.open(place.archive, create=True) as archive:
        talk.recorded(archive)
        backup = make(place, now=NOW)
        archive.forget("bob")
        archive.withdraw(Account("test", "anna"))
    restore(place, backup.path, now=NOW + timedelta(days=1), force=True)
    with Archive.open(place.archive) as archive:
        assert [message.text for message in archive.messages()] == ["hi", "ok"]
        assert archive.add(talk.messages).forgotten == 2
        assert archive.readmit(Account("test", "anna")) == 1
    assert b"xylophonic" not in place.archive.read_bytes()


def test_a_damaged_archive_can_still_be_replaced(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, talk = Home(home), Talk()
    talk.say("kevin", "hi")
    with Archive.open(place.archive, create=True) as archive:
        talk.recorded(archive)
        backup = make(place, now=NOW)
    place.archive.write_bytes(b"no database at all" * 500)
    restore(place, backup.path, now=NOW, force=True)
    assert "must be forgotten again" in capsys.readouterr().err
    with Archive.open(place.archive) as archive:
        assert archive.counts().messages == 1
