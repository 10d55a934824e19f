"""An import killed at any moment, run again, gives what an undisturbed one gives."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from cli.app import run
from ingest.archive import Archive
from ingest.intake import BATCH
from tests.ingest.talk import Talk, write_telegram

MESSAGES = 12_000  # half a second or so of work, in six transactions


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large export in which people rename themselves, reply and mention."""
    dice = random.Random(11)
    talk = Talk()
    for number in range(MESSAGES):
        who = f"user{dice.randrange(1, 300)}"
        if dice.random() < 0.01:
            talk.names[who] = f"Name {number} 周"
        quoted = dice.choice(talk.messages[-50:]) if number and dice.random() < 0.2 else None
        talk.say(who, f"line {number} 面条 {dice.random()}", reply_to=quoted)
    return write_telegram(talk, tmp_path_factory.mktemp("export") / "result.json")


@pytest.fixture(scope="module")
def undisturbed(export: Path, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """What the archive holds after an import nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    assert run(["ingest", str(export), "--home", str(home), "--self", "user7"]) == 0
    return content(home)


def content(home: Path) -> list[object]:
    """Everything that can be read from an archive."""
    with Archive.open(home / "archive.sqlite") as archive:
        hits = [(m.id, score) for m, score in archive.search("line 777 面条", limit=50)]
        return [archive.people(), archive.chats(), hits, list(archive.messages())]


def killed_import(export: Path, home: Path, *, at: int, delay: float) -> int:
    """Kill an import ``delay`` seconds after it passed ``at`` messages; how many it left."""
    command = [sys.executable, "-m", "cli.app", "ingest", str(export), "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and stored(home) < at:
            time.sleep(0.005)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    return stored(home)


def stored(home: Path) -> int:
    """Messages in the archive as another process sees them; -1 where there is none yet."""
    try:
        with closing(sqlite3.connect(f"file:{home}/archive.sqlite?mode=ro", uri=True)) as archive:
            return int(archive.execute("SELECT count(*) FROM message").fetchone()[0])
    except sqlite3.OperationalError:
        return -1


def test_an_import_killed_again_and_again_ends_like_an_undisturbed_one(
    export: Path, undisturbed: list[object], home: Path
) -> None:
    dice = random.Random(5)
    left = [0]
    for _ in range(4):
        left.append(killed_import(export, home, at=left[-1] + 1, delay=dice.uniform(0, 0.04)))
    assert left == sorted(left)
    assert 0 < left[1] < MESSAGES
    assert all(number % BATCH == 0 for number in left)  # whole transactions only
    assert run(["ingest", str(export), "--home", str(home), "--self", "user7"]) == 0
    assert content(home) == undisturbed


@pytest.mark.parametrize("at", [-1, 0])
def test_an_import_killed_before_its_first_message_leaves_nothing_in_the_way(
    export: Path, undisturbed: list[object], home: Path, at: int
) -> None:
    assert killed_import(export, home, at=at, delay=0.01 * (at + 1)) < MESSAGES
    assert run(["ingest", str(export), "--home", str(home), "--self", "user7"]) == 0
    assert content(home) == undisturbed
