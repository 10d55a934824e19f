"""Exports and archives to test on, and `pytest --regenerate` for the golden files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.archive import Archive
from tests.ingest.exports_on_disk import LOG
from tests.ingest.talk import Talk


def pytest_addoption(parser: pytest.Parser) -> None:
    """Only a person who looked at the difference should use this."""
    parser.addoption("--regenerate", action="store_true", help="Write the golden files anew.")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An empty archive on disk."""
    with Archive.open(tmp_path / "archive.sqlite", create=True) as opened:
        yield opened


@pytest.fixture
def talk() -> Talk:
    """A chat to speak in."""
    return Talk()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good export, ``z.txt``, that comes last."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "z.txt").write_text(LOG, encoding="utf-8")
    return folder
