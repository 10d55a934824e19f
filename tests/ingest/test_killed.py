"""Killed at any moment, the archive is whole, and a rerun ends where an undisturbed run ends."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cli.app import run
from ingest.intake import BATCH
from tests.ingest.dumps import dump, faults, opened
from tests.ingest.talk import Talk, write_telegram

MESSAGES = 9_000  # half a second or so of work, in three transactions
PEOPLE = 300
LAST_ROW = "SELECT max(id) FROM message"


def busy_talk(messages: int) -> Talk:
    """A chat in which people rename themselves, reply and mention; one in ten lines is user7's."""
    dice = random.Random(11)
    talk = Talk()
    for number in range(messages):
        who = "user7" if number % 10 == 3 else f"user{dice.randrange(1, PEOPLE)}"
        if dice.random() < 0.01:
            talk.names[who] = f"Name {number} 周"
        quoted = dice.choice(talk.messages[-50:]) if number and dice.random() < 0.2 else None
        mentions = [f"user{dice.randrange(1, PEOPLE)}"] if dice.random() < 0.1 else []
        text = " ".join([*(f"@{who.capitalize()}" for who in mentions), f"line {number} 面条"])
        talk.say(who, f"{text} {dice.random()}", reply_to=quoted, mentions=mentions)
    return talk


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large export."""
    return write_telegram(busy_talk(MESSAGES), tmp_path_factory.mktemp("export") / "result.json")


@pytest.fixture(scope="module")
def undisturbed(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an import nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    assert run(ingesting(export, home)) == 0
    return home


def ingesting(export: Path, home: Path) -> list[str]:
    """The command that is disturbed."""
    return ["ingest", str(export), "--home", str(home), "--self", "user7"]


def archive_of(home: Path) -> Path:
    """Where the archive lies."""
    return home / "archive.sqlite"


def killed(arguments: list[str], *, after: float) -> bool:
    """Run ``atself`` and kill it ``after`` so many seconds; whether it was still at work."""
    command = [sys.executable, "-m", "cli.app", *arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
            return False
        os.killpg(process.pid, signal.SIGKILL)
    return True


def seconds_of(arguments: list[str]) -> float:
    """How long the command takes when nobody disturbs it."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "cli.app", *arguments], check=True, capture_output=True)
    return time.monotonic() - start


def copy_of(home: Path, target: Path) -> Path:
    """The same home elsewhere."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(home, target)
    return target


@pytest.mark.parametrize("homes", [3, pytest.param(12, marks=pytest.mark.slow)])
def test_an_import_killed_at_random_moments_ends_like_an_undisturbed_one(
    export: Path, undisturbed: Path, tmp_path: Path, homes: int
) -> None:
    dice = random.Random(homes)
    usual = seconds_of(ingesting(export, tmp_path / "timed"))
    expected = dump(archive_of(undisturbed))
    for number in range(homes):
        home = tmp_path / f"home{number}"
        for _ in range(4):
            killed(ingesting(export, home), after=dice.uniform(0.2, 1) * usual)
            if archive_of(home).exists():
                assert faults(archive_of(home)) == []
        assert run(ingesting(export, home)) == 0
        assert dump(archive_of(home)) == expected


def test_whole_transactions_are_kept_and_the_rerun_continues_behind_them(
    export: Path, tmp_path: Path
) -> None:
    """Killed when the first transaction is seen to be there, not at a time of the clock."""
    home = tmp_path / "home"
    command = [sys.executable, "-m", "cli.app", *ingesting(export, home)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        while process.poll() is None and not stored(home):
            time.sleep(0.002)
        process.kill()
    assert stored(home) % BATCH == 0
    assert 0 < stored(home) <= MESSAGES


def stored(home: Path) -> int:
    """Messages in the archive as another process sees them."""
    if not archive_of(home).exists():
        return 0
    with suppress(Exception), opened(archive_of(home)) as archive:
        return int(archive.execute(LAST_ROW).fetchone()[0] or 0)
    return 0


def test_a_killed_forget_forgets_all_or_nothing_and_its_rest_is_wiped_on_the_next_opening(
    undisturbed: Path, tmp_path: Path
) -> None:
    forgetting = ["forget", "user42", "--yes", "--home"]
    clean = copy_of(undisturbed, tmp_path / "clean")
    usual = seconds_of([*forgetting, str(clean)])
    expected, before = dump(archive_of(clean)), dump(archive_of(undisturbed))
    dice = random.Random(6)
    for _ in range(6):
        home = copy_of(undisturbed, tmp_path / "home")
        killed([*forgetting, str(home)], after=dice.uniform(0.3, 1) * usual)
        assert faults(archive_of(home)) == []
        if dump(archive_of(home)) == before:
            assert run([*forgetting, str(home)]) == 0
        assert run(["people", "--home", str(home), "--json"]) == 0  # opens, and wipes
        assert dump(archive_of(home)) == expected
        assert b"user42\x00" not in archive_of(home).read_bytes()


def test_a_killed_dataset_or_export_leaves_none_or_a_whole_one(tmp_path: Path) -> None:
    source = write_telegram(busy_talk(1200), tmp_path / "result.json")
    home, whole = tmp_path / "home", tmp_path / "whole"
    assert run(ingesting(source, home)) == 0
    copy_of(home, whole)
    for command in (["dataset"], ["export", "trl", "autotrain"]):
        usual = seconds_of([*command, "--home", str(whole)])
        dice = random.Random(7)
        for _ in range(3):
            killed([*command, "--home", str(home)], after=dice.uniform(0.4, 1) * usual)
            found = files(home)
            assert {name: files(whole)[name] for name in found} == found
        assert run([*command, "--home", str(home)]) == 0
        assert files(home) == files(whole)


def files(home: Path) -> dict[str, bytes]:
    """The finished files of the dataset and its exports."""
    kept = {".jsonl", ".csv"}
    return {
        str(path.relative_to(home)): path.read_bytes()
        for folder in (home / "dataset", home / "exports")
        for path in sorted(folder.rglob("*"))
        if path.suffix in kept
    }
