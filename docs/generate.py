"""Write the generated parts of the documentation, or check that they are current.

Run as ``python -m docs.generate`` (``make docs``) or with ``--check`` (``make check``):
docs/commands.md holds every ``--help``, docs/settings.md every setting, config/default.toml the
defaults.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli.app import app
from config.reference import Entry, default_toml, describe, entries
from config.settings import sections

ROOT = Path(__file__).parent.parent
WIDTH = 100
COMMANDS_HEADING = """\
# Commands

Generated from `--help` by `make docs`. Data goes to stdout, progress and problems to stderr. Exit
codes: 0 all good, 1 a failure, 2 wrong usage or settings, 130 interrupted.
"""
SETTINGS_HEADING = """\
# Settings

Generated from the types in `config/sections.py` by `make docs`. Each setting is read, weakest
first, from the defaults below, the preset named by `train.preset` (`config/presets/`),
`config.toml` in the home folder (`atself init` writes one with every line explained), the
environment (`ATSELF_SECTION__KEY`, lists with commas), and the options of a command. An unknown
key anywhere is an error that names the file and the nearest key that exists.
"""


def pages() -> dict[Path, str]:
    """Every generated file and its text."""
    return {
        ROOT / "docs" / "commands.md": COMMANDS_HEADING + "".join(_commands(app, None, "atself")),
        ROOT / "docs" / "settings.md": SETTINGS_HEADING + "".join(_settings()),
        ROOT / "config" / "default.toml": default_toml(),
    }


def _commands(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(
        command,
        parent,
        info_name=name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    yield f"\n## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, context, child)


def _settings() -> Iterator[str]:
    for name, _ in sections():
        yield f"\n## `[{name}]`\n\n{describe(name)}\n\n"
        yield "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
        for entry in entries():
            if entry.section == name:
                yield _row(entry)


def _row(entry: Entry) -> str:
    meaning = entry.description
    if entry.is_secret:
        meaning += f" Environment only: `{entry.variable}`."
    return f"| `{entry.key}` | {entry.kind} | {entry.default_text} | {meaning} |\n"


def main(arguments: list[str]) -> int:
    """Write or, with ``--check``, compare; returns the exit code."""
    stale = [path for path, text in pages().items() if not _is_current(path, text)]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT)}: not current; run `make docs`\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(pages()[path], encoding="utf-8")
        sys.stderr.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
