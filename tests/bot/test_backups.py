"""Backups are whole, made while the databases are in use, and can be put back."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.backups import SCRATCH, Backup, listed, make, outdate, renew
from bot.chatbook import Chatbook
from bot.errors import BackupUnusable
from bot.restoring import find, restore
from cli.app import run
from config.locks import held
from config.settings import Bot, Home
from ingest.archive import Archive
from registry.store import Registry
from tests.bot.admin.desks import LINES, TEA, fill
from tests.registry.made import added

NOW = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
Data = Callable[..., Any]


@pytest.fixture
def filled(home: Path, tmp_path: Path) -> Home:
    """A home with something of everything."""
    place = Home(home)
    fill(place)
    with Chatbook(place.state, Bot()) as book:
        book.allow(TEA.id, True)
    place.config.write_text("[talk]\nper_hour = 3\n")
    place.manner.write_text("{}")
    place.index.mkdir()
    added(Registry(place.models), tmp_path / "made", count=2, promote=True)
    return place


@pytest.fixture
def elsewhere(tmp_path: Path) -> Home:
    return Home(tmp_path / "elsewhere")


def texts(home: Home) -> list[str]:
    with Archive.open(home.archive) as archive:
        return [message.text for message in archive.messages()]


def test_a_backup_put_back_into_an_empty_home_is_that_home(filled: Home, elsewhere: Home) -> None:
    made = make(filled, now=NOW)
    assert made == Backup(filled.backups / "20260301T033000Z.tar.gz", NOW)
    assert made.path.stat().st_mode & 0o777 == 0o600
    done = restore(elsewhere, made.path, now=NOW)
    assert done.aside is None
    assert done.missing_models == ("v1", "v2")
    assert texts(elsewhere) == [text for _, text in LINES]
    with Chatbook(elsewhere.state, Bot()) as book:
        assert book.rules(TEA.id).is_allowed
    assert elsewhere.config.read_text() == filled.config.read_text()
    serving = Registry(elsewhere.models).serving()
    assert serving is not None
    assert serving.version == "v2"


def test_models_are_taken_along_where_asked(filled: Home, elsewhere: Home) -> None:
    done = restore(elsewhere, make(filled, now=NOW, models=True).path, now=NOW)
    assert done.missing_models == ()
    Registry(elsewhere.models).verify("v2")


def test_a_backup_is_consistent_while_the_archive_is_written_to(
    filled: Home, elsewhere: Home
) -> None:
    with closing(sqlite3.connect(filled.archive, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE message SET text = 'half'")
        made = make(filled, now=NOW)
        writer.execute("ROLLBACK")
    restore(elsewhere, made.path, now=NOW)
    assert texts(elsewhere) == [text for _, text in LINES]


def test_what_is_there_is_moved_aside_only_with_force(filled: Home) -> None:
    made = make(filled, now=NOW)
    with Archive.open(filled.archive) as archive:
        archive.forget("@nice_guy")
    with pytest.raises(BackupUnusable, match=r"has its own .*; --force moves"):
        restore(filled, made.path, now=NOW)
    done = restore(filled, made.path, now=NOW, force=True)
    assert done.aside == filled.path / "before-restore-20260301T033000Z"
    assert done.missing_models == ()
    assert len(texts(filled)) == 3
    assert len(texts(Home(done.aside))) == 2
    assert not filled.index.exists()  # of the archive that went
    assert made.path.exists()


def test_a_home_in_use_is_left_alone(filled: Home) -> None:
    made = make(filled, now=NOW)
    with held(filled.path), pytest.raises(BackupUnusable, match="a bot is running there"):
        restore(filled, made.path, now=NOW, force=True)


@pytest.mark.parametrize("cut", [0.3, 0.97])
def test_a_cut_off_backup_changes_nothing(filled: Home, cut: float) -> None:
    made = make(filled, now=NOW)
    whole = made.path.read_bytes()
    made.path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(BackupUnusable, match="try an earlier one"):
        restore(filled, made.path, now=NOW, force=True)
    assert len(texts(filled)) == 3
    assert not list(filled.path.glob("before-restore-*"))


def test_a_changed_file_is_found_by_its_checksum(elsewhere: Home, tmp_path: Path) -> None:
    path = tmp_path / "forged.tar.gz"
    files = {
        "config.toml": b"",
        "backup.json": json.dumps({"files": {"config.toml": "0"}}).encode(),
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    with pytest.raises(BackupUnusable, match=r"config\.toml is damaged"):
        restore(elsewhere, path, now=NOW)


def test_nothing_is_written_outside_the_home(elsewhere: Home, tmp_path: Path) -> None:
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("../evil.txt")
        tar.addfile(entry, io.BytesIO(b""))
    with pytest.raises(BackupUnusable):
        restore(elsewhere, path, now=NOW)
    assert not (tmp_path / "evil.txt").exists()


def test_a_damaged_archive_is_told_and_old_backups_stay(filled: Home) -> None:
    make(filled, now=NOW)
    filled.archive.write_bytes(b"not a database" * 1000)
    with pytest.raises(BackupUnusable, match=r"archive\.sqlite: cannot be backed up"):
        make(filled, now=NOW + timedelta(days=1), keep=1)
    assert len(listed(filled)) == 1
    assert not (filled.backups / SCRATCH).exists()


def test_only_the_newest_are_kept(filled: Home) -> None:
    for day in range(6):
        make(filled, now=NOW + timedelta(days=day), keep=3)
    make(filled, now=NOW + timedelta(days=5), keep=5)
    assert [each.name for each in listed(filled)] == [
        "20260304T033000Z", "20260305T033000Z", "20260306T033000Z", "20260306T033000Z-2",
    ]  # fmt: skip


def test_a_killed_backup_leaves_no_half_one(filled: Home) -> None:
    script = (
        "import os, sys; from datetime import datetime, UTC; from pathlib import Path;"
        "import bot.backups as b; from config.settings import Home;"
        "b.os.fsync = lambda _file: os.kill(os.getpid(), 9);"
        "b.make(Home(Path(sys.argv[1])), now=datetime.now(UTC))"
    )
    code = subprocess.run([sys.executable, "-c", script, str(filled.path)]).returncode
    assert code == -9
    assert listed(filled) == []
    make(filled, now=NOW)
    assert len(listed(filled)) == 1
    assert not (filled.backups / SCRATCH).exists()


def test_who_is_forgotten_is_in_no_backup(filled: Home, elsewhere: Home) -> None:
    make(filled, now=NOW)
    outdate(filled)
    with Archive.open(filled.archive) as archive:
        archive.forget("@nice_guy")
    made = renew(filled, now=NOW + timedelta(hours=1))
    assert made is not None
    assert listed(filled) == [made]
    restore(elsewhere, made.path, now=NOW)
    assert "cute" not in texts(elsewhere)
    assert renew(filled, now=NOW) is None


def test_the_commands(filled: Home, elsewhere: Home, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--home", str(filled.path), "--json"]
    assert run(["backup", "make", "--keep", "2", *where]) == 0
    made = json.loads(capsys.readouterr().out)
    assert run(["backup", "list", *where]) == 0
    assert json.loads(capsys.readouterr().out) == [made]
    there = ["--home", str(elsewhere.path)]
    assert run(["backup", "restore", made["path"], *there]) == 0
    assert "v1, v2: model.gguf is not in the backup" in capsys.readouterr().err
    assert run(["backup", "restore", "yesterday", *there]) == 1
    assert "no backup 'yesterday'" in capsys.readouterr().err
    assert find(filled, "latest") == Path(made["path"])
    assert run(["backup", "restore", "latest", "--home", str(filled.path)]) == 1


def test_forgetting_by_command_renews_backups_and_removes_exports(
    filled: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--home", str(filled.path), "--json"]
    filled.index.rmdir()
    make(filled, now=NOW)
    assert run(["export", "messages", *where]) == 0
    capsys.readouterr()
    assert run(["forget", "@nice_guy", "--yes", *where]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["exports"] == "removed"
    [backup] = listed(filled)
    assert result["backups"] == f"one without them, {backup.name}"
    assert backup.made_at > NOW
