"""The generated documentation."""

from __future__ import annotations

from cli.app import COMMANDS
from config.reference import entries
from docs.generate import ROOT, pages


def test_every_command_and_setting_is_documented() -> None:
    written = pages()
    commands = written[ROOT / "docs" / "commands.md"]
    settings = written[ROOT / "docs" / "settings.md"]
    assert [name for name in COMMANDS if f"## atself {name}\n" not in commands] == []
    assert [entry.key for entry in entries() if f"`{entry.key}`" not in settings] == []


def test_what_is_committed_is_current() -> None:
    stale = [
        path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text
    ]
    assert stale == []
